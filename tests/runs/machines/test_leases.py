"""Leases: whatever workers do and whenever they die, each image is committed once, and all are."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsmooth.errors import RecordError, WorkerError
from gsmooth.runs.machines.leases import Lease, Leases
from gsmooth.runs.records.row import Row
from gsmooth.runs.settings import RUN
from tests.runs.samples import make_row


def row(index: int, seconds: float = 1.0, pilot_votes: int = 0) -> Row:
    made = make_row(index)
    counts = replace(made.counts, pilot_votes=pilot_votes)
    return replace(made, counts=counts, provenance=replace(made.provenance, seconds=seconds))


EVENTS = st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["row", "end", "die"])), max_size=80)


@given(images=st.integers(1, 12), most=st.integers(1, 5), events=EVENTS)
def test_every_image_is_committed_once_in_whatever_order_workers_live_and_die(
    images: int, most: int, events: list[tuple[int, str]]
) -> None:
    leases, held, written = Leases(range(images), most, 4), dict[int, Lease](), list[int]()
    at = dict[int, int]()

    def step(worker: int, event: str) -> None:
        if worker not in held:
            if (lease := leases.issue(worker)) is not None:
                held[worker], at[worker] = lease, 0
            return
        lease = held[worker]
        if event == "row" and at[worker] < len(lease.indices):
            index = lease.indices[at[worker]]
            at[worker] += 1
            if leases.commit(row(index, seconds=float(worker))):
                written.append(index)
        elif event == "die" and len(lease.indices) > 1:
            leases.lost(held.pop(worker))
        elif event != "row":
            leases.returned(held.pop(worker))

    for worker, event in events:
        step(worker, event)
    for _ in range(4 * images + 8):
        for worker in range(4):
            step(
                worker,
                "row" if worker in held and at[worker] < len(held[worker].indices) else "end",
            )
    assert leases.left == 0
    assert sorted(written) == list(range(images))


def test_leases_are_of_the_size_asked_for_and_smaller_towards_the_end() -> None:
    leases = Leases(range(40), 8, 2)
    sizes = []
    while (lease := leases.issue(0)) is not None:
        sizes.append(len(lease.indices))
    assert sizes == [8, 8, 6, 5, 4, 3, 2, 1, 1, 1, 1]


def test_the_images_of_a_dead_worker_are_given_out_alone_and_first() -> None:
    leases = Leases(range(20), 4, 1)
    first = leases.issue(0)
    assert first is not None
    assert leases.commit(row(0))
    leases.lost(first)
    given_out = [leases.issue(1) for _ in range(4)]
    assert [lease.indices for lease in given_out if lease] == [(1,), (2,), (3,), (4, 5, 6, 7)]


def test_a_second_row_of_an_image_is_not_written_and_has_to_be_the_same() -> None:
    leases = Leases(range(3), 4, 1)
    assert leases.commit(row(1, seconds=1.0))
    assert not leases.commit(row(1, seconds=2.0))
    with pytest.raises(RecordError, match="image 1: two workers found different rows"):
        leases.commit(row(1, pilot_votes=64))


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_an_image_at_which_several_workers_die_ends_the_run(workers: int) -> None:
    leases = Leases([7], 4, workers)
    for death in range(RUN.workers.deaths - 1):
        lease = leases.issue(death % workers)
        assert lease is not None
        leases.lost(lease)
    last = leases.issue((RUN.workers.deaths - 1) % workers)
    assert last is not None
    with pytest.raises(WorkerError, match="image 7: 3 workers died"):
        leases.lost(last)
