"""Conversion of the class names of data to strings."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gsmooth.errors import InputError


def named_classes(what: str, names: NDArray[Any]) -> tuple[str, ...]:
    """Return an array of names as strings; InputError unless it is (K,) strings or integers."""
    if names.ndim != 1 or names.dtype.kind not in "USiu":
        raise InputError(
            f"data {what} has shape {names.shape} and type {names.dtype}; expected the names of the"
            " classes, (K,) strings in the order of the labels"
        )
    if names.dtype.kind == "S":
        names = np.char.decode(names, "utf-8")
    return tuple(map(str, names))


def is_name(text: object) -> bool:
    """Return True for a valid class name: a non-empty text that UTF-8 can encode."""
    if not isinstance(text, str) or not text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:  # Lone surrogates, from folder names with invalid bytes.
        return False
    return True
