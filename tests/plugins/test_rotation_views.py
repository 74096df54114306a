"""The soft edge of the rotation's disc, and what the network sees of z."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from gsmooth.errors import ConfigurationError
from gsmooth.sampling import Readout
from gsmooth.testing import SampleImage, transformation_checks
from gsmooth.transforms.options import recorded_options
from gsmooth.transforms.region import Region
from gsmooth_rotation import Rotation
from gsmooth_rotation.lift import PolarFrame
from gsmooth_rotation.rings import edge_weights
from gsmooth_rotation.synthesis import Synthesis
from gsmooth_rotation.views import VIEWS, inscribed_side

SHAPE = (2, 24, 24)
SOFT = Rotation(low_pass_px=1.0, edge_px=4.0)


@pytest.mark.parametrize(
    "check",
    transformation_checks(
        Rotation(low_pass_px=1.0, edge_px=3.0, view="wiener-crop"),
        region=Region((-20.0,), (30.0,)),
        examples=8,
    ),
)
def test_a_soft_edge_and_a_view_keep_all_promises(check: Callable[[], None]) -> None:
    check()


def test_the_weights_are_a_cosine_in_the_edge_and_1_inside() -> None:
    found = edge_weights(np.array([0.5, 6.0, 8.0, 9.5]), 10.0, 4.0)
    expected = [1.0, 1.0, math.cos(math.pi / 4), math.cos(math.pi / 2 * 3.5 / 4)]
    assert found == pytest.approx(expected)
    assert edge_weights(np.array([0.5, 9.5]), 10.0, 0.0).tolist() == [1.0, 1.0]


def test_the_edge_multiplies_every_coefficient_of_a_ring_by_its_weight() -> None:
    hard = PolarFrame(24, 24, 1.0, 11.0, 1.0)
    soft = PolarFrame(24, 24, 1.0, 11.0, 1.0, 4.0)
    images = torch.rand(3, 576, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    ring, _ = hard._kept
    ring_of = np.concatenate([np.arange(hard.rings), ring, ring])
    weights = torch.from_numpy(edge_weights(hard.radii, 11.0, 4.0)[ring_of])
    assert torch.allclose(soft.analyse(images), hard.analyse(images) * weights, atol=1e-13)


def test_weights_of_the_edge_commute_with_turns() -> None:
    operator = SOFT.for_shape(SHAPE)
    hard = Rotation(low_pass_px=1.0).for_shape(SHAPE)
    x = SampleImage("noise", 1).tensor(SHAPE)
    angle = torch.tensor([[37.0]], dtype=torch.float64)
    ratio = operator.lift(x) / hard.lift(x)
    turned_then_weighted = hard.act(hard.lift(x), angle) * ratio
    assert torch.allclose(operator.act(operator.lift(x), angle), turned_then_weighted, atol=1e-12)


def norm_by_power_iteration(operator: Rotation, steps: int = 60) -> float:
    x = SampleImage("noise", 5).tensor(SHAPE)
    for _ in range(steps):
        leaf = (x / x.norm()).requires_grad_(True)
        x = torch.autograd.grad(operator.lift(leaf).square().sum() / 2.0, leaf)[0]
    return float(x.norm().sqrt())


def test_the_norm_of_a_softened_lift_is_bounded_and_no_larger_than_before() -> None:
    operator = SOFT.for_shape(SHAPE)
    found, bound = norm_by_power_iteration(operator), operator.bounds.lift_norm(SHAPE)
    assert found <= bound <= 1.3 * found
    assert bound <= Rotation(low_pass_px=1.0).for_shape(SHAPE).bounds.lift_norm(SHAPE)


@pytest.mark.parametrize("kind", ["blob", "noise", "pixel"])
def test_the_derivative_bound_of_a_softened_lift_holds_at_densely_sampled_angles(
    kind: Any,
) -> None:
    operator, x = SOFT.for_shape(SHAPE), SampleImage(kind, 2).tensor(SHAPE)
    low, high = (torch.tensor([[a]], dtype=torch.float64) for a in (11.0, 11.5))
    bound = operator.bounds.derivative_bound(x, low, high)
    assert bound is not None
    angles = torch.linspace(11.0, 11.5, 401, dtype=torch.float64)[:, None]
    attacked = operator.attack(x.expand(len(angles), -1, -1, -1), angles)
    path = operator.act(operator.lift(attacked), -angles)
    chords = (path[1:] - path[:-1]).norm(dim=1) / (angles[1:, 0] - angles[:-1, 0])
    assert float(chords.max()) <= float(bound)
    assert float(bound) <= 12.0 * float(chords.max())


def test_a_soft_edge_reduces_the_residual_of_what_enters_at_the_frame() -> None:
    x = torch.ones(1, *SHAPE, dtype=torch.float64)
    angles = torch.linspace(0.0, 45.0, 10, dtype=torch.float64)[:, None]

    def spread(operator: Rotation) -> float:
        bound = operator.for_shape(SHAPE)
        attacked = bound.attack(x.expand(len(angles), -1, -1, -1), angles)
        path = bound.act(bound.lift(attacked), -angles)
        return float((path - path.mean(dim=0)).norm(dim=1).max())

    assert spread(Rotation(low_pass_px=1.0, radius_px=12.0, edge_px=6.0)) < 0.5 * spread(
        Rotation(low_pass_px=1.0, radius_px=12.0)
    )


def test_the_readout_of_large_images_has_the_edge_as_well() -> None:
    frame = PolarFrame(40, 40, 1.2, 19.0, 1.0, 6.0)
    counts = np.bincount(frame._kept[0], minlength=frame.rings)
    large = Synthesis(40, 40, 1.2, 19.0, 1.0, counts, 6.0)
    image = SampleImage("blob", 1).tensor((1, 40, 40)).reshape(1, -1)
    z = frame.analyse(image)
    near, exact = large(z), frame.synthesise(z)
    assert float((near - exact).norm()) <= 0.03 * float(exact.norm())


def waves(shape: tuple[int, int, int]) -> Tensor:
    """An image of slow waves about a level of 0.5."""
    rows = torch.arange(shape[1], dtype=torch.float64)[:, None] / shape[1]
    cols = torch.arange(shape[2], dtype=torch.float64)[None] / shape[2]
    wave = 0.5 + 0.2 * torch.cos(8.0 * math.pi * rows) + 0.2 * torch.sin(6.0 * math.pi * cols)
    return wave.expand(1, *shape).clone()


def test_the_wiener_view_undoes_both_blurs_of_band_limited_images() -> None:
    shape = (1, 48, 48)
    x, middle = waves(shape), slice(16, -16)
    plain = Rotation(low_pass_px=1.5).for_shape(shape)
    wiener = Rotation(low_pass_px=1.5, view="wiener").for_shape(shape)
    z = plain.lift(x)
    blurred, back = (one.readout(z, shape) - x for one in (plain, wiener))
    left = float(blurred[:, :, middle, middle].abs().max())
    assert float(back[:, :, middle, middle].abs().max()) <= 0.35 * left


def test_the_wiener_view_is_nearly_the_regularized_inverse_of_the_blur_in_the_middle() -> None:
    """1.1 (L'L + 0.1)^-1 L' of a dense lift, which the filter replaces by a convolution."""
    shape, middle = (1, 32, 32), slice(10, -10)
    x = waves(shape)
    operator = Rotation(low_pass_px=1.2, view="wiener").for_shape(shape)
    lift = PolarFrame(32, 32, 1.2, 15.0, 1.0).analyse(torch.eye(1024, dtype=torch.float64)).T
    whole = lift.T @ lift + 0.1 * torch.eye(1024, dtype=torch.float64)
    inverse = 1.1 * torch.linalg.solve(whole, lift.T @ lift @ (x.flatten() - 0.5)) + 0.5
    seen = operator.readout(operator.lift(x), shape)
    gap = (seen - inverse.reshape(1, *shape))[:, :, middle, middle]
    assert float(gap.abs().max()) <= 0.02
    assert float((x - 0.5).abs().max()) >= 0.3


def test_the_wiener_view_fills_the_corners_with_the_mean_level() -> None:
    shape = (2, 24, 24)
    x = torch.cat([torch.full((1, 1, 24, 24), level) for level in (0.3, 0.8)], dim=1).double()
    operator = Rotation(low_pass_px=1.0, view="wiener").for_shape(shape)
    seen = operator.readout(operator.lift(x), shape)
    assert torch.allclose(seen, x, atol=1e-9)


def test_crops_are_the_middle_of_the_whole_view() -> None:
    x = SampleImage("noise", 3).tensor(SHAPE)
    for whole, crop in (("adjoint", "crop"), ("wiener", "wiener-crop")):
        first: Any = {"view": whole}
        second: Any = {"view": crop}
        seen, part = (
            Rotation(**options).for_shape(SHAPE).readout(Rotation().for_shape(SHAPE).lift(x), SHAPE)
            for options in (first, second)
        )
        assert part.shape == (1, 2, 16, 16)
        assert torch.equal(part, seen[:, :, 4:20, 4:20])


@pytest.mark.parametrize("side", [5, 8, 17, 32])
@pytest.mark.parametrize("radius", [0.4, 1.0, 3.7, 6.0, 20.0])
def test_the_square_is_the_largest_with_the_same_middle_inside_the_disc(
    side: int, radius: float
) -> None:
    found = inscribed_side(radius, side)
    sides = [s for s in range(1, side + 1) if (side - s) % 2 == 0]
    fitting = [s for s in sides if math.sqrt(2.0) * (s - 1) / 2.0 <= radius]
    assert found == max(fitting, default=2 - side % 2)


@pytest.mark.parametrize("view", VIEWS)
def test_the_view_of_a_row_does_not_depend_on_the_other_rows(view: Any) -> None:
    bound = Rotation(low_pass_px=1.2, edge_px=3.0, view=view).for_shape(SHAPE)
    z = torch.randn(40, bound.lift(torch.zeros(1, *SHAPE)).shape[1])
    readout = Readout(bound, SHAPE)
    together = readout.images(z)
    alone = torch.cat([readout.images(row[None]) for row in z[[0, 17, 39]]])
    assert torch.equal(alone, together[[0, 17, 39]])


def test_options_that_were_added_are_not_recorded_at_their_defaults() -> None:
    assert list(recorded_options(Rotation())) == [
        "low_pass_px",
        "radius_px",
        "ring_step_px",
        "space",
    ]
    found = recorded_options(Rotation(edge_px=2.0, view="crop"))
    assert (found["edge_px"], found["view"]) == (2.0, "crop")
    assert Rotation(radius_px=7.0).z_space == "rotation polar 0.7 7.0 1.0"
    assert Rotation(radius_px=7.0, edge_px=2.0).z_space != Rotation(radius_px=7.0).z_space


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"edge_px": -1.0}, "edge_px=-1"),
        ({"view": "negative"}, "view='negative' must be one of adjoint, wiener, crop"),
        ({"space": "pixels", "edge_px": 1.0}, "for space='polar'"),
        ({"space": "pixels", "view": "wiener"}, "for space='polar'"),
    ],
)
def test_edges_and_views_that_cannot_be_are_refused(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Rotation(**options)


def test_an_edge_wider_than_the_disc_is_refused_for_the_images() -> None:
    with pytest.raises(ConfigurationError, match=r"edge_px=12 is larger than the radius .* 11 px"):
        Rotation(edge_px=12.0).for_shape(SHAPE)


def test_pixels_can_be_cropped() -> None:
    operator = Rotation(space="pixels", view="crop").for_shape(SHAPE)
    x = SampleImage("noise", 0).tensor(SHAPE)
    assert torch.equal(operator.readout(operator.lift(x), SHAPE), x[:, :, 4:20, 4:20])
