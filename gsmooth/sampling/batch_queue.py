"""How many of the waiting requests are counted next, so that batches are full."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

from gsmooth.sampling.settings import SAMPLING


def served(waiting: Sequence[int], at_once: int) -> int:
    """How many requests are counted now, first come first served; waiting: rows of each.

    at_once: rows that fill a batch of every worker. Whole batches of requests are served, up to
    ``SAMPLING.batches_in_round``, and one request at least; the rest stay for the next round, which
    others may fill up by then. All are served where they do not fill one batch.
    """
    batches = min(sum(waiting) // at_once, SAMPLING.batches_in_round)
    if batches == 0:
        return len(waiting)
    return max(1, bisect_right(list(accumulate(waiting)), batches * at_once))
