"""Coverage of every stopping rule, exactly (O3), and the peeking loop that must be caught (O5)."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

from gsmooth.errors import ConfigurationError
from gsmooth.theory.bounds import (
    clopper_pearson_lower,
    least_successes,
    randomized_clopper_pearson_lower,
)
from gsmooth.theory.exact import Decision, StoppingRule, boundary_rule, exact_outcome, looks_after
from gsmooth.theory.sequential import (
    EProcess,
    Futility,
    StreamedSample,
    anytime_lower,
    cannot_accept,
)

Counts = npt.NDArray[np.int64]
Decisions = npt.NDArray[np.int8]


def accept_from(least: dict[int, int]) -> StoppingRule:
    def rule(successes: Counts, trials: int) -> Decisions:
        return np.where(successes >= least[trials], Decision.ACCEPT, Decision.CONTINUE).astype(
            np.int8
        )

    return rule


def peeking_rule(share: float, alpha: float, n_max: int, look_every: int) -> StoppingRule:
    """The planted fault: Clopper-Pearson at full alpha at every look."""
    least = {}
    for n in [*range(look_every, n_max, look_every), n_max]:
        count = least_successes(share, n, alpha)
        least[n] = n + 1 if count is None else count
    return accept_from(least)


def check_type_one(rule: StoppingRule, share: float, alpha: float, n_max: int, every: int) -> None:
    """At p = share the rule accepts with probability at most alpha."""
    assert exact_outcome(rule, share, n_max, every).accept <= alpha


LOOKS = {
    "every vote": 1,
    "every 64 votes": 64,
    "16, 16, 32, 64, ...": tuple(looks_after((16, 16, 32, 64), 2000)),
}


@pytest.mark.parametrize("alpha", [0.05, 0.001])
@pytest.mark.parametrize("share", [0.5, 0.774, 0.95, 0.99])
@pytest.mark.parametrize("looks", LOOKS.values(), ids=LOOKS)
def test_the_e_process_holds_its_level_exactly(
    share: float, alpha: float, looks: int | tuple[int, ...]
) -> None:
    rule = boundary_rule(EProcess(share, alpha), 2000)
    at_share = exact_outcome(rule, share, 2000, looks).accept
    assert at_share <= (alpha if alpha == 0.05 else 0.00083)
    # A p further down errs more rarely, and fewer looks do too.
    assert exact_outcome(rule, share - 0.005, 2000, looks).accept < at_share
    assert at_share <= exact_outcome(rule, share, 2000).accept


@pytest.mark.parametrize("looks", LOOKS.values(), ids=LOOKS)
def test_the_rule_of_certification_holds_its_level_with_futility(
    looks: int | tuple[int, ...],
) -> None:
    for share in (0.6, 0.9):
        rule = boundary_rule(EProcess(share, 0.05), 2000, Futility(share, 0.05))
        assert exact_outcome(rule, share, 2000, looks).accept <= 0.05


@pytest.mark.parametrize("share", [0.55, 0.774, 0.99])
@pytest.mark.parametrize(("n", "alpha"), [(400, 0.05), (5000, 0.001)])
def test_fixed_bounds_hold_their_level_and_the_randomized_one_spends_all_of_it(
    share: float, n: int, alpha: float
) -> None:
    least = least_successes(share, n, alpha)
    assert least is not None
    plain = exact_outcome(accept_from({n: least}), share, n, n).accept
    with_one_less = exact_outcome(accept_from({n: least - 1}), share, n, n).accept
    assert plain <= alpha < with_one_less
    # One success less suffices for draws below the u at which the bound is the share itself.
    low, high = 0.0, 1.0
    for _ in range(40):
        u = 0.5 * (low + high)
        exceeds = randomized_clopper_pearson_lower(least - 1, n, alpha, u) > share
        low, high = (u, high) if exceeds else (low, u)
    assert randomized_clopper_pearson_lower(least - 2, n, alpha, 0.0) < share * (1.0 + 1e-9)
    assert plain + low * (with_one_less - plain) == pytest.approx(alpha, rel=1e-6)


def test_the_type_one_error_over_5000_votes() -> None:
    outcome = exact_outcome(boundary_rule(EProcess(0.774, 0.001), 5000), 0.774, 5000)
    assert 0.0008 < outcome.accept < 0.0009


@pytest.mark.parametrize(("n_max", "look_every"), [(200, 1), (1000, 10), (1000, 64), (1000, 100)])
def test_peeking_at_a_fixed_bound_is_caught(n_max: int, look_every: int) -> None:
    rule = peeking_rule(0.5, 0.05, n_max, look_every)
    with pytest.raises(AssertionError):
        check_type_one(rule, 0.5, 0.05, n_max, look_every)
    assert exact_outcome(rule, 0.5, n_max, look_every).accept > 0.15


def test_one_look_at_a_fixed_bound_holds_its_level() -> None:
    check_type_one(peeking_rule(0.5, 0.05, 1000, 1000), 0.5, 0.05, 1000, 1000)


def test_expected_votes_are_64_against_58_for_the_oracle() -> None:
    p, share, alpha = 0.95, 0.774, 0.001
    ours = exact_outcome(boundary_rule(EProcess(share, alpha), 5000), p, 5000)
    assert ours.accept == pytest.approx(1.0, abs=1e-12)
    assert ours.expected_trials == pytest.approx(64.1, abs=0.1)

    def oracle(successes: Counts, trials: int) -> Decisions:
        ratio = successes * math.log(p / share)
        ratio = ratio + (trials - successes) * math.log((1 - p) / (1 - share))
        return (ratio >= -math.log(alpha)).astype(np.int8)

    assert exact_outcome(oracle, p, 5000).expected_trials == pytest.approx(58.8, abs=0.1)
    check_type_one(oracle, share, alpha, 5000, 1)


def test_futility_saves_votes_below_the_share_and_costs_its_level_at_most_above() -> None:
    process, futility = EProcess(0.774, 0.001), Futility(0.774, 0.01)
    plain, saving = boundary_rule(process, 2000), boundary_rule(process, 2000, futility)
    hopeless = exact_outcome(saving, 0.6, 2000)
    assert hopeless.expected_trials < 0.1 * exact_outcome(plain, 0.6, 2000).expected_trials
    assert hopeless.stop > 0.999
    assert exact_outcome(saving, 0.774, 2000).accept <= exact_outcome(plain, 0.774, 2000).accept
    assert exact_outcome(saving, 0.9, 2000).accept > 1.0 - 0.01


@pytest.mark.parametrize("looks", LOOKS.values(), ids=LOOKS)
@pytest.mark.parametrize("share", [0.55, 0.774, 0.95])
def test_futility_stops_a_good_classifier_with_probability_at_most_its_level(
    share: float, looks: int | tuple[int, ...]
) -> None:
    futility = Futility(share, 0.05)
    boundary = futility.mirror.boundary(np.arange(2001))

    def rule(successes: Counts, trials: int) -> Decisions:
        stops = trials - successes >= boundary[trials]
        return np.where(stops, Decision.STOP, Decision.CONTINUE).astype(np.int8)

    at_share = exact_outcome(rule, share, 2000, looks).stop
    assert exact_outcome(rule, share + 0.005, 2000, looks).stop < at_share <= 0.05


def test_the_anytime_bound_covers_at_every_time() -> None:
    # Once the bound exceeds p at any look, it has failed; all looks up to 25 votes.
    n_max, alpha = 25, 0.05
    bounds = {
        n: np.array([anytime_lower(StreamedSample(h, n), alpha) for h in range(n + 1)])
        for n in range(1, n_max + 1)
    }
    for p in (0.02, 0.2, 0.5, 0.774, 0.95):
        least = {n: int(np.searchsorted(bounds[n], p, side="right")) for n in bounds}
        check_type_one(accept_from(least), p, alpha, n_max, 1)


def test_the_dynamic_program_agrees_with_every_sequence_of_eight_votes() -> None:
    process, futility, p = EProcess(0.3, 0.3), Futility(0.6, 0.3), 0.55
    rule = boundary_rule(process, 8, futility)
    ends = {Decision.ACCEPT: 0.0, Decision.STOP: 0.0, Decision.CONTINUE: 0.0}
    expected = 0.0
    for votes in product((0, 1), repeat=8):
        chance = math.prod(p if vote else 1 - p for vote in votes)
        end, cost = Decision.CONTINUE, 8
        for n in range(1, 9):
            sample = StreamedSample(sum(votes[:n]), n)
            if process.accepts(sample):
                end, cost = Decision.ACCEPT, n
                break
            if futility.stops(sample) or cannot_accept(sample, 8 - n, process):
                end, cost = Decision.STOP, n
                break
        ends[end] += chance
        expected += cost * chance
    outcome = exact_outcome(rule, p, 8)
    assert outcome.accept == pytest.approx(ends[Decision.ACCEPT], abs=1e-13)
    assert outcome.stop == pytest.approx(ends[Decision.STOP], abs=1e-13)
    assert outcome.exhausted == pytest.approx(ends[Decision.CONTINUE], abs=1e-13)
    assert outcome.expected_trials == pytest.approx(expected, abs=1e-12)


def test_a_single_look_is_the_binomial_distribution() -> None:
    outcome = exact_outcome(accept_from({1000: 800}), 0.79, 1000, 1000)
    assert outcome.accept == pytest.approx(stats.binom.sf(799, 1000, 0.79), rel=1e-11)
    assert outcome.accept + outcome.exhausted == pytest.approx(1.0, abs=1e-12)
    assert outcome.expected_trials == pytest.approx(1000.0, rel=1e-12)


@pytest.mark.parametrize("p", [0.0, 1.0])
def test_certain_votes_end_where_they_must(p: float) -> None:
    process = EProcess(0.774, 0.001)
    outcome = exact_outcome(boundary_rule(process, 200), p, 200)
    assert (outcome.accept, outcome.stop) == (p, 1.0 - p)
    if p == 1.0:
        assert outcome.expected_trials == process.least_n()


def test_a_budget_that_cannot_suffice_is_given_up_at_the_first_look() -> None:
    outcome = exact_outcome(boundary_rule(EProcess(0.999, 0.001), 64), 1.0, 64)
    assert (outcome.stop, outcome.expected_trials) == (1.0, 1.0)


def test_early_stopping_and_the_fixed_bound_decide_alike_in_the_end() -> None:
    # At equal n the fixed bound asks for fewer successes: that is the price of looking.
    least = EProcess(0.774, 0.001).least_successes(1000)
    fixed = least_successes(0.774, 1000, 0.001)
    assert least is not None
    assert fixed is not None
    assert fixed < least < fixed + 20
    assert clopper_pearson_lower(least, 1000, 0.001) > 0.774


@pytest.mark.parametrize(("p", "n_max", "every"), [(1.1, 10, 1), (0.5, 0, 1), (0.5, 10, 0)])
def test_impossible_runs_are_refused(p: float, n_max: int, every: int) -> None:
    with pytest.raises(ConfigurationError, match="expected"):
        exact_outcome(accept_from({}), p, n_max, every)


def test_looks_after_chunks_of_growing_sizes() -> None:
    assert looks_after((16, 16, 32, 64), 200) == [16, 32, 64, 128, 192]
    assert looks_after((64,), 63) == []
    assert looks_after((64,), 128) == [64, 128]
    for chunks in ((), (16, 0)):
        with pytest.raises(ConfigurationError, match="chunks"):
            looks_after(chunks, 100)


@pytest.mark.parametrize("looks", [(64, 128, 192), (7, 8, 100, 150), (200,), ()])
def test_looks_that_are_listed_are_those_that_are_taken(looks: tuple[int, ...]) -> None:
    least = dict(zip(range(1, 201), EProcess(0.6, 0.05).boundary(np.arange(1, 201)), strict=True))
    # A rule that is asked after every vote and answers at the looks alone.
    patient = {n: int(count) if n in (*looks, 200) else n + 1 for n, count in least.items()}
    listed = exact_outcome(accept_from({n: int(least[n]) for n in (*looks, 200)}), 0.7, 200, looks)
    asked = exact_outcome(accept_from(patient), 0.7, 200)
    assert listed.accept == pytest.approx(asked.accept, rel=1e-12)
    assert listed.exhausted == pytest.approx(asked.exhausted, rel=1e-12)
    assert listed.expected_trials == pytest.approx(asked.expected_trials, rel=1e-12)


@pytest.mark.parametrize("looks", [(0, 5), (5, 5), (9, 3)])
def test_looks_out_of_order_are_refused(looks: tuple[int, ...]) -> None:
    with pytest.raises(ConfigurationError, match="ascending"):
        exact_outcome(accept_from({}), 0.5, 10, looks)


def test_a_hundred_thousand_votes_at_once_are_the_binomial_distribution() -> None:
    outcome = exact_outcome(accept_from({100_000: 77_800}), 0.774, 100_000, 100_000)
    assert outcome.accept == pytest.approx(stats.binom.sf(77_799, 100_000, 0.774), rel=1e-9)
    assert outcome.expected_trials == 100_000
