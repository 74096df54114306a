from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from gsmooth.errors import ConfigurationError, UnreachableError
from gsmooth.theory.bounds import (
    FixedBound,
    FixedSample,
    ceiling,
    clopper_pearson_lower,
    clopper_pearson_upper,
    least_n_fixed,
    least_successes,
    predict_test,
    randomized_clopper_pearson_lower,
)
from gsmooth.theory.radii import gaussian_required_p
from gsmooth.theory.sequential import StreamedSample

alphas = st.sampled_from([0.5, 0.05, 0.001, 1e-9])
counts = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
small_counts = st.integers(1, 30).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


def exact_tail(successes: int, trials: int, p: Fraction) -> Fraction:
    """P(X >= successes) in rational arithmetic."""
    return sum(
        (
            math.comb(trials, k) * p**k * (1 - p) ** (trials - k)
            for k in range(successes, trials + 1)
        ),
        Fraction(0),
    )


@given(small_counts, alphas)
def test_the_lower_bound_is_sound_in_rational_arithmetic(
    count: tuple[int, int], alpha: float
) -> None:
    successes, trials = count
    lower = clopper_pearson_lower(successes, trials, alpha)
    if successes:
        assert exact_tail(successes, trials, Fraction(lower)) <= Fraction(alpha)
        closer = Fraction(lower) * (1 + Fraction(4, 10**12))
        assert exact_tail(successes, trials, closer) > Fraction(alpha)


@pytest.mark.parametrize("alpha", [0.05, 0.001])
@pytest.mark.parametrize("n", [1, 2, 5, 10, 100, 1000])
def test_coverage_is_at_least_one_minus_alpha_for_every_p(n: int, alpha: float) -> None:
    lowers = np.array([clopper_pearson_lower(k, n, alpha) for k in range(n + 1)])
    uppers = np.array([clopper_pearson_upper(k, n, alpha) for k in range(n + 1)])
    # The bound fails most often at a p just below one of its own values.
    for p in np.concatenate([lowers[1:] * (1 - 1e-9), np.linspace(0.001, 0.999, 97)]):
        chances = stats.binom.pmf(np.arange(n + 1), n, p)
        assert chances[lowers > p].sum() <= alpha * (1 + 1e-9)
        assert chances[uppers < 1 - (1 - p)].sum() <= alpha * (1 + 1e-9)


def test_a_bound_without_its_alpha_is_caught_by_the_coverage_sum() -> None:
    # Planted fault: the two-sided habit turned around, alpha spent twice.
    lowers = np.array([clopper_pearson_lower(k, 100, 0.1) for k in range(101)])
    p = lowers[90] * (1 - 1e-9)
    assert stats.binom.pmf(np.arange(101), 100, p)[lowers > p].sum() > 0.05


def test_the_class_must_not_come_from_the_same_votes() -> None:
    # Two classes, each with p = 1/2: the leader of the very votes is certified too often (S2).
    n, alpha = 1000, 0.05
    least = least_successes(0.5, n, alpha)
    assert least is not None
    assert 2 * stats.binom.sf(least - 1, n, 0.5) == pytest.approx(0.0937, abs=1e-4)
    assert stats.binom.sf(least - 1, n, 0.5) <= alpha


@given(counts, alphas)
def test_lower_and_upper_mirror_each_other_and_hold_the_observed_share(
    count: tuple[int, int], alpha: float
) -> None:
    successes, trials = count
    lower = clopper_pearson_lower(successes, trials, alpha)
    upper = clopper_pearson_upper(successes, trials, alpha)
    assert 0.0 <= lower <= successes / trials <= upper <= 1.0
    mirrored = clopper_pearson_lower(trials - successes, trials, alpha)
    assert upper == pytest.approx(1.0 - mirrored, abs=1e-15)


