"""Values to strict JSON and back: what is written is read back bit for bit, or refused.

JSON has no infinity; where a number may be infinite it is written as the string "inf". NaN is
never written and never read.
"""

from __future__ import annotations

import dataclasses
import json
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterator, Mapping
from enum import StrEnum
from functools import cache
from types import MappingProxyType, NoneType, UnionType
from typing import (
    Any,
    Final,
    Literal,
    Self,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

from gsmooth.errors import ConfigurationError, RecordError
from gsmooth.runs.records import quick_decoder

_INFINITY = "inf"
T = TypeVar("T")
Decoder = Callable[[object], object]

INLINE: Final = MappingProxyType({"inline": True})
"""Metadata of a field whose own fields are written in its place: JSON stays one flat object."""


class Plain(ABC):
    """A dataclass whose JSON is not one field an attribute."""

    @abstractmethod
    def to_plain(self) -> object:
        """What is written: objects, lists, strings and numbers."""

    @classmethod
    @abstractmethod
    def from_plain(cls, value: object) -> Self:
        """The same from what was written; ConfigurationError where it does not fit."""


def to_line(value: object) -> str:
    """One line of JSON, without its newline."""
    return json.dumps(encode(value), allow_nan=False, separators=(",", ":"))


def parse(text: str | bytes, where: str) -> object:
    """Plain JSON values; RecordError for bad syntax, NaN, Infinity or a field given twice."""
    try:
        return json.loads(text, parse_constant=_refuse, object_pairs_hook=_unique)
    # JSONDecodeError and UnicodeDecodeError are ValueErrors; brackets may be nested without end.
    except (ValueError, RecursionError) as error:
        raise RecordError(f"{where}: not valid JSON: {error}") from error


def encode(value: object) -> object:
    """Plain JSON values for dataclasses, tuples, mappings, enums and numbers; ValueError on NaN."""
    match value:
        case None | bool() | int() | str():
            return value.value if isinstance(value, StrEnum) else value
        case float() if math.isnan(value) or value == -math.inf:
            raise ValueError(f"{value} cannot be recorded")
        case float():
            return _INFINITY if math.isinf(value) else value
        case Mapping():
            return {str(key): encode(item) for key, item in value.items()}
        case list() | tuple():
            return [encode(item) for item in value]
    if isinstance(value, Plain):
        return encode(value.to_plain())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dict(_named(value))
    raise ValueError(f"{type(value).__name__} cannot be recorded")


def _named(value: Any) -> Iterator[tuple[str, object]]:
    """The names in JSON of a dataclass and their values, in the order of its fields."""
    for field in _recorded(value):
        part = getattr(value, field.name)
        if _is_inline(field):
            yield from _named(part)
        else:
            yield field.name, encode(part)


def decode(kind: type[T], value: object, where: str) -> T:
    """The dataclass ``kind`` that :func:`encode` made ``value`` of.

    Nothing is converted but integers to floats. RecordError naming the field (``where`` leads it)
    for anything missing, unknown or of another type.
    """
    key = cast(Hashable, kind)
    try:
        return cast(T, _quick(key)(value))
    except quick_decoder.UnfitError:
        pass
    try:
        return cast(T, _decoder(key)(value))
    except _Misfit as misfit:
        raise RecordError(f"{where}{misfit.path}: {misfit}") from misfit


@cache
def _quick(kind: Any) -> quick_decoder.QuickDecoder:
    """How to decode one type that fits; as :func:`_decoder`, which says why one does not."""
    origin, options = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        (inner,) = [option for option in options if option is not NoneType]
        return quick_decoder.optional(_quick(inner))
    if origin is Literal:
        return quick_decoder.one_of(options)
    if origin is tuple and options[-1] is Ellipsis:
        return quick_decoder.items(_quick(options[0]))
    if origin is tuple:
        return quick_decoder.fixed_items(tuple(map(_quick, options)))
    if origin is not None and issubclass(origin, Mapping):
        return quick_decoder.mapping(_quick(options[1]))
    if kind is object:
        return lambda value: value
    if issubclass(kind, Plain):
        return quick_decoder.plain(kind)
    if dataclasses.is_dataclass(kind):
        return quick_decoder.instance(len(_decoders(kind)), _quick_builder(kind))
    if kind is float:
        return quick_decoder.floating
    return quick_decoder.member(kind) if issubclass(kind, StrEnum) else quick_decoder.exactly(kind)


def _quick_builder(kind: Any) -> quick_decoder.Builder:
    hints = get_type_hints(kind)
    fields, parts = [], []
    for field in _recorded(kind):
        if _is_inline(field):
            parts.append((field.name, _quick_builder(hints[field.name])))
        else:
            fields.append((field.name, _quick(hints[field.name])))
    return quick_decoder.builder(kind, fields, parts)


class _Misfit(Exception):
    """A value that does not fit, and the path to it, which grows on the way out."""

    path = ""

    def inside(self, step: str) -> _Misfit:
        self.path = step + self.path
        return self


@cache
def _decoder(kind: Any) -> Decoder:
    """How to decode one type; built once, for records hold thousands of numbers."""
    origin, options = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        (inner,) = [option for option in options if option is not NoneType]
        return _optional(_decoder(inner))
    if origin is Literal:
        return _one_of(options)
    if origin is tuple and options[-1] is Ellipsis:
        return _tuple(_decoder(options[0]))
    if origin is tuple:
        return _row_of(tuple(map(_decoder, options)))
    if origin is not None and issubclass(origin, Mapping):
        return _mapping(_decoder(options[1]))
    if kind is object:
        return lambda value: value
    if issubclass(kind, Plain):
        return _plain(kind)
    if dataclasses.is_dataclass(kind):
        return _instance(kind)
    if kind is float:
        return _float
    return _enum(kind) if issubclass(kind, StrEnum) else _exactly(kind)


def _optional(decode: Decoder) -> Decoder:
    return lambda value: None if value is None else decode(value)


def _one_of(options: tuple[object, ...]) -> Decoder:
    def decode(value: object) -> object:
        return _expect(value in options, value, " or ".join(map(repr, options)))

    return decode


def _tuple(decode: Decoder) -> Decoder:
    def decode_all(value: object) -> object:
        _expect(isinstance(value, list), value, "a list")
        items: list[object] = []
        for item in cast(list[object], value):
            try:
                items.append(decode(item))
            except _Misfit as misfit:
                raise misfit.inside(f"[{len(items)}]") from None
        return tuple(items)

    return decode_all


def _row_of(decoders: tuple[Decoder, ...]) -> Decoder:
    """So many items, each of its own type."""

    def decode_all(value: object) -> object:
        fits = isinstance(value, list) and len(value) == len(decoders)
        items = cast(list[object], _expect(fits, value, f"a list of {len(decoders)}"))
        return tuple(decode(item) for decode, item in zip(decoders, items, strict=True))

    return decode_all


def _mapping(decode: Decoder) -> Decoder:
    def decode_all(value: object) -> object:
        return {key: _inside(f".{key}", decode, item) for key, item in _object(value).items()}

    return decode_all


def _plain(kind: type[Plain]) -> Decoder:
    def decode(value: object) -> object:
        try:
            return kind.from_plain(value)
        except ConfigurationError as error:
            raise _Misfit(str(error)) from error

    return decode


def _instance(kind: Any) -> Decoder:
    decoders = _decoders(kind)

    def decode(value: object) -> object:
        fields = _object(value)
        if fields.keys() != decoders.keys():
            missing = ", ".join(name for name in decoders if name not in fields) or "none"
            unknown = ", ".join(name for name in fields if name not in decoders) or "none"
            raise _Misfit(f"missing fields: {missing}; unknown fields: {unknown}")
        try:
            given = {n: _inside(f".{n}", d, fields[n]) for n, d in decoders.items()}
            return _composed(kind, given)
        except ConfigurationError as error:
            raise _Misfit(str(error)) from error

    return decode


def _decoders(kind: Any) -> dict[str, Decoder]:
    """How to decode every name in JSON of a dataclass, those of inline fields included."""
    hints = get_type_hints(kind)
    found: dict[str, Decoder] = {}
    for field in _recorded(kind):
        inner = hints[field.name]
        found |= _decoders(inner) if _is_inline(field) else {field.name: _decoder(inner)}
    return found


def _composed(kind: Any, given: Mapping[str, object]) -> object:
    """The dataclass of values that were decoded, its inline fields first."""
    hints = get_type_hints(kind)
    return kind(
        **{
            field.name: _composed(hints[field.name], given)
            if _is_inline(field)
            else given[field.name]
            for field in _recorded(kind)
        }
    )


def _is_inline(field: dataclasses.Field[Any]) -> bool:
    return bool(field.metadata.get("inline", False))


def _recorded(kind: Any) -> list[dataclasses.Field[Any]]:
    """The fields that are written and read: all but those whose metadata says otherwise."""
    return [f for f in dataclasses.fields(kind) if f.metadata.get("recorded", True)]


def _inside(step: str, decode: Decoder, value: object) -> object:
    try:
        return decode(value)
    except _Misfit as misfit:
        raise misfit.inside(step) from None


def _float(value: object) -> object:
    if type(value) is float and math.isfinite(value):
        return value
    if value == _INFINITY:
        return math.inf
    _expect(type(value) is int and abs(value) < quick_decoder.LARGEST, value, "a number")
    return float(cast(int, value))


def _enum(kind: type[StrEnum]) -> Decoder:
    members = {member.value: member for member in kind}
    expected = " or ".join(map(repr, members))

    def decode(value: object) -> object:
        _expect(isinstance(value, str) and value in members, value, expected)
        return members[cast(str, value)]

    return decode


def _exactly(kind: type) -> Decoder:
    return lambda value: _expect(type(value) is kind, value, kind.__name__)


def _object(value: object) -> Mapping[str, object]:
    _expect(isinstance(value, dict), value, "an object")
    return cast(Mapping[str, object], value)


def _expect(holds: bool, value: object, expected: str) -> object:
    if not holds:
        raise _Misfit(f"{value!r} found; expected {expected}")
    return value


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is not a number")


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("a field is given twice")
    return fields
