"""Checks of smoothing laws: their samples, and their relation of vote shares to radii."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, Final

import numpy as np
import torch
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from gsmooth.sampling.noise import CHUNK, Draws, SampleKey, Stream
from gsmooth.testing.settings import KIT
from gsmooth.testing.transformation_under_test import Theta, TransformationUnderTest, no_claim
from gsmooth.theory.laws import GridUniformLaw, HaarLaw, Law, ProductLaw

Floats = NDArray[np.float64]

LADDER: Final = 1.0 - np.geomspace(1.0, 1e-9, 129)
"""Shares from 0 to almost 1."""

# Distributions by name: another implementation of a law is compared with the same distribution.
_DISTRIBUTIONS: Final[Mapping[str, Callable[[Any], list[Any]]]] = {
    "gaussian": lambda law: [stats.norm(scale=scale) for scale in law.scales],
    "laplace": lambda law: [stats.laplace(scale=law.scale)],
    "exponential": lambda law: [stats.expon(scale=law.scale)],
    "folded-normal": lambda law: [stats.halfnorm(scale=law.scale)],
    "haar": lambda law: [
        stats.uniform(0.0, scale) if axis in law.axes else stats.norm(scale=scale)
        for axis, scale in enumerate(law.scales)
    ],
    "grid-uniform": lambda law: [
        stats.randint(-int(scale), int(scale) + 1)
        if axis in law.axes
        else stats.norm(scale=scale or 1.0)
        for axis, scale in enumerate(law.scales)
    ],
    "uniform": lambda law: [stats.uniform(-_left(law), 2.0 * law.half_width)],
}


def law_samples_match_their_distribution(subject: TransformationUnderTest) -> None:
    """Sampled parameters follow the law that certificates assume (Kolmogorov-Smirnov, 1e-6)."""
    known = [law for law in subject.laws if law.name in _DISTRIBUTIONS and law.dimensions]
    if not known:
        raise no_claim("no law here has a name whose distribution is known")
    for law in known:
        drawn, noisy = _drawn(law, subject.seed or 0), _noisy(law)
        distributions = _distributions(law)
        for axis in set(range(law.dimensions)) - set(noisy):
            assert not drawn[:, axis].any(), f"{law}: parameter {axis} rests, and is drawn"
        for axis in noisy:
            column, distribution = drawn[:, axis], distributions[axis]
            if _step(law, axis):
                _check_steps(law, axis, column)
                continue
            assert len(np.unique(column)) == len(column), f"{law}: draws repeat on axis {axis}"
            found = stats.kstest(column, distribution.cdf)
            assert found.pvalue > KIT.tolerance.false_alarm, (
                f"{law}: {len(column)} draws of parameter {axis} do not follow the {law.name}"
                f" distribution (distance {found.statistic:.3g}, p = {found.pvalue:.2g})"
            )
        for before, axis in itertools.pairwise(noisy):
            together = stats.spearmanr(drawn[:, before], drawn[:, axis])
            assert together.pvalue > KIT.tolerance.false_alarm, (
                f"{law}: parameters {before} and {axis} are drawn dependently"
                f" (rank correlation {together.statistic:.3g})"
            )


def haar_noise_is_that_of_the_group(subject: TransformationUnderTest) -> None:
    """If beta is uniform on all periods, so is the product of beta and any element (T7).

    Uniform parameters are the Haar measure only then: uniform Euler angles of turns in space are
    not. Groups that add up need no search: a uniform number on a circle stays one.
    """
    operator = subject.transformation
    law = next((law for law in subject.laws if isinstance(law, HaarLaw)), None)
    if law is None or operator.additive:
        raise no_claim("no group with a product of its own has Haar noise")

    def example(theta: Theta, seed: int) -> None:
        uniform = np.random.default_rng(seed).uniform(size=(KIT.group.draws, law.dimensions))
        beta = torch.from_numpy(law.theta_from_uniform(uniform)).tensor_split(law.dimensions, dim=1)
        gamma = tuple(torch.full_like(beta[0], value) for value in theta)
        moved = torch.cat(operator.product(tuple(beta), gamma), dim=1).numpy()
        found = stats.chisquare(_counts(law, moved))
        assert found.pvalue > KIT.tolerance.false_alarm, (
            f"{law}: the product of uniform parameters and {theta} is not uniform (p ="
            f" {found.pvalue:.2g}), so that they are not the Haar measure of the group"
        )

    subject.search(example, theta=subject.thetas(), seed=st.integers(0, 2**16))


def law_shares_hold_for_half_lines(subject: TransformationUnderTest) -> None:
    """A class that wins on a half-line of theta keeps a share of 1/2 after any allowed shift.

    Let t be the p-quantile. The class of {theta <= t} has exactly the share p of votes, and after
    a shift g it has at least 1/2 if and only if t - g is at least the median. The same holds for
    {theta >= t}.
    """

    def example(law: str, axis: int, shift: float) -> None:
        here = _named(subject, law)
        low, middle, high = _quantiles(here, axis, np.array([0.1, 0.5, 0.9]))
        moved = shift * (high - low)
        if any(subject.one_sided):
            moved = abs(moved)
        gamma = np.zeros(here.dimensions)
        gamma[axis] = moved
        share = float(here.required_p(gamma))
        if not share < 1.0 - 1e-6:
            return
        below, above = _quantiles(here, axis, np.array([1.0 - share, share]))
        slack = KIT.tolerance.law * (high - low) / (1.0 - share)
        assert below - moved - slack <= middle <= above - moved + slack, (
            f"{here}: a share of {share:.6g} is said to survive a shift of {moved:.6g}, but on a"
            " half-line of theta it falls below 1/2"
        )

    axes = st.integers(0, subject.dimensions - 1)
    # Half-lines are sets of any value; under whole steps they are no worst case.
    along = [law.name for law in subject.laws if not (law.periodic or law.whole_axes)]
    if not along:
        raise no_claim("no law here draws any value of a line")
    names = st.sampled_from(along)
    subject.search(example, law=names, axis=axes, shift=st.floats(-2.0, 2.0))


def radius_grows_with_the_share(subject: TransformationUnderTest) -> None:
    """A larger share never gives a smaller radius, and a larger radius needs no smaller share."""
    for law in subject.laws:
        _check_order(law, LADDER.tolist())

    def example(law: str, share: float, step: float) -> None:
        _check_order(_named(subject, law), [share, min(share + step, 1.0 - 1e-9)])

    subject.search(
        example,
        law=_names(subject),
        share=st.floats(0.0, 1.0 - 1e-9),
        step=st.sampled_from([1e-12, 1e-6, 1e-3]),
    )


def _check_order(law: Law, shares: list[float]) -> None:
    radii = [law.radius(share) for share in shares]
    asked = [law.required_p_for_radius(radius) for radius in radii]
    for place in range(1, len(shares)):
        less, more = shares[place - 1 : place + 1]
        small, large = radii[place - 1 : place + 1]
        assert small <= large, (
            f"{law}: share {less} gives radius {small:.9g}, share {more} only {large:.9g}"
        )
        assert asked[place - 1] <= asked[place], (
            f"{law}: radius {small:.9g} needs more votes than {large:.9g}"
        )


def radius_is_zero_at_one_half(subject: TransformationUnderTest) -> None:
    """The radius is 0 for shares up to 1/2, positive above, and radius 0 needs a share of 1/2."""

    def example(law: str, share: float) -> None:
        here = _named(subject, law)
        found = here.radius(share)
        assert (found > 0.0) == (share > 0.5 + 1e-6), f"{here}: share {share} gives radius {found}"
        identity_action = float(here.required_p(np.zeros(here.dimensions)))
        assert 0.5 <= identity_action <= 0.5 + KIT.tolerance.law, (
            f"{here}: no shift at all needs the share {identity_action}"
        )

    majority, none = st.floats(0.501, 1.0 - 1e-9), st.floats(0.0, 0.5)
    # A law whose radii are slightly too large fails first at 1/2 itself.
    shares = st.one_of(st.just(0.5), none, majority)
    subject.search(example, law=_names(subject), share=shares)


def radius_is_linear_in_the_scale(subject: TransformationUnderTest) -> None:
    """Noise of twice the scale, on theta and on z, allows twice the shift and twice the residual.

    The radius for several parameters is in units of the noise and does not change.
    """

    def example(law: str, share: float, factor: float, shift: float) -> None:
        here = _named(subject, law)
        wide = _stretched(here, factor)
        expected = here.radius(share) * (factor if here.dimensions < 2 else 1.0)
        found = wide.radius(share)
        assert abs(found - expected) <= KIT.tolerance.law * expected, (
            f"{here}: at share {share} noise {factor:g} times as wide gives radius {found:.9g},"
            f" not {expected:.9g}"
        )
        gamma, e = np.full(here.dimensions, shift), shift * here.sigma
        asked = float(here.required_p(gamma, e))
        again = float(wide.required_p(factor * gamma, factor * e))
        assert abs(asked - again) <= KIT.tolerance.law, (
            f"{here}: the shift {shift:.6g} needs share {asked:.9g}, and {again:.9g} where shift"
            f" and noise are {factor:g} times as wide"
        )

    stretching = [law.name for law in subject.laws if not law.whole_axes]
    if not stretching:
        raise no_claim("whole steps have no scale that could be stretched")
    subject.search(
        example,
        law=st.sampled_from(stretching),
        share=st.floats(0.0, 1.0 - 1e-6),
        factor=st.sampled_from([2.0, 0.125, 8.0, 0.3]),
        shift=st.floats(0.0, 2.0),
    )


def _names(subject: TransformationUnderTest) -> st.SearchStrategy[str]:
    return st.sampled_from([law.name for law in subject.laws])


def _named(subject: TransformationUnderTest, name: str) -> Law:
    return next(law for law in subject.laws if law.name == name)


def _drawn(law: Law, seed: int) -> Floats:
    """Sample theta (n, m) as for votes."""
    host = torch.device("cpu")
    places = [SampleKey(seed, 0, Stream.ESTIMATION, 0, chunk) for chunk in range(KIT.law_chunks)]
    return np.concatenate([Draws(place, host).theta(law, CHUNK) for place in places])


def _quantiles(law: Law, axis: int, p: Floats) -> Floats:
    u = np.full((len(p), law.dimensions), 0.5)
    u[:, axis] = p
    return np.asarray(law.theta_from_uniform(u)[:, axis])


def _noisy(law: Law) -> list[int]:
    """Return the axes with noise."""
    return [axis for axis in range(law.dimensions) if axis not in law.without_parameter_noise]


def _distributions(law: Law) -> list[Any]:
    """Return SciPy's distribution of every parameter; entries of unsmoothed ones are not used."""
    if not isinstance(law, ProductLaw):
        return _DISTRIBUTIONS[law.name](law)
    found = [stats.norm(scale=scale) for scale in law.scales]
    (found[law.axis],) = _DISTRIBUTIONS[law.kind](law.along)
    return found


