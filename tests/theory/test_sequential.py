from __future__ import annotations

import math
from functools import lru_cache

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from gsmooth.errors import ConfigurationError, UnreachableError
from gsmooth.theory.e_value import log_e_slack, log_e_value
from gsmooth.theory.radii import gaussian_required_p
from gsmooth.theory.sequential import (
    EProcess,
    Futility,
    StreamedSample,
    anytime_lower,
    cannot_accept,
)
from gsmooth.theory.tail import DEEP, log_beta_tail

shares = st.floats(0.05, 0.999)
votes = st.integers(0, 2000)


def exact_log_e(successes: int, failures: int, share: float) -> mpmath.mpf:
    """Quadrature of the mixture in 30 digits, with q = sin(t)^2 so that the prior is uniform."""
    p = mpmath.mpf(share)
    first, last = mpmath.asin(mpmath.sqrt(p)), mpmath.pi / 2

    def ratio(t: mpmath.mpf) -> mpmath.mpf:
        won = (mpmath.sin(t) ** 2 / p) ** successes
        return won * (mpmath.cos(t) ** 2 / (1 - p)) ** failures

    peak = mpmath.asin(mpmath.sqrt(mpmath.mpf(successes + 1) / (successes + failures + 2)))
    width = 1 / mpmath.sqrt(successes + failures + 1)
    knots = {first, last}
    knots |= {k for k in (peak + j * width for j in range(-6, 7)) if first < k < last}
    knots |= {k for k in (first + j * width / 4 for j in range(1, 9)) if k < last}
    return mpmath.log(mpmath.quad(ratio, sorted(knots)) / (last - first))


@pytest.mark.parametrize(
    ("successes", "failures", "share"),
    [
        (0, 0, 0.5),
        (0, 10, 0.99),
        (1, 0, 0.3),
        (700, 150, 0.774),
        (640, 210, 0.774),
        (5977, 0, 0.99865),
        (0, 3000, 0.9),
        (100, 3000, 0.95),
        (30, 500, 0.9999),
        (1000, 9000, 0.15),
        (3, 5000, 0.001),
    ],
)
def test_the_e_value_agrees_with_quadrature_within_its_slack(
    successes: int, failures: int, share: float
) -> None:
    with mpmath.workdps(30):
        exact = exact_log_e(successes, failures, share)
        error = abs(mpmath.mpf(float(log_e_value(successes, failures, share))) - exact)
        assert error < float(log_e_slack(successes, failures, share))


def test_the_e_value_near_share_one_is_finite() -> None:
    assert float(log_e_value(0, 10, 0.99)) == pytest.approx(-3.04, abs=0.005)
    assert np.isfinite(log_e_value([0, 0, 10**6], [10**4, 10**6, 10**6], 0.999)).all()


@given(votes, votes, shares)
def test_the_e_process_is_a_martingale_at_its_share(
    successes: int, failures: int, share: float
) -> None:
    before = float(log_e_value(successes, failures, share))
    won = math.log(share) + float(log_e_value(successes + 1, failures, share))
    lost = math.log1p(-share) + float(log_e_value(successes, failures + 1, share))
    assert float(np.logaddexp(won, lost)) == pytest.approx(before, abs=1e-8)


@given(votes, votes, shares)
def test_a_success_raises_the_e_value_and_a_failure_lowers_it(
    successes: int, failures: int, share: float
) -> None:
    now = float(log_e_value(successes, failures, share))
    assert float(log_e_value(successes + 1, failures, share)) > now - 1e-9
    assert float(log_e_value(successes, failures + 1, share)) < now + 1e-9


@given(
    st.integers(1, 3000), st.sampled_from([0.3, 0.5, 0.774, 0.99]), st.sampled_from([0.05, 1e-3])
)
def test_least_successes_is_the_first_count_that_is_accepted(
    trials: int, share: float, alpha: float
) -> None:
    process = EProcess(share, alpha)
    least = process.least_successes(trials)
    if least is None:
        assert not process.accepts(StreamedSample(trials, trials))
    else:
        assert process.accepts(StreamedSample(least, trials))
        assert least == 0 or not process.accepts(StreamedSample(least - 1, trials))


@pytest.mark.parametrize("share", [0.3, 0.5, 0.774, 0.99865, 1 - 1e-6])
def test_least_n_is_the_first_number_of_unanimous_votes_that_is_accepted(share: float) -> None:
    process = EProcess(share, 0.001)
    least = process.least_n()
    assert process.accepts(StreamedSample(least, least))
    assert not process.accepts(StreamedSample(least - 1, least - 1))


def test_margin_three_needs_5977_unanimous_votes() -> None:
    share = gaussian_required_p(3.0, 1.0)
    with mpmath.workdps(30):
        assert exact_log_e(5976, 0, share) < math.log(1000) < exact_log_e(5977, 0, share)
    assert EProcess(share, 0.001).least_n() == 5977


def test_acceptance_subtracts_the_rounding_error() -> None:
    process = EProcess(0.774, 0.001)
    sample = StreamedSample(950, 1000)
    level = math.exp(-process.log_e(sample))
    assert not EProcess(0.774, level).accepts(sample)
    assert EProcess(0.774, level * (1 + 1e-9)).accepts(sample)


