"""Outcome: what the votes of one image gave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from gsmooth.certificate import Certificate, Prediction


@final
@dataclass(frozen=True)
class Outcome:
    """The certificate of one image, and what it cost.

    Args:
        index: The index of the image; if it has none, the hash of its pixels.
        certificate: Certified or abstained, with its evidence.
        prediction: PREDICT at the clean image, from the selection votes.
        votes: Forward passes in all, selection and pilots included.
        seconds: Time spent on this image: its cover, and its share of every batch. 0 until the
            image is finished.
        pilot_votes: Those of ``votes`` that only chose the cover.
    """

    index: int
    certificate: Certificate
    prediction: Prediction
    votes: int
    seconds: float = 0.0
    pilot_votes: int = 0
