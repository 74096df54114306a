"""Generation of Python code that repeats a counterexample."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Final

from gsmooth.testing.derivative_checks import Cell
from gsmooth.testing.images import Point, SampleImage
from gsmooth.testing.settings import KIT
from gsmooth.testing.transformation_under_test import Falsified, TransformationUnderTest
from gsmooth.transforms.region import Region

_HOMES: Final[Mapping[type, str]] = {
    Region: "gsmooth",
    Cell: "gsmooth.testing",
    SampleImage: "gsmooth.testing",
    Point: "gsmooth.testing",
}


def code_for(check: str, subject: TransformationUnderTest, fault: Exception) -> str:
    """Return a program that repeats the failure ``fault`` of a check."""
    values: dict[str, object] = fault.values if isinstance(fault, Falsified) else {}
    told: dict[str, str] = {"shape": repr(subject.shape), "region": _region(subject.region)}
    if subject.exact is not None:
        told["exact"] = subject.exact.__name__
    if subject.given_laws:
        told["laws"] = repr(subject.given_laws)
    if subject.seed is not None:
        told["seed"] = repr(subject.seed)
    if subject.spread != KIT.subject.spread:
        told["spread"] = repr(subject.spread)
    told |= {name: repr(value) for name, value in values.items()}
    arguments = [repr(check), _built(subject.transformation)]
    arguments += [f"{name}={value}" for name, value in told.items()]
    used = [subject.transformation, subject.region, *subject.given_laws, *values.values()]
    lines = _imports([*map(type, used), *([subject.exact] if subject.exact is not None else [])])
    return "\n".join([*lines, "", "repeat(", *(f"    {part}," for part in arguments), ")"])


def _imports(things: Iterable[object]) -> list[str]:
    wanted = {"gsmooth.testing": {"repeat"}}
    local = []
    for thing in things:
        home = str(getattr(thing, "__module__", "builtins"))
        if isinstance(thing, type):
            home = _HOMES.get(thing, home)
        name = str(getattr(thing, "__qualname__", thing))
        if "<locals>" in name:
            local.append(f"# {name.rpartition('.')[2]} is local: run this where it is defined.")
        elif home != "builtins":
            wanted.setdefault(home, set()).add(name.partition(".")[0])
    lines = [f"from {home} import {', '.join(sorted(wanted[home]))}" for home in sorted(wanted)]
    return [*lines, *dict.fromkeys(local)]


def _built(transformation: object) -> str:
    """Return the call that builds the transformation, without options at their defaults."""
    name = type(transformation).__qualname__.rpartition("<locals>.")[2]
    if not dataclasses.is_dataclass(transformation):
        return f"{name}()"
    given = [
        f"{field.name}={value!r}"
        for field in dataclasses.fields(transformation)
        if field.init and (value := getattr(transformation, field.name)) != field.default
    ]
    return f"{name}({', '.join(given)})"


def _region(region: Region) -> str:
    ends = f"Region({region.lower}, {region.upper}"
    extra = f", l2={region.l2}" if region.l2 else ""
    return f"{ends}{extra}{f', bits={region.bits}' if region.bits else ''})"