@pytest.mark.parametrize("share", [1.0, 1.2, math.inf])
def test_a_share_of_one_or_more_is_refused(share: float) -> None:
    for build in (lambda: EProcess(share, 0.001), lambda: log_e_value(1, 1, share)):
        with pytest.raises(UnreachableError, match="required_p"):
            build()


@pytest.mark.parametrize("share", [0.0, -0.1, math.nan])
def test_a_share_that_is_none_is_refused(share: float) -> None:
    for build in (
        lambda: EProcess(share, 0.001),
        lambda: Futility(share, 0.01),
        lambda: log_e_value(1, 1, [0.5, share]),
    ):
        with pytest.raises(ConfigurationError, match="required_p"):
            build()


def test_negative_counts_and_levels_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="counts"):
        log_e_value(-1, 1, 0.5)
    with pytest.raises(ConfigurationError, match="level"):
        Futility(0.5, 0.0)
    with pytest.raises(ConfigurationError, match="remaining"):
        cannot_accept(StreamedSample(1, 1), -1, EProcess(0.5, 0.05))


def test_a_share_too_close_to_one_is_unreachable() -> None:
    with pytest.raises(UnreachableError, match="unanimous"):
        EProcess(math.nextafter(1.0, 0.0), 0.001).least_n()


@given(votes, st.integers(1, 2000), st.floats(0.05, 0.95))
def test_futility_is_the_mirrored_process(successes: int, failures: int, share: float) -> None:
    sample = StreamedSample(successes, successes + failures)
    mirrored = StreamedSample(failures, successes + failures)
    futility = Futility(share, 0.01)
    assert futility.log_e(sample) == futility.mirror.log_e(mirrored)
    assert futility.stops(sample) == futility.mirror.accepts(mirrored)


@given(st.integers(0, 60), st.integers(1, 60), st.integers(0, 60))
def test_cannot_accept_agrees_with_trying_every_unanimous_continuation(
    successes: int, failures: int, remaining: int
) -> None:
    process = EProcess(0.6, 0.05)
    sample = StreamedSample(successes, successes + failures)
    tried = any(
        process.accepts(StreamedSample(successes + more, sample.trials + more))
        for more in range(remaining + 1)
    )
    assert cannot_accept(sample, remaining, process) == (not tried)


@given(st.integers(1, 3000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_anytime_bound_is_the_largest_rejected_share(count: tuple[int, int]) -> None:
    sample = StreamedSample(*count)
    lower = anytime_lower(sample, 0.05)
    assert 0.0 <= lower <= sample.successes / sample.trials
    if lower > 0.0:
        assert EProcess(lower, 0.05).accepts(sample)
        assert not EProcess(lower * (1 + 1e-9) + 1e-15, 0.05).accepts(sample)


@pytest.mark.parametrize(
    ("successes", "trials"), [(1, 1), (1, 10), (9, 10), (30, 100), (5, 5000), (4990, 5000)]
)
def test_rejected_shares_are_an_interval(successes: int, trials: int) -> None:
    # What the inversion rests on: e falls in the share wherever it is above 1.1.
    grid = np.concatenate([np.geomspace(1e-9, 0.0499, 400), np.linspace(0.05, 0.9999, 1500)])
    log_e = log_e_value(successes, trials - successes, grid)
    assert np.all(np.diff(log_e)[log_e[:-1] > math.log(1.1)] < 0.0)


def test_a_million_votes_are_judged() -> None:
    least = EProcess(0.99, 0.001).least_successes(1_000_000)
    assert least is not None
    lower = anytime_lower(StreamedSample(least, 1_000_000), 0.001)
    assert 0.99 <= lower < 0.99 + 1e-6


@given(votes, st.integers(1, 2000), shares, st.sampled_from([0.5, 0.05, 1e-3]))
def test_one_sample_is_judged_as_arrays_of_them_are(
    successes: int, failures: int, share: float, alpha: float
) -> None:
    shown = log_e_value(successes, failures, share) - log_e_slack(successes, failures, share)
    if abs(float(shown) + math.log(alpha)) > 1e-12:
        sample = StreamedSample(successes, successes + failures)
        assert EProcess(share, alpha).accepts(sample) == (float(shown) >= -math.log(alpha))


@pytest.mark.parametrize(("won", "lost"), [(0, 4000), (3, 9000), (100, 3000)])
def test_samples_deep_in_the_tail_are_judged(won: int, lost: int) -> None:
    # The share of a beta law that lies above .95 is below 1e-250 here.
    assert log_beta_tail(won + 0.5, lost + 0.5, 0.95) < math.log(DEEP)
    assert not EProcess(0.95, 0.5).accepts(StreamedSample(won, won + lost))
    assert EProcess(0.05, 0.5).accepts(StreamedSample(lost, won + lost))


@lru_cache
def whole_boundary(process: EProcess) -> NDArray[np.int64]:
    return process.boundary(np.arange(3001))


@given(
    st.lists(st.integers(1, 3000), min_size=1, max_size=300),
    st.sampled_from([0.3, 0.774, 0.99]),
    st.sampled_from([0.05, 1e-3]),
)
def test_a_boundary_is_the_same_whatever_it_is_asked_together_with(
    trials: list[int], share: float, alpha: float
) -> None:
    process = EProcess(share, alpha)
    together = process.boundary(trials)
    assert together.tolist() == whole_boundary(process)[trials].tolist()
    for place in (0, len(trials) - 1):
        least = process.least_successes(trials[place])
        assert together[place] == (trials[place] + 1 if least is None else least)
