"""transformation_checks: the list of checks that a transformation has to pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final
from unittest import SkipTest

from gsmooth.errors import ConfigurationError
from gsmooth.region import Region
from gsmooth.spelling import did_you_mean
from gsmooth.testing import action, attack, frames, manners, originals, slopes, supremum
from gsmooth.testing.subject import Act, Subject
from gsmooth.transformation import Transformation

Check = Callable[[], None]
Body = Callable[[Subject], None]

EVERY: Final[tuple[Body, ...]] = (
    action.action_at_zero_is_identity,
    action.action_obeys_composition_law,
    action.parameters_commute,
    action.action_preserves_distances,
    action.action_error_bounds_rounding,
    manners.rows_are_independent,
    manners.inputs_are_untouched,
    manners.dtype_and_device_are_kept,
    manners.results_are_deterministic,
    frames.lift_is_linear,
    frames.lift_norm_bounds_lift,
    frames.readout_has_the_image_shape,
    attack.attack_at_zero_is_identity,
    attack.attack_is_differentiable,
    attack.action_follows_attack,
    slopes.derivative_bound_holds,
    slopes.curvature_bound_holds,
    slopes.attack_derivative_bound_holds,
    slopes.attack_curvature_bound_holds,
    supremum.certified_supremum_holds,
    supremum.still_supremum_holds,
    supremum.margins_grow_with_the_region,
    supremum.profiles_hold_on_every_part,
    originals.originals_are_enclosed,
)
_MOVING: Final = (
    attack.action_follows_attack,
    slopes.derivative_bound_holds,
    slopes.curvature_bound_holds,
    slopes.attack_derivative_bound_holds,
    slopes.attack_curvature_bound_holds,
    supremum.certified_supremum_holds,
    supremum.still_supremum_holds,
    supremum.margins_grow_with_the_region,
    supremum.profiles_hold_on_every_part,
    originals.originals_are_enclosed,
)


_ACTING: Final = (
    action.action_at_zero_is_identity,
    action.action_obeys_composition_law,
    action.parameters_commute,
    action.action_preserves_distances,
    action.action_error_bounds_rounding,
    attack.action_follows_attack,
    slopes.derivative_bound_holds,
    slopes.curvature_bound_holds,
    supremum.certified_supremum_holds,
    supremum.profiles_hold_on_every_part,
)


def transformation_checks(
    transformation: Transformation,
    *,
    shape: tuple[int, int, int] = (1, 16, 16),
    region: Region | None = None,
    examples: int = 25,
    derandomize: bool | None = None,
    exact: Act | None = None,
    exempt: Mapping[str, str] | None = None,
) -> list[Check]:
    """Named functions without arguments, one a promise; each raises AssertionError if it is broken.

    For ``pytest.mark.parametrize("check", transformation_checks(Volume()))``. Hypothesis searches,
    shrinks and prints the counterexample.

    shape: of the images (C, H, W). region: a box of parameters as wide as certificates will ask
    for, by default one unit to both sides. examples: tries a check; slow ones take a fraction.
    derandomize: the same tries each time. exact: T_theta z computed independently, in higher
    precision, for the check of action_error. exempt: check name -> reason; the check is skipped
    and the reason printed. ConfigurationError for an unknown name or an empty reason.

    A promise that is not made (an action, orthogonality, a derivative bound, ...) is not held
    against it: what does not apply is left out, and what the code must be asked for is skipped
    with a reason.
    """
    reasons = dict(exempt or {})
    _check_exemptions(reasons)
    ones = (1.0,) * len(transformation.parameters)
    box = region or Region(tuple(-one for one in ones), ones)
    if box.dimensions != len(ones):
        raise ConfigurationError(
            f"checks: a region of {box.dimensions} intervals for the {len(ones)} parameters of"
            f" {transformation.name}; give one interval a parameter"
        )
    bound = transformation.for_shape(shape)
    subject = Subject(bound, shape, box, examples, derandomize, exact)
    return [
        _exempted(body, reasons[body.__name__])
        if body.__name__ in reasons
        else _bound(body, subject)
        for body in EVERY
        if body.__name__ in reasons or _applies(body, subject)
    ]


def _applies(body: Body, subject: Subject) -> bool:
    if body in _ACTING and not subject.transformation.has_action:
        return False
    if body is action.parameters_commute:
        return subject.dimensions > 1
    if body is action.action_preserves_distances:
        return subject.transformation.orthogonal
    return subject.dimensions > 0 or body not in _MOVING


def _bound(body: Body, subject: Subject) -> Check:
    name = body.__name__

    def check() -> None:
        try:
            body(subject)
        except SkipTest:
            raise
        except Exception as fault:
            raise AssertionError(_complaint(name, subject, fault)) from fault

    return _named(check, body)


def _complaint(name: str, subject: Subject, fault: Exception) -> str:
    kind = "" if isinstance(fault, AssertionError) else f"{type(fault).__name__}: "
    notes = getattr(fault, "__notes__", [])
    return "\n".join([f"{name}: {subject.transformation}: {kind}{fault}", *notes])


def _exempted(body: Body, reason: str) -> Check:
    def check() -> None:
        raise SkipTest(f"{body.__name__} is exempted: {reason}")

    return _named(check, body)


def _named(check: Check, body: Body) -> Check:
    check.__name__ = check.__qualname__ = body.__name__
    check.__doc__ = body.__doc__
    return check


def _check_exemptions(reasons: Mapping[str, str]) -> None:
    known = [body.__name__ for body in EVERY]
    for name, reason in reasons.items():
        if name not in known:
            hint = did_you_mean(name, known)
            raise ConfigurationError(
                f"exempt: {name!r} is no check; known: {', '.join(known)}{hint}"
            )
        if not reason.strip():
            raise ConfigurationError(f"exempt: give the reason why {name} need not hold")
