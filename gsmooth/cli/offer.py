"""One transformation in detail, for people and for machines."""

from __future__ import annotations

import inspect
from dataclasses import MISSING, Field
from typing import TYPE_CHECKING, Any, Final

from gsmooth.certificate import Guarantee
from gsmooth.cli.output import console
from gsmooth.errors import ConfigurationError
from gsmooth.options import described, fields_of, fitting_laws
from gsmooth.transformation import Parameter, Transformation

if TYPE_CHECKING:
    from gsmooth.registry import Offer

Class = type[Transformation]

CLAIMS: Final = {
    "orthogonal": "every T_theta is an orthogonal map or an affine isometry of z-space (T4)",
    "bounds": "the supremum over a region is bounded, not sampled",
    "exact": "the float64 error of the action is bounded (F1)",
    "still": "the supremum is bounded without noise on the parameters too (T = id)",
    "joins": "may be part of a composition, such as rotation+brightness (docs/compositions.md)",
    "originals": "the originals of an attacked image are enclosed (guarantee online)",
}


def claims_of(cls: Class) -> dict[str, bool]:
    """Which of CLAIMS the class makes; an option may still withdraw one."""
    same = not any(_own(cls, method) for method in ("attack", "lift", "readout"))
    # A finite set of attacks has nothing between them to bound.
    finite = bool(cls.parameters) and all(parameter.step for parameter in cls.parameters)
    return {
        "orthogonal": cls.orthogonal,
        "bounds": _own(cls, "derivative_bound") or same or finite,
        "exact": _own(cls, "action_error"),
        "still": _own(cls, "attack_derivative_bound") or finite,
        "joins": _own(cls, "flow") or _own(cls, "z_space"),
        "originals": _own(cls, "originals"),
    }


def guarantee_of(cls: Class) -> str:
    """What certificates say if all claims hold: individual where all of it is bounded."""
    claims = claims_of(cls)
    proved = claims["bounds"] and claims["exact"]
    return str(Guarantee.INDIVIDUAL if proved else Guarantee.HEURISTIC)


def hindrance_of(cls: Class) -> str:
    """Why a composition is refused, or can carry no noise, with the usual options; mostly empty."""
    from gsmooth.composition import Composition

    if not issubclass(cls, Composition) or any(map(_is_needed, fields_of(cls).values())):
        return ""
    try:
        return cls().no_action_because
    except ConfigurationError as error:
        return str(error)


def _is_needed(option: Field[Any]) -> bool:
    return option.default is MISSING and option.default_factory is MISSING


def parameter_line(cls: Class, parameter: Parameter) -> str:
    """``variance [px^2] >= 0``."""
    bound = " >= 0" if parameter.name in cls.one_sided else ""
    steps = f" in steps of {parameter.step:g}" if parameter.step else ""
    return f"{parameter.name} [{parameter.unit}]{bound}{steps}"


def as_document(offer: Offer) -> dict[str, Any]:
    """For ``--json``."""
    cls = offer.cls
    return {
        "name": offer.name,
        "summary": cls.summary,
        "parameters": [{**vars(p), "one_sided": p.name in cls.one_sided} for p in cls.parameters],
        "laws": list(fitting_laws(cls)),
        "claims": claims_of(cls),
        "guarantee": guarantee_of(cls),
        "refused": hindrance_of(cls),
        "options": {
            name: {"type": type_of(field), "default": _plain(default_of(field)), "what": what}
            for (name, field), what in zip(
                fields_of(cls).items(), described(cls).values(), strict=True
            )
        },
        "package": offer.package,
        "version": offer.version,
    }


def print_offer(offer: Offer) -> None:
    """Name, text, parameters, laws, claims and options, each on lines of its own."""
    out, cls = console(), offer.cls
    for line in _page(offer):
        out.print(line, markup=False, soft_wrap=True)
    if not fields_of(cls):
        out.print("options: none")


def _page(offer: Offer) -> list[str]:
    cls = offer.cls
    lines = [f"{offer.name}: {cls.summary}" if cls.summary else offer.name]
    lines.append(f"package: {offer.package} {offer.version} ({cls.__module__}:{cls.__qualname__})")
    if text := inspect.cleandoc(vars(cls).get("__doc__") or ""):
        lines.append("\n" + "\n".join(f"  {line}".rstrip() for line in text.splitlines()) + "\n")
    lines.append("parameters:" if cls.parameters else "parameters: none; the region is an l2 ball")
    for parameter in cls.parameters:
        what = f": {parameter.description}" if parameter.description else ""
        lines.append(f"  {parameter_line(cls, parameter)}{what}")
    lines.append(f"laws: {', '.join(fitting_laws(cls)) or 'none fits'}")
    if hindrance := hindrance_of(cls):
        lines.append(f"refused as it stands: {hindrance}")
    lines.append(f"guarantee: {guarantee_of(cls)}, if what is claimed holds (gsmooth check)")
    for claim, made in claims_of(cls).items():
        lines.append(f"  {'claimed' if made else 'not claimed'}: {claim}: {CLAIMS[claim]}")
    told = described(cls)
    for name, field in fields_of(cls).items():
        lines.append(f"option {name}: {type_of(field)} = {_shown(default_of(field))}")
        if told[name]:
            lines.append(f"  {told[name]}")
    return lines


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


def _own(cls: Class, method: str) -> bool:
    return getattr(cls, method) is not getattr(Transformation, method)
