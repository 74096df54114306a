"""Selection: the votes at the clean image that choose the class."""

from __future__ import annotations

from torch import Tensor

from gsmooth.certification.rules import Mode
from gsmooth.certification.session import Counts, Voting
from gsmooth.sampling.noise import CHUNK, SampleKey, Seed, Stream
from gsmooth.sampling.smoothed_classifier import SampleRequest


def select(mode: Mode, seed: Seed, index: int, clean: Tensor) -> Voting[Counts]:
    """The selection votes by class, (classes + 1,), the last of them ties.

    Args:
        mode: The rule of decision, with its numbers of votes.
        seed: The seed of the run.
        index: The index of the image.
        clean: The point (K,) whose votes select the class.
    """
    first, rest = selection_requests(mode, seed, index, clean)
    counts = yield first
    selected: Counts = counts.sum(axis=0)
    if rest and not mode.looks.ends(selected.tolist()):
        counts = yield rest
        selected = selected + counts.sum(axis=0)
    return selected


def selection_requests(
    mode: Mode, seed: Seed, index: int, clean: Tensor
) -> tuple[list[SampleRequest], list[SampleRequest]]:
    """The requests of the first look, and those of the rest: none where there is one look.

    Args:
        mode: The rule of decision, with its numbers of votes.
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

    looks = mode.looks
    first = requests(0, looks.least)
    return first, requests(len(first), looks.n0 - looks.least)
