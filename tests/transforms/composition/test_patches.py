"""The bound by interpolation of a transformation beside shifts of all pixels, place by place."""

from __future__ import annotations

import pytest
import torch

from gsmooth.cover.pulled_back import PulledBackImage
from gsmooth.transforms.base import Transformation
from gsmooth.transforms.composition import composed
from gsmooth_brightness import Brightness
from gsmooth_contrast import Contrast
from gsmooth_rotation import Rotation
from gsmooth_similarity import Scaling, Similarity
from tests.plugins.test_rotation_chord import hostile
from tests.plugins.test_similarity_patch import inside, interpolated

SHAPE = (1, 12, 12)
PARTS: list[tuple[type[Transformation], tuple[float, ...], tuple[float, ...]]] = [
    (Scaling, (0.05,), (0.01,)),
    (Rotation, (3.0,), (0.6,)),
    (Similarity, (1.0, -0.03), (0.8, 0.012)),
]


@pytest.mark.parametrize("shift", [(0.0, 0.0), (-0.7, 0.3), (0.4, 2.0)])
@pytest.mark.parametrize("name", ["noise", "board"])
@pytest.mark.parametrize(("part", "low", "width"), PARTS)
def test_no_shifted_image_leaves_the_interpolation_between_its_corners_by_more(
    part: type[Transformation],
    low: tuple[float, ...],
    width: tuple[float, ...],
    name: str,
    shift: tuple[float, float],
) -> None:
    operator = composed(part, Brightness)().for_shape(SHAPE)
    pulled_back = PulledBackImage(operator, hostile(name, SHAPE))
    lower = torch.tensor([(*low, shift[0])], dtype=torch.float64)
    upper = lower + torch.tensor([(*width, shift[1])], dtype=torch.float64)
    bound = pulled_back.patch(lower, upper)
    assert bound is not None
    assert float(bound[0, -1]) == 0.0
    corners = pulled_back.corners(lower, upper)[0]
    s, theta = inside(lower, upper, 7)
    apart = (pulled_back.points(theta) - interpolated(corners, s)).norm(dim=1)
    allowed = (4.0 * s * (1.0 - s) * bound).sum(dim=1)
    assert (apart <= allowed + 1e-11 * (1.0 + corners.norm())).all()


def test_a_shift_adds_what_the_action_bends_it_by() -> None:
    operator = composed(Scaling, Brightness)().for_shape(SHAPE)
    pulled_back = PulledBackImage(operator, torch.zeros(1, *SHAPE, dtype=torch.float64))
    lower = torch.tensor([[0.05, 0.0], [0.05, 2.0]], dtype=torch.float64)
    upper = lower + torch.tensor([0.01, 0.0], dtype=torch.float64)
    bound = pulled_back.patch(lower, upper)
    assert bound is not None
    loose = operator._frame.one - operator._frame.fixed
    bent = operator._frame.parts[0].bounds.action_curvature(loose)
    assert bent is not None
    assert float(bound[1, 0] - bound[0, 0]) == pytest.approx(2.0 * 0.01**2 / 8.0 * float(bent))


def test_no_interpolation_is_looked_at_where_a_flow_multiplies() -> None:
    operator = composed(Rotation, Contrast)().for_shape(SHAPE)
    pulled_back = PulledBackImage(operator, hostile("noise", SHAPE))
    lower = torch.tensor([[1.0, 0.1]], dtype=torch.float64)
    assert pulled_back.patch(lower, lower + 0.1) is None
