"""Checks of the action T: the laws that smoothing over parameters needs."""

from __future__ import annotations

import torch
from hypothesis import strategies as st
from torch import Tensor

from gsmooth.testing.images import Point, points
from gsmooth.testing.settings import KIT
from gsmooth.testing.transformation_under_test import Theta, TransformationUnderTest, near, no_claim
from gsmooth.transforms.bounds import TransformationBounds


def action_at_zero_is_identity(subject: TransformationUnderTest) -> None:
    """T_0 z = z."""

    def example(point: Point) -> None:
        z = point.tensor(subject.size)
        near(subject.act(z, (0.0,) * subject.dimensions), z, _scale(z), "T_0 z is not z")

    subject.search(example, point=points())


def action_obeys_composition_law(subject: TransformationUnderTest) -> None:
    """T_a T_b z = T_(a+b) z: T2 and T4 need it, where an attack shifts the noise on theta.

    T7 needs it as well, with the group's own product in the place of a + b where it has one.
    """

    def example(point: Point, a: Theta, b: Theta) -> None:
        z = point.tensor(subject.size)
        once = subject.act(z, b)
        both = subject.product(a, b)
        twice, direct = subject.act(once, a), subject.act(z, both)
        scale = _scale(z, once, twice, direct)
        what = "T_(a+b) z" if subject.transformation.additive else f"that of their product {both}"
        near(twice, direct, scale, f"T_a T_b z is not {what} at a={a}, b={b}")

    subject.search(example, point=points(), a=subject.thetas(), b=subject.thetas())


def inverse_undoes_the_action(subject: TransformationUnderTest) -> None:
    """T_a' T_a z = z, a' the inverse of a: covers pull attacked images back with it (T7)."""

    def example(point: Point, a: Theta) -> None:
        z = point.tensor(subject.size)
        moved, back = subject.act(z, a), subject.inverse(a)
        again = subject.act(moved, back)
        near(again, z, _scale(z, moved), f"T_{back} does not undo T_a at a={a}")

    subject.search(example, point=points(), a=subject.thetas())


def parameters_commute(subject: TransformationUnderTest) -> None:
    """Actions of two parameters commute: either order gives the same z."""
    axes = st.sampled_from([(i, i + 1) for i in range(subject.dimensions - 1)])

    def example(point: Point, theta: Theta, pair: tuple[int, int]) -> None:
        z = point.tensor(subject.size)
        first, second = (_only(theta, axis) for axis in pair)
        one = subject.act(subject.act(z, first), second)
        other = subject.act(subject.act(z, second), first)
        near(one, other, _scale(z, one, other), f"{first} and {second} do not commute")

    subject.search(example, point=points(), theta=subject.thetas(), pair=axes)


def action_preserves_distances(subject: TransformationUnderTest) -> None:
    """||T z - T y|| = ||z - y||, and T preserves inner products of differences, as T4 needs.

    T4: with an isometric action, a residual has the same norm at all parameters. Orthogonal maps
    are isometries, and so are affine ones such as a shift of brightness.
    """

    def example(point: Point, theta: Theta) -> None:
        y, z = (point.tensor(subject.size, rows=2)[row : row + 1] for row in (0, 1))
        origin = torch.zeros_like(z)
        moved_origin, moved_y, moved_z = (subject.act(v, theta) for v in (origin, y, z))
        one, other = moved_y - moved_origin, moved_z - moved_origin
        scale = _scale(y, z, one, other) * _scale(y, z)
        for found, expected, what in (
            (one @ one.T, y @ y.T, "squared distance"),
            (other @ other.T, z @ z.T, "squared distance"),
            (one @ other.T, y @ z.T, "inner product"),
        ):
            near(found, expected, scale, f"orthogonal is claimed, but T_{theta} changes a {what}")

    subject.search(example, point=points(), theta=subject.thetas())


def action_never_lengthens(subject: TransformationUnderTest) -> None:
    """||T z - T y|| <= ||z - y||: noise on theta does not enlarge residuals (T5)."""

    def example(point: Point, theta: Theta) -> None:
        y, z = (point.tensor(subject.size, rows=2)[row : row + 1] for row in (0, 1))
        before, after = _gap(y, z), _gap(subject.act(y, theta), subject.act(z, theta))
        assert after <= before + KIT.tolerance.action * _scale(y, z), (
            f"nonexpansive is claimed, but T_{theta} takes points {before:.6g} apart to {after:.6g}"
        )

    subject.search(example, point=points(), theta=subject.thetas())


def lipschitz_bound_holds(subject: TransformationUnderTest) -> None:
    """||T z - T y|| <= lipschitz_bound ||z - y||: by so much residuals may grow (T5)."""
    if subject.transformation.bounds_class.lipschitz_bound is TransformationBounds.lipschitz_bound:
        raise no_claim(
            "lipschitz_bound follows from orthogonal or nonexpansive, which have their own checks"
        )
    if subject.transformation.bounds.lipschitz_bound(subject.reach) is None:
        raise no_claim("lipschitz_bound is None, and residuals make certificates heuristic")

    def example(point: Point, theta: Theta) -> None:
        y, z = (point.tensor(subject.size, rows=2)[row : row + 1] for row in (0, 1))
        claimed = subject.transformation.bounds.lipschitz_bound(
            tuple(abs(value) for value in theta)
        )
        assert claimed is not None, f"lipschitz_bound answers at first and is None at theta={theta}"
        before, after = _gap(y, z), _gap(subject.act(y, theta), subject.act(z, theta))
        assert after <= claimed * before + KIT.tolerance.action * _scale(y, z), (
            f"T_{theta} takes points {before:.6g} apart to {after:.6g}, stretch claims a factor of"
            f" {claimed:.6g} at most"
        )

    subject.search(example, point=points(), theta=subject.thetas())