@given(counts, alphas)
def test_the_bound_grows_with_successes_and_with_unanimous_votes(
    count: tuple[int, int], alpha: float
) -> None:
    successes, trials = count
    lower = clopper_pearson_lower(successes, trials, alpha)
    if successes < trials:
        assert clopper_pearson_lower(successes + 1, trials, alpha) > lower
    assert clopper_pearson_lower(successes + 1, trials + 1, alpha) > lower
    assert clopper_pearson_lower(successes, trials + 1, alpha) <= lower


@given(st.integers(1, 10**9), alphas)
def test_unanimous_votes_give_the_root_of_alpha(n: int, alpha: float) -> None:
    lower = clopper_pearson_lower(n, n, alpha)
    assert lower == ceiling(n, alpha) < 1.0
    assert lower == pytest.approx(alpha ** (1 / n), rel=2e-15)
    if n < 50:
        assert Fraction(lower) ** n <= Fraction(alpha)


def test_edges_of_the_bounds() -> None:
    assert clopper_pearson_lower(0, 1, 0.05) == 0.0
    assert clopper_pearson_lower(1, 1, 0.05) == pytest.approx(0.05, rel=1e-14)
    assert clopper_pearson_upper(1, 1, 0.05) == 1.0
    assert clopper_pearson_upper(0, 1, 0.05) == pytest.approx(0.95, rel=1e-14)
    assert clopper_pearson_lower(99_000, 100_000, 0.001) == pytest.approx(
        stats.beta.ppf(0.001, 99_000, 1_001), rel=1e-11
    )


@given(st.integers(1, 400), alphas, st.floats(0.0, 1.0, exclude_max=True))
def test_least_successes_is_the_first_count_whose_bound_exceeds_the_share(
    trials: int, alpha: float, share: float
) -> None:
    least = least_successes(share, trials, alpha)
    if least is None:
        assert clopper_pearson_lower(trials, trials, alpha) <= share
    else:
        assert clopper_pearson_lower(least, trials, alpha) > share
        assert least == 0 or clopper_pearson_lower(least - 1, trials, alpha) <= share


@given(st.floats(0.01, 1 - 1e-9), alphas)
def test_least_n_is_the_first_n_whose_ceiling_exceeds_the_share(share: float, alpha: float) -> None:
    least = least_n_fixed(share, alpha)
    assert ceiling(least, alpha) > share
    assert least == 1 or ceiling(least - 1, alpha) <= share


def test_margin_three_needs_5114_unanimous_votes() -> None:
    assert least_n_fixed(gaussian_required_p(3.0, 1.0), 0.001) == 5114


@pytest.mark.parametrize("share", [1.0, 1.5, math.nextafter(1.0, 0.0)])
def test_a_share_of_one_is_unreachable(share: float) -> None:
    with pytest.raises(UnreachableError) as caught:
        least_n_fixed(share, 0.001)
    assert caught.value.least_n is None


@given(small_counts, alphas, st.floats(0.0, 1.0))
def test_the_randomized_bound_is_sound_in_rational_arithmetic(
    count: tuple[int, int], alpha: float, u: float
) -> None:
    successes, trials = count
    lower = randomized_clopper_pearson_lower(successes, trials, alpha, u)
    assert clopper_pearson_lower(successes, trials, alpha) <= lower < 1.0
    if lower:
        p, weight = Fraction(lower), Fraction(u)
        tail = (1 - weight) * exact_tail(successes + 1, trials, p)
        tail += weight * exact_tail(successes, trials, p)
        assert tail <= Fraction(alpha)


@pytest.mark.parametrize("p", [0.02, 0.3, 0.774, 0.95, 0.999])
def test_the_randomized_bound_fails_with_probability_exactly_alpha(p: float) -> None:
    n, alpha = 40, 0.05
    failing = 0.0
    for successes in range(n + 1):
        low, high = 0.0, 1.0
        # The bound falls with u: find the u from which on it no longer exceeds p.
        for _ in range(40):
            u = 0.5 * (low + high)
            above = randomized_clopper_pearson_lower(successes, n, alpha, u) > p
            low, high = (u, high) if above else (low, u)
        failing += float(stats.binom.pmf(successes, n, p)) * low
    assert failing == pytest.approx(alpha, abs=1e-8)


