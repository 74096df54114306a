"""Quick decoding: for records that fit, which nearly all do; a million of them are read at a time.

What does not fit is refused without a reason: ``gsmooth.runs.records.codec`` then decodes it again,
step by step, and names the fault. What is accepted here is accepted there, and equal.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

from gsmooth.errors import ConfigurationError

QuickDecoder = Callable[[Any], Any]
Builder = Callable[[Mapping[str, Any]], Any]
"""Makes a dataclass of an object; KeyError where a name is missing."""


LARGEST: Final = 2**1023
"""Integers from here on may have no float."""


class UnfitError(Exception):
    """A value does not fit; the error does not name it."""


def optional(decode: QuickDecoder) -> QuickDecoder:
    """None, or what ``decode`` takes."""
    return lambda value: None if value is None else decode(value)


def items(decode: QuickDecoder) -> QuickDecoder:
    """A list of any length, as a tuple."""

    def decode_all(value: Any) -> Any:
        if type(value) is not list:
            raise UnfitError
        return tuple(map(decode, value))

    return decode_all


def fixed_items(decoders: Sequence[QuickDecoder]) -> QuickDecoder:
    """A list of so many items, each of its own type."""

    def decode_all(value: Any) -> Any:
        if type(value) is not list or len(value) != len(decoders):
            raise UnfitError
        return tuple(decode(item) for decode, item in zip(decoders, value, strict=True))

    return decode_all


def mapping(decode: QuickDecoder) -> QuickDecoder:
    """An object with any names."""

    def decode_all(value: Any) -> Any:
        if type(value) is not dict:
            raise UnfitError
        return {key: decode(item) for key, item in value.items()}

    return decode_all


def instance(count: int, build: Builder) -> QuickDecoder:
    """An object with exactly ``count`` names, as the dataclass that ``build`` makes of it."""

    def decode(value: Any) -> Any:
        if type(value) is not dict or len(value) != count:
            raise UnfitError
        try:
            return build(value)
        except (KeyError, ConfigurationError):
            raise UnfitError from None

    return decode


def builder(
    kind: Callable[..., Any],
    fields: Sequence[tuple[str, QuickDecoder]],
    parts: Sequence[tuple[str, Builder]],
) -> Builder:
    """A dataclass from an object that has its fields and, side by side with them, its parts'."""
    if not parts:
        return lambda value: kind(**{name: decode(value[name]) for name, decode in fields})

    def build(value: Any) -> Any:
        own = {name: decode(value[name]) for name, decode in fields}
        return kind(**own, **{name: make(value) for name, make in parts})

    return build


def plain(kind: Any) -> QuickDecoder:
    """What a class of its own decoding takes (``codec.Plain``)."""

    def decode(value: Any) -> Any:
        try:
            return kind.from_plain(value)
        except ConfigurationError:
            raise UnfitError from None

    return decode


def floating(value: Any) -> Any:
    """A number that is finite, or the word for infinity."""
    if type(value) is float and math.isfinite(value):
        return value
    if type(value) is int and abs(value) < LARGEST:
        return float(value)
    if value == "inf":
        return math.inf
    raise UnfitError


def exactly(kind: type) -> QuickDecoder:
    """A value of exactly this type."""

    def decode(value: Any) -> Any:
        if type(value) is not kind:
            raise UnfitError
        return value

    return decode


def one_of(options: Sequence[object]) -> QuickDecoder:
    """One of these words."""
    words = frozenset(options)

    def decode(value: Any) -> Any:
        if type(value) is not str or value not in words:
            raise UnfitError
        return value

    return decode


def member(kind: type[StrEnum]) -> QuickDecoder:
    """A member of an enumeration, by its value."""
    members = {found.value: found for found in kind}

    def decode(value: Any) -> Any:
        if type(value) is not str or value not in members:
            raise UnfitError
        return members[value]

    return decode
