"""The number of waiting requests that are counted next, so that batches are full."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

from gsmooth.sampling.settings import SAMPLING


def served(waiting: Sequence[int], at_once: int) -> int:
    """How many requests are counted in the next round, in order of arrival.

    As many as make whole batches, up to ``SAMPLING.batches_in_round``, but at least one; the rest
    wait for the next round, together with newer requests. All of them if they do not fill a batch.

    Args:
        waiting: The rows of each request.
        at_once: Rows that fill one batch of every worker.
    """
    batches = min(sum(waiting) // at_once, SAMPLING.batches_in_round)
    if batches == 0:
        return len(waiting)
    return max(1, bisect_right(list(accumulate(waiting)), batches * at_once))
