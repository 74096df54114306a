"""Scaling about the centre: its promises, and that it is a similarity that does not turn."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from gsmooth import Classifier, Region, SmoothedClassifier, load_transformation
from gsmooth.cover import Cover, build_cover
from gsmooth.testing import SampleImage, transformation_checks
from gsmooth.testing.images import sample_images
from gsmooth.theory.laws import GaussianLaw
from gsmooth_similarity import Scaling, Similarity

Check = Callable[[], None]
THIRTY_PERCENT = Region((math.log(0.7),), (math.log(1.3),))


@pytest.mark.parametrize(
    "check", transformation_checks(Scaling(), shape=(1, 10, 10), region=THIRTY_PERCENT, examples=6)
)
def test_scaling_keeps_its_promises(check: Check) -> None:
    check()


@pytest.mark.parametrize(
    "check",
    transformation_checks(
        # The disc is larger than the image, and what leaves it comes back at once.
        Scaling(low_pass_share=0.3, radius_px=8.0, knee_px=1.0, pad_ln=0.0),
        shape=(3, 7, 9),
        region=Region((-0.05,), (0.7,)),
        examples=4,
    ),
)
def test_scaling_with_options_keeps_its_promises_on_colour_images(check: Check) -> None:
    check()


@pytest.mark.parametrize(
    "check",
    transformation_checks(
        Scaling(space="pixels"), shape=(2, 8, 9), region=Region((-0.1,), (0.05,)), examples=6
    ),
)
def test_scaling_in_pixels_keeps_its_promises(check: Check) -> None:
    check()


def one(value: float) -> Tensor:
    return torch.tensor([[value]], dtype=torch.float64)


@pytest.mark.parametrize("space", ["log-polar", "pixels"])
@given(sample_image=sample_images(), scale=st.floats(-0.5, 0.5), width=st.sampled_from([0.2, 0.01]))
@settings(max_examples=5)
def test_scaling_is_the_similarity_of_angle_zero(
    space: str, sample_image: SampleImage, scale: float, width: float
) -> None:
    shape = (2, 9, 10)
    options = {"space": space, "low_pass_share": 0.2}
    scaling = load_transformation("scaling", options).for_shape(shape)
    both = load_transformation("similarity", options).for_shape(shape)
    x, identity_action = sample_image.tensor(shape), one(0.0)
    attacked = scaling.attack(x, one(scale))
    assert torch.equal(attacked, both.attack(x, identity_action, one(scale)))
    z = scaling.lift(attacked)
    assert torch.equal(z, both.lift(attacked))
    if scaling.has_action:
        assert torch.equal(scaling.act(z, one(scale)), both.act(z, identity_action, one(scale)))
    ends = one(scale), one(scale + width)
    corners = [torch.cat([identity_action, end], dim=1) for end in ends]
    for name in ("derivative_bound", "attack_derivative_bound"):
        alone, together = (
            getattr(scaling.bounds, name)(x, *ends),
            getattr(both.bounds, name)(x, *corners),
        )
        if together is not None:
            assert float(alone) <= float(together[0, 1]) * (1.0 + 1e-9)
        else:
            assert alone is None


def test_twice_as_large_moves_a_point_twice_as_far_out() -> None:
    x = torch.zeros(1, 1, 33, 33, dtype=torch.float64)
    x[0, 0, 11, 16] = 1.0  # 5 px above the centre
    operator = Scaling().for_shape((1, 33, 33))
    theta = one(math.log(2.0))
    acted = operator.readout(operator.act(operator.lift(x), theta), (1, 33, 33))
    assert divmod(int(acted.argmax()), 33) == (6, 16)
    assert divmod(int(operator.attack(x, theta).argmax()), 33) == (6, 16)


def hoop(shape: tuple[int, int, int]) -> Tensor:
    """A blurred circle 6 px around the centre, (1, C, H, W)."""
    down = torch.arange(shape[1], dtype=torch.float64)[:, None] - (shape[1] - 1) / 2
    right = torch.arange(shape[2], dtype=torch.float64)[None, :] - (shape[2] - 1) / 2
    return torch.exp(-((torch.hypot(down, right) - 6.0) ** 2) / 2).expand(1, *shape).clone()


def cover_of(operator: Scaling, x: Tensor, scales: tuple[float, ...], centres: int) -> Cover:
    shape = (x.shape[1], x.shape[2], x.shape[3])
    network = Classifier(nn.Identity(), classes=2, shape=shape)
    law = GaussianLaw(scales, 0.15, orthogonal=True)
    smoothed = SmoothedClassifier(network, operator.for_shape(shape), law, seed=0)
    return build_cover(smoothed, x[0], THIRTY_PERCENT, centres)


def test_noise_on_the_scale_saves_most_of_the_centres() -> None:
    """Usefulness, not soundness: 4 centres in log-polar coordinates against 16 in pixels."""
    x = hoop((1, 28, 28))
    few = max(ball.margin for ball in cover_of(Scaling(), x, (0.15,), 4).balls)
    many = max(ball.margin for ball in cover_of(Scaling(space="pixels"), x, (), 16).balls)
    assert few < 2.0
    assert few < 0.5 * many


def test_options_are_those_of_a_similarity_and_refused_under_its_own_name() -> None:
    with pytest.raises(ValueError, match=r"scaling: knee_px=-1.0 must be a positive number"):
        Scaling(knee_px=-1.0)
    bound = Scaling(knee_px=2.0).for_shape((1, 20, 16))
    assert bound.z_space == Similarity(knee_px=2.0, radius_px=7.0).z_space
    assert Scaling().for_shape((1, 20, 16)).knee_px == 7.0 / 4
    assert Scaling(space="pixels").for_shape((1, 3, 4)).radius_px == 2.5
