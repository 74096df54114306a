"""Weights: the state dict of a file into a module, where every name and shape fits."""

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
    """Load the one state dict in ``path`` that fits ``module``, as load_state_dict(strict=True).

    Where none fits as it is, a prefix that all of its names share (``module.``, ``_orig_mod.``,
    ``model.`` or any other) is taken off. Raises ModelError naming the keys at fault of the one
    that comes nearest, or the keys of all that fit where these differ.
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
    # Again: whatever was tried since left its own values where names agreed.
    if (misfit := _loaded(module, fitting[0].state)) is not None:
        raise ModelError(f"weights {path} do not fit model {spec!r}: {misfit}")


@final
@dataclass(frozen=True)
class Misfit:
    """Why a state dict does not fit. other: what the module itself said, where names agree."""

    missing: list[str]
    unexpected: list[str]
    shapes: list[str]
    other: str = ""

    @property
    def count(self) -> int:
        """Number of keys at fault."""
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
    """The first way to unwrap ``stored`` that fits, or the nearest one and its faults."""
    misfits: list[tuple[StoredState, Misfit]] = []
    for one in stored.unwrapped():
        if (misfit := _loaded(module, one.state)) is None:
            return one, None
        misfits.append((one, misfit))
    return min(misfits, key=lambda pair: pair[1].count)


def _loaded(module: nn.Module, state: State) -> Misfit | None:
    """Load ``state``; None if all of it fitted, else the faults (and some values are loaded)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            module.load_state_dict(state)
        except Exception as error:  # set_extra_state and hooks are the user's own code.
            return _explained(module, state, error)
    return None


def _explained(module: nn.Module, state: State, error: Exception) -> Misfit | None:
    """What was wrong; None where nothing is missing but further names of what was loaded."""
    try:
        found = module.load_state_dict(state, strict=False)
        missing, unexpected = list(found.missing_keys), list(found.unexpected_keys)
    except Exception:  # A shape that differs is an error all the same.
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
    """Names of the module whose tensor is in ``state`` under another one; safetensors keeps one."""
    named = state_of(module, type(module).__name__)
    places = {name: _place(value) for name, value in named.items()}
    loaded = {places[name] for name in state if name in places} - {None}
    return {name for name, place in places.items() if place in loaded}


def _place(value: object) -> tuple[object, ...] | None:
    """The memory that a tensor looks at, and how; None for what has none of its own."""
    if not isinstance(value, Tensor) or is_lazy(value) or value.layout != torch.strided:
        return None
    if value.numel() == 0 or value.is_meta:
        return None
    return value.data_ptr(), value.dtype, tuple(value.shape), value.stride()
