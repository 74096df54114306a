"""What is certified is f Q: Q of a row is the same whatever rows stand beside it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, final

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gsmooth.certification.api import predict_many
from gsmooth.data.item import Item
from gsmooth.errors import ModelError
from gsmooth.models.classifier import Classifier
from gsmooth.sampling import NoisyPoints, Readout, SampleRequest, checked_function
from gsmooth.sampling.noise import SampleKey, Stream
from gsmooth.sampling.smoothed_classifier import GRID, SmoothedClassifier
from gsmooth.theory.laws import GaussianLaw
from gsmooth.transforms.base import Parameter, Transformation
from gsmooth.transforms.registry import load_transformation
from tests.engine_objects import Scores

SHAPE = (1, 28, 28)
SPECS = ("rotation", "scaling", "similarity", "blur", "translation", "cyclic-blur", "gaussian")
READ_OUT = ("rotation", "scaling", "similarity")
"""Those that 0.1.0 read out differently in batches of 1 to 3 rows."""


def points(operator: Transformation, rows: int, shape: tuple[int, int, int] = SHAPE) -> Tensor:
    """z (rows, K) float32 on the grid."""
    g = torch.Generator().manual_seed(0)
    x = torch.rand((rows, *shape), generator=g, dtype=torch.float64)
    z = operator.lift(x)
    z = z + 0.2 * torch.randn(z.shape, generator=g, dtype=torch.float64)
    return ((z / GRID).round() * GRID).float()


def bound(spec: str, shape: tuple[int, int, int] = SHAPE) -> Transformation:
    return load_transformation(spec).for_shape(shape)


@final
class Bits(nn.Module):
    """A row's label is the parity of all bits of its pixels: a function of the row, and of all of
    it, the part that Q's range leaves out included."""

    def forward(self, x: Tensor) -> Tensor:
        words = x.flatten(1).view(torch.int32).long()
        odd = (words.sum(dim=1) % 2).float()
        return torch.stack([1.0 - odd, odd], dim=1)


