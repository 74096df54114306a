"""S9 against brute force and against an exact dynamic program over the counts of three classes."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import special, stats

from gsmooth.errors import ConfigurationError
from gsmooth.theory.exact import boundary_rule, exact_outcome
from gsmooth.theory.normal import required_p_of_margin
from gsmooth.theory.runner_up import RunnerUpNull, ThreeCells, log_mixture
from gsmooth.theory.sequential import EProcess

Floats = NDArray[np.float64]
Accepts = Callable[[int, int, int], bool]

NULLS = [
    RunnerUpNull(0.0),
    RunnerUpNull(0.3),
    RunnerUpNull(0.8, variation=2.0**-20),
    RunnerUpNull(1.5, variation=0.01),
    RunnerUpNull(0.5, variation=0.001, rho0=0.03),
    RunnerUpNull(3.0, variation=1e-9),
]
VOTES = [(700, 50, 250), (60, 0, 4), (40, 0, 0), (90, 10, 0), (20, 3, 30), (3000, 2, 1)]


def belongs(null: RunnerUpNull, first: Floats, second: Floats) -> NDArray[np.bool_]:
    """The hypothesis as it is stated, point by point."""
    kappa = null.variation + null.rho0
    left = special.ndtr(special.ndtri(np.maximum(first - null.variation, 0.0)) - null.margin)
    raised = np.minimum(second + null.variation, 1.0)
    return np.asarray(left - kappa <= special.ndtr(special.ndtri(raised) + null.margin) + kappa)


def log_likelihood(votes: ThreeCells, first: Floats, second: Floats) -> Floats:
    rest = 1.0 - first - second
    parts = zip((votes.won, votes.second, votes.rest), (first, second, rest), strict=True)
    return np.asarray(sum(special.xlogy(n, np.maximum(p, 0.0)) for n, p in parts))


def brute_supremum(null: RunnerUpNull, votes: ThreeCells) -> float:
    """The largest likelihood over a grid of the hypothesis, refined twice around its best point."""
    best, centre, width = -math.inf, np.array([0.5, 0.5]), 0.5
    for _ in range(8):
        axes = [np.clip(np.linspace(c - width, c + width, 501), 0.0, 1.0) for c in centre]
        first, second = np.meshgrid(*axes, indexing="ij")
        inside = (first + second <= 1.0) & belongs(null, first, second)
        value = np.where(inside, log_likelihood(votes, first, second), -np.inf)
        place = np.unravel_index(int(value.argmax()), value.shape)
        centre = np.array([first[place], second[place]])
        best, width = max(best, float(value[place])), width / 8
    return best


@pytest.mark.parametrize("null", NULLS, ids=str)
@pytest.mark.parametrize("counts", VOTES, ids=str)
def test_the_supremum_is_never_below_that_of_a_fine_grid_and_close_to_it(
    null: RunnerUpNull, counts: tuple[int, int, int]
) -> None:
    votes = ThreeCells(*counts)
    if not null.excludes(votes):
        return
    brute, found = brute_supremum(null, votes), null.log_supremum(votes)
    assert found >= brute - 1e-9 * abs(brute)
    paid = null.variation + null.rho0
    assert found <= brute + 0.02 + (1e-3 + 12.0 * paid) * abs(brute) + 40.0 * paid * votes.trials


@given(
    st.integers(0, 5000),
    st.integers(0, 500),
    st.integers(0, 500),
    st.floats(0.0, 4.0),
    st.floats(0.0, 0.02),
    st.floats(-12.0, 0.0),
)
def test_no_point_of_the_boundary_is_more_likely_than_the_supremum(
    won: int, second: int, rest: int, margin: float, variation: float, level: float
) -> None:
    null, votes = RunnerUpNull(margin, variation), ThreeCells(won, second, rest)
    raised = min(1.0, float(special.ndtr(level)) + 2.0 * variation)
    p_first = variation + float(special.ndtr(margin + special.ndtri(raised)))
    p_second = float(special.ndtr(level - margin)) - variation
    if p_second < 0.0 or p_first + p_second > 1.0:
        return
    value = float(log_likelihood(votes, np.array(p_first), np.array(p_second)))
    assert value <= null.log_supremum(votes) + 1e-9 * (1.0 + abs(value))


def test_the_mixture_is_the_likelihood_averaged_over_the_prior() -> None:
    rng = np.random.default_rng(5)
    p = rng.dirichlet((1.0, 0.5, 0.5), size=400_000)
    votes = ThreeCells(6, 1, 2)
    assert math.exp(log_mixture(votes)) == pytest.approx(
        float((p[:, 0] ** 6 * p[:, 1] * p[:, 2] ** 2).mean()), rel=0.02
    )


@pytest.mark.parametrize(("margin", "counts"), [(0.8, (700, 300, 0)), (0.0, (5, 5, 30))])
def test_counts_that_belong_to_the_hypothesis_give_no_evidence(
    margin: float, counts: tuple[int, int, int]
) -> None:
    assert RunnerUpNull(margin).log_e(ThreeCells(*counts)) == -math.inf


def test_votes_that_are_not_for_the_class_at_all_give_no_evidence() -> None:
    assert RunnerUpNull(0.3).log_e(ThreeCells(0, 0, 20)) == -math.inf


def test_a_wider_ball_and_coarser_noise_leave_less_evidence() -> None:
    votes = ThreeCells(700, 50, 250)
    found = [RunnerUpNull(d).log_e(votes) for d in np.linspace(0.0, 1.0, 11).tolist()]
    assert found == sorted(found, reverse=True)
    coarse = [RunnerUpNull(0.5, v).log_e(votes) for v in (0.0, 1e-6, 1e-4, 1e-2)]
    assert coarse == sorted(coarse, reverse=True)


@pytest.mark.parametrize("bad", [(-1, 0, 0), (0, -2, 0), (0, 0, -1)])
def test_negative_counts_are_refused(bad: tuple[int, int, int]) -> None:
    with pytest.raises(ConfigurationError, match="at least 0"):
        ThreeCells(*bad)


def boundary_points(null: RunnerUpNull) -> list[tuple[float, float]]:
    """Points at which the hypothesis is just true: p_A and p_c for several sizes of the rest."""
    found = []
    for level in (-2.0, -1.0, -0.5, -0.2, -0.02):
        raised = min(1.0, float(special.ndtr(level)) + 2.0 * (null.variation + null.rho0))
        first = null.variation + float(special.ndtr(null.margin + special.ndtri(raised)))
        second = float(special.ndtr(level - null.margin)) - null.variation
        if second >= 0.0 and first + second <= 1.0:
            found.append((first, second))
    return found


def accepted(accepts: Accepts, p: tuple[float, float], most: int) -> float:
    """P(ever accepted within ``most`` votes), by a dynamic program over the counts."""
    # alive[i, j]: probability of i votes for A and j for c, not accepted before.
    alive, total = np.zeros((most + 2, most + 2)), 0.0
    alive[0, 0] = 1.0
    rest = max(0.0, 1.0 - p[0] - p[1])
    for votes in range(1, most + 1):
        later = rest * alive
        later[1:, :] += p[0] * alive[:-1, :]
        later[:, 1:] += p[1] * alive[:, :-1]
        alive = later
        for won, second in zip(*np.nonzero(alive > 1e-12), strict=True):
            if accepts(int(won), int(second), votes - int(won) - int(second)):
                total += float(alive[won, second])
                alive[won, second] = 0.0
    return total


ALPHA, MOST = 0.05, 60
DECIDED = [RunnerUpNull(0.0), RunnerUpNull(0.5), RunnerUpNull(0.3, variation=0.02, rho0=0.01)]


@pytest.mark.parametrize("null", DECIDED, ids=str)
def test_the_error_is_at_most_alpha_on_the_boundary_of_the_hypothesis(null: RunnerUpNull) -> None:
    known: dict[tuple[int, int, int], bool] = {}

    def accepts(won: int, second: int, rest: int) -> bool:
        key = (won, second, rest)
        if key not in known:
            known[key] = null.log_e(ThreeCells(*key)) >= -math.log(ALPHA)
        return known[key]

    errors = [accepted(accepts, p, MOST) for p in boundary_points(null)]
    assert len(errors) >= 3
    assert 0.0 < max(errors) <= ALPHA


def test_a_test_of_the_votes_for_either_class_alone_would_certify_falsely() -> None:
    # The planted fault: p_A = .30, p_c = .05 have the ratio of .857 to .143, whose gap is wider.
    p, margin, alpha = (0.30, 0.05), 0.8, 0.001
    assert belongs(RunnerUpNull(margin), np.array(p[0]), np.array(p[1]))
    alone = EProcess(float(required_p_of_margin(margin)), alpha)
    falsely = exact_outcome(boundary_rule(alone, 3000), p[0] / sum(p), 3000).accept
    assert falsely > 0.9
    null = RunnerUpNull(margin)
    sound = accepted(lambda *n: null.log_e(ThreeCells(*n)) >= -math.log(ALPHA), p, 30)
    assert sound <= ALPHA


def test_few_votes_suffice_where_the_other_votes_are_spread() -> None:
    # Shares .7, .05 and .25 at margin .3: the one-sided test needs ten times as many.
    null, rng, needed = RunnerUpNull(0.3), np.random.default_rng(3), []
    for _ in range(40):
        cast = rng.multinomial(1, (0.7, 0.05, 0.25), size=250).cumsum(axis=0)
        shown = (n for n in range(10, 250, 4) if null.log_e(ThreeCells(*cast[n].tolist())) > 6.908)
        needed.append(next(shown, 250))
    assert 40 <= np.median(needed) <= 75
    assert stats.norm.cdf(0.3) < 0.7