def _counts(law: HaarLaw, theta: Floats) -> Floats:
    """Numbers of theta (n, m) in equal boxes of all periods: every value, or quarters of one."""
    places, sizes = [], []
    for axis in law.axes:
        period, step = law.scales[axis], _step(law, axis)
        count = round(period / step) if step else KIT.group.boxes
        part = np.mod(theta[:, axis] + step / 2.0, period) / period
        places.append(np.minimum((part * count).astype(np.int64), count - 1))
        sizes.append(count)
    numbers = np.ravel_multi_index(places, sizes)
    return np.bincount(numbers, minlength=math.prod(sizes)).astype(np.float64)


def _step(law: Law, axis: int) -> float:
    """Return the step of a parameter whose noise is in whole multiples of it only, else 0."""
    if axis in law.whole_axes:
        return 1.0
    return law.steps[axis] if isinstance(law, HaarLaw) and law.steps else 0.0


def _check_steps(law: Law, axis: int, column: Floats) -> None:
    """Every multiple of the step in the law's support is drawn as often as any other."""
    assert isinstance(law, HaarLaw | GridUniformLaw)
    step, size = _step(law, axis), law.scales[axis]
    first, count = (0, round(size / step)) if law.periodic else (-int(size), 2 * int(size) + 1)
    places = column / step - first
    assert set(np.unique(places)) <= set(range(count)), (
        f"{law}: draws of parameter {axis} are no multiples of {step:g} within {size:g}"
    )
    found = stats.chisquare(np.bincount(places.astype(np.int64), minlength=count))
    assert found.pvalue > KIT.tolerance.false_alarm, (
        f"{law}: the values of parameter {axis} are not equally likely (p = {found.pvalue:.2g})"
    )


def _left(law: Any) -> float:
    return 0.0 if getattr(law, "non_negative", False) else float(law.half_width)


def _stretched(law: Law, factor: float) -> Law:
    """Return the law with all its lengths (the float fields) multiplied by ``factor``."""
    if not is_dataclass(law):
        raise no_claim(f"{law} is no dataclass, so its scales are not known")
    lengths: dict[str, Any] = {}
    for field in fields(law):
        value = getattr(law, field.name)
        if isinstance(value, float):
            lengths[field.name] = factor * value
        elif isinstance(value, tuple):
            # Integer fields are numbers of axes, not lengths.
            lengths[field.name] = tuple(
                factor * part if isinstance(part, float) else part for part in value
            )
    return replace(law, **lengths)
