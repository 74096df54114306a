"""PREDICT that may stop at any time is wrong with probability at most alpha: exactly (S3b)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import cache
from itertools import count, product

import numpy as np
import pytest
from numpy.typing import NDArray

from gsmooth.errors import ConfigurationError
from gsmooth.theory.anytime_predict import AnytimePredict
from gsmooth.theory.bounds import predict_test
from gsmooth.theory.e_value import log_threshold

Needs = Callable[[int, int], int]
"""The least votes of a class by which it is returned, by its first votes and the second count."""


def needs(test: AnytimePredict, most: int) -> Needs:
    """Of the test itself."""

    @cache
    def found(led: int, second: int) -> int:
        low, high = max(second, led - 1), most + 1
        while high - low > 1:
            middle = (low + high) // 2
            shown = test.log_e(led / test.first, middle, second) >= log_threshold(test.alpha)
            low, high = (low, middle) if shown else (middle, high)
        return high

    return found


def peeking_needs(test: AnytimePredict) -> Needs:
    """Of the test for votes that are fixed in advance (S3), looked at after every vote."""

    @cache
    def found(led: int, second: int) -> int:
        counts = count(second + 1)
        return next(won for won in counts if predict_test(won, second, test.alpha).decided)

    return found


def wrong(first: int, need: Needs, p: tuple[float, float, float], most: int) -> float:
    """P(a class other than 0 is returned at some n up to ``most``), by dynamic programming.

    Classes 0, 1 and 2 have the probabilities p, and the votes are looked at after each one from the
    first look on. What is left of 1 are ties.
    """
    return sum(weight * _wrong_after(led, need, p, most) for led, weight in _first_votes(first, p))


def _first_votes(
    first: int, p: tuple[float, float, float]
) -> Iterator[tuple[tuple[int, int, int, int], float]]:
    chances = (*p, max(0.0, 1.0 - sum(p)))
    for counts in product(range(first + 1), repeat=3):
        ties = first - sum(counts)
        if ties < 0:
            continue
        every = (*counts, ties)
        ways = math.factorial(first) // math.prod(map(math.factorial, every))
        weight = ways * math.prod(q**k for q, k in zip(chances, every, strict=True))
        if weight > 0.0:
            yield (counts[0], counts[1], counts[2], ties), weight


def _wrong_after(
    led: tuple[int, int, int, int], need: Needs, p: tuple[float, float, float], most: int
) -> float:
    """The same, given the first votes of classes 0, 1 and 2 and ties.

    Ties change nothing after the first votes, so votes are counted without them: that is a look
    after every vote for a class, and no more votes than ``most``.
    """
    cast, more = sum(led[:3]), most - sum(led)
    size = most + 1
    tables = [np.array([need(k, second) for second in range(size)]) for k in led[:3]]
    one, two = np.meshgrid(np.arange(size), np.arange(size), indexing="ij")
    state: NDArray[np.float64] = np.zeros((size, size))
    state[led[1], led[2]] = 1.0
    q = np.array(p) / sum(p)
    found = 0.0
    for n in range(cast, cast + more + 1):
        zero = n - one - two
        inside = zero >= 0
        zero = np.where(inside, zero, 0)
        in_one = inside & (one >= tables[1][np.maximum(zero, two)])
        in_two = inside & (two >= tables[2][np.maximum(zero, one)])
        in_zero = inside & (zero >= tables[0][np.maximum(one, two)])
        found += float(state[in_one | in_two].sum())
        state[in_zero | in_one | in_two] = 0.0
        after = q[0] * state
        after[1:] += q[1] * state[:-1]
        after[:, 1:] += q[2] * state[:, :-1]
        state = after
    return found


@pytest.mark.parametrize("alpha", [0.3, 0.05])
@pytest.mark.parametrize(
    "p",
    [
        (0.5, 0.5, 0.0),
        (1 / 3, 1 / 3, 1 / 3),
        (0.4, 0.4, 0.2),
        (0.5, 0.25, 0.25),
        (0.2, 0.2, 0.2),
    ],
)
def test_a_class_that_does_not_lead_is_returned_with_probability_at_most_alpha(
    alpha: float, p: tuple[float, float, float]
) -> None:
    test, most = AnytimePredict(alpha, classes=3), 60
    assert wrong(test.first, needs(test, most), p, most) <= alpha


def test_the_test_of_a_fixed_number_of_votes_would_be_wrong_more_often() -> None:
    test = AnytimePredict(0.05, classes=3)
    assert wrong(test.first, peeking_needs(test), (0.5, 0.5, 0.0), 60) > 0.05


def test_two_even_classes_are_told_apart_at_most_at_alpha_in_many_votes() -> None:
    test, most = AnytimePredict(0.001, classes=2), 300
    need, found = needs(test, most), 0.0
    for led in range(test.first + 1):
        weight = math.comb(test.first, led) * 0.5**test.first
        state = np.zeros(most + 1)
        state[led] = 1.0
        one = [need(led, second) for second in range(most + 1)]
        zero = [need(test.first - led, second) for second in range(most + 1)]
        for n in range(test.first, most + 1):
            won = np.arange(n + 1)
            lost = won[::-1]
            in_one = won >= np.array(one)[lost]
            in_zero = lost >= np.array(zero)[won]
            found += weight * float(state[: n + 1][in_one].sum())
            state[: n + 1][in_one | in_zero] = 0.0
            state = 0.5 * (state + np.concatenate([[0.0], state[:-1]]))
    assert found <= 0.001
    assert found > 0.0001  # By both sides together it spends a good part of alpha.


def test_the_answer_is_that_of_the_table_of_needs() -> None:
    test, generator = AnytimePredict(0.01, classes=4), np.random.default_rng(1)
    need = needs(test, 200)
    for _ in range(200):
        p = generator.dirichlet([1.0, 0.4, 0.4, 0.2, 0.1])
        first = generator.multinomial(test.first, p)
        votes = first + generator.multinomial(generator.integers(0, 60), p)
        label = int(np.argmax(votes[:4]))
        second = max(v for c, v in enumerate(votes[:4]) if c != label)
        shown = votes[label] > second and votes[label] >= need(int(first[label]), int(second))
        assert test.answer(first.tolist(), votes.tolist()) == (label if shown else None)


@pytest.mark.parametrize(("alpha", "first"), [(0.05, 6), (0.001, 12), (1e-6, 23), (1e-9, 33)])
def test_unanimous_votes_cost_as_many_as_are_documented(alpha: float, first: int) -> None:
    test = AnytimePredict(alpha, classes=1000)
    assert test.first == first
    assert test.answer(*[[0] * 7 + [first] + [0] * 993] * 2) == 7
    # Fewer cannot be enough for any test: one of two even classes has all of n votes at 2^(1 - n).
    assert 2.0 ** (2 - first) > alpha / 8.0


def test_a_class_without_first_votes_can_still_be_returned() -> None:
    test = AnytimePredict(0.001, classes=10)
    late = [12, 88, *[0] * 8, 0]
    assert test.answer([12, *[0] * 9, 0], late) == 1


def test_a_tie_or_no_vote_for_a_class_is_no_answer() -> None:
    test = AnytimePredict(0.5, classes=2)
    assert test.answer([0, 0, 3], [0, 0, 900]) is None
    assert test.answer([2, 1, 0], [450, 450, 0]) is None


def test_the_next_look_is_the_first_that_unanimous_votes_can_use() -> None:
    test = AnytimePredict(1e-6, classes=2)
    first, votes = [4, 18, 0], [8, 30, 0]
    due = test.votes_to_next_look(first, votes, 64)
    assert test.answer(first, [8, 30 + due, 0]) == 1
    assert test.answer(first, [8, 30 + due - 1, 0]) is None
    assert test.votes_to_next_look(first, votes, 3) == 3
    assert test.votes_to_next_look([11, 11, 0], [500, 500, 0], 150) == 150
    assert test.votes_to_next_look([12, 10, 0], [12, 10, 0], 64) <= 64


def test_votes_that_cannot_suffice_are_not_asked_for() -> None:
    test = AnytimePredict(0.001, classes=3)
    first, votes = [6, 6, 0, 0], [100, 90, 0, 10]
    assert not test.can_answer(first, votes, 5)
    assert test.can_answer(first, votes, 200)
    assert not test.can_answer([0, 0, 0, 12], [0, 0, 0, 12], 3)


def test_one_class_alone_is_no_choice() -> None:
    with pytest.raises(ConfigurationError, match="expected 2 or more"):
        AnytimePredict(0.001, classes=1)
