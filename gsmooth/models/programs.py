"""Networks that come as PyTorch programs, TorchScript and torch.export files, as torch modules.

Such a file says what is computed, so that loading one is running another's program: load only those
that you trust. What is refused here is Python code in pickles and compiled code for the processor.
"""

from __future__ import annotations

import os
import pickle
import threading
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, final

import torch
from torch import Tensor, nn

from gsmooth.boundaries.placeholder_files import refuse_disguised
from gsmooth.errors import ModelError
from gsmooth.models.checkpoint import refused

PROGRAM_SUFFIXES: Final = (".pt", ".pth", ".ts", ".pt2", ".onnx")
"""Files that hold a whole network, in small letters."""
_FORCE: Final = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"
# The switch is an environment variable, which all threads share.
_SWITCH: Final = threading.Lock()
# Constants that torch.export stores as a pickle and reads without a check.
_PICKLED: Final = ("opaque_obj", "custom_obj")
# Compiled libraries, which torch.export.load would open, and so run.
_COMPILED: Final = "aotinductor"


def load_script(path: Path) -> nn.Module:
    """The TorchScript module in ``path``, on the CPU."""
    require_model(path)
    try:
        with warnings.catch_warnings():
            # That TorchScript is old news is nothing that a user of such a file can act upon.
            warnings.simplefilter("ignore", DeprecationWarning)
            warnings.simplefilter("ignore", FutureWarning)
            module: nn.Module = torch.jit.load(  # type: ignore[no-untyped-call]
                str(path), map_location="cpu"
            )
    except Exception as error:  # torch raises RuntimeError, ValueError and others here.
        raise ModelError(
            f"model {path} is not a TorchScript file ({brief(error)}). If it is a state dict, give"
            " the network as module:factory and this file as its weights"
        ) from error
    return module


def load_exported(path: Path) -> nn.Module:
    """The torch.export program in ``path``, on the CPU; pickled code in it is refused."""
    require_model(path)
    try:
        _refuse_code(path)
        # Opened here: torch takes a name for one of its files only if it ends in small letters.
        with _weights_only(), path.open("rb") as file:
            program = torch.export.load(file).module()
    except pickle.UnpicklingError as error:
        raise refused(path, error) from error
    except ModelError:
        raise
    except Exception as error:  # zipfile, JSON and torch errors alike.
        raise ModelError(
            f"model {path} is not a torch.export file ({brief(error)}); write it by"
            " torch.export.save(torch.export.export(model, ...), path) with a dynamic batch axis"
        ) from error
    return Exported(program)


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


@contextmanager
def _weights_only() -> Iterator[None]:
    """torch.export.load falls back to full unpickling; torch's own switch forbids it.

    One thread at a time: a second one would take the first one's "1" for what was there before, or
    load while the first one puts the old value back.
    """
    with _SWITCH:
        before = os.environ.get(_FORCE)
        os.environ[_FORCE] = "1"
        try:
            yield
        finally:
            if before is None:
                del os.environ[_FORCE]
            else:
                os.environ[_FORCE] = before


def _refuse_code(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            parts = Path(name).parts
            if any(part.startswith(_PICKLED) for part in parts):
                raise refused(path, ValueError(f"GLOBAL {name}"))
            if _COMPILED in parts:
                raise ModelError(
                    f"{path} is refused: it holds compiled code ({name}), which runs as soon as it"
                    " is loaded; write the file by torch.export.save instead"
                )


def require_model(path: Path) -> None:
    """ModelError where there is no such file, or a page or pointer in its place."""
    if not path.is_file():
        raise ModelError(f"model {path}: there is no such file")
    refuse_disguised("model", path, ModelError)


def brief(error: BaseException) -> str:
    """Type and first line of an error, for a message of our own."""
    first = (str(error).strip().splitlines() or [""])[0]
    return f"{type(error).__name__}: {first[:120]}"
