"""Texts and axes for the size of certified regions; printed numbers are rounded inwards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, final

from gsmooth.runs.records.folder import Records
from gsmooth.runs.records.row import Row
from gsmooth.text.display import shortened
from gsmooth.theory.radii import round_down
from gsmooth.transforms.base import Parameter
from gsmooth.transforms.region import Region

_SIGNS = {"deg": "°"}


AxisKind = Literal["parameter", "l2", "fraction"]


@final
@dataclass(frozen=True)
class Axis:
    """The axis of a curve.

    Args:
        label: Name of the axis.
        unit: Unit of the axis.
        end: Number of units for the fraction 1 of the region.
        names: Parameters that move along it; none for an l2 radius or a fraction.
        kind: ``parameter``, ``l2``, or ``fraction`` of a region that no one number describes.
    """

    label: str
    unit: str
    end: float
    names: tuple[str, ...] = ()
    kind: AxisKind = "parameter"


def about_preimages(records: Records) -> bool:
    """Return True for an online run: images are attacked, and certificates are about originals."""
    rule = records.header.config.get("certify")
    return isinstance(rule, Mapping) and rule.get("guarantee") == "online"


def axis_of(records: Records) -> Axis:
    """Return the axis of a run: the angle, shift or l2 radius of its region, or else fractions."""
    region = records.rows[0].region
    names = [
        _name(p) for p, end in zip(records.header.parameters, region.upper, strict=False) if end
    ]
    if common := _common_end(region, records.header.parameters):
        end, unit = common
        what = "every original by" if about_preimages(records) else "every"
        return Axis(
            f"{what} {' and '.join(names)} within ± ({shortened(unit) or 'no unit'})",
            unit,
            end,
            tuple(names),
        )
    if region.l2 > 0.0 and not any(_scaled_ends(region)):
        # T7: parameters with Haar noise stay as they are when the region is scaled.
        first = f"every {' and '.join(names)} of the region, and " if names else ""
        return Axis(f"{first}every l2 perturbation below", "", region.l2, kind="l2")
    return Axis("fraction of the region", "", 1.0, kind="fraction")


def asked_for(records: Records) -> str:
    """Return the region of a run as a text, e.g. ``angle ±30°, float image``."""
    return describe(records.rows[0].claim.region, records.header.parameters)


def verdict_of(row: Row, parameters: tuple[Parameter, ...], online: bool = False) -> str:
    """Return the verdict of a row: ``certified to ±30°, float image``, or ``abstained: futile``.

    Args:
        row: The row.
        parameters: Parameters of the transformation.
        online: True for a run about originals: ``originals to ±30°, float image``.
    """
    if row.certified_region is None:
        return f"abstained: {row.decision.reason}"
    return certified_text(row.certified_region, parameters, online)


def certified_text(region: Region, parameters: tuple[Parameter, ...], online: bool = False) -> str:
    """Return ``certified to ±30°, float image``; see :func:`verdict_of`."""
    text = describe(region, parameters)
    moving = [p for p, end in zip(parameters, region.upper, strict=False) if end]
    if len(moving) == 1 and region.l2 == 0.0:
        text = text.removeprefix(f"{_name(moving[0])} ")
    return f"{'originals' if online else 'certified'} to {text}"


def describe(region: Region, parameters: tuple[Parameter, ...]) -> str:
    """Describe a region in a few words, with the form of the attacked image at the end.

    F4: a printed bound is rounded to the side on which it still holds, here towards 0.

    Args:
        region: The region.
        parameters: Parameters of the transformation.
    """
    parts = [
        _interval(low, high, parameters[i] if i < len(parameters) else Parameter(f"theta{i}", ""))
        for i, (low, high) in enumerate(zip(region.lower, region.upper, strict=True))
        if low or high
    ]
    if region.l2 > 0.0 or not parts:
        parts.append(f"l2 < {_number(region.l2, 3)}")
    return ", ".join([*parts, handed_in(region)])


def handed_in(region: Region) -> str:
    """Return the form of the attacked image: ``rounded to 8 bits`` or ``float image``."""
    return f"rounded to {region.bits} bits" if region.bits else "float image"


def at(theta: tuple[float, ...], parameters: tuple[Parameter, ...]) -> str:
    """Return parameter values for a caption, e.g. ``−12.5°``, without units of several words."""
    told = [parameters[i].unit if i < len(parameters) else "" for i in range(len(theta))]
    units = ["" if " " in unit else unit for unit in told]
    texts = [f"{value:+.3g}{unit_text(unit)}" for value, unit in zip(theta, units, strict=True)]
    texts = [text.replace(" ", "\u00a0") for text in texts]  # No line break before a unit.
    return ", ".join(texts).replace("-", "−")


def _scaled_ends(region: Region) -> Iterator[float]:
    for axis, ends in enumerate(zip(region.lower, region.upper, strict=True)):
        if axis not in region.whole:
            yield from ends


def _common_end(region: Region, parameters: tuple[Parameter, ...]) -> tuple[float, str] | None:
    """(end, unit) if all parameters have the same symmetric range, and nothing else moves."""
    if region.l2 > 0.0 or len(parameters) != region.dimensions:
        return None
    found = {
        (high, parameter.unit) if low == -high else None
        for low, high, parameter in zip(region.lower, region.upper, parameters, strict=True)
        if low or high
    }
    return found.pop() if len(found) == 1 else None


def _interval(low: float, high: float, parameter: Parameter) -> str:
    unit = unit_text(parameter.unit)
    if low == -high:
        return f"{_name(parameter)} ±{_number(high)}{unit}"
    start = f"−{_number(-low)}" if low else "0"
    return f"{_name(parameter)} {start}{unit} to {_number(high)}{unit}"


def _number(value: float, digits: int = 2) -> str:
    return f"{round_down(value, digits):.{digits}f}".rstrip("0").rstrip(".")


def unit_text(unit: str) -> str:
    """Return a unit as it follows a number, e.g. ``°`` or `` px``; "" without a unit."""
    return _SIGNS.get(unit, f" {shortened(unit)}" if unit else "")


def _name(parameter: Parameter) -> str:
    """Return a parameter's name, shortened and escaped: records may contain any text."""
    return shortened(parameter.name)
