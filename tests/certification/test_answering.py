"""PREDICT through the engine, stopping as soon as the class is sure (S3b)."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from gsmooth import SmoothedClassifier
from gsmooth.certificate import Prediction
from gsmooth.certification.answering import AnswerRule, answer_many, answer_voting
from gsmooth.data.item import Item
from gsmooth.errors import ConfigurationError, ModelError
from gsmooth.sampling.noise import CHUNK, Stream
from tests.api.objects import SHAPE, SIGMA, images, smoothed
from tests.engine_objects import Scores

G = smoothed()


def answers(rule: AnswerRule, batch: Tensor | None = None, in_flight: int = 3) -> list[Prediction]:
    shown = images() if batch is None else batch
    items = [Item(index, image.double()) for index, image in enumerate(shown)]
    found = dict(answer_many(G, items, rule, in_flight=in_flight))
    return [found[index] for index in range(len(items))]


def test_unanimous_votes_end_at_the_first_look() -> None:
    bright, dark, _, _ = answers(AnswerRule(0.001, 1000))
    assert bright == Prediction(1, (0, 12, 0), 0.001)
    assert dark == Prediction(0, (12, 0, 0), 0.001)


def test_an_image_in_between_takes_more_votes_and_no_more_than_are_allowed() -> None:
    even = torch.full((1, *SHAPE), 0.5)
    (found,) = answers(AnswerRule(0.001, 300), even)
    assert found.label is None
    assert sum(found.counts) <= 300


def test_an_image_whose_votes_cannot_suffice_any_more_is_given_up_before_the_last_vote() -> None:
    even = torch.full((1, *SHAPE), 0.5)
    (found,) = answers(AnswerRule(1e-6, 300), even)
    assert found.label is None
    assert sum(found.counts) < 300


def test_fewer_votes_than_unanimous_ones_need_are_an_abstention() -> None:
    assert [p.label for p in answers(AnswerRule(0.001, 11))] == [None] * 4


def test_answers_depend_neither_on_batches_nor_on_neighbours() -> None:
    rule = AnswerRule(0.001, 500)
    assert answers(rule, in_flight=1) == answers(rule, in_flight=4)
    alone = list(answer_many(G, [Item(2, images()[2].double())], rule))
    assert alone == [(2, answers(rule)[2])]


def test_votes_are_new_ones_in_every_request() -> None:
    voting = answer_voting(G, AnswerRule(1e-9, 500), Item(5, images()[2].double()))
    requests, seen = next(voting), set()
    for _ in range(4):
        assert all(request.rows <= CHUNK for request in requests)
        for request in requests:
            key = request.sample_key
            assert (key.image, key.stream, key.centre) == (5, Stream.ANSWER, 0)
            assert key.chunk not in seen
            seen.add(key.chunk)
        counts = np.zeros((len(requests), 3), dtype=np.int64)
        rows = [request.rows for request in requests]
        counts[:, 0], counts[:, 1] = [r // 2 for r in rows], [r - r // 2 for r in rows]
        requests = voting.send(counts)
    assert len(seen) >= 4


def test_an_answer_is_wrong_no_more_often_than_alpha_through_the_engine() -> None:
    # Class 0 has a chance just below a half at every one of these images, by the shift of the mean.
    alpha, number = 0.2, 400
    slight = torch.full((number, *SHAPE), 0.5 + 0.002)
    found = answers(AnswerRule(alpha, 60), slight, in_flight=64)
    wrong = sum(p.label == 0 for p in found)
    assert wrong <= alpha * number  # It is about a half of that: two sides share alpha.
    assert wrong > 0


def test_scores_that_are_not_finite_are_an_error() -> None:
    broken = SmoothedClassifier(
        Scores(lambda x: x.flatten(1)[:, :2] * float("nan")),
        "gaussian",
        sigma=SIGMA,
        num_classes=2,
        input_shape=SHAPE,
        seed=0,
    )
    with pytest.raises(ModelError):
        list(answer_many(broken, [Item(0, images()[0].double())], AnswerRule()))


@pytest.mark.parametrize(("alpha", "votes"), [(0.0, 10), (0.6, 10), (0.1, 0), (0.1, 10**9)])
def test_a_rule_out_of_range_is_refused(alpha: float, votes: int) -> None:
    with pytest.raises(ConfigurationError):
        AnswerRule(alpha, votes)
