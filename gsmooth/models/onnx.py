"""ONNX networks, computed by onnxruntime, as torch modules without gradients."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gsmooth.errors import ModelError
from gsmooth.models.external import copied, external_files
from gsmooth.models.programs import brief, require_model
from gsmooth.text.spelling import did_you_mean

CPU: Final = "CPUExecutionProvider"
Layout = Literal["nchw", "nhwc"]
_FLOATS: Final = ("tensor(float)", "tensor(double)", "tensor(float16)")


@final
@dataclass(frozen=True)
class Port:
    """Input and output of an ONNX network.

    Args:
        input: Name of the input.
        output: Name of the output with the scores.
        nhwc: True if images are (N, H, W, C), False if (N, C, H, W).
        batch: Fixed batch size of the file; None for any size.
    """

    input: str
    output: str
    nhwc: bool = False
    batch: int | None = None


@final
class Onnx(nn.Module):
    """A torch module around an onnxruntime session.

    The content of the file is a buffer of the module, so that the digest of the model covers it;
    so is the sha256 of external files, if there are any.
    """

    def __init__(self, session: Any, port: Port, data: bytes, external: bytes = b"") -> None:
        super().__init__()
        self._session = session
        self._port = port
        self.register_buffer("file", _as_buffer(data))
        if external:
            self.register_buffer("external", _as_buffer(external))

    @property
    def fixed_batch_size(self) -> int | None:
        """Fixed batch size of the file; None for any size."""
        return self._port.batch

    def __deepcopy__(self, memo: dict[int, object]) -> Onnx:
        # A session cannot be copied. It can be shared: it may run in several threads at once.
        data = {name: bytes(buffer.cpu().numpy()) for name, buffer in self.named_buffers()}
        return Onnx(self._session, self._port, data["file"], data.get("external", b""))

    def forward(self, x: Tensor) -> Tensor:
        """Compute the scores (N, classes) of images x (N, C, H, W), float32, on the device of x."""
        images = (x.permute(0, 2, 3, 1) if self._port.nhwc else x).cpu().contiguous().numpy()
        batch = self._port.batch
        scores = self._run(images) if batch is None else self._in_batches(images, batch)
        return torch.from_numpy(np.array(scores)).to(x.device)

    def _in_batches(self, images: NDArray[Any], size: int) -> NDArray[Any]:
        """Compute in batches of ``size``; copies of the last image fill the last batch."""
        answers = []
        for start in range(0, len(images), size):
            part = images[start : start + size]
            filled = np.concatenate([part, part[-1:].repeat(size - len(part), axis=0)])
            answers.append(self._run(filled)[: len(part)])
        return np.concatenate(answers)

    def _run(self, images: NDArray[Any]) -> NDArray[Any]:
        answer: NDArray[Any] = self._session.run([self._port.output], {self._port.input: images})[0]
        return answer


def load_onnx(
    path: Path,
    shape: tuple[int, int, int],
    *,
    classes: int | None = None,
    layout: Layout | None = None,
    output: str | None = None,
    providers: Sequence[str] | None = None,
) -> Onnx:
    """Load an ONNX network, to be run by onnxruntime.

    Args:
        path: The ONNX file.
        shape: Shape (C, H, W) of the images.
        classes: Number of classes; by default any.
        layout: "nchw" or "nhwc"; by default as the file declares its input.
        output: Name of the output with the scores; by default the only output (N, classes).
        providers: What onnxruntime computes on, as it spells it, the first one that can; by default
            the CPU. Images and scores travel through the memory of the host.

    Raises:
        ModelError: The file cannot be loaded, or does not determine layout or output.
    """
    require_model(path)
    data = path.read_bytes()
    session, external = _session(path, data, list(providers or (CPU,)))
    inputs = session.get_inputs()
    if len(inputs) != 1 or inputs[0].type != "tensor(float)":
        found = ", ".join(f"{i.name}: {i.type}" for i in inputs)
        raise ModelError(f"model {path}: inputs {found}; expected one of type tensor(float)")
    dims = list(inputs[0].shape)
    port = Port(
        inputs[0].name,
        _scores_output(path, session.get_outputs(), classes, output),
        nhwc=(layout or _declared_layout(path, dims, shape)) == "nhwc",
        batch=dims[0] if dims and _is_fixed(dims[0]) else None,
    )
    return Onnx(session, port, data, external)


def _session(path: Path, data: bytes, providers: list[str]) -> tuple[Any, bytes]:
    """Return the session and the digest of external files (empty without such files)."""
    try:
        import onnxruntime
    except ImportError as error:
        raise ModelError(
            f'model {path}: ONNX needs onnxruntime ({error}); run: pip install "gsmooth[onnx]"'
        ) from error
    _require_providers(path, providers, onnxruntime.get_available_providers())
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    # Models in onnxruntime's own format are refused: they could refer to files that are not hashed.
    options.add_session_config_entry("session.load_model_format", "ONNX")
    files = external_files(path, data)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        # For a file, onnxruntime reads external data from its folder; for bytes, from the working
        # directory.
        source: str | bytes = data
        external = b""
        if files:
            source = str(Path(name) / path.name)
            external = copied(files, Path(name))
            Path(source).write_bytes(data)
        try:
            session = onnxruntime.InferenceSession(
                source, sess_options=options, providers=providers
            )
        except Exception as error:  # onnxruntime's exceptions have no public base class.
            raise ModelError(f"model {path} cannot be read as ONNX ({brief(error)})") from error
    used = session.get_providers()
    if used[0] != providers[0]:  # onnxruntime goes on with the CPU where another one fails.
        raise ModelError(
            f"model {path}: {providers[0]} could not be started, and onnxruntime took {used[0]};"
            " is its driver or library missing? Leave model.providers out to run on the CPU"
        )
    return session, external


def _require_providers(path: Path, asked: Sequence[str], available: Sequence[str]) -> None:
    for name in asked:
        if name not in available:
            raise ModelError(
                f"model {path}: onnxruntime has no {name!r} here{did_you_mean(name, available)}; it"
                f" has {', '.join(available)} (CUDAExecutionProvider comes with the package"
                " onnxruntime-gpu)"
            )


def _declared_layout(path: Path, dims: list[Any], shape: tuple[int, int, int]) -> Layout:
    """Return the layout that fits the declared input, in which a name or None is any number."""
    channels, height, width = shape
    if dims and len(dims) != 4:
        raise ModelError(
            f"model {path}: takes {_spelled(dims)}, which is no batch of images (N, C, H, W) or"
            " (N, H, W, C)"
        )
    ways: dict[Layout, tuple[int, int, int]] = {
        "nchw": (channels, height, width),
        "nhwc": (height, width, channels),
    }
    fits = [way for way, sizes in ways.items() if _allows(dims[1:], sizes)]
    if len(fits) == 1:
        return fits[0]
    if not fits:
        raise ModelError(
            f"model {path}: takes {_spelled(dims)}, but model.shape (C, H, W) is {shape}"
        )
    raise ModelError(
        f"model {path}: takes {_spelled(dims)}, which images (C, H, W) = {shape} fit with the"
        " channels first and last; say which: --set model.layout=nchw, or nhwc"
    )


def _allows(declared: list[Any], sizes: tuple[int, int, int]) -> bool:
    pairs = zip(declared, sizes, strict=False)
    return all(not _is_fixed(dim) or dim == size for dim, size in pairs)


def _is_fixed(dim: object) -> bool:
    """Return True if a declared size is a number; names, None, 0 and -1 mean any size."""
    return isinstance(dim, int) and dim > 0


def _scores_output(path: Path, outputs: list[Any], classes: int | None, asked: str | None) -> str:
    """Return the name of the output with scores (N, classes)."""
    listing = ", ".join(f"{o.name}: {o.type} {_spelled(o.shape)}" for o in outputs)
    if asked is not None:
        if asked not in [o.name for o in outputs]:
            raise ModelError(f"model {path}: no output {asked!r}; it has {listing}")
        return asked
    fits = outputs if len(outputs) == 1 else [o for o in outputs if _may_be_scores(o, classes)]
    if len(fits) != 1:
        raise ModelError(
            f"model {path}: {len(fits)} of its outputs can be scores (N, classes); say which:"
            f" --set model.output=NAME. It has {listing}"
        )
    name: str = fits[0].name
    return name


def _may_be_scores(output: Any, classes: int | None) -> bool:
    dims = list(output.shape)
    if output.type not in _FLOATS:
        return False
    if not dims:  # Nothing is declared.
        return True
    if len(dims) != 2:
        return False
    return classes is None or not _is_fixed(dims[1]) or dims[1] == classes


def _spelled(dims: list[Any]) -> str:
    return f"({', '.join('?' if dim is None else str(dim) for dim in dims)})"


def _as_buffer(data: bytes) -> Tensor:
    return torch.from_numpy(np.frombuffer(data, np.uint8).copy())
