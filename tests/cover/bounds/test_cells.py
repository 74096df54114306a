"""Residual bounds hold everywhere in a cell, not only where it was sampled."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gsmooth.cover.bounds.cells import Cells, measure
from gsmooth.cover.bounds.splitting import halve
from gsmooth.cover.pulled_back import PulledBackImage
from gsmooth.testing import SampleImage
from gsmooth.testing.images import sample_images
from gsmooth.transforms.base import Transformation
from gsmooth_rotation import Rotation
from tests.cover.subjects import Weave
from tests.testing.planted import Turn, TurnBounds

SHAPE = (1, 10, 10)
SUBJECTS: list[tuple[Transformation, float]] = [
    (Rotation().for_shape(SHAPE), 1.5),
    (Weave(height=0.3), 0.4),
    (Weave(height=0.3, smooth=False), 0.4),
]
NAMES = ["rotation", "weave", "weave without curvature"]


def inside(cells: Cells, count: int, seed: int) -> np.ndarray:
    """Random theta of every cell, its corners and its middle among them, (n, count, m)."""
    required_p = np.random.default_rng(seed).uniform(
        size=(len(cells.ball), count, cells.lower.shape[1])
    )
    required_p[:, 0], required_p[:, 1], required_p[:, 2] = 0.0, 1.0, 0.5
    return np.asarray(cells.lower[:, None] + required_p * (cells.upper - cells.lower)[:, None])


def measured(pulled_back: PulledBackImage, width: float, seed: int) -> tuple[Cells, torch.Tensor]:
    """Five cells of different widths beside 0 and elsewhere, near two centres."""
    rng = np.random.default_rng(seed)
    m = len(pulled_back.transformation.parameters)
    lower = np.concatenate([np.zeros((1, m)), rng.uniform(0.0, 2.5 * width, size=(4, m))])
    upper = lower + width * rng.choice([1.0, 0.3, 0.01], size=(5, m))
    flipped = rng.random() < 0.5
    lower, upper = (-upper, -lower) if flipped else (lower, upper)
    near = pulled_back.points(torch.from_numpy((lower + upper)[:2] / 2.0))
    centres = near + 0.02 * torch.from_numpy(rng.normal(size=tuple(near.shape)))
    ball = np.array([0, 1, 0, 1, 0])
    return measure(pulled_back, centres, ball, lower, upper)[0], centres


@pytest.mark.parametrize(("operator", "width"), SUBJECTS, ids=NAMES)
@given(sample_image=sample_images(), seed=st.integers(0, 999))
@settings(max_examples=15)
def test_a_residual_bound_holds_at_every_theta_of_its_cell(
    operator: Transformation, width: float, sample_image: SampleImage, seed: int
) -> None:
    pulled_back = PulledBackImage(operator, sample_image.tensor(SHAPE))
    cells, centres = measured(pulled_back, width, seed)
    theta = inside(cells, 60, seed)
    points = pulled_back.points(torch.from_numpy(theta.reshape(-1, theta.shape[2])))
    points = points.reshape(len(cells.ball), 60, -1)
    residual = (points - centres[torch.from_numpy(cells.ball)][:, None]).norm(dim=2).numpy()
    assert (residual <= cells.residuals()[:, None]).all()


@pytest.mark.parametrize(("operator", "width"), SUBJECTS, ids=NAMES)
def test_halving_keeps_the_union_and_the_balls_and_never_loosens_the_corners(
    operator: Transformation, width: float
) -> None:
    pulled_back = PulledBackImage(operator, SampleImage("noise", 3).tensor(SHAPE))
    cells, centres = measured(pulled_back, width, 1)
    chosen = np.array([True, False, True, False, True])
    halved = halve(pulled_back, centres, cells, chosen)
    assert len(halved.ball) == 8
    volume = (cells.upper - cells.lower).prod(axis=1)
    smaller = (halved.upper - halved.lower).prod(axis=1)
    for ball in (0, 1):
        whole, parts = volume[cells.ball == ball].sum(), smaller[halved.ball == ball].sum()
        assert parts == pytest.approx(whole)
    theta = inside(cells, 40, 0).reshape(-1, cells.lower.shape[1])
    owner = np.repeat(cells.ball, 40)
    held = ((halved.lower[None] <= theta[:, None]) & (theta[:, None] <= halved.upper[None])).all(
        axis=2
    ) & (halved.ball[None] == owner[:, None])
    assert held.any(axis=1).all()


def test_halving_again_and_again_closes_in_on_the_true_supremum() -> None:
    pulled_back = PulledBackImage(
        Weave(height=0.3, smooth=False), SampleImage("blob", 0).tensor(SHAPE)
    )
    centre = pulled_back.x.flatten(1)
    cells, _ = measure(
        pulled_back, centre, np.zeros(1, np.int64), np.zeros((1, 2)), np.array([[0.3, 0.2]])
    )
    # C - x is 0.3 (sin 2a + sin 4b) x on this cell: largest at its far corner.
    true = 0.3 * (np.sin(0.6) + np.sin(0.8)) * float(pulled_back.x.norm())
    bounds = []
    for _ in range(12):
        bounds.append(float(cells.residuals().max()))
        cells = halve(pulled_back, centre, cells, np.full(len(cells.ball), True))
    assert all(bound >= true for bound in bounds)
    assert bounds[-1] <= 1.02 * true
    assert bounds[0] > bounds[-1]


def test_the_curvature_makes_a_bound_of_second_order() -> None:
    x = SampleImage("blob", 0).tensor(SHAPE)
    lower, upper = np.array([[0.7, 0.35]]), np.array([[0.72, 0.37]])
    slack = {}
    for smooth in (False, True):
        pulled_back = PulledBackImage(Weave(height=0.3, smooth=smooth), x)
        cells, _ = measure(pulled_back, x.flatten(1), np.zeros(1, np.int64), lower, upper)
        slack[smooth] = float(cells.residuals()[0] - cells.corners.max())
    assert 0.0 < slack[True] < 0.1 * slack[False]


def test_cells_without_a_derivative_bound_are_sampled_and_say_so() -> None:
    class Silent(Transformation):
        name = "silent"
        parameters = Weave.parameters
        orthogonal = True

        def act(self, z: torch.Tensor, *theta: torch.Tensor) -> torch.Tensor:
            return Weave().act(z, *theta)

        def attack(self, x: torch.Tensor, *theta: torch.Tensor) -> torch.Tensor:
            return Weave().attack(x, *theta)

    pulled_back = PulledBackImage(Silent(), SampleImage("blob", 0).tensor(SHAPE))
    centre, ball = pulled_back.x.flatten(1), np.zeros(1, np.int64)
    cells, proved = measure(pulled_back, centre, ball, np.zeros((1, 2)), np.ones((1, 2)))
    assert not proved
    assert cells.residuals()[0] == pytest.approx(cells.corners.max())


def test_the_slack_for_rounding_grows_with_the_pulled_back_image_also_around_a_centre_at_zero() -> (
    None
):
    pulled_back = PulledBackImage(Weave(), 1e9 * SampleImage("noise", 0).tensor(SHAPE))
    identity_action, ball = np.zeros((1, 2)), np.zeros(1, np.int64)
    cells, _ = measure(
        pulled_back,
        torch.zeros(1, 100, dtype=torch.float64),
        ball,
        identity_action,
        identity_action,
    )
    length = float(pulled_back.x.norm())
    assert cells.residuals()[0] >= length * (1.0 + 2.0**-40)


class TentBounds(TurnBounds):
    def derivative_bound(
        self, x: torch.Tensor, lower: torch.Tensor, upper: torch.Tensor
    ) -> torch.Tensor:
        return torch.full_like(lower, float(x.norm()))

    def curvature_bound(
        self, x: torch.Tensor, lower: torch.Tensor, upper: torch.Tensor
    ) -> torch.Tensor | None:
        return None


class Tent(Turn):
    """C(theta) = (2 - |theta|) x: steepest possible for its derivative bound, with a ridge at 0."""

    bounds_class = TentBounds

    def attack(self, x: torch.Tensor, *theta: torch.Tensor) -> torch.Tensor:
        turned = self.act(x.flatten(1), *theta)
        return (turned * (2.0 - theta[0].abs())).reshape(x.shape)


@given(width=st.floats(1e-3, 1.0), side=st.one_of(st.just(0.5), st.floats(0.0, 1.0)))
def test_the_first_order_bound_is_met_by_a_ridge_in_the_middle_of_a_cell(
    width: float, side: float
) -> None:
    pulled_back = PulledBackImage(Tent(), SampleImage("noise", 0).tensor(SHAPE))
    lower, upper = np.array([[-width * side]]), np.array([[width * (1.0 - side)]])
    cells, _ = measure(pulled_back, pulled_back.x.flatten(1), np.zeros(1, np.int64), lower, upper)
    length, bound = float(pulled_back.x.norm()), float(cells.residuals()[0])
    assert bound >= length
    if side == 0.5:
        assert bound == pytest.approx(length)
