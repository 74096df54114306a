"""Silero VAD, as its package ships it (ONNX), as a classifier of clips: speech or not."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final, final

import numpy as np
import torch
from torch import Tensor, nn

from gsmooth.errors import ModelError

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

RATE_HZ: Final = 16_000
FRAME: Final = 512
"""Samples of a frame: what the network is shown at a time."""
INSTALL: Final = 'pip install "gsmooth[audio]"'
_CONTEXT: Final = 64
_STATE: Final = 128
_FILE: Final = "silero_vad_16k_op15.onnx"


@final
class Silero(nn.Module):
    """Waveforms (N, 1, 1, T) float32 at 16 kHz, T a multiple of 512 -> log-probabilities (N, 2).

    The network answers each frame of 512 samples by a probability of speech; that of a clip is the
    mean over its frames. Class 0 is no speech, class 1 speech. The recurrent state and the 64
    samples before the first frame are zero for every clip, so that the answer depends on the clip
    alone. onnxruntime gives no gradients; the adversary then does without.
    """

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self._session = _session(data)
        # A buffer, so that records know these weights by their hash.
        self.register_buffer("file", torch.from_numpy(np.frombuffer(data, np.uint8).copy()))

    def __deepcopy__(self, memo: dict[int, object]) -> Silero:
        return Silero(self.get_buffer("file").cpu().numpy().tobytes())

    def forward(self, x: Tensor) -> Tensor:
        """Log-probabilities of (no speech, speech), (N, 2)."""
        if x.shape[1:3] != (1, 1) or x.shape[3] % FRAME:
            raise ModelError(
                f"Silero VAD: a batch {tuple(x.shape)}; expected (N, 1, 1, samples), with a number"
                f" of samples that {FRAME} divides, at {RATE_HZ} Hz"
            )
        speech = self.frames(x.flatten(1)).mean(dim=1, keepdim=True)
        # float64, where 1 - p is not rounded to a tie, and log p stays finite.
        return torch.cat([1.0 - speech, speech], dim=1).clamp(min=1e-12).log().to(x.device)

    def frames(self, x: Tensor) -> Tensor:
        """Probability of speech of every frame: x (N, T) -> (N, T / 512) float64, on the CPU."""
        waves = x.detach().cpu().numpy()
        state = np.zeros((2, len(waves), _STATE), np.float32)
        before = np.zeros((len(waves), _CONTEXT), np.float32)
        answers = []
        for frame in np.split(waves, waves.shape[1] // FRAME, axis=1):
            seen = {"input": np.concatenate([before, frame], axis=1), "state": state}
            answer, state = self._session.run(None, {**seen, "sr": np.array(RATE_HZ)})
            before = frame[:, -_CONTEXT:]
            answers.append(answer)
        return torch.from_numpy(np.concatenate(answers, axis=1).astype(np.float64))


def network() -> Silero:
    """The network in the installed package silero-vad; ModelError says how to install it."""
    # Found, not imported: its package sets torch's number of threads when it is imported.
    found = find_spec("silero_vad")
    if found is None or not found.submodule_search_locations:
        raise ModelError(f"the package silero-vad is not installed; run: {INSTALL}")
    path = Path(found.submodule_search_locations[0]) / "data" / _FILE
    if not path.is_file():
        raise ModelError(f"silero-vad has no {_FILE}: version 6.2 has; run: {INSTALL}")
    return Silero(path.read_bytes())


def _session(data: bytes) -> InferenceSession:
    try:
        import onnxruntime
    except ImportError as error:
        raise ModelError(f"onnxruntime cannot be imported ({error}); run: {INSTALL}") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
