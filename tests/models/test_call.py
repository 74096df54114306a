"""A network may raise anything, at any batch: it is always a ModelError that says which batch."""

from __future__ import annotations

import sys
import warnings

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gsmooth.attacks import AttackPlan, attack_many
from gsmooth.certification import RadiusMode, RegionMode
from gsmooth.data.item import Item
from gsmooth.errors import MemoryShortError, ModelError
from gsmooth.sampling import checked_function
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.theory.laws import GaussianLaw
from gsmooth.transforms.region import Region
from gsmooth_gaussian import Gaussian
from tests.certifying import certify, predict
from tests.engine_objects import Scores, classifier
from tests.sampling.subjects import requests, smoothed

SHAPE = (1, 2, 2)


class Cancelled(BaseException):
    """Outside Exception, as asyncio.CancelledError is."""


def leave(x: Tensor) -> Tensor:
    sys.exit(0)


def cancel(x: Tensor) -> Tensor:
    raise Cancelled("first line\nsecond line")


def warn(x: Tensor) -> Tensor:
    warnings.warn("deprecated", UserWarning, stacklevel=1)
    return torch.zeros(len(x), 3)


def stop(x: Tensor) -> Tensor:
    return next(iter(()))


RAISING = {
    leave: "SystemExit: 0",
    cancel: "Cancelled: first line$",
    warn: "UserWarning: deprecated",
    stop: "StopIteration",
    lambda x: x @ x.new_zeros(9, 9): "RuntimeError: .* shapes",
}


@pytest.mark.parametrize("devices", [(), ("cpu", "cpu")])
@pytest.mark.parametrize(("scores", "said"), RAISING.items())
def test_whatever_a_network_raises_names_model_batch_and_first_line(
    scores: object, said: str, devices: tuple[str, ...]
) -> None:
    assert callable(scores)
    g = smoothed(Scores(scores), 64, devices=devices)
    where = r"^toy fails on a batch of shape \(64, 1, 4, 4\), torch.float32: "
    with pytest.raises(ModelError, match=where + said):
        g.count(requests([64] * 4))


def test_ctrl_c_in_a_network_stays_ctrl_c() -> None:
    def interrupt(x: Tensor) -> Tensor:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        classifier(Scores(interrupt)).scores(torch.zeros(1, 1, 1, 1))


def test_a_batch_that_does_not_fit_anywhere_else_says_so_too() -> None:
    def scores(x: Tensor) -> Tensor:
        raise MemoryError

    with pytest.raises(MemoryShortError, match=r"shape \(12, 1, 1, 1\).* does not fit into memory"):
        checked_function(classifier(Scores(scores)), torch.zeros(12, 1, 1, 1))


@pytest.mark.parametrize(
    "made",
    [
        lambda x: torch.zeros(len(x), 2, dtype=torch.complex64),
        lambda x: torch.zeros(len(x), 2).to_sparse(),
        lambda x: torch.quantize_per_tensor(torch.zeros(len(x), 2), 1.0, 0, torch.qint8),
    ],
)
@pytest.mark.filterwarnings("ignore:.*quantize")
def test_scores_that_are_no_plain_numbers_are_refused(made: object) -> None:
    assert callable(made)
    with pytest.raises(ModelError, match="expected plain real numbers"):
        classifier(Scores(made)).votes(torch.zeros(3, 1, 1, 1))


class Normalizes(nn.Module):
    """Class 1 where the mean pixel is above one half; ``in_place``: computed in the batch."""

    def __init__(self, in_place: bool) -> None:
        super().__init__()
        self.in_place = in_place

    def forward(self, x: Tensor) -> Tensor:
        x = x.sub_(0.5).mul_(4.0) if self.in_place else (x - 0.5) * 4.0
        mean = x.flatten(1).sum(dim=1)
        return torch.stack([-mean, mean], dim=1)


def normalizing(in_place: bool, fixed_batch: bool = False) -> SmoothedClassifier:
    f = classifier(Normalizes(in_place), SHAPE)
    return SmoothedClassifier(
        f, Gaussian(), GaussianLaw((), 0.25), seed=1, batch_size=16, fixed_batch=fixed_batch
    )


IMAGE = torch.tensor([[[0.2, 0.6], [0.9, 0.7]]], dtype=torch.float64)


def test_a_network_that_writes_into_its_batch_is_a_function_of_its_input() -> None:
    images = torch.rand(32, *SHAPE, generator=torch.Generator().manual_seed(0))
    before = images.clone()
    found = [checked_function(normalizing(way).classifier, images, 16) for way in (True, False)]
    assert found[0] == found[1]
    assert torch.equal(images, before)


@pytest.mark.parametrize("fixed_batch", [False, True])
@pytest.mark.parametrize(
    "mode", [RegionMode(max_votes=512), RadiusMode(n=256), RadiusMode(n=512, bound="sequence")]
)
def test_a_network_that_writes_into_its_batch_gets_the_same_votes(
    mode: RegionMode | RadiusMode, fixed_batch: bool
) -> None:
    region = Region((), (), 0.2)
    found = [
        certify(normalizing(way, fixed_batch=fixed_batch), IMAGE, region, mode, index=4)
        for way in (True, False)
    ]
    assert found[0].certificate == found[1].certificate
    assert found[0].prediction == found[1].prediction
    answers = [predict(normalizing(way), IMAGE, n=100, index=3) for way in (True, False)]
    assert answers[0] == answers[1]


def test_a_network_that_writes_into_its_batch_is_attacked_alike() -> None:
    plan = AttackPlan(points=3, random=0, gradient_steps=3, n=64)
    items = [(Item(0, IMAGE), 1)]
    first, other = (
        next(attack_many(normalizing(way), items, Region((), (), 0.2), plan))
        for way in (True, False)
    )
    assert first == other
    assert np.array_equal(first.worst.attacked.numpy(), other.worst.attacked.numpy())
