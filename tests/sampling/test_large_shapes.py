"""The engine on images that people have: 224 pixels, not square, of four channels."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import torch
from torch import Tensor

from gsmooth.certificate import Certified
from gsmooth.certification import RegionMode
from gsmooth.data.item import Item
from gsmooth.models.classifier import Classifier
from gsmooth.sampling import batch_bytes
from gsmooth.sampling.readout import ROWS
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.theory.laws import GaussianLaw
from gsmooth.transforms.region import Region
from gsmooth.transforms.registry import load_transformation
from tests.certifying import certify_many
from tests.engine_objects import Labels

SHAPES = ((1, 224, 224), (3, 56, 96), (4, 64, 80))
SCALES: Mapping[str, tuple[float, ...]] = {
    "rotation": (2.0,),
    "scaling": (0.1,),
    "similarity": (2.0, 0.1),
}
"""The transformations that hold sparse matrices beyond about 60 pixels."""


def smoothed(name: str, shape: tuple[int, int, int]) -> SmoothedClassifier:
    """Class 1 everywhere: what is asked is whether votes can be cast at all."""
    ones = Labels(lambda x: torch.ones(len(x)))
    model = Classifier(ones, classes=2, shape=shape, name="ones")
    law = GaussianLaw(SCALES[name], 0.5)
    return SmoothedClassifier(model, load_transformation(name), law, batch_size=16, seed=0)


def picture(shape: tuple[int, int, int]) -> Tensor:
    """A slope: the same on every channel but for a constant."""
    row = torch.linspace(0.3, 0.7, shape[2], dtype=torch.float64)
    channel = torch.linspace(0.0, 0.1, shape[0], dtype=torch.float64)
    return (row + channel[:, None, None]).expand(shape).contiguous()


@pytest.mark.parametrize("name", SCALES)
@pytest.mark.parametrize("shape", SHAPES)
def test_measures_the_memory_of_a_batch_for_images_of_this_shape(
    name: str, shape: tuple[int, int, int]
) -> None:
    g = smoothed(name, shape)
    z = g.transformation.lift(picture(shape)[None])[0]
    taken = batch_bytes(g.counter.resized(2), z)
    # The rows that are read out together, at least, and far less than a hundred times as much.
    assert 1.0 <= taken / (ROWS * 4 * z.numel()) < 100.0


@pytest.mark.parametrize(("name", "end"), [("rotation", 0.05), ("scaling", 0.001)])
@pytest.mark.parametrize("shape", SHAPES[1:])
def test_certifies_images_of_this_shape(name: str, end: float, shape: tuple[int, int, int]) -> None:
    g, rule = smoothed(name, shape), RegionMode(alpha=0.05, n0=16, max_votes=400)
    (outcome,) = certify_many(g, [Item(0, picture(shape))], Region((-end,), (end,)), rule)
    assert isinstance(outcome.certificate, Certified)
    assert outcome.certificate.label == 1
