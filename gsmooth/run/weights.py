"""State dicts: the only form in which weights are read, for a pickle may run code."""

from __future__ import annotations

import pickle
import re
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from gsmooth.errors import ModelError

_NESTED = ("state_dict", "model_state_dict")


def load_weights(module: nn.Module, path: Path, spec: str) -> None:
    """Load the state dict in ``path`` into ``module``; every key and shape must fit.

    Raises ModelError naming the keys at fault.
    """
    state = read_state_dict(path)
    wanted = module.state_dict()
    wrong = [
        f"{key} has shape {tuple(state[key].shape)} instead of {tuple(wanted[key].shape)}"
        for key in wanted
        if key in state and state[key].shape != wanted[key].shape
    ]
    faults = [
        _listing("missing", (key for key in wanted if key not in state)),
        _listing("unexpected", (key for key in state if key not in wanted)),
        _listing("of another shape", wrong),
    ]
    if any(faults):
        raise ModelError(
            f"weights {path} do not fit model {spec!r}: {'; '.join(filter(None, faults))}"
            f"{_prefix_hint(state, wanted)}"
        )
    module.load_state_dict(state)


def read_state_dict(path: Path) -> Mapping[str, Tensor]:
    """The tensors by name in ``path`` (torch.save of a state dict), on the CPU.

    Raises ModelError; a file whose pickle calls for code is refused without running it.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise ModelError(f"weights {path}: there is no such file") from error
    except pickle.UnpicklingError as error:
        raise refused(path, error) from error
    except Exception as error:  # Damaged files fail in many ways inside torch.
        raise ModelError(
            f"weights {path}: not a state dict ({type(error).__name__}: {str(error)[:120]});"
            " expected a file written by torch.save(model.state_dict(), path)"
        ) from error
    for key in _NESTED:
        if isinstance(state, Mapping) and isinstance(state.get(key), Mapping):
            state = state[key]
    if not isinstance(state, Mapping) or not all(isinstance(v, Tensor) for v in state.values()):
        raise ModelError(
            f"weights {path}: holds {type(state).__name__}, not tensors by name; save"
            " model.state_dict() alone"
        )
    return state


def refused(path: Path, error: BaseException) -> ModelError:
    """The error for a file that holds pickled code, naming what it would have called."""
    found = re.search(r"GLOBAL (\S+)", str(error))
    what = f" ({found.group(1)})" if found else ""
    return ModelError(
        f"{path} is refused: it holds pickled Python objects{what}, and loading those can run any"
        " code. Save the tensors alone, torch.save(model.state_dict(), path), and name the network"
        " as module:factory"
    )


def _listing(what: str, keys: Iterable[str]) -> str:
    names = list(keys)
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return f"{what}: {', '.join(names[:5])}{more}" if names else ""


def _prefix_hint(state: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> str:
    if any(key.startswith("module.") and key.removeprefix("module.") in wanted for key in state):
        return "; the names begin with 'module.': save model.module.state_dict() instead"
    return ""
