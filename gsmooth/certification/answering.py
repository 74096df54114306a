"""PREDICT that stops as soon as the votes show the class (S3b)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import final

import numpy as np
from torch import Tensor

from gsmooth.certificate import Prediction
from gsmooth.certification.flights import InFlight, decided
from gsmooth.certification.rules import check_level, check_votes
from gsmooth.certification.session import Voting
from gsmooth.data.item import Item
from gsmooth.sampling.noise import CHUNK, SampleKey, Seed, Stream
from gsmooth.sampling.smoothed_classifier import SampleRequest, SmoothedClassifier
from gsmooth.theory.anytime_predict import AnytimePredict


@final
@dataclass(frozen=True)
class AnswerRule:
    """When the class of an image is sure enough.

    Args:
        alpha: Probability, for each image, that an answer is not the class of g, in (0, 0.5].
        max_votes: Votes for an image after which there is an abstention.
    """

    alpha: float = 0.001
    max_votes: int = 1000

    def __post_init__(self) -> None:
        check_level("alpha", self.alpha)
        check_votes(max_votes=self.max_votes)


def answer_voting(smoothed: SmoothedClassifier, rule: AnswerRule, item: Item) -> Voting[Prediction]:
    """The votes of one image until its class is shown, or cannot be shown any more (S3b).

    S3b: a class that is returned is another one than g's with probability at most alpha. How many
    votes come next depends on the votes before alone, so the same image under the same seed gets
    the same votes and the same answer, whatever shares their batches.

    Args:
        smoothed: The smoothed classifier.
        rule: When to stop.
        item: The image.

    Returns:
        A generator that yields requests, is sent their counts, and returns the answer.
    """
    smoothed.check_image(item.image, item.index)
    z = smoothed.transformation.lift(item.image[None].double())[0]
    test = AnytimePredict(rule.alpha, smoothed.classifier.classes)
    due, chunk = min(test.first, rule.max_votes), 0
    first: list[int] = []
    votes = np.zeros(smoothed.classifier.classes + 1, dtype=np.int64)
    label = None
    while True:
        requests = _requests(smoothed.seed, item.index, z, chunk, due)
        chunk += len(requests)
        votes = votes + (yield requests).sum(axis=0)
        cast = votes.tolist()
        first = first or cast
        left = rule.max_votes - sum(cast)
        label = test.answer(first, cast)
        if label is not None or left <= 0 or not test.can_answer(first, cast, left):
            return Prediction(label, tuple(cast), rule.alpha)
        due = test.votes_to_next_look(first, cast, left)


def answer_many(
    smoothed: SmoothedClassifier,
    items: Iterable[Item],
    rule: AnswerRule,
    *,
    in_flight: InFlight = "auto",
) -> Iterator[tuple[int, Prediction]]:
    """(index, answer) for every item, in order of completion; votes of several share batches.

    Args:
        smoothed: The smoothed classifier.
        items: The images; each is read when it is begun.
        rule: When to stop.
        in_flight: How many images are begun and not yet decided.

    Raises:
        InputError: An image does not fit the classifier.
        ModelError: The network's scores are not finite.
    """

    def begin(item: Item) -> Voting[Prediction]:
        return answer_voting(smoothed, rule, item)

    for index, answer, _ in decided(smoothed, items, begin, in_flight=in_flight):
        yield index, answer


def _requests(seed: Seed, index: int, z: Tensor, first: int, votes: int) -> list[SampleRequest]:
    """Requests for so many votes: whole chunks, then one with the rest."""
    return [
        SampleRequest(
            SampleKey(seed, index, Stream.ANSWER, 0, first + place),
            z,
            min(CHUNK, votes - place * CHUNK),
        )
        for place in range(-(-votes // CHUNK))
    ]
