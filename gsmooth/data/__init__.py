"""Loading of images and labels from files and arrays, with checks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gsmooth.lazy import lazy_names

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


__getattr__, __dir__ = lazy_names(__name__, _HOMES)

__all__ = [
    "Dataset",
    "LabelledImages",
    "digits",
    "from_arrays",
    "from_folder",
    "from_npz",
    "load_data",
]
