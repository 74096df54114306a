"""Networks that come as programs: TorchScript, torch.export and ONNX files, as torch modules."""

from __future__ import annotations

import os
import pickle
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, final

import numpy as np
import torch
from torch import Tensor, nn

from gsmooth.errors import ModelError
from gsmooth.run.weights import refused

_FORCE = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"
# Constants that torch.export stores as a pickle and reads without a check.
_PICKLED = ("opaque_obj", "custom_obj")


def load_script(path: Path) -> nn.Module:
    """The TorchScript module in ``path``, on the CPU."""
    _require(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            module: nn.Module = torch.jit.load(  # type: ignore[no-untyped-call]
                str(path), map_location="cpu"
            )
    except Exception as error:  # torch raises RuntimeError, ValueError and others here.
        raise ModelError(
            f"model {path} is not a TorchScript file ({_brief(error)}). If it is a state dict, give"
            " the network as module:factory and this file as its weights"
        ) from error
    return module


def load_exported(path: Path) -> nn.Module:
    """The torch.export program in ``path``, on the CPU; pickled code in it is refused."""
    _require(path)
    try:
        _refuse_pickled_constants(path)
        with _weights_only():
            program = torch.export.load(path).module()
    except pickle.UnpicklingError as error:
        raise refused(path, error) from error
    except ModelError:
        raise
    except Exception as error:  # zipfile, JSON and torch errors alike.
        raise ModelError(
            f"model {path} is not a torch.export file ({_brief(error)}); write it by"
            " torch.export.save(torch.export.export(model, ...), path) with a dynamic batch axis"
        ) from error
    return Exported(program)


def load_onnx(path: Path) -> nn.Module:
    """The ONNX network in ``path``, run by onnxruntime on the CPU."""
    _require(path)
    try:
        import onnxruntime
    except ImportError as error:
        raise ModelError(
            f'model {path}: ONNX needs onnxruntime ({error}); run: pip install "gsmooth[onnx]"'
        ) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    data = path.read_bytes()
    try:
        session = onnxruntime.InferenceSession(
            data, sess_options=options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # onnxruntime's exceptions share no public base.
        raise ModelError(f"model {path} cannot be read as ONNX ({_brief(error)})") from error
    inputs = session.get_inputs()
    if len(inputs) != 1 or inputs[0].type != "tensor(float)":
        found = ", ".join(f"{i.name}: {i.type}" for i in inputs)
        raise ModelError(f"model {path}: inputs {found}; expected one of type tensor(float)")
    return Onnx(session, inputs[0].name, data)


@final
class Exported(nn.Module):
    """A torch.export program, which is in evaluation mode for good and refuses to be told so."""

    def __init__(self, program: nn.Module) -> None:
        super().__init__()
        self.program = program

    def train(self, mode: bool = True) -> Exported:
        return self

    def forward(self, x: Tensor) -> Tensor:
        return self.program(x)  # type: ignore[no-any-return]


@final
class Onnx(nn.Module):
    """An onnxruntime session; the file's bytes are a buffer, so that the weights have a digest."""

    def __init__(self, session: Any, name: str, data: bytes) -> None:
        super().__init__()
        self._session = session
        self._name = name
        self.register_buffer("file", torch.from_numpy(np.frombuffer(data, np.uint8).copy()))

    def __deepcopy__(self, memo: dict[int, object]) -> Onnx:
        # A session cannot be copied, and need not be: it may run in several threads at once.
        return Onnx(self._session, self._name, bytes(self.get_buffer("file").cpu().numpy()))

    def forward(self, x: Tensor) -> Tensor:
        """x (N, C, H, W) float32 -> the first output."""
        answer = self._session.run(None, {self._name: x.cpu().numpy()})[0]
        return torch.from_numpy(np.array(answer)).to(x.device)


@contextmanager
def _weights_only() -> Iterator[None]:
    """torch.export.load falls back to full unpickling; torch's own switch forbids it."""
    before = os.environ.get(_FORCE)
    os.environ[_FORCE] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_FORCE]
        else:
            os.environ[_FORCE] = before


def _refuse_pickled_constants(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if any(part.startswith(_PICKLED) for part in Path(name).parts):
                raise refused(path, ValueError(f"GLOBAL {name}"))


def _require(path: Path) -> None:
    if not path.is_file():
        raise ModelError(f"model {path}: there is no such file")


def _brief(error: BaseException) -> str:
    first = (str(error).strip().splitlines() or [""])[0]
    return f"{type(error).__name__}: {first[:120]}"
