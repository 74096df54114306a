"""Which of the waiting images are counted next, so that batches are full."""

from __future__ import annotations

from collections.abc import Sequence


def served(waiting: Sequence[int], at_once: int) -> list[int]:
    """Places of the requests to be counted now; waiting: rows of each, the longest-waiting first.

    at_once: rows that fill a batch of every worker. The first is always served, so none waits for
    ever; the others fill up what its last batch leaves free, and wait for the next round where they
    would begin another.
    """
    chosen: list[int] = []
    room = 0
    for place, rows in enumerate(waiting):
        if not chosen:
            room = -(-rows // at_once) * at_once
        if rows <= room:
            chosen.append(place)
            room -= rows
    return chosen
