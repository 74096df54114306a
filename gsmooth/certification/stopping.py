"""When to look at the votes: as soon as they could suffice, and not before."""

from __future__ import annotations

from functools import lru_cache

from gsmooth.errors import UnreachableError
from gsmooth.sampling.noise import CHUNK
from gsmooth.theory.sequential import EProcess, StreamedSample, cannot_accept


def votes_to_next_look(test: EProcess, sample: StreamedSample | None, most: int) -> int | None:
    """Votes to cast before ``test`` is asked again; None where ``most`` of them cannot suffice.

    sample: the votes so far, None for none. The least number by which the test accepts should all
    of them be for the class, and at most a chunk: nothing could be accepted earlier, so a centre
    costs exactly the votes that looking after every vote would cost, in far fewer rounds. The
    number follows from the votes before, so each of these is fresh when it is cast and the e-value
    stays a supermartingale (S6).
    """
    if sample is None:
        least = least_votes(test.required_p, test.alpha)
        return None if least is None or least > most else min(least, CHUNK)
    if most <= 0 or cannot_accept(sample, most, test):
        return None
    low, high = 0, min(most, CHUNK)
    if cannot_accept(sample, high, test):
        return high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if cannot_accept(sample, middle, test) else (low, middle)
    return high


@lru_cache(maxsize=4096)  # Every centre of an image is asked about before each of them.
def least_votes(share: float, alpha: float) -> int | None:
    """Least unanimous votes that the e-process accepts; None where no number suffices."""
    try:
        return EProcess(share, alpha).least_n()
    except UnreachableError:
        return None
