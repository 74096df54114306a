"""Reading of checkpoints (files of named tensors) without running pickled code."""

from __future__ import annotations

import pickle
import re
import warnings
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

import torch
from torch import Tensor

from gsmooth.boundaries.placeholder_files import refuse_disguised
from gsmooth.errors import ModelError

State = Mapping[str, object]
_DEPTH: Final = 3


@final
@dataclass(frozen=True)
class StoredState:
    """A state dict in a checkpoint.

    Args:
        state: Tensors by name.
        keys: Keys of the nested mappings that contain it, outermost first; empty for a state dict
            that is the whole content of the file.
        prefix: Prefix that was removed from all names.
    """

    state: State
    keys: tuple[str, ...] = ()
    prefix: str = ""

    @property
    def spoken(self) -> str:
        """Return its place in the file, for a message; empty for the whole, unchanged file."""
        key = f" (under the key {'.'.join(self.keys)!r})" if self.keys else ""
        return f"{key} (without the prefix {self.prefix!r})" if self.prefix else key

    def unwrapped(self) -> Iterator[StoredState]:
        """Yield the state dict itself, then without each common prefix, the shortest first."""
        yield self
        for prefix in _common_prefixes(list(self.state)):
            yield StoredState(_without(prefix, self.state), self.keys, prefix)


def read_checkpoint(path: Path) -> tuple[StoredState, ...]:
    """Read all state dicts in a file of torch.save or safetensors.

    A mapping from names is a state dict if it is empty or contains a tensor. Nested mappings (as
    under "state_dict" or "model") count, too.

    Args:
        path: The file.

    Returns:
        The state dicts, on the CPU, outermost first.

    Raises:
        ModelError: The file has another format, or its pickle needs code. No such code is run.
    """
    if not path.is_file():
        raise ModelError(f"weights {path}: there is no such file")
    refuse_disguised("weights", path, ModelError)
    content = _safetensors(path) if path.suffix.lower() == ".safetensors" else _saved(path)
    found = tuple(_states(content))
    if not found:
        raise ModelError(
            f"weights {path}: holds {type(content).__name__}, not tensors by name; save"
            " model.state_dict() alone"
        )
    return found


def refused(path: Path, error: BaseException) -> ModelError:
    """Return the error for a file with pickled code; it names the function that pickle needs."""
    found = re.search(r"GLOBAL (\S+)", str(error))
    what = f" ({found.group(1)})" if found else ""
    return ModelError(
        f"{path} is refused: it holds pickled Python objects{what}, and loading those can run any"
        " code. Save the tensors alone, torch.save(model.state_dict(), path), and name the network"
        " as module:factory"
    )


def _saved(path: Path) -> object:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise refused(path, error) from error
    except Exception as error:  # torch raises many types of errors on damaged files.
        raise ModelError(
            f"weights {path}: not a state dict ({type(error).__name__}: {str(error)[:120]});"
            " expected a file written by torch.save(model.state_dict(), path)"
        ) from error


def _safetensors(path: Path) -> State:
    try:
        from safetensors.torch import load_file
    except ImportError as error:
        raise ModelError(
            f"weights {path}: safetensors is not installed ({error});"
            ' run: pip install "gsmooth[safetensors]"'
        ) from error
    try:
        found: State = load_file(path)
    except Exception as error:  # The error type of safetensors has no public base class.
        raise ModelError(
            f"weights {path}: cannot be read as safetensors ({type(error).__name__}:"
            f" {str(error)[:120]})"
        ) from error
    return found


def _states(content: object, keys: tuple[str, ...] = ()) -> Iterator[StoredState]:
    if not isinstance(content, Mapping) or len(keys) > _DEPTH:
        return
    if not all(isinstance(key, str) for key in content):  # Such as the state of an optimizer.
        return
    tensors = any(isinstance(value, Tensor) for value in content.values())
    if tensors or not (content or keys):
        yield StoredState(content, keys)
    for key, value in content.items():
        yield from _states(value, (*keys, key))


def _common_prefixes(names: list[str]) -> Iterator[str]:
    """Yield common prefixes of all names that end at a dot, such as "module." and "module.net."."""
    if not names:
        return
    heads = [name.split(".")[:-1] for name in names]
    shared = min(heads, key=len)
    for depth in range(1, len(shared) + 1):
        if any(head[:depth] != shared[:depth] for head in heads):
            return
        yield "".join(f"{part}." for part in shared[:depth])


def _without(prefix: str, state: State) -> State:
    """Return the state dict without ``prefix`` in its names, with the versions of modules kept."""
    bare = OrderedDict((name.removeprefix(prefix), value) for name, value in state.items())
    noted = getattr(state, "_metadata", None)
    if noted is not None:
        versions = {
            place.removeprefix(prefix) if place.startswith(prefix) else "": version
            for place, version in noted.items()
            if place.startswith(prefix) or place == prefix.removesuffix(".")
        }
        bare._metadata = versions  # type: ignore[attr-defined]
    return bare
