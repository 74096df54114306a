"""Values to strict JSON and back: what is written is read back bit for bit, or refused.

JSON has no infinity; where a number may be infinite it is written as the string "inf". NaN is
never written and never read.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from gsmooth.errors import ConfigurationError, RecordError

_INFINITY = "inf"
T = TypeVar("T")


def to_line(value: object) -> str:
    """One line of JSON, without its newline."""
    return json.dumps(encode(value), allow_nan=False, separators=(",", ":"))


def parse(text: str | bytes, where: str) -> object:
    """Plain JSON values; RecordError for bad syntax, NaN, Infinity or a field given twice."""
    try:
        return json.loads(text, parse_constant=_refuse, object_pairs_hook=_unique)
    except ValueError as error:  # JSONDecodeError and UnicodeDecodeError are ValueErrors.
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
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: encode(getattr(value, f.name)) for f in dataclasses.fields(value)}
    raise ValueError(f"{type(value).__name__} cannot be recorded")


def decode(kind: type[T], value: object, where: str) -> T:
    """The dataclass ``kind`` that :func:`encode` made ``value`` of.

    Nothing is converted but integers to floats. RecordError naming the field (``where`` leads it)
    for anything missing, unknown or of another type.
    """
    return cast(T, _decode(kind, value, where))


def _decode(kind: Any, value: object, where: str) -> object:
    origin, options = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return _either(options, value, where)
    if origin is Literal:
        return _expect(value in options, value, where, " or ".join(map(repr, options)))
    if origin is tuple:
        items = _items(value, where)
        return tuple(_decode(options[0], item, f"{where}[{i}]") for i, item in enumerate(items))
    if origin is not None and issubclass(origin, Mapping):
        return {k: _decode(options[1], v, f"{where}.{k}") for k, v in _object(value, where).items()}
    if kind is object:
        return value
    if dataclasses.is_dataclass(kind):
        return _instance(kind, _object(value, where), where)
    return _scalar(kind, value, where)


def _either(options: tuple[Any, ...], value: object, where: str) -> object:
    """T | None."""
    if value is None and NoneType in options:
        return None
    (kind,) = [option for option in options if option is not NoneType]
    return _decode(kind, value, where)


def _scalar(kind: Any, value: object, where: str) -> object:
    if kind is float:
        if value == _INFINITY:
            return math.inf
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        _expect(is_number and math.isfinite(cast(float, value)), value, where, "a number")
        return float(cast(float, value))
    if issubclass(kind, StrEnum):
        _expect(value in list(kind), value, where, " or ".join(repr(k.value) for k in kind))
        return kind(value)
    return _expect(type(value) is kind, value, where, kind.__name__)


def _instance(kind: Any, fields: Mapping[str, object], where: str) -> object:
    kinds = _kinds(kind)
    missing = [name for name in kinds if name not in fields]
    unknown = [name for name in fields if name not in kinds]
    if missing or unknown:
        raise RecordError(
            f"{where}: missing fields: {', '.join(missing) or 'none'}; unknown fields:"
            f" {', '.join(unknown) or 'none'}"
        )
    values = {name: _decode(kinds[name], fields[name], f"{where}.{name}") for name in kinds}
    try:
        return kind(**values)
    except ConfigurationError as error:
        raise RecordError(f"{where}: {error}") from error


@cache
def _kinds(kind: Any) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}


def _items(value: object, where: str) -> list[object]:
    _expect(isinstance(value, list), value, where, "a list")
    return cast(list[object], value)


def _object(value: object, where: str) -> Mapping[str, object]:
    _expect(isinstance(value, dict), value, where, "an object")
    return cast(Mapping[str, object], value)


def _expect(holds: bool, value: object, where: str, expected: str) -> object:
    if not holds:
        raise RecordError(f"{where}: {value!r} found; expected {expected}")
    return value


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is not a number")


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("a field is given twice")
    return fields
