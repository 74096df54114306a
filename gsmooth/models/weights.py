"""Loading of weights from a file into a module; all names and shapes must match."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import final

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from gsmooth.errors import ModelError
from gsmooth.models.checkpoint import State, StoredState, read_checkpoint
from gsmooth.models.digest import listed, state_digest, state_of


def load_weights(module: nn.Module, path: Path, spec: str) -> None:
    """Load the state dict of a file into a module, as load_state_dict(strict=True) does.

    The file may contain several state dicts; the one that fits is loaded. If none fits, prefixes
    that all names share (``module.``, ``_orig_mod.``, ``model.`` or any other) are removed.

    Args:
        module: The module.
        path: The file.
        spec: Spec of the model, for errors.

    Raises:
        ModelError: No state dict fits (the message lists the wrong keys of the nearest one), or
            several different ones fit.
    """
    stored = read_checkpoint(path)
    tried = [_tried(module, one) for one in stored]
    fitting = [found for found, misfit in tried if misfit is None]
    if not fitting:
        nearest, misfit = min(tried, key=lambda pair: pair[1].count if pair[1] else 0)
        raise ModelError(f"weights {path}{nearest.spoken} do not fit model {spec!r}: {misfit}")
    if len(fitting) > 1 and len({state_digest(one.state) for one in fitting}) > 1:
        keys = ", ".join(repr(".".join(one.keys)) for one in fitting)
        raise ModelError(
            f"weights {path}: several state dicts in it fit model {spec!r}, under the keys {keys};"
            " save the one that you mean alone: torch.save(torch.load(path)[key], new_path)"
        )
    # Load it again: later attempts have overwritten the values whose names agree.
    if (misfit := _loaded(module, fitting[0].state)) is not None:
        raise ModelError(f"weights {path} do not fit model {spec!r}: {misfit}")


@final
@dataclass(frozen=True)
class Misfit:
    """The reasons why a state dict does not fit a module.

    Args:
        missing: Names that only the module has.
        unexpected: Names that only the state dict has.
        shapes: Names whose shapes differ.
        other: Error of the module, if all names agree.
    """

    missing: list[str]
    unexpected: list[str]
    shapes: list[str]
    other: str = ""

    @property
    def count(self) -> int:
        """Number of wrong keys."""
        return len(self.missing) + len(self.unexpected) + len(self.shapes)

    def __str__(self) -> str:
        lists = {
            "missing": self.missing,
            "unexpected": self.unexpected,
            "of another shape": self.shapes,
        }
        said = [f"{what}: {listed(keys)}" for what, keys in lists.items() if keys]
        return "; ".join(said) or self.other


def _tried(module: nn.Module, stored: StoredState) -> tuple[StoredState, Misfit | None]:
    """Return the first unwrapped form of ``stored`` that fits, or the nearest and its misfit."""
    misfits: list[tuple[StoredState, Misfit]] = []
    for one in stored.unwrapped():
        if (misfit := _loaded(module, one.state)) is None:
            return one, None
        misfits.append((one, misfit))
    return min(misfits, key=lambda pair: pair[1].count)


def _loaded(module: nn.Module, state: State) -> Misfit | None:
    """Load ``state``; return None if all of it fits, else the misfit (some values are loaded)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            module.load_state_dict(state)
        except Exception as error:  # set_extra_state and hooks are the user's own code.
            return _explained(module, state, error)
    return None


def _explained(module: nn.Module, state: State, error: Exception) -> Misfit | None:
    """Return the misfit; None if only second names of tensors that were loaded are missing."""
    try:
        found = module.load_state_dict(state, strict=False)
        missing, unexpected = list(found.missing_keys), list(found.unexpected_keys)
    except Exception:  # The comparison of shapes below reports the error.
        last = (str(error).strip().splitlines() or [""])[-1].strip()
        return _misfit(module, state, f"{type(error).__name__}: {last}")
    tied = _tied(module, state)
    missing = [key for key in missing if key not in tied]
    return Misfit(missing, unexpected, []) if missing or unexpected else None


def _misfit(module: nn.Module, state: State, other: str) -> Misfit:
    wanted = state_of(module, type(module).__name__)
    return Misfit(
        [key for key in wanted if key not in state],
        [key for key in state if key not in wanted],
        list(_wrong_shapes(wanted, state)),
        other,
    )


def _wrong_shapes(wanted: State, state: State) -> Iterator[str]:
    for key, here in wanted.items():
        there = state.get(key)
        if not (isinstance(here, Tensor) and isinstance(there, Tensor)) or is_lazy(here):
            continue
        if there.shape != here.shape:
            yield f"{key} has shape {tuple(there.shape)} instead of {tuple(here.shape)}"


def _tied(module: nn.Module, state: State) -> set[str]:
    """Return names whose tensor is in ``state`` under another name; safetensors stores one name."""
    named = state_of(module, type(module).__name__)
    places = {name: _place(value) for name, value in named.items()}
    loaded = {places[name] for name in state if name in places} - {None}
    return {name for name, place in places.items() if place in loaded}


def _place(value: object) -> tuple[object, ...] | None:
    """Return memory address and layout of a tensor; None for a value without own memory."""
    if not isinstance(value, Tensor) or is_lazy(value) or value.layout != torch.strided:
        return None
    if value.numel() == 0 or value.is_meta:
        return None
    return value.data_ptr(), value.dtype, tuple(value.shape), value.stride()