def test_the_randomized_bound_at_its_edges() -> None:
    exact = clopper_pearson_lower(7, 10, 0.05)
    assert randomized_clopper_pearson_lower(7, 10, 0.05, 1.0) == pytest.approx(exact, rel=1e-11)
    assert randomized_clopper_pearson_lower(10, 10, 0.05, 0.05) == math.nextafter(1.0, 0.0)
    assert randomized_clopper_pearson_lower(10, 10, 0.05, 0.1) == pytest.approx(0.5**0.1)
    assert randomized_clopper_pearson_lower(0, 10, 0.05, 0.06) == pytest.approx(0.0, abs=1e-12)
    with pytest.raises(ConfigurationError, match="uniform"):
        randomized_clopper_pearson_lower(1, 2, 0.05, 1.1)


@given(st.integers(0, 300), st.integers(0, 300))
def test_predict_uses_the_two_sided_binomial_test(one: int, other: int) -> None:
    second, top = sorted((one, other))
    if top:
        answer = predict_test(top, second, 0.05)
        expected = stats.binomtest(top, top + second).pvalue
        assert answer.p_value == pytest.approx(min(1.0, expected), rel=1e-9)
        assert answer.decided == (answer.p_value <= 0.05)


def test_predict_abstains_when_votes_are_tied_or_missing() -> None:
    assert not predict_test(0, 0, 0.5).decided
    assert not predict_test(50, 50, 0.5).decided
    assert predict_test(100, 0, 0.001).decided
    with pytest.raises(ConfigurationError, match="sort"):
        predict_test(1, 2, 0.05)


@pytest.mark.parametrize("n", [1, 10, 100])
def test_predict_names_a_class_that_does_not_lead_with_probability_at_most_alpha(n: int) -> None:
    # Two classes with equal chances: whichever is named is wrong for one of two truths.
    named = [predict_test(max(k, n - k), min(k, n - k), 0.05).decided for k in range(n + 1)]
    chances = stats.binom.pmf(np.arange(n + 1), n, 0.5)
    assert chances[np.array(named)].sum() <= 0.05


def test_a_fixed_bound_takes_only_samples_of_its_own_size() -> None:
    bound = FixedBound(100, 0.001)
    assert bound.lower(FixedSample(90, 100)) == clopper_pearson_lower(90, 100, 0.001)
    with pytest.raises(ConfigurationError, match="exactly n=100"):
        bound.lower(FixedSample(90, 99))


def test_a_fixed_bound_refuses_streamed_counts_even_untyped() -> None:
    streamed: object = StreamedSample(90, 100)
    with pytest.raises(ConfigurationError, match="EProcess"):
        FixedBound(100, 0.001).lower(streamed)  # type: ignore[arg-type]


@pytest.mark.parametrize(("successes", "trials"), [(-1, 10), (11, 10), (0, 0)])
def test_impossible_counts_are_refused(successes: int, trials: int) -> None:
    for build in (FixedSample, StreamedSample):
        with pytest.raises(ConfigurationError, match="successes"):
            build(successes, trials)
    with pytest.raises(ConfigurationError, match="successes"):
        clopper_pearson_lower(successes, trials, 0.05)


@pytest.mark.parametrize("alpha", [0.0, -0.1, 0.6, 1.0, float("nan")])
def test_an_impossible_alpha_is_refused(alpha: float) -> None:
    with pytest.raises(ConfigurationError, match="alpha"):
        clopper_pearson_lower(1, 2, alpha)
    with pytest.raises(ConfigurationError, match="alpha"):
        predict_test(2, 1, alpha)
