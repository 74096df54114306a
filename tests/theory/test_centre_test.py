from __future__ import annotations

import math
from functools import cache

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from gsmooth.errors import ConfigurationError, UnreachableError
from gsmooth.theory.centre_test import (
    ONE_SIDED,
    CentreMixture,
    CentreTest,
    ClassCounts,
    mixture_of,
    null_of,
    runner_up_futile,
)
from gsmooth.theory.e_value import log_e_lower, log_e_slack, log_e_value
from gsmooth.theory.normal import required_p_of_margin
from gsmooth.theory.sequential import EProcess, StreamedSample

shares = st.floats(0.5, 0.999)
votes = st.integers(0, 2000)


@given(votes, votes, shares)
def test_without_a_runner_up_it_is_the_e_process(won: int, lost: int, share: float) -> None:
    if won + lost == 0:
        return
    counts, plain = ClassCounts(won, (lost,), won + lost), StreamedSample(won, won + lost)
    for alpha in (0.001, 0.05):
        test = CentreTest(share, alpha)
        assert test.accepts(counts) == EProcess(share, alpha).accepts(plain)


@pytest.mark.parametrize("share", [0.5, 0.774, 0.97, 0.999])
def test_without_a_runner_up_it_needs_as_many_unanimous_votes(share: float) -> None:
    assert CentreTest(share, 0.001).least_n() == EProcess(share, 0.001).least_n()


@given(votes, votes, shares)
def test_the_two_tests_together_need_log_2_more_evidence_than_either(
    won: int, lost: int, share: float
) -> None:
    counts = ClassCounts(won, (0,), won + lost)
    mixed = CentreTest(share, 0.001, CentreMixture(0.5)).accepts(counts)
    cells = next(counts.cells())
    alone = CentreTest(share, 0.0005).accepts(counts)
    runner_up = null_of(share).log_e(cells) >= math.log(2000.0) * (1.0 + 1e-12)
    assert mixed or not (alone or runner_up)


def test_every_class_has_to_be_rejected_those_without_votes_included() -> None:
    test = CentreTest(0.62, 0.001, CentreMixture(0.5))
    assert ClassCounts.of([70, 15, 15, 0, 0], label=0).rivals == (15, 0)
    assert test.accepts(ClassCounts.of([140, 10, 10, 10, 10, 10, 10, 0], label=0))
    assert not test.accepts(ClassCounts.of([140, 60, 0, 0, 0, 0, 0, 0], label=0))


def test_ties_are_votes_for_no_class() -> None:
    tied = ClassCounts.of([70, 2, 2, 26], label=0)
    assert (tied.trials, tied.failures, tied.rivals) == (100, 30, (2,))
    assert [cells.rest for cells in tied.cells()] == [28]


@pytest.mark.parametrize(
    ("selection", "gap", "expected"),
    [
        ([64, 0, 0, 0], True, CentreMixture(0.1, 0.125)),
        ([64, 0, 0, 0], False, CentreMixture(0.0, 0.125)),
        ([64, 0, 0], True, CentreMixture(0.0, 0.125)),  # two classes
        ([63, 0, 0, 1], True, CentreMixture(0.5, 0.5)),  # a tie is no vote of a runner-up
        ([60, 3, 1, 0], True, CentreMixture(0.1, 0.5)),
        ([60, 2, 2, 0], True, CentreMixture(0.5, 0.5)),
        ([2, 60, 2, 0], True, CentreMixture(0.5, 0.5)),
        ([60, 2, 2, 0], False, ONE_SIDED),
    ],
)
def test_the_selection_votes_choose_the_mixture(
    selection: list[int], gap: bool, expected: CentreMixture
) -> None:
    assert mixture_of(selection, gap=gap) == expected
    for_a_bound = mixture_of(selection, gap=gap, radius=True)
    assert for_a_bound == CentreMixture(expected.runner_up, 0.5)


@pytest.mark.parametrize("share", [0.9, 0.95, 0.97, 0.99, 0.999])
@pytest.mark.parametrize("alpha", [0.001, 0.0005])
def test_unanimous_votes_cost_at_most_six_percent_more_than_walds_test(
    share: float, alpha: float
) -> None:
    wald = math.ceil(math.log(1.0 / alpha) / -math.log(share))
    for mixture in (mixture_of([64, 0, 0, 0], gap=True), mixture_of([64, 0, 0], gap=True)):
        assert CentreTest(share, alpha, mixture).least_n() <= math.ceil(1.06 * wald)


