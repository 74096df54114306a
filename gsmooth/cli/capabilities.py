"""What a transformation class claims, and what certificates say if all of it holds."""

from __future__ import annotations

from dataclasses import MISSING, Field
from typing import Any, Final

from gsmooth.certificate import Guarantee
from gsmooth.errors import ConfigurationError, PluginError
from gsmooth.transforms.base import Transformation
from gsmooth.transforms.bounds import TransformationBounds
from gsmooth.transforms.options import fields_of

Class = type[Transformation]

CLAIMS: Final = {
    "orthogonal": "every T_theta is an orthogonal map or an affine isometry of z-space (T4)",
    "bounds": "the supremum over a region is bounded, not sampled",
    "exact": "the float64 error of the action is bounded (F1)",
    "identity_action": "the supremum is bounded without noise on the parameters too (T = id)",
    "joins": "may be part of a composition, such as rotation+brightness (docs/compositions.md)",
    "preimages": "the originals of an attacked image are enclosed (guarantee online)",
}
TRIED: Final = ((1, 16, 16), (3, 16, 16))
"""Sizes of the blank image that compositions are asked about: the first that all parts take."""


def is_composition(cls: Class) -> bool:
    """Whether the class is a composition of several transformations."""
    from gsmooth.transforms.composition import Composition  # It needs torch.

    return issubclass(cls, Composition)


def capabilities_shown(cls: Class) -> dict[str, bool]:
    """Which of CLAIMS the class makes; an option may still withdraw one.

    Those of a composition are computed for a blank image, with its parts' default options; there
    are none where a part needs options. ConfigurationError where the composition is refused.
    """
    if is_composition(cls):
        return {} if needs_options(cls) else _claims_together(cls)
    same = not any(_own(cls, method) for method in ("attack", "lift", "readout"))
    # A finite set of attacks has nothing between them to bound.
    finite = bool(cls.parameters) and all(parameter.step for parameter in cls.parameters)
    return {
        "orthogonal": cls.orthogonal,
        "bounds": _bounds(cls, "derivative_bound") or same or finite,
        "exact": _bounds(cls, "action_error"),
        "identity_action": _bounds(cls, "attack_derivative_bound") or finite,
        "joins": _own(cls, "affine_intensity") or _own(cls, "z_space"),
        "preimages": _bounds(cls, "preimages"),
    }


def guarantee_of(cls: Class) -> str:
    """What certificates say if all claims hold: individual where all of it is bounded."""
    claims = capabilities_shown(cls)
    if not claims:
        return "depends on its options"
    proved = claims["bounds"] and claims["exact"]
    return str(Guarantee.INDIVIDUAL if proved else Guarantee.HEURISTIC)


def hindrance_of(cls: Class) -> str:
    """Why noise on all parameters of a composition would not compose; mostly empty."""
    if not is_composition(cls) or needs_options(cls):
        return ""
    return cls().no_action_because


def needs_options(cls: Class) -> bool:
    """Whether an option has no default."""
    return any(map(_is_needed, fields_of(cls).values()))


def _claims_together(cls: Class) -> dict[str, bool]:
    from gsmooth.runs.records.capabilities import capabilities_of  # It needs torch.

    built, shape = _for_some_size(cls())
    noisy = capabilities_of(_noisy(built), shape)
    return {
        "orthogonal": noisy.orthogonal,
        "bounds": noisy.derivative_bound,
        "exact": noisy.action_error,
        "identity_action": capabilities_of(built, shape, identity_action=True).derivative_bound,
        "preimages": noisy.preimages,
    }


def _for_some_size(built: Transformation) -> tuple[Transformation, tuple[int, int, int]]:
    """The transformation for the first size of TRIED that it accepts.

    ConfigurationError or PluginError, that of the first size, if it accepts none.
    """
    from gsmooth.runs.smoke_test import smoke_tested

    faults = []
    for shape in TRIED:
        try:
            return smoke_tested(built, shape), shape
        except (ConfigurationError, PluginError) as error:
            faults.append(error)
    raise faults[0]


def _noisy(built: Transformation) -> Transformation:
    """``built``, or, where not all of its parameters can carry noise, all but one that can."""
    for parameter in () if built.has_action else built.parameters:
        try:
            rested = built.without_noise((parameter.name,))
        except ConfigurationError:
            continue
        if rested.has_action:
            return rested
    return built


def _is_needed(option: Field[Any]) -> bool:
    return option.default is MISSING and option.default_factory is MISSING


def _own(cls: Class, method: str) -> bool:
    return getattr(cls, method) is not getattr(Transformation, method)


def _bounds(cls: Class, method: str) -> bool:
    return getattr(cls.bounds_class, method) is not getattr(TransformationBounds, method)
