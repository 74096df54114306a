"""Types of run-file fields for data, each of which accepts several forms.

An error is one sentence with the accepted forms, where pydantic would report each form separately.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Final

from pydantic import BeforeValidator

from gsmooth.data.names import is_name


def _whole(value: object, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _is_size(value: object) -> bool:
    if isinstance(value, list | tuple):
        return len(value) == 2 and all(_whole(side, 1) for side in value)
    return _whole(value, 1)


def _is_shape(value: object) -> bool:
    return isinstance(value, list | tuple) and len(value) == 3 and all(_whole(n, 1) for n in value)


def _is_names(value: object) -> bool:
    if isinstance(value, dict):
        return all(is_name(name) and _whole(number, 0) for name, number in value.items())
    return isinstance(value, list | tuple) and all(map(is_name, value))


def _expecting(fits: Callable[[object], bool], expected: str) -> BeforeValidator:
    def checked(value: object) -> object:
        if value is not None and not fits(value):
            raise ValueError(f"expected {expected}")
        # Tuples are lists in a run file; with this validator pydantic does not convert them.
        return tuple(value) if isinstance(value, list) else value

    return BeforeValidator(checked)


_SIZE: Final = _expecting(_is_size, "a number of pixels, or [height, width]; each at least 1")
_NAMES: Final = _expecting(
    _is_names, "a list of names in the order of the outputs, or the number of an output by name"
)

_SHAPE: Final = _expecting(_is_shape, "[channels, height, width] of one image, e.g. [3, 32, 32]")

ShapeField = Annotated[tuple[int, int, int] | None, _SHAPE]
SizeField = Annotated[int | tuple[int, int] | None, _SIZE]
NamesField = Annotated[tuple[str, ...] | dict[str, int] | None, _NAMES]
