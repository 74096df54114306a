"""Conversion of arrays, tensors and lists to NumPy arrays; other types are refused by name."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gsmooth.data.boundary import reading
from gsmooth.errors import InputError


def as_array(what: str, given: object) -> NDArray[Any]:
    """Convert ``given`` to an array of numbers.

    Args:
        what: Name of the data, for errors.
        given: An array, a tensor on any device, or nested lists.

    Raises:
        InputError: The array is sparse, ragged, masked or of objects. NumPy would convert some of
            these to other values.
    """
    if isinstance(given, np.ma.MaskedArray):
        raise InputError(f"data {what} are a masked array; fill what is masked, or remove it")
    with reading(what):
        plain = np.asarray(_off_torch(what, given))
    if plain.dtype.hasobject:
        raise InputError(
            f"data {what} are {type(given).__name__} and become an array of Python objects; give"
            " one dense array of numbers, with images of one size"
        )
    return plain


def _off_torch(what: str, given: object) -> object:
    """Convert a tensor to an array. Without an earlier import of torch there are no tensors."""
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(given, torch.Tensor):
        return given
    if given.layout != torch.strided:
        raise InputError(
            f"data {what} are a sparse tensor ({given.layout}); give a dense one: .to_dense()"
        )
    dense = given.detach().cpu()
    return (dense.float() if dense.dtype == torch.bfloat16 else dense).numpy()
