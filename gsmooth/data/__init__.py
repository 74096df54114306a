"""Loading of images and labels from files and arrays, with checks."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gsmooth.data.dataset import Dataset
    from gsmooth.data.loading import load_data
    from gsmooth.data.tensors import LabelledImages, digits, from_arrays, from_folder, from_npz

_HOMES = {
    "Dataset": "dataset",
    "LabelledImages": "tensors",
    "digits": "tensors",
    "from_arrays": "tensors",
    "from_folder": "tensors",
    "from_npz": "tensors",
    "load_data": "loading",
}


def __getattr__(name: str) -> object:
    """Import a name on first use, so that torch is imported only if it is needed."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(_HOMES)


__all__ = [
    "Dataset",
    "LabelledImages",
    "digits",
    "from_arrays",
    "from_folder",
    "from_npz",
    "load_data",
]
