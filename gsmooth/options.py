"""Options: the dataclass fields of a transformation class, checked where strings become objects."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping
from typing import Any

from gsmooth.errors import ConfigurationError, PluginError
from gsmooth.spelling import did_you_mean
from gsmooth.transformation import Parameter, Transformation


def complaint(cls: object) -> str | None:
    """What keeps ``cls`` from being a transformation class, or None when nothing does."""
    if not isinstance(cls, type):
        return f"{cls!r} is {_a(type(cls).__name__)}, not a class; offer the class itself"
    who = f"{cls.__module__}:{cls.__qualname__}"
    if not issubclass(cls, Transformation):
        return f"{who} is not a subclass of gsmooth.Transformation"
    if missing := sorted(getattr(cls, "__abstractmethods__", ())):
        return f"{who} does not define {', '.join(missing)}"
    name = getattr(cls, "name", None)
    if not (isinstance(name, str) and name and ":" not in name):
        return f"{who} needs a class attribute name, a string without a colon; it has {name!r}"
    given: object = cls.parameters
    if not (isinstance(given, tuple) and all(isinstance(p, Parameter) for p in given)):
        return f"{who}: its class attribute parameters must be a tuple of gsmooth.Parameter"
    if (named := _theta_names(cls)) is not None and len(named) != len(given):
        listed = ", ".join(p.name for p in given) or "none"
        return f"{who}: act takes theta ({', '.join(named)}), but parameters lists {listed}"
    if not _is_frozen_dataclass(cls):
        return f"{who} is not a frozen dataclass; decorate it with @dataclass(frozen=True)"
    return None


def fields_of(cls: type[Transformation]) -> dict[str, dataclasses.Field[Any]]:
    """The options of a transformation class, by name."""
    return {f.name: f for f in dataclasses.fields(cls) if f.init}  # type: ignore[arg-type]


def build(cls: type[Transformation], spec: str, options: Mapping[str, object]) -> Transformation:
    """``cls(**options)`` after validation against its fields; ``spec`` names it in errors.

    Raises ConfigurationError for an unknown, missing or ill-typed option, PluginError for fields
    whose type annotation cannot be validated.
    """
    from pydantic import TypeAdapter, ValidationError
    from pydantic.errors import PydanticUserError

    for name in options:
        if name not in fields_of(cls):
            raise ConfigurationError(_unknown(name, cls, spec))
    try:
        adapter: TypeAdapter[Transformation] = TypeAdapter(cls)
    except (PydanticUserError, NameError) as error:
        raise PluginError(
            f"transformation {spec!r}: its options cannot be read: {error}"
        ) from error
    try:
        return adapter.validate_python(dict(options))
    except ValidationError as error:
        first = error.errors()[0]
        path = ".".join(str(part) for part in first["loc"]) or "(whole)"
        raise ConfigurationError(
            f"transformation {spec!r}: option {path}: {first['msg']}; given: {first['input']!r}"
        ) from error


def _unknown(name: str, cls: type[Transformation], spec: str) -> str:
    known = fields_of(cls)
    listing = ", ".join(known) or "none"
    hint = did_you_mean(name, known)
    return f"transformation {spec!r}: unknown option {name!r}{hint}; its options: {listing}"


def _theta_names(cls: type[Transformation]) -> list[str] | None:
    """The parameters that ``act`` takes behind self and z; None when it takes any number."""
    taken = list(inspect.signature(cls.act).parameters.values())[2:]
    if any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in taken):
        return None
    return [p.name for p in taken]


def _is_frozen_dataclass(cls: type) -> bool:
    params = vars(cls).get("__dataclass_params__")
    return params is not None and bool(params.frozen)


def _a(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"
