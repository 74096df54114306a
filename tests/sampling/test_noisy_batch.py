"""The batch that the network reads: every request's own draws, moved no more often than needed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch
from torch import Tensor

from gsmooth.sampling import NoisyPoints
from gsmooth.sampling.noise import Draws, SampleKey, Stream
from gsmooth.sampling.settings import SAMPLING
from gsmooth.sampling.smoothed_classifier import SampleRequest
from gsmooth.sampling.workers import drawing_pool
from gsmooth.theory.laws import GaussianLaw
from gsmooth.transforms.base import Parameter, Transformation

STRIP = SAMPLING.strip_numbers

CPU = torch.device("cpu")
GRID = 2.0**-8


@dataclass(frozen=True)
class Brighter(Transformation):
    """theta is added to every pixel; the points are recorded."""

    name: ClassVar[str] = "brighter"
    parameters: ClassVar[tuple[Parameter, ...]] = (Parameter("level", "1"),)
    seen: tuple[list[Tensor], ...] = ([],)

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        self.seen[0].append(z)
        return z + theta[0]


def requests(points: Tensor, rows: list[int]) -> list[SampleRequest]:
    """A request of each size, around the points in turn."""
    each = list(points)
    return [
        SampleRequest(SampleKey(1, 2, Stream.SELECTION, 0, place), each[place % len(each)], size)
        for place, size in enumerate(rows)
    ]


def alone(request: SampleRequest, law: GaussianLaw) -> Tensor:
    """The rows of one request by the definition."""
    draws = Draws(request.sample_key, CPU)
    mean = request.z.expand(request.rows, -1)
    if law.dimensions:
        mean = mean + torch.from_numpy(draws.theta(law, request.rows))
    return draws.around(mean, request.rows, law.sigma, GRID)


def points(count: int, size: int) -> Tensor:
    return torch.rand(count, size, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("scales", [(), (0.5,)])
@pytest.mark.parametrize("threads", [0, 1, 3])
@pytest.mark.parametrize("size", [1, 50, STRIP // 100])
def test_each_request_has_its_own_draws(scales: tuple[float, ...], threads: int, size: int) -> None:
    law = GaussianLaw(scales, 0.25)
    asked = requests(points(3, size), [64, 64, 16, 16, 32, 1, 16])
    noisy = NoisyPoints(Brighter(([],)), law, GRID)
    pool = drawing_pool(threads) if threads else None
    batch = noisy.batch(asked, CPU, pool=pool)
    assert batch.dtype == torch.float32
    assert torch.equal(batch, torch.cat([alone(request, law) for request in asked]))


def test_missing_rows_are_repeated() -> None:
    noisy = NoisyPoints(Brighter(([],)), GaussianLaw((), 0.25), GRID)
    batch = noisy.batch(requests(points(1, 5), [16, 7]), CPU, 64)
    assert torch.equal(batch, torch.cat([batch[:23]] * 3)[:64])


def test_points_without_noise_on_parameters_are_not_moved() -> None:
    identity_action = Brighter(([],))
    NoisyPoints(identity_action, GaussianLaw((), 0.25), GRID).batch(
        requests(points(2, 5), [16, 64]), CPU
    )
    assert identity_action.seen == ([],)


def test_one_point_is_moved_without_being_copied_for_every_row() -> None:
    moved = Brighter(([],))
    asked = requests(points(1, 5), [16, 64, 16])
    NoisyPoints(moved, GaussianLaw((0.5,), 0.25), GRID).batch(asked, CPU)
    (seen,) = moved.seen[0]
    assert seen.shape == (96, 5)
    assert seen.stride(0) == 0


def test_large_requests_are_moved_one_at_a_time() -> None:
    moved = Brighter(([],))
    asked = requests(points(2, STRIP // 32), [16, 16, 16, 16, 16])
    NoisyPoints(moved, GaussianLaw((0.5,), 0.25), GRID).batch(asked, CPU)
    assert [len(z) for z in moved.seen[0]] == [32, 32, 16]
