"""The list of all checks, and the conditions under which each applies to a transformation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final
from unittest import SkipTest

from gsmooth.testing import (
    action,
    adversary,
    attack,
    composition_checks,
    derivative_checks,
    frames,
    laws,
    oracle,
    preimages,
    recurrence,
    supremum,
    tensor_contract,
    visible,
)
from gsmooth.testing.transformation_under_test import TransformationUnderTest

Body = Callable[[TransformationUnderTest], None]

_ACTION: Final[tuple[Body, ...]] = (
    action.action_at_zero_is_identity,
    action.action_obeys_composition_law,
    action.inverse_undoes_the_action,
    action.parameters_commute,
    action.action_preserves_distances,
    action.action_never_lengthens,
    action.lipschitz_bound_holds,
    action.periods_are_those_of_the_action,
    action.action_error_bounds_rounding,
)
_MANNERS: Final[tuple[Body, ...]] = (
    tensor_contract.rows_are_independent,
    tensor_contract.inputs_are_untouched,
    tensor_contract.dtype_and_device_are_kept,
    tensor_contract.results_are_deterministic,
    frames.lift_is_linear,
    frames.normalization_follows_the_linear_lift,
    frames.lift_norm_bounds_lift,
    frames.rounding_norm_bounds_lift,
    frames.readout_has_the_image_shape,
)
_ATTACK: Final[tuple[Body, ...]] = (
    attack.attack_at_zero_is_identity,
    attack.attack_is_differentiable,
    attack.attack_keeps_the_range,
    attack.action_follows_attack,
)
_BOUNDS: Final[tuple[Body, ...]] = (
    derivative_checks.derivative_bound_holds,
    derivative_checks.curvature_bound_holds,
    derivative_checks.attack_derivative_bound_holds,
    derivative_checks.attack_curvature_bound_holds,
    derivative_checks.chord_bound_holds,
    derivative_checks.patch_bound_holds,
    recurrence.pulled_back_image_recurs,
    supremum.certified_supremum_holds,
    supremum.identity_supremum_holds,
    supremum.margins_grow_with_the_region,
    supremum.profiles_hold_on_every_part,
    preimages.preimages_are_enclosed,
    visible.votes_read_no_more_than_is_visible,
)
_COMPANIONS: Final[tuple[Body, ...]] = (
    composition_checks.named_action_is_linear,
    composition_checks.fixed_part_stays,
    composition_checks.action_derivative_bounds_motion,
    composition_checks.exact_attack_is_the_action,
    composition_checks.affine_intensity_is_the_attack,
)
_LAWS: Final[tuple[Body, ...]] = (
    laws.law_samples_match_their_distribution,
    laws.haar_noise_is_that_of_the_group,
    laws.law_shares_hold_for_half_lines,
    laws.radius_grows_with_the_share,
    laws.radius_is_zero_at_one_half,
    laws.radius_is_linear_in_the_scale,
)
_VOTES: Final[tuple[Body, ...]] = (
    oracle.votes_match_the_exact_share,
    oracle.certificates_approach_the_truth_from_below,
    adversary.attacks_never_beat_certificates,
)
ONCE: Final = (*_LAWS, *_VOTES)
"""Checks for one shape and region only: laws do not depend on these, and votes take long."""
EVERY: Final = (*_ACTION, *_MANNERS, *_ATTACK, *_BOUNDS, *_COMPANIONS, *_LAWS, *_VOTES)

_MOVING: Final = (attack.action_follows_attack, *_BOUNDS)
_ACTING: Final = (
    *_ACTION,
    attack.action_follows_attack,
    *_COMPANIONS[:4],
    derivative_checks.derivative_bound_holds,
    derivative_checks.curvature_bound_holds,
    derivative_checks.chord_bound_holds,
    derivative_checks.patch_bound_holds,
    recurrence.pulled_back_image_recurs,
    supremum.certified_supremum_holds,
    supremum.profiles_hold_on_every_part,
)
_SAMPLED: Final = (laws.law_samples_match_their_distribution, laws.law_shares_hold_for_half_lines)


# These checks raise SkipTest before their search if the transformation does not make the claim.
_CLAIMED: Final = (
    action.lipschitz_bound_holds,
    action.periods_are_those_of_the_action,
    action.action_error_bounds_rounding,
    attack.attack_keeps_the_range,
    frames.rounding_norm_bounds_lift,
    preimages.preimages_are_enclosed,
    supremum.certified_supremum_holds,
    supremum.identity_supremum_holds,
    supremum.profiles_hold_on_every_part,
    visible.votes_read_no_more_than_is_visible,
    *_COMPANIONS,
    *_BOUNDS[:6],
    laws.haar_noise_is_that_of_the_group,
    laws.law_shares_hold_for_half_lines,
)


def inapplicable(body: Body, subject: TransformationUnderTest) -> str | None:
    """Return the reason why a check does not apply; None if it applies."""
    operator = subject.transformation
    if body in _ACTING and not operator.has_action:
        told = operator.no_action_because
        return "there is no action with these options" + (f": {told}" if told else "")
    if body in _SAMPLED and not (subject.moves and subject.dimensions):
        return "there is no noise on parameters"
    if subject.dimensions == 0 and body in _MOVING:
        return "there are no parameters"
    if body is action.parameters_commute and subject.dimensions < 2:
        return "there is at most one parameter"
    if body is action.parameters_commute and not operator.additive:
        return "nothing is claimed: the group has a product of its own"
    if body is action.inverse_undoes_the_action and operator.additive:
        return "nothing is claimed beyond T_a T_b = T_(a+b)"
    if body is action.action_preserves_distances and not operator.orthogonal:
        return "nothing is claimed: orthogonal is False"
    if body is action.action_never_lengthens and not operator.nonexpansive:
        return "nothing is claimed: nonexpansive is False"
    if body is attack.action_follows_attack and any(subject.one_way):
        return "T_(-theta) does not exist: a parameter is one-sided"
    return _unclaimed(body, subject) if body in _CLAIMED else None


def _unclaimed(body: Body, subject: TransformationUnderTest) -> str | None:
    """Return the reason with which a check skips before its search; None if it does not skip."""
    try:
        body(replace(subject, asking=True))
    except SkipTest as reason:
        return str(reason)
    except Exception:  # Reached, or a fault that the check itself will report.
        return None
    return None
