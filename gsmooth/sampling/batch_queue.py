"""The waiting requests that are counted next, so that batches are full."""

from __future__ import annotations

from collections.abc import Sequence

from gsmooth.sampling.settings import SAMPLING


def served(waiting: Sequence[tuple[int, int]], at_once: int) -> list[int]:
    """The places of the requests that are counted in the next round, oldest first.

    As many as make whole batches, up to ``SAMPLING.batches_in_round``: a request that does not fit
    any more waits for the next round, and with it all later ones of its image, while those of
    other images may still fit. All requests if they do not fill a batch, and at least one.

    Args:
        waiting: Of each request the number of its image, and its rows.
        at_once: Rows that fill one batch of every worker.
    """
    batches = min(sum(rows for _, rows in waiting) // at_once, SAMPLING.batches_in_round)
    if batches == 0:
        return list(range(len(waiting)))
    room, late, found = batches * at_once, set[int](), list[int]()
    for place, (image, rows) in enumerate(waiting):
        if rows > room or image in late:
            late.add(image)
        else:
            found.append(place)
            room -= rows
        if room == 0:
            break
    return found or [0]
