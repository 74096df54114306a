"""T8 against every classifier of a small window, and against the worst ones of a joint law."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from gsmooth.errors import ConfigurationError
from gsmooth.theory.grid_uniform import GridUniformLaw
from tests.theory.law_checks import worst_share

Floats = npt.NDArray[np.float64]
Image = tuple[int, ...]
LAW = GridUniformLaw((2.0,), (0,))
SIZE, WINDOW = 7, 3
"""Pixels of a line, and of the window in its middle: SIZE - 2 b, the widest that loses nothing."""


def shifted(image: Image, by: int) -> Image:
    """The pixels moved to the right, cyclically: the action."""
    return tuple(image[(place - by) % len(image)] for place in range(len(image)))


def attacked(image: Image, by: int) -> Image:
    """The pixels moved to the right, with zeros from outside: the attack."""
    inside = [place - by for place in range(len(image))]
    return tuple(image[place] if 0 <= place < len(image) else 0 for place in inside)


def seen(image: Image, beta: int, window: int) -> int:
    """What a vote reads, as a number: the window in the middle of the moved line."""
    start = (len(image) - window) // 2
    return int("".join(map(str, shifted(image, beta)[start : start + window])), 2)


def fractions(image: Image, support: range, window: int) -> Floats:
    """The distribution of what votes read, (2^window,)."""
    found = np.zeros(2**window)
    for beta in support:
        found[seen(image, beta, window)] += 1.0 / len(support)
    return found


def broken(
    window: int,
    gamma: int,
    share: float,
    support: range = range(-2, 3),
    attack: Callable[[Image, int], Image] = attacked,
) -> Iterator[tuple[Image, int]]:
    """Every image and classifier with more than ``share`` of the votes that loses its class."""
    classifiers = (np.arange(2 ** (2**window))[:, None] >> np.arange(2**window)) & 1
    for image in itertools.product((0, 1), repeat=SIZE):
        here = classifiers @ fractions(image, support, window)
        there = classifiers @ fractions(attack(image, gamma), support, window)
        for number in np.flatnonzero((here > share + 1e-9) & (there <= 0.5 + 1e-9)):
            yield image, int(number)


@pytest.mark.parametrize("gamma", [-2, -1, 1, 2])
def test_no_classifier_of_a_window_that_loses_nothing_changes_its_class(gamma: int) -> None:
    share = float(LAW.required_p([gamma]))
    assert next(broken(WINDOW, gamma, share), None) is None


def test_some_classifier_of_the_window_has_exactly_the_required_share_and_loses_its_class() -> None:
    # 4 of the 5 votes is what a shift by 1 requires to be exceeded; 3 of 5 must not be enough.
    assert float(LAW.required_p([1.0])) == pytest.approx(0.7)
    assert next(broken(WINDOW, 1, 0.6 - 1e-6), None) is not None


@pytest.mark.parametrize(
    ("fault", "gamma", "share", "window", "support"),
    [
        # The required share of 2 b positions instead of 2 b + 1, at an attack by 2 steps.
        ("a law on fewer steps than are counted", 2, 0.7, WINDOW, range(-2, 3)),
        # Votes that would leave the border are dropped: steps in -2 .. 1 instead of -2 .. 2.
        ("a law that is clipped", 1, 0.7, WINDOW, range(-2, 2)),
        ("a window that is too large", 1, 0.7, WINDOW + 1, range(-2, 3)),
    ],
)
def test_planted_faults_are_found(
    fault: str, gamma: int, share: float, window: int, support: range
) -> None:
    assert next(broken(window, gamma, share, support), None) is not None, fault


def masses(law: GridUniformLaw, gamma: tuple[int, ...], t: float, count: int) -> Floats:
    """Mass under the attack of classes of (beta, delta) that are equally likely at the centre.

    For every step of the support and each of ``count`` slices of one coordinate of delta.
    """
    sizes = [int(law.scales[axis]) for axis in law.axes]
    edges = stats.norm.ppf(np.linspace(0.0, 1.0, count + 1))
    moved = np.diff(stats.norm.cdf(edges - t))
    rows = []
    for beta in itertools.product(*(range(-b, b + 1) for b in sizes)):
        # The centre's vote at beta is the attack's at beta - gamma.
        common = all(abs(step - g) <= b for step, g, b in zip(beta, gamma, sizes, strict=True))
        rows.append(moved * common)
    return np.concatenate(rows) / len(rows)


cases = st.tuples(st.integers(1, 5), st.integers(1, 5), st.floats(0.0, 2.0)).flatmap(
    lambda case: st.tuples(
        st.just(case), st.integers(-case[0], case[0]), st.integers(-case[1], case[1])
    )
)


@given(cases)
def test_no_classifier_of_steps_and_noise_breaks_the_margin_and_one_comes_close(
    case: tuple[tuple[int, int, float], int, int],
) -> None:
    (rows, columns, t), down, across = case
    law = GridUniformLaw((float(rows), float(columns)), (0, 1), sigma=0.5)
    share = float(law.required_p([down, across], 0.5 * t))
    found = masses(law, (down, across), t, 400)
    if share < 1.0 - 2.0 / found.size:
        assert worst_share(found, share) > 0.5
        assert worst_share(found, share - 0.01) <= 0.5
    elif share == 1.0:
        # Half of the votes and more can be lost, so nothing can be certified.
        assert worst_share(found, 1.0 - 2.0 / found.size) <= 0.5


@pytest.mark.parametrize("std", [0.0, 2.0])
def test_gaussian_parameters_beside_the_steps_add_to_the_residual_like_sides(std: float) -> None:
    law = GridUniformLaw((4.0, std), (0,), sigma=0.5, unsmoothed=() if std else (1,))
    along = 1.5 / std if std else 0.0
    alone = GridUniformLaw((4.0,), (0,), sigma=0.5)
    assert float(law.margin([1.0, 1.5], 0.25)) == pytest.approx(
        float(alone.margin([1.0], 0.5 * math.hypot(along, 0.5)))
    )


def test_the_figures_of_a_window_of_signs_are_those_of_the_formula() -> None:
    law = GridUniformLaw((4.0, 4.0), (0, 1), sigma=1.0)
    lost = 1.0 - (7.0 / 9.0) ** 2
    expected = lost + (1.0 - lost) * stats.norm.cdf(stats.norm.ppf(0.5 / (1.0 - lost)) + 0.25)
    assert float(law.required_p([2.0, -2.0], 0.25)) == pytest.approx(expected, abs=1e-12)
    assert float(law.required_p([2.0, 2.0], 0.25)) < lost + stats.norm.cdf(0.25)


def test_shifts_between_whole_steps_are_never_certified() -> None:
    assert math.isinf(float(LAW.margin([0.5])))


def test_half_of_the_votes_and_more_are_never_enough_to_lose() -> None:
    assert float(LAW.required_p([2.0])) < 1.0
    assert float(LAW.required_p([3.0])) == 1.0


def test_what_float_noise_and_failing_residuals_cost_is_added() -> None:
    law = GridUniformLaw((4.0,), (0,), sigma=0.5)
    tv, rho0 = 0.01, 0.02
    lost = 2.0 / 9.0
    kept = 1.0 - lost
    remaining = stats.norm.ppf((0.5 + tv + rho0) / kept) + 0.5
    expected = tv + lost + kept * stats.norm.cdf(remaining)
    found = float(law.required_p([2.0], 0.25, rho0=rho0, tv=tv))
    assert found == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("share", [0.5, 0.6, 0.71, 0.9, 0.999])
def test_the_radius_and_the_share_are_each_other_s_inverse(share: float) -> None:
    law = GridUniformLaw((4.0, 2.0), (0, 1))
    radius = law.radius(share)
    assert (radius > 0.0) == (share > 0.5)
    if radius:
        assert share - 1e-9 < law.required_p_for_radius(radius) < share
        whole = math.ceil(radius) - 1
        assert float(law.required_p([whole, whole])) < share


def test_steps_are_uniform_and_stay_in_the_support() -> None:
    law = GridUniformLaw((2.0, 3.0), (0,))
    u = (np.arange(50_000) + 0.5) / 50_000
    theta = law.theta_from_uniform(np.stack([u, u], axis=1))
    steps, times = np.unique(theta[:, 0], return_counts=True)
    assert steps.tolist() == [-2.0, -1.0, 0.0, 1.0, 2.0]
    assert set(times.tolist()) == {10_000}
    assert law.reach == (2.0, math.inf)
    ends = law.theta_from_uniform(np.array([[2.0**-53, 0.5], [1.0 - 2.0**-53, 0.5]]))
    assert ends[:, 0].tolist() == [-2.0, 2.0]


@pytest.mark.parametrize(
    ("scales", "axes", "told"),
    [
        ((0.5,), (0,), "whole number of steps"),
        ((0.0,), (0,), "whole number of steps"),
        ((4.0,), (1,), "places of the parameters"),
        ((4.0,), (), "places of the parameters"),
    ],
)
def test_other_supports_are_refused(
    scales: tuple[float, ...], axes: tuple[int, ...], told: str
) -> None:
    with pytest.raises(ConfigurationError, match=told):
        GridUniformLaw(scales, axes)