def periods_are_those_of_the_action(subject: TransformationUnderTest) -> None:
    """T_(theta + period) = T_theta, and T is an isometry along parameters with a period (T7).

    T7: uniform noise on the whole period makes such a parameter free. With a period that is none,
    or with an action that changes lengths, the statement is false.
    """
    periods = subject.transformation.periods(subject.shape)
    axes = [axis for axis, period in enumerate(periods) if period]
    if not axes:
        raise no_claim("no parameter has a period, and Haar noise is refused")
    names = [parameter.name for parameter in subject.transformation.parameters]

    def example(point: Point, theta: Theta, axis: int, turns: int) -> None:
        y, z = (point.tensor(subject.size, rows=2)[row : row + 1] for row in (0, 1))
        added = tuple(turns * periods[a] * (a == axis) for a in range(subject.dimensions))
        here, again = subject.act(z, theta), subject.act(z, _sum(theta, added))
        scale = _scale(z, here) * (1.0 + abs(turns))
        near(again, here, scale, f"{names[axis]}: {turns} periods of {periods[axis]:g} change T z")
        alone = _only(theta, axis)
        before, after = _gap(y, z), _gap(subject.act(y, alone), subject.act(z, alone))
        assert abs(after - before) <= KIT.tolerance.action * _scale(y, z), (
            f"{names[axis]} has a period, which is for isometries, but T takes points {before:.6g}"
            f" apart to {after:.6g} at {alone}"
        )

    turns = st.sampled_from([1, -1, 2])
    subject.search(
        example,
        point=points(),
        theta=subject.thetas(),
        axis=st.sampled_from(axes),
        turns=turns,
    )


def action_error_bounds_rounding(subject: TransformationUnderTest) -> None:
    """action_error bounds the errors of T_theta z by rounding and by an offset of theta (F1).

    F1: certificates add this bound to every margin. The error is measured against an exact action,
    if one is given. Otherwise T_a T_b z is compared with T_(a+b) z: in real arithmetic they are
    equal, so their difference is at most three errors.
    """
    identity_action = (0.0,) * subject.dimensions
    if (
        subject.transformation.bounds.action_error(
            torch.zeros(1, subject.size, dtype=torch.float64, device="cpu"),
            identity_action,
            identity_action,
        )
        is None
    ):
        raise no_claim("action_error is None, and certificates are heuristic")

    def example(point: Point, a: Theta, b: Theta) -> None:
        z = point.tensor(subject.size)
        # On a coarse grid of dyadic numbers a + b is exact, so only the action rounds.
        a, b = _dyadic(a, subject.reach), _dyadic(b, subject.reach)
        total = subject.product(a, b)
        # Also in a batch of equal rows, where other code may run.
        direct, once = subject.act(z.repeat(KIT.action.rows, 1), total)[-1:], subject.act(z, b)
        claimed = _claim(subject, z, total)
        if subject.exact is not None:
            _below(_gap(direct, subject.exact(z, *total)), claimed, f"T z at theta={total}")
        path = claimed + _claim(subject, z, b) + _claim(subject, once, a)
        _below(_gap(subject.act(once, a), direct), path, f"T_a T_b z at a={a}, b={b}")
        offset = _offset(subject)
        moved = subject.act(z, subject.whole(_sum(total, offset)))
        allowed = _claim(subject, z, total, offset) + claimed
        _below(_gap(moved, direct), allowed, f"theta={total} moved by {offset}")

    far = subject.thetas(farther=KIT.action.farther)
    subject.search(example, point=points(), a=far, b=far)


def _offset(subject: TransformationUnderTest) -> Theta:
    """A small error of every parameter; whole numbers have none."""
    every = zip(subject.transformation.parameters, subject.reach, strict=True)
    return tuple(0.0 if parameter.whole else 2.0**-30 * reach for parameter, reach in every)


def _claim(
    subject: TransformationUnderTest, z: Tensor, theta: Theta, offset: Theta | None = None
) -> float:
    reach = tuple(abs(value) for value in theta)
    claimed = subject.transformation.bounds.action_error(z, reach, offset or (0.0,) * len(theta))
    assert claimed is not None, f"action_error answers at first and None at reach={reach}"
    return claimed


def _below(error: float, claimed: float, what: str) -> None:
    assert error <= claimed, f"{what}: off by {error:.3g}, action_error claims {claimed:.3g}"


def _gap(one: Tensor, other: Tensor) -> float:
    return float((one - other).norm())


def _dyadic(theta: Theta, reach: Theta) -> Theta:
    cells = [
        torch.tensor(bound, dtype=torch.float64, device="cpu").frexp().exponent.item() - 12
        for bound in reach
    ]
    return tuple(
        round(value / 2.0**cell) * 2.0**cell for value, cell in zip(theta, cells, strict=True)
    )


def _sum(a: Theta, b: Theta) -> Theta:
    return tuple(x + y for x, y in zip(a, b, strict=True))


def _only(theta: Theta, axis: int) -> Theta:
    return tuple(value if place == axis else 0.0 for place, value in enumerate(theta))


def _scale(*tensors: Tensor) -> float:
    return 1.0 + max(float(tensor.norm()) for tensor in tensors)
