"""Names: the class names that come with data, as strings."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gsmooth.errors import InputError


def named_classes(what: str, names: NDArray[Any]) -> tuple[str, ...]:
    """An array of names as strings; InputError unless they are (K,) strings or integers."""
    if names.ndim != 1 or names.dtype.kind not in "USiu":
        raise InputError(
            f"data {what} has shape {names.shape} and type {names.dtype}; expected the names of the"
            " classes, (K,) strings in the order of the labels"
        )
    if names.dtype.kind == "S":
        names = np.char.decode(names, "utf-8")
    return tuple(map(str, names))


def is_name(text: object) -> bool:
    """Whether a class can be called so: any text in UTF-8 that is not empty."""
    if not isinstance(text, str) or not text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:  # Halves of characters, as in the name of a folder of other bytes.
        return False
    return True
