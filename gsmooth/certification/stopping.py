"""Interim looks: the test is evaluated as soon as the votes could suffice, and not before."""

from __future__ import annotations

from functools import lru_cache

from gsmooth.errors import UnreachableError
from gsmooth.sampling.noise import CHUNK
from gsmooth.theory.centre_test import ONE_SIDED, CentreMixture, CentreTest, ClassCounts


def votes_to_next_look(test: CentreTest, counts: ClassCounts | None, most: int) -> int | None:
    """Votes until the next look: the least number after which the test can accept, at most a chunk.

    The test accepts after that number if all of the votes are for the class. It cannot accept
    earlier, so a centre costs exactly the votes that a look after every vote would cost, in far
    fewer rounds. The number depends only on earlier votes, so the e-value stays a supermartingale,
    and the test has its level at all looks together (S6).

    Args:
        test: The test of the centre.
        counts: The votes so far; None if there are none.
        most: Votes that may still be cast.

    Returns:
        The number of votes; None if ``most`` of them cannot suffice.
    """
    if counts is None:
        least = least_votes(test.required_p, test.alpha, test.mixture)
        return None if least is None or least > most else min(least, CHUNK)
    if most <= 0 or not test.can_accept(counts, most):
        return None
    low, high = 0, min(most, CHUNK)
    if not test.can_accept(counts, high):
        return high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if test.can_accept(counts, middle) else (middle, high)
    return high


@lru_cache(maxsize=4096)  # Looked up for all remaining centres before each centre.
def least_votes(share: float, alpha: float, mixture: CentreMixture = ONE_SIDED) -> int | None:
    """Least unanimous votes that the test of a centre accepts; None where no number suffices."""
    try:
        return CentreTest(share, alpha, mixture).least_n()
    except UnreachableError:
        return None
