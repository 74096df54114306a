"""Which requests are counted together."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gsmooth.engine import served

REQUESTS = st.lists(st.integers(1, 3000), min_size=1, max_size=60)


@given(REQUESTS, st.integers(64, 1024))
def test_the_longest_waiting_is_served_and_begins_no_needless_batch(
    waiting: list[int], at_once: int
) -> None:
    places = served(waiting, at_once)
    assert places[0] == 0
    assert places == sorted(set(places))
    room = -(-waiting[0] // at_once) * at_once - sum(waiting[place] for place in places)
    assert room >= 0
    # Whoever waits would not have fitted any more.
    assert all(waiting[place] > room for place in range(len(waiting)) if place not in places)


@given(st.lists(st.sampled_from([16, 32, 64]), min_size=64, max_size=100))
def test_ballots_of_16_to_64_fill_a_batch_to_its_last_chunk(waiting: list[int]) -> None:
    assert sum(waiting[place] for place in served(waiting, 256)) > 256 - 64


def test_everybody_is_served_where_all_fit() -> None:
    assert served([16] * 16, 256) == list(range(16))