@pytest.mark.parametrize("share", [0.5, 0.62, 0.774, 0.9, 0.99])
def test_no_mixture_is_reached_sooner_than_that_of_unanimous_selection_votes(share: float) -> None:
    least = CentreTest(share, 0.001, mixture_of([64, 0, 0, 0], gap=False)).least_n()
    for mixture in (CentreMixture(0.1, 0.125), CentreMixture(0.1), CentreMixture(0.5), ONE_SIDED):
        assert CentreTest(share, 0.001, mixture).least_n() >= least


@pytest.mark.parametrize(("won", "lost", "share"), [(40, 0, 0.9), (300, 9, 0.95), (2, 60, 0.5)])
def test_the_prior_near_one_is_mixed_correctly(won: int, lost: int, share: float) -> None:
    with mpmath.workdps(40):
        p, b = mpmath.mpf(share), mpmath.mpf("0.125")
        # u = (1 - q)^b makes the integrand smooth at q = 1.
        end = (1 - p) ** b

        def weighed(h: int, f: int) -> mpmath.mpf:
            def integrand(u: mpmath.mpf) -> mpmath.mpf:
                q = 1 - u ** (1 / b)
                return q ** (h - mpmath.mpf("0.5")) * (1 - q) ** f / b

            return mpmath.quad(integrand, mpmath.linspace(0, end, 33))

        exact = mpmath.log(weighed(won, lost) / weighed(0, 0))
        exact -= won * mpmath.log(p) + lost * mpmath.log(1 - p)
        found = float(log_e_value(won, lost, share, 0.125))
        assert abs(mpmath.mpf(found) - exact) < float(log_e_slack(won, lost, share))
    assert log_e_lower(won, lost, share, 0.125) <= found


ALPHA, MOST = 0.05, 36


@cache
def mixed_accepts(share: float, mixture: CentreMixture, won: int, second: int, rest: int) -> bool:
    # The rest are votes of a third class.
    return CentreTest(share, ALPHA, mixture).accepts(
        ClassCounts.of([won, second, rest, 0], label=0)
    )


@pytest.mark.parametrize("mixture", [CentreMixture(0.5), CentreMixture(0.1, 0.125)], ids=str)
@pytest.mark.parametrize("level", [-1.0, -0.4, -0.1, 0.0])
def test_the_mixed_test_accepts_a_class_that_can_be_caught_up_with_at_most_at_alpha(
    mixture: CentreMixture, level: float
) -> None:
    margin = 0.4
    share = float(required_p_of_margin(margin))
    p = float(special.ndtr(level + margin)), float(special.ndtr(level - margin))
    rest = max(0.0, 1.0 - sum(p))
    alive, falsely = np.zeros((MOST + 2, MOST + 2)), 0.0
    alive[0, 0] = 1.0
    for cast in range(1, MOST + 1):
        later = rest * alive
        later[1:, :] += p[0] * alive[:-1, :]
        later[:, 1:] += p[1] * alive[:, :-1]
        alive = later
        for won, second in zip(*np.nonzero(alive > 1e-12), strict=True):
            left = cast - int(won) - int(second)
            if mixed_accepts(share, mixture, int(won), int(second), left):
                falsely += float(alive[won, second])
                alive[won, second] = 0.0
    assert falsely <= ALPHA


def test_a_centre_is_given_up_where_another_class_can_catch_up() -> None:
    share = float(required_p_of_margin(0.8))
    assert runner_up_futile(ClassCounts.of([50, 45, 5, 0], label=0), share, 0.01)
    # .6 is below the required .79, and the gap to the runner-up is wide enough.
    spread = [240, 8, *[8] * 19, 0]
    assert not runner_up_futile(ClassCounts.of(spread, label=0), share, 0.01)
    assert not runner_up_futile(ClassCounts.of([50, 0, 0], label=0), share, 0.01)


def test_what_no_votes_can_show_is_refused() -> None:
    with pytest.raises(UnreachableError, match=r"required_p=1\.0"):
        CentreTest(1.0, 0.001)
    with pytest.raises(ConfigurationError, match="weight"):
        CentreMixture(1.0)
