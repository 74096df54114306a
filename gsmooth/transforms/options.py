"""Options: the dataclass fields of a transformation class, checked where strings become objects."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Mapping
from typing import Any

from gsmooth.boundaries.user_code import users_code
from gsmooth.errors import ConfigurationError, GsmoothError, PluginError
from gsmooth.text.spelling import did_you_mean
from gsmooth.transforms.base import Parameter, Transformation
from gsmooth.transforms.hookspecs import API_VERSION, STATED_VERSION

# A plain method is true, and equal to no other, whatever it would answer.
_PROPERTIES = [name for name, own in vars(Transformation).items() if isinstance(own, property)]


def validation_error(cls: object) -> str | None:
    """What keeps ``cls`` from being a transformation class, or None when nothing does."""
    if not isinstance(cls, type):
        return f"{cls!r} is {_a(type(cls).__name__)}, not a class; offer the class itself"
    who = f"{cls.__module__}:{cls.__qualname__}"
    if not issubclass(cls, Transformation):
        return f"{who} is not a subclass of gsmooth.Transformation"
    if missing := sorted(getattr(cls, "__abstractmethods__", ())):
        return f"{who} does not define {', '.join(missing)}"
    name = getattr(cls, "name", None)
    if not (isinstance(name, str) and name and not {":", "+"} & set(name)):
        return f"{who} needs a class attribute name, a string without : and +; it has {name!r}"
    given: object = cls.parameters
    if not (isinstance(given, tuple) and all(isinstance(p, Parameter) for p in given)):
        return f"{who}: its class attribute parameters must be a tuple of gsmooth.Parameter"
    if (named := _theta_names(cls)) is not None and len(named) != len(given):
        listed = ", ".join(p.name for p in given) or "none"
        return f"{who}: act takes theta ({', '.join(named)}), but parameters lists {listed}"
    if strange := [n for n in cls.one_sided if n not in [p.name for p in given]]:
        return f"{who}: one_sided names {strange[0]!r}, which is not among its parameters"
    if not _is_frozen_dataclass(cls):
        return f"{who} is not a frozen dataclass; decorate it with @dataclass(frozen=True)"
    if plain := [n for n in _PROPERTIES if callable(inspect.getattr_static(cls, n))]:
        return f"{who}: {plain[0]} is a property, not a method; decorate it with @property"
    space = inspect.getattr_static(cls, "z_space")
    if not (space is None or isinstance(space, str) or hasattr(space, "__get__")):
        return f"{who}: z_space must be a string, or None, not {space!r}"
    return None


def version_error(plugin: object, where: str, package: str) -> str | None:
    """What is wrong with the API version that a plugin's module states, or None.

    A module that states none is taken at its word: nothing is wrong.
    """
    stated: object = getattr(plugin, STATED_VERSION, API_VERSION)
    if isinstance(stated, bool) or not isinstance(stated, int):
        return (
            f"{where}: {STATED_VERSION} = {stated!r} must be a whole number such as {API_VERSION}"
        )
    if stated == API_VERSION:
        return None
    remedy = (
        "upgrade gsmooth"
        if stated > API_VERSION
        else f"upgrade {package}, or, if it is yours, go through docs/writing-a-plugin.md and state"
        f" {STATED_VERSION} = {API_VERSION}"
    )
    return (
        f"{where} is written for version {stated} of the plugin API, and this gsmooth has version"
        f" {API_VERSION}; {remedy}"
    )


def fitting_laws(which: type[Transformation] | Transformation) -> tuple[str, ...]:
    """Names of the smoothing laws that these parameters admit, the Gaussian one first.

    Several parameters, or none, ask for a law of as many; a one-sided one for a law on theta >= 0,
    which may stand beside normal ones. What rests has the scale 0, and its sign is free. The Haar
    law is for parameters with a period, beside normal ones; the grid-uniform law for parameters
    in steps of 1, and the only one for those whose action is there for whole steps only.
    """
    from gsmooth.theory.laws import LAW_NAMES, GridUniformLaw, HaarLaw, law_from_name

    unsmoothed = which.unsmoothed if isinstance(which, Transformation) else ()
    scales = [0.0 if p.name in unsmoothed else 1.0 for p in which.parameters]
    moved = [name for name in which.one_sided if name not in unsmoothed]
    axes = [axis for axis, p in enumerate(which.parameters) if p.name in moved]
    found = []
    for name in LAW_NAMES:
        if name != HaarLaw.name and which._haar_only:
            continue
        if name == HaarLaw.name and not any(parameter.period for parameter in which.parameters):
            continue
        if name == GridUniformLaw.name:
            found += [name] if any(p.step == 1.0 for p in which.parameters) else []
            continue
        if isinstance(which, Transformation) and which.whole_steps:
            continue
        try:
            law = law_from_name(name, scales, sigma=1.0, one_sided=axes)
        except ConfigurationError:
            continue  # For another number of parameters.
        if not axes or law.one_sided() is not None:
            found.append(name)
    return tuple(found)


def described(cls: type[Transformation]) -> dict[str, str]:
    """What each option does, as far as it is told; one paragraph each.

    Read from ``field(metadata={"description": ...})``, else from the lines of the docstring, or of
    that of a class that it extends, that begin with the option's name and a colon.
    """
    classes = [base for base in cls.__mro__ if dataclasses.is_dataclass(base)]
    texts = [inspect.cleandoc(vars(base).get("__doc__") or "") for base in classes]
    text, told = "\n\n".join(texts), {}
    for name, option in fields_of(cls).items():
        found = re.search(rf"^{name}: (.*?)(?=\n\s*\n|\n\w+: |\Z)", text, re.DOTALL | re.MULTILINE)
        given = option.metadata.get("description") or (found[1] if found else "")
        told[name] = " ".join(str(given).split())
    return told


def fields_of(cls: type[Transformation]) -> dict[str, dataclasses.Field[Any]]:
    """The options of a transformation class, by name."""
    return {f.name: f for f in dataclasses.fields(cls) if f.init}  # type: ignore[arg-type]


def recorded_options(operator: Transformation) -> dict[str, object]:
    """Every option as plain JSON, as runs write it down; those of parts of compositions as tables.

    An option whose field has the metadata ``{"added": True}`` came after runs had been recorded. It
    is left out where it has its default, so that it changes no identity of an older run, and its
    default may therefore never change.
    """
    from pydantic_core import to_jsonable_python

    found: dict[str, object] = {}
    for name, option in fields_of(type(operator)).items():
        value = getattr(operator, name)
        if option.metadata.get("added") and value == option.default:
            continue
        part = isinstance(value, Transformation)
        found[name] = recorded_options(value) if part else to_jsonable_python(value)
    return found


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
    given = {name: _part(cls, name, value, spec) for name, value in options.items()}
    try:
        adapter: TypeAdapter[Transformation] = TypeAdapter(cls)
    except (PydanticUserError, NameError) as error:
        raise PluginError(
            f"transformation {spec!r}: its options cannot be read: {error}"
        ) from error
    try:
        who, ours = f"transformation {spec!r} raised", (GsmoothError, ValidationError)
        with users_code(who, PluginError, passing=ours):
            return adapter.validate_python(given)
    except ValidationError as error:
        first = error.errors()[0]
        path = ".".join(str(part) for part in first["loc"])
        # Without a path it is the class itself that refuses, in its own words.
        where = f"option {path}: " if path else ""
        told = first["msg"].removeprefix("Value error, ").removeprefix(f"{spec}: ")
        raise ConfigurationError(
            f"transformation {spec!r}: {where}{told}; given: {first['input']!r}"
        ) from error


def _part(cls: type[Transformation], name: str, value: object, spec: str) -> object:
    """The part of a composition that a table of options stands for; other values as they are."""
    kind = fields_of(cls)[name].type
    if not (isinstance(kind, type) and issubclass(kind, Transformation)):
        return value
    return build(kind, f"{spec}.{name}", value) if isinstance(value, Mapping) else value


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
