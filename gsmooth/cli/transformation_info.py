"""One transformation in detail, for people and for machines."""

from __future__ import annotations

import inspect
from dataclasses import MISSING, Field
from typing import TYPE_CHECKING, Any

from gsmooth.cli.capabilities import (
    CLAIMS,
    capabilities_shown,
    guarantee_of,
    hindrance_of,
    is_composition,
)
from gsmooth.cli.output import console
from gsmooth.transforms.base import Parameter, Transformation
from gsmooth.transforms.options import described, fields_of, fitting_laws

if TYPE_CHECKING:
    from gsmooth.transforms.registry import TransformationInfo

Class = type[Transformation]


def parameter_line(cls: Class, parameter: Parameter) -> str:
    """``variance [px^2] >= 0``, ``angle [deg], period 360``."""
    bound = " >= 0" if parameter.name in cls.one_sided else ""
    steps = f" in steps of {parameter.step:g}" if parameter.step else ""
    return f"{parameter.name} [{parameter.unit}]{bound}{steps}{_period(parameter)}"


def _period(parameter: Parameter) -> str:
    """``, period 360``; empty where there is none."""
    if isinstance(parameter.period, str):
        return f", period the image's {parameter.period}"
    return f", period {parameter.period:g}" if parameter.period else ""


def as_document(info: TransformationInfo) -> dict[str, Any]:
    """For ``--json``."""
    cls = info.cls
    return {
        "name": info.name,
        "summary": cls.summary,
        "parameters": [{**vars(p), "one_sided": p.name in cls.one_sided} for p in cls.parameters],
        "laws": list(fitting_laws(cls)),
        "claims": capabilities_shown(cls),
        "guarantee": guarantee_of(cls),
        "refused": hindrance_of(cls),
        "options": {
            name: {"type": type_of(field), "default": _plain(default_of(field)), "what": what}
            for name, field, what in _options(cls)
        },
        "package": info.package,
        "version": info.version,
    }


def print_info(info: TransformationInfo) -> None:
    """Name, text, parameters, laws, claims and options, each on lines of its own."""
    out, cls = console(), info.cls
    for line in _page(info):
        out.print(line, soft_wrap=True)
    if not _options(cls):
        out.print("options: none")


def _page(info: TransformationInfo) -> list[str]:
    cls = info.cls
    lines = [f"{info.name}: {cls.summary}" if cls.summary else info.name]
    # The class of a composition is made on the spot; nothing can be imported under its name.
    where = "" if is_composition(cls) else f" {info.version} ({cls.__module__}:{cls.__qualname__})"
    lines.append(f"package: {info.package}{where}")
    if text := inspect.cleandoc(vars(cls).get("__doc__") or ""):
        lines.append("\n" + "\n".join(f"  {line}".rstrip() for line in text.splitlines()) + "\n")
    lines.append("parameters:" if cls.parameters else "parameters: none; the region is an l2 ball")
    for parameter in cls.parameters:
        what = f": {parameter.description}" if parameter.description else ""
        lines.append(f"  {parameter_line(cls, parameter)}{what}")
    lines.append(f"laws: {', '.join(fitting_laws(cls)) or 'none fits'}")
    if hindrance := hindrance_of(cls):
        lines.append(f"refused as it stands: {hindrance}")
    claims = capabilities_shown(cls)
    proviso = ", if what is claimed holds (gsmooth check)" if claims else ""
    lines.append(f"guarantee: {guarantee_of(cls)}{proviso}")
    for claim, made in claims.items():
        lines.append(f"  {'claimed' if made else 'not claimed'}: {claim}: {CLAIMS[claim]}")
    for name, field, what in _options(cls):
        lines.append(f"option {name}: {type_of(field)} = {_shown(default_of(field))}")
        if what:
            lines.append(f"  {what}")
    return lines


def _options(cls: Class) -> list[tuple[str, Field[Any], str]]:
    """What users may set, and what it does; a composition's own fields are for programs."""
    told = described(cls)
    own = getattr(cls, "fields", ()) if is_composition(cls) else told
    return [(name, field, told[name]) for name, field in fields_of(cls).items() if name in own]


def type_of(option: Field[Any]) -> str:
    """The type of an option as its class writes it."""
    kind = option.type
    return kind if isinstance(kind, str) else getattr(kind, "__name__", str(kind))


def default_of(option: Field[Any]) -> Any:
    """The default of an option; MISSING where it has to be given."""
    if option.default_factory is not MISSING:
        return option.default_factory()
    return option.default


def _shown(default: object) -> str:
    return "(to be given)" if default is MISSING else repr(default)


def _plain(default: Any) -> Any:
    """As JSON holds it."""
    plain = default is None or isinstance(default, bool | int | float | str)
    return None if default is MISSING else default if plain else str(default)
