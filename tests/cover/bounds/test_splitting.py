"""Parts of cells: they fill their cell, keep its bounds, and cost one evaluation a new corner."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from gsmooth.cover.bounds import splitting
from gsmooth.cover.bounds.cells import Cells, measure
from gsmooth.cover.bounds.splitting import parts_to, split
from gsmooth.cover.planning import planner
from gsmooth.cover.planning.planner import CoverPlanner, Price
from gsmooth.cover.pulled_back import PulledBackImage
from gsmooth.cover.settings import COVER
from gsmooth.testing import SampleImage
from gsmooth.transforms.base import Transformation
from gsmooth.transforms.bounds import TransformationBounds
from gsmooth.transforms.region import Region
from gsmooth_rotation import Rotation
from gsmooth_rotation.rotation import RotationBounds
from tests.cover.subjects import Weave, smoothed

SHAPE = (1, 10, 10)


class ByDerivativeBounds(RotationBounds):
    chord_bound = TransformationBounds.chord_bound


class ByDerivative(Rotation):
    """The rotation without its bound by the chord."""

    bounds_class = ByDerivativeBounds


SUBJECTS: list[tuple[Transformation, float]] = [
    (Rotation().for_shape(SHAPE), 1.5),
    (ByDerivative().for_shape(SHAPE), 1.5),
    (Weave(height=0.3), 0.4),
    (Weave(height=0.3, smooth=False), 0.4),
]
NAMES = ["rotation", "rotation by its derivative", "weave", "weave without curvature"]


def some_cells(operator: Transformation, width: float) -> tuple[PulledBackImage, Tensor, Cells]:
    """Four cells around two centres."""
    pulled_back = PulledBackImage(operator, SampleImage("noise", 3).tensor(SHAPE))
    m = len(operator.parameters)
    lower = width * np.arange(4.0)[:, None] * np.ones((1, m))
    centres = pulled_back.points(torch.full((2, m), 0.1, dtype=torch.float64)) + 0.01
    ball = np.array([0, 1, 0, 1])
    return pulled_back, centres, measure(pulled_back, centres, ball, lower, lower + width)[0]


@pytest.mark.parametrize(("operator", "width"), SUBJECTS, ids=NAMES)
@pytest.mark.parametrize("count", [2, 3, 8])
def test_the_bound_of_every_part_holds_everywhere_in_it(
    operator: Transformation, width: float, count: int
) -> None:
    pulled_back, centres, cells = some_cells(operator, width)
    m = cells.lower.shape[1]
    parts = np.array([[count] + [1] * (m - 1), [1] * (m - 1) + [2]])
    found = split(pulled_back, centres, cells, np.array([True, False, False, True]), parts)
    assert len(found.ball) == 2 + count + 2
    for lower, upper, ball, bound in zip(
        found.lower, found.upper, found.ball, found.residuals(), strict=True
    ):
        within = np.random.default_rng(0).uniform(size=(200, m))
        points = pulled_back.points(torch.from_numpy(lower + within * (upper - lower)))
        assert float((points - centres[int(ball)]).norm(dim=1).max()) <= bound


@pytest.mark.parametrize(("operator", "width"), SUBJECTS, ids=NAMES)
def test_corners_of_parts_are_those_of_cells_measured_by_themselves(
    operator: Transformation, width: float
) -> None:
    pulled_back, centres, cells = some_cells(operator, width)
    parts = np.full(cells.lower.shape, 3)
    found = split(pulled_back, centres, cells, np.full(4, True), parts)
    alone, _ = measure(pulled_back, centres, found.ball, found.lower, found.upper)
    assert found.corners == pytest.approx(alone.corners, abs=1e-9)
    assert (found.derivative >= alone.derivative - 1e-9).all()
    volume = (found.upper - found.lower).prod(axis=1)
    for ball in (0, 1):
        whole = (cells.upper - cells.lower).prod(axis=1)[cells.ball == ball].sum()
        assert volume[found.ball == ball].sum() == pytest.approx(whole)


def test_the_ends_of_parts_are_shared_to_the_last_bit_so_that_no_gap_is_left() -> None:
    pulled_back, centres, cells = some_cells(Rotation().for_shape(SHAPE), 0.7)
    found = split(pulled_back, centres, cells, np.full(4, True), np.full((4, 1), 7))
    for ball in (0, 1):
        own = (
            np.sort(found.lower[found.ball == ball, 0]),
            np.sort(found.upper[found.ball == ball, 0]),
        )
        ends = set(own[0].tolist()) ^ set(own[1].tolist())
        before = cells.ball == ball
        assert ends == set(cells.lower[before, 0].tolist()) ^ set(cells.upper[before, 0].tolist())


def test_bounds_are_computed_again_for_parts_that_are_far_smaller() -> None:
    pulled_back, centres, cells = some_cells(ByDerivative().for_shape(SHAPE), 3.0)
    chosen = np.array([True, False, False, False])
    several = np.full((1, 1), int(COVER.refinement.measure_again) - 1)
    many = several + 1
    kept = split(pulled_back, centres, cells, chosen, several)
    again = split(pulled_back, centres, cells, chosen, many)
    assert (kept.derivative == cells.derivative[[*range(1, 4), *[0] * int(several[0, 0])]]).all()
    fresh = again.derivative[3:]
    assert (fresh <= cells.derivative[0]).all()
    assert np.median(fresh) < 0.8 * cells.derivative[0, 0]  # The first has the kink at 0.


def test_parts_shrink_the_reach_as_much_as_asked_with_few_parts() -> None:
    cells = Cells(
        np.zeros(3, np.int64),
        np.zeros((3, 2)),
        np.array([[1.0, 1.0], [1.0, 0.1], [1.0, 1.0]]),
        np.zeros((3, 4)),
        np.array([[1.0, 1.0], [1.0, 1.0], [np.inf, 1.0]]),
        np.full((3, 2), np.inf),
        np.ones((3, 2)),
        np.full((3, 2), np.inf),
    )
    parts = parts_to(cells, np.array([2.0, 2.0, np.inf]))
    assert parts[0].tolist() == [2, 2]
    assert parts[1].tolist() == [3, 1]
    assert (parts.prod(axis=1) <= COVER.refinement.most_parts).all()
    assert parts[2, 0] == COVER.refinement.most_parts


def test_the_grid_of_an_image_is_attacked_once_for_all_its_covers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[int] = []
    attack = Weave.attack

    def counted(self: Weave, x: Tensor, *theta: Tensor) -> Tensor:
        seen.append(len(x))
        return attack(self, x, *theta)

    monkeypatch.setattr(Weave, "attack", counted)
    g = smoothed(Weave(height=0.0), SHAPE, (1.0, 1.0), 4.0)
    price = Price(lambda required_p, p: 1.0 / np.maximum(p - required_p, 1e-3), math.inf)
    region, x = Region((-0.1, -0.1), (0.1, 0.1)), SampleImage("blob", 0).tensor(SHAPE)
    planner = CoverPlanner.of(g, x, region, None, price)
    assert sum(seen) == len(planner.parameter_grid.theta)
    for count in (1, 2):
        planner._cover(planner._pieces_layout(planner._partition.so_many(count)))
    assert sum(seen) == len(planner.parameter_grid.theta)


def test_parts_of_a_64_px_colour_image_are_computed_in_batches_of_bounded_size(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    operator = Rotation(low_pass_px=1.2).for_shape((3, 64, 64))
    pulled_back = PulledBackImage(operator, SampleImage("blob", 0).tensor((3, 64, 64)))
    lower = np.arange(8.0)[:, None]
    centres = pulled_back.points(torch.zeros(1, 1, dtype=torch.float64))
    ball = np.zeros(8, np.int64)
    cells, _ = measure(pulled_back, centres, ball, lower, lower + 0.25)
    least = replace(COVER.memory, numbers=30 * centres.shape[1])
    seen: list[int] = []
    points = PulledBackImage.points

    def watched(self: PulledBackImage, theta: Tensor) -> Tensor:
        seen.append(len(theta))
        return points(self, theta)

    whole = split(pulled_back, centres, cells, ball == 0, np.full((8, 1), 5))
    monkeypatch.setattr(splitting, "COVER", replace(COVER, memory=least))
    monkeypatch.setattr(PulledBackImage, "points", watched)
    found = split(pulled_back, centres, cells, ball == 0, np.full((8, 1), 5))
    assert max(seen) * centres.shape[1] <= least.numbers
    assert len(seen) > 1
    order = np.argsort(found.lower[:, 0]), np.argsort(whole.lower[:, 0])
    assert found.residuals()[order[0]] == pytest.approx(whole.residuals()[order[1]], rel=1e-9)


def test_the_grid_of_a_large_image_has_no_more_numbers_than_memory_allows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    operator = Rotation(low_pass_px=1.2).for_shape((3, 64, 64))
    g, x = smoothed(operator, (3, 64, 64), (2.0,), 0.1), SampleImage("noise", 0)
    numbers = 100 * operator.lift(x.tensor((3, 64, 64))).numel()
    monkeypatch.setattr(
        planner, "COVER", replace(COVER, memory=replace(COVER.memory, grid=numbers))
    )
    price = Price(lambda required_p, p: 1.0 / np.maximum(p - required_p, 1e-3), math.inf)
    found = CoverPlanner.of(g, x.tensor((3, 64, 64)), Region((-20.0,), (20.0,)), None, price)
    assert 48 < len(found.points) <= 101
