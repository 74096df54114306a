"""Loading of TorchScript and torch.export files as torch modules.

These files are programs, and loading one may run it: load only files that you trust. Python code in
pickles and compiled libraries are refused.
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
"""Suffixes of files that contain a whole network, in lower case."""
_FORCE: Final = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"
# The environment variable that forbids unpickling is shared by all threads.
_SWITCH: Final = threading.Lock()
# Constants that torch.export stores as a pickle and loads without a check.
_PICKLED: Final = ("opaque_obj", "custom_obj")
# Compiled libraries, which torch.export.load would run.
_COMPILED: Final = "aotinductor"


def load_script(path: Path) -> nn.Module:
    """Load the TorchScript module in ``path`` onto the CPU; ModelError if that fails."""
    require_model(path)
    try:
        with warnings.catch_warnings():
            # A user of such a file cannot act on the warning that TorchScript is deprecated.
            warnings.simplefilter("ignore", DeprecationWarning)
            warnings.simplefilter("ignore", FutureWarning)
            module: nn.Module = torch.jit.load(  # type: ignore[no-untyped-call]
                str(path), map_location="cpu"
            )
    except Exception as error:  # torch raises RuntimeError, ValueError and others.
        raise ModelError(
            f"model {path} is not a TorchScript file ({brief(error)}). If it is a state dict, give"
            " the network as module:factory and this file as its weights"
        ) from error
    return module


def load_exported(path: Path) -> nn.Module:
    """Load the torch.export program in ``path`` onto the CPU, without pickled code."""
    require_model(path)
    try:
        _refuse_code(path)
        # An open file is passed: torch accepts a name only with a suffix in lower case.
        with _weights_only(), path.open("rb") as file:
            program = torch.export.load(file).module()
    except pickle.UnpicklingError as error:
        raise refused(path, error) from error
    except ModelError:
        raise
    except Exception as error:  # Errors of zipfile, JSON and torch.
        raise ModelError(
            f"model {path} is not a torch.export file ({brief(error)}); write it by"
            " torch.export.save(torch.export.export(model, ...), path) with a dynamic batch axis"
        ) from error
    return Exported(program)


@final
class Exported(nn.Module):
    """A torch.export program. Its mode is fixed, so that ``train`` and ``eval`` have no effect."""

    def __init__(self, program: nn.Module) -> None:
        super().__init__()
        self.program = program

    def train(self, mode: bool = True) -> Exported:
        return self

    def forward(self, x: Tensor) -> Tensor:
        return self.program(x)  # type: ignore[no-any-return]


@contextmanager
def _weights_only() -> Iterator[None]:
    """Forbid full unpickling, which torch.export.load otherwise uses if safe unpickling fails.

    The switch is an environment variable. A lock admits one thread at a time, so that the old value
    is restored correctly and no other thread loads without the switch.
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
    """Raise ModelError if the file is missing, or is an HTML page or a git-LFS pointer."""
    if not path.is_file():
        raise ModelError(f"model {path}: there is no such file")
    refuse_disguised("model", path, ModelError)


def brief(error: BaseException) -> str:
    """Return type and first line of an error, for a message."""
    first = (str(error).strip().splitlines() or [""])[0]
    return f"{type(error).__name__}: {first[:120]}"
