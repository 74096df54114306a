"""Selection: the votes at the clean image that choose the class."""

from __future__ import annotations

from torch import Tensor

from gsmooth.certification.session import Counts, Voting
from gsmooth.sampling.noise import CHUNK, SampleKey, Seed, Stream
from gsmooth.sampling.smoothed_classifier import SampleRequest
from gsmooth.theory.selection import SelectionLooks


def select(looks: SelectionLooks, seed: Seed, index: int, clean: Tensor) -> Voting[Counts]:
    """The selection votes by class, (classes + 1,), the last of them ties.

    Args:
        looks: When the votes are looked at.
        seed: The seed of the run.
        index: The index of the image.
        clean: The point (K,) whose votes select the class.
    """
    first, rest = selection_requests(looks, seed, index, clean)
    counts = yield first
    selected: Counts = counts.sum(axis=0)
    if rest and not looks.ends(selected.tolist()):
        counts = yield rest
        selected = selected + counts.sum(axis=0)
    return selected


def selection_requests(
    looks: SelectionLooks, seed: Seed, index: int, clean: Tensor
) -> tuple[list[SampleRequest], list[SampleRequest]]:
    """The requests of the first look, and those of the rest: none where there is one look.

    Args:
        looks: When the votes are looked at.
        seed: The seed of the run.
        index: The index of the image.
        clean: The point (K,) whose votes select the class.
    """

    def requests(chunk: int, votes: int) -> list[SampleRequest]:
        return [
            SampleRequest(
                SampleKey(seed, index, Stream.SELECTION, 0, chunk + place),
                clean,
                min(CHUNK, votes - place * CHUNK),
            )
            for place in range(-(-votes // CHUNK))
        ]

    first = requests(0, looks.least)
    return first, requests(len(first), looks.n0 - looks.least)
