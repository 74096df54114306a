"""Others' methods, as they are timed: they certify what they ought to."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

import gsmooth
from benchmarks import bench_rivals
from benchmarks.bench_rivals import costs
from benchmarks.suite.case import Case
from benchmarks.suite.rivals import Cohen, Toolbox
from benchmarks.suite.timing import Timing
from benchmarks.suite.works import Subject

SIGMA, AWAY = 0.5, 0.6
SHAPE = (1, 2, 2)


class HalfSpace(nn.Module):
    """Class 1 where the first pixel exceeds AWAY: the true radius at 0 is AWAY."""

    def forward(self, x: Tensor) -> Tensor:
        beyond = x.flatten(1)[:, 0] - AWAY
        return torch.stack([-beyond, beyond], dim=1)


def half_space() -> gsmooth.Classifier:
    return gsmooth.Classifier(HalfSpace(), classes=2, shape=SHAPE)


def test_the_published_algorithm_certifies_a_half_space_up_to_its_distance() -> None:
    torch.manual_seed(0)
    smooth = Cohen(half_space(), SIGMA, 100, 0.001, batch_size=300)
    label, radius = smooth.certify(torch.zeros(SHAPE), 20_000)
    assert label == 0
    assert 0.9 * AWAY < radius < AWAY


def test_the_published_algorithm_counts_every_vote_once() -> None:
    smooth = Cohen(half_space(), SIGMA, 100, 0.001, batch_size=64)
    assert smooth.counts(torch.zeros(SHAPE), 1000).sum() == 1000


def test_the_published_algorithm_abstains_on_the_boundary() -> None:
    torch.manual_seed(0)
    image = torch.zeros(SHAPE)
    image[0, 0, 0] = AWAY
    found = Cohen(half_space(), SIGMA, 100, 0.001).certify(image, 1000)
    assert found == (None, 0.0)


@pytest.mark.extras(group="bench")
def test_the_toolbox_certifies_a_half_space_up_to_its_distance() -> None:
    pytest.importorskip("art", reason='needs the extra "bench"')
    classifier = half_space()
    label, radius = Toolbox(classifier, SIGMA, 100, 0.001, 256).certify(torch.zeros(SHAPE), 5_000)
    assert label == 0
    assert 0.8 * AWAY < radius < AWAY


@pytest.mark.extras(group="bench")
def test_all_are_timed_on_the_same_number_of_votes() -> None:
    pytest.importorskip("art", reason='needs the extra "bench"')
    classifier = half_space()
    case = Case.model_validate(
        {
            "name": "half-space",
            "network": {"spec": "in-memory:network"},
            "transformation": {"name": "gaussian"},
            "smoothing": {"sigma": SIGMA, "scales": []},
            "region": {"l2": 0.1},
            "votes": 128,
            "sizes": [64, 128],
        }
    )
    subject = Subject(case, classifier, [torch.zeros(SHAPE, dtype=torch.float64)])
    votes = bench_rivals.N0 + case.votes
    assert bench_rivals.cohens(subject, 64)() == bench_rivals.arts(subject, 64)() == votes
    sizes: dict[str, dict[str, int]] = {}
    ratios = list(bench_rivals.compared(subject, Timing(0.001, 1), sizes))
    assert {ratio.second for ratio in ratios if ratio.first == bench_rivals.OURS} == {
        bench_rivals.OFF_GRID,
        bench_rivals.BEST_COHEN,
        bench_rivals.DEFAULT_COHEN,
        bench_rivals.BEST_ART,
        bench_rivals.DEFAULT_ART,
    }


def test_the_cost_of_an_answer_is_compared_image_by_image() -> None:
    answers = [
        {"habit_votes": 1000, "habit_seconds": 2.0, "votes": 100, "seconds": 0.5},
        {"habit_votes": 1000, "habit_seconds": 2.0, "votes": 50, "seconds": 0.1},
    ]
    votes, seconds = costs(answers, 1000)
    assert (votes.least, votes.median, votes.largest) == (10.0, 15.0, 20.0)
    assert math.isclose(seconds.largest, 20.0)
    assert not list(costs([], 1000))
