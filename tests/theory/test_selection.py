"""Selection votes that may end early: PREDICT stays wrong with probability at most alpha (S3)."""

from __future__ import annotations

import pytest
from scipy import stats

from gsmooth.errors import ConfigurationError
from gsmooth.theory.bounds import predict_test
from gsmooth.theory.selection import SelectionLooks


def wrong(looks: SelectionLooks, p: float) -> float:
    """P(the answer is class 1), exactly, if it has probability p and class 0 the rest."""
    first, n0 = looks.least, looks.n0
    found = 0.0
    for early in range(first + 1):
        chance = float(stats.binom.pmf(early, first, p))
        if looks.ends([first - early, early, 0]):
            found += chance * (looks.prediction([first - early, early, 0]) == 1)
            continue
        for late in range(n0 - first + 1):
            won = early + late
            if looks.prediction([n0 - won, won, 0]) == 1:
                found += chance * float(stats.binom.pmf(late, n0 - first, p))
    return found


@pytest.mark.parametrize("alpha", [0.3, 0.05, 0.001, 1e-4, 1e-6])
@pytest.mark.parametrize("first", [4, 8, 12, 16, 24, None])
def test_a_class_that_does_not_lead_is_named_with_probability_at_most_alpha(
    alpha: float, first: int | None
) -> None:
    assert wrong(SelectionLooks(64, first, alpha), 0.5) <= alpha
    assert wrong(SelectionLooks(64, first, alpha), 0.45) <= alpha


def test_a_look_that_spends_nothing_of_alpha_would_be_wrong_more_often() -> None:
    early = 2.0**-10  # Ten votes for class 1, at even chances; then the test of 64 at all of alpha.
    later = sum(
        float(stats.binom.pmf(won, 64, 0.5))
        for won in range(33, 65)
        if predict_test(won, 64 - won, 0.001).decided
    )
    assert early + later > 0.001
    assert SelectionLooks(64, 10, 0.001).least == 64


def test_many_classes_that_are_all_behind_are_named_no_more_often() -> None:
    # Any of c classes of probability p, all at most 1/2 and together at most 1: c p^n <= 2^(1 - n).
    for classes in (1, 2, 3, 10, 1000):
        p = min(0.5, 1.0 / classes)
        assert classes * p**16 <= 2.0 ** (1 - 16)


def test_the_selection_ends_early_only_where_all_votes_agree() -> None:
    looks = SelectionLooks(64, 16, 0.001)
    assert (looks.least, looks.n0) == (16, 64)
    assert looks.level == 0.001 - 2.0**-15
    assert looks.ends([0, 16, 0])
    assert not looks.ends([1, 15, 0])
    assert not looks.ends([0, 15, 1])  # A tie is no vote for the class.
    assert looks.ends([30, 34, 0])
    assert [looks.allows(votes) for votes in ([16, 0, 0], [15, 1, 0], [17, 0, 0], [40, 24, 0])] == [
        True, False, False, True,
    ]  # fmt: skip


@pytest.mark.parametrize(("first", "alpha"), [(None, 0.001), (64, 0.001), (100, 0.001), (16, 1e-5)])
def test_else_there_are_all_n0_votes_and_all_of_alpha(first: int | None, alpha: float) -> None:
    looks = SelectionLooks(64, first, alpha)
    assert (looks.least, looks.level) == (64, alpha)
    assert looks.prediction([60, 4, 0]) == (0 if predict_test(60, 4, alpha).decided else None)


def test_alpha_is_a_failure_probability() -> None:
    with pytest.raises(ConfigurationError, match="alpha"):
        SelectionLooks(64, 16, 0.7)