@final
class Line(nn.Module):
    """A linear layer: what autocast would calculate in 16 bits."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(28 * 28, 2)

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.layer(x.flatten(1))
        return scores


def smoothed(spec: str, batch_size: int, fixed_batch: bool = False) -> SmoothedClassifier:
    operator = load_transformation(spec)
    law = GaussianLaw((2.0,) * len(operator.parameters), 0.25, operator.orthogonal)
    model = Classifier(Bits(), classes=2, shape=SHAPE)
    return SmoothedClassifier(
        model, operator, law, seed=0, batch_size=batch_size, fixed_batch=fixed_batch
    )


@pytest.mark.parametrize("spec", SPECS)
def test_an_image_is_the_same_bit_by_bit_in_every_batch(spec: str) -> None:
    operator = bound(spec)
    z, readout = points(operator, 96), Readout(operator, SHAPE)
    whole = readout.images(z)
    assert torch.equal(readout.images(z.flip(0)).flip(0), whole)
    for rows in (1, 2, 3, 5, 7, 16, 31, 33, 64):
        for start in (0, 1, 30):
            part = slice(start, start + rows)
            assert torch.equal(readout.images(z[part].clone()), whole[part]), (rows, start)


@pytest.mark.parametrize("batch_size", [1, 2, 3, 7, 10, 32, 50, 96, 200])
def test_batches_have_the_rows_that_were_asked_for(batch_size: int) -> None:
    operator = bound("rotation")
    z, readout = points(operator, 96), Readout(operator, SHAPE)
    batches = list(readout.batches(z, batch_size))
    sizes = [len(batch) for batch in batches]
    full, rest = divmod(96, batch_size)
    assert sizes == [batch_size] * full + [rest] * (rest > 0)
    assert torch.equal(torch.cat(batches), readout.images(z))


@pytest.mark.parametrize("spec", READ_OUT)
def test_votes_of_a_model_that_sees_every_bit_do_not_depend_on_the_batch(spec: str) -> None:
    operator = bound(spec)
    z = operator.lift(torch.full((1, *SHAPE), 0.5, dtype=torch.float64))[0]
    asked = [
        SampleRequest(SampleKey(0, 7, Stream.SELECTION, 0, chunk), z, rows)
        for chunk, rows in enumerate((64, 16, 3, 1, 2))
    ]
    expected = smoothed(spec, 256).count(asked)
    for batch_size in (1, 2, 3, 10, 64):
        assert np.array_equal(smoothed(spec, batch_size).count(asked), expected), batch_size
    # Looks of few votes are read out as they are among many.
    for request, votes in zip(asked, expected, strict=True):
        assert np.array_equal(smoothed(spec, 256).count([request])[0], votes)
    assert np.array_equal(smoothed(spec, 2, fixed_batch=True).count(asked), expected)


@pytest.mark.parametrize("devices", [(), ("cpu", "cpu")])
def test_votes_do_not_depend_on_the_autocast_of_the_thread_that_asks(
    devices: tuple[str, ...],
) -> None:
    g = replace(smoothed("rotation", 256), devices=devices)
    item = Item(0, torch.full(SHAPE, 0.5, dtype=torch.float64))
    (expected,) = predict_many(g, [item], n=128)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        (found,) = predict_many(g, [item], n=128)
        scores = Classifier(Line(), classes=2, shape=SHAPE).scores(torch.ones(1, *SHAPE))
    assert found == expected
    assert scores.dtype == torch.float32


def test_a_prediction_is_that_of_the_classifier_that_was_certified() -> None:
    item = Item(3, torch.full(SHAPE, 0.5, dtype=torch.float64))
    one, other = (
        next(predict_many(smoothed("rotation", size), [item], n=128))[1] for size in (2, 256)
    )
    assert one == other


def test_the_attack_sees_the_images_that_votes_see() -> None:
    g = smoothed("similarity", 2)
    z = points(g.transformation, 40)
    alone = torch.cat([g.readout(row[None]) for row in z])
    assert torch.equal(alone, g.readout(z))


@final
@dataclass(frozen=True)
class Neighbourly(Transformation):
    """A readout that looks at the rows beside it."""

    name: ClassVar[str] = "neighbourly"
    parameters: ClassVar[tuple[Parameter, ...]] = ()

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        return z

    def readout(self, z: Tensor, shape: tuple[int, int, int]) -> Tensor:
        return (z - z.mean(dim=0)).reshape(-1, *shape)


def test_the_check_of_the_function_is_about_the_readout_too() -> None:
    """f alone is a function of its input; f Q is none."""
    model = Classifier(Scores(lambda x: x.flatten(1)[:, :3]), classes=3, shape=(1, 4, 4))
    g = torch.Generator().manual_seed(0)
    z = torch.rand(64, 16, generator=g, dtype=torch.float64).float()
    assert checked_function(model, z.reshape(64, 1, 4, 4)).kind == "exact"
    with pytest.raises(ModelError, match="among other images"):
        checked_function(model, z, 32, Readout(Neighbourly(), (1, 4, 4)))


@pytest.mark.parametrize("spec", SPECS)
def test_the_check_finds_first_party_readouts_exact(spec: str) -> None:
    operator = bound(spec)
    model = Classifier(Bits(), classes=2, shape=SHAPE)
    for batch_size in (2, 32):
        found = checked_function(model, points(operator, 64), batch_size, Readout(operator, SHAPE))
        assert found.kind == "exact"


def test_a_readout_of_another_place_is_no_exact_function() -> None:
    @final
    @dataclass(frozen=True)
    class Placed(Transformation):
        name: ClassVar[str] = "placed"

        def act(self, z: Tensor, *theta: Tensor) -> Tensor:
            return z

        def readout(self, z: Tensor, shape: tuple[int, int, int]) -> Tensor:
            tiny = torch.arange(len(z), dtype=z.dtype)[:, None] * 1e-6
            return (z + tiny).reshape(-1, *shape)

    model = Classifier(Scores(lambda x: x.flatten(1)[:, :2].round()), classes=2, shape=(1, 4, 4))
    z = torch.rand(32, 16, generator=torch.Generator().manual_seed(1), dtype=torch.float64).float()
    assert checked_function(model, z, 16, Readout(Placed(), (1, 4, 4))).kind == "rounding"


def test_noise_around_a_point_is_read_out_as_it_is_counted() -> None:
    g = smoothed("rotation", 256)
    z = g.transformation.lift(torch.full((1, *SHAPE), 0.5, dtype=torch.float64))[0]
    request = SampleRequest(SampleKey(0, 7, Stream.SELECTION, 0, 0), z, 3)
    noisy = NoisyPoints(g.transformation, g.law, g.grid).batch([request], torch.device("cpu"))
    votes = torch.bincount(g.classifier.votes(g.readout(noisy)), minlength=3)
    assert votes.tolist() == g.count([request])[0].tolist()
