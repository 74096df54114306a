"""How many requests make the next round."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gsmooth.sampling import served
from gsmooth.sampling.settings import SAMPLING

ROUND = SAMPLING.batches_in_round

ROWS = st.lists(st.integers(1, 64), min_size=1, max_size=300)


@given(ROWS, st.integers(64, 1024))
def test_a_round_is_whole_batches_but_for_a_request(waiting: list[int], at_once: int) -> None:
    count = served(waiting, at_once)
    rows = sum(waiting[:count])
    assert 1 <= count <= len(waiting)
    if sum(waiting) < at_once:
        assert count == len(waiting)
    else:
        batches = min(sum(waiting) // at_once, ROUND)
        assert batches * at_once - 64 < rows <= batches * at_once


@given(st.lists(st.sampled_from([16, 32, 64]), min_size=64, max_size=200))
def test_requests_of_16_to_64_leave_less_than_one_of_them_free(waiting: list[int]) -> None:
    assert -sum(waiting[: served(waiting, 256)]) % 256 < 64


def test_a_huge_request_is_served_in_rounds() -> None:
    assert served([64] * 100_000, 256) == ROUND * 4


def test_all_are_served_where_they_do_not_fill_a_batch() -> None:
    assert served([16] * 15, 256) == 15
