"""How many requests make the next round."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gsmooth.sampling import served
from gsmooth.sampling.settings import SAMPLING

ROUND = SAMPLING.batches_in_round

WAITING = st.lists(st.tuples(st.integers(0, 9), st.integers(1, 64)), min_size=1, max_size=300)


@given(WAITING, st.integers(64, 1024))
def test_a_round_is_whole_batches_as_far_as_requests_fit(
    waiting: list[tuple[int, int]], at_once: int
) -> None:
    places = served(waiting, at_once)
    rows = sum(waiting[place][1] for place in places)
    assert places == sorted(set(places))
    assert len(places) >= 1
    if sum(rows for _, rows in waiting) < at_once:
        assert len(places) == len(waiting)
    else:
        batches = min(sum(rows for _, rows in waiting) // at_once, ROUND)
        assert batches * at_once - 64 < rows <= batches * at_once


@given(WAITING, st.integers(64, 1024))
def test_requests_of_an_image_are_served_in_their_order(
    waiting: list[tuple[int, int]], at_once: int
) -> None:
    places = set(served(waiting, at_once))
    for image in range(10):
        taken = [place in places for place, (own, _) in enumerate(waiting) if own == image]
        assert taken == sorted(taken, reverse=True)


def test_smaller_requests_of_other_images_fill_a_batch() -> None:
    assert served([(0, 200), (1, 64), (1, 8), (2, 48), (3, 64)], 256) == [0, 3]


def test_a_huge_request_is_served_in_rounds() -> None:
    assert served([(0, 64)] * 100_000, 256) == list(range(ROUND * 4))


def test_all_are_served_where_they_do_not_fill_a_batch() -> None:
    assert served([(0, 16)] * 15, 256) == list(range(15))
