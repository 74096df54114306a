"""The rotation's bound by the chord, on hostile images and between all samples, and what recurs."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from gsmooth.cover.pulled_back import PulledBackImage
from gsmooth.testing import SampleImage
from gsmooth_rotation import Rotation, RotationMirror
from gsmooth_rotation.bounds import widest_half

Shape = tuple[int, int, int]
SUBJECTS: list[tuple[Rotation, Shape]] = [
    (Rotation(), (1, 12, 12)),
    (Rotation(low_pass_px=1.2, edge_px=3.0), (2, 15, 11)),
    (Rotation(low_pass_px=1.2, radius_px=14.0), (3, 32, 32)),
    (Rotation(low_pass_px=0.9, radius_px=29.0), (1, 64, 64)),
]


def hostile(name: str, shape: Shape) -> Tensor:
    """Images of many kinks: noise, a checkerboard, a picture whose only pixels are far out."""
    if name in ("noise", "signed"):
        return SampleImage(name, 3).tensor(shape)
    row, col = torch.meshgrid(*(torch.arange(n) for n in shape[1:]), indexing="ij")
    board = ((row + col) % 2).to(torch.float64)
    rim = torch.hypot(row - (shape[1] - 1) / 2, col - (shape[2] - 1) / 2)
    if name == "rim":
        board = board * (rim > 0.35 * min(shape[1:]))
    return board.expand(1, *shape).clone()


def column(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)[:, None]


@pytest.mark.parametrize("name", ["noise", "signed", "board", "rim"])
@pytest.mark.parametrize(("plain", "shape"), SUBJECTS)
def test_no_image_leaves_the_chord_of_its_ends_by_more(
    plain: Rotation, shape: Shape, name: str
) -> None:
    operator = plain.for_shape(shape)
    pulled_back = PulledBackImage(operator, hostile(name, shape))
    every = torch.arange(shape[1] * shape[2])
    widest = math.degrees(2.0 * widest_half(pulled_back.x.shape[1:], every))
    for low, width in ((0.0, 0.9 * widest), (-0.03, 0.05), (44.9, 0.4 * widest), (7.0, 3.0)):
        ends = column(low), column(low + width)
        bound = pulled_back.chord(*ends)
        assert bound is not None
        start, end = map(pulled_back.points, ends)
        s = torch.linspace(0.0, 1.0, 41, dtype=torch.float64)[:, None]
        apart = pulled_back.points(low + s * width) - torch.lerp(start, end, s)
        allowed = 4.0 * s[:, 0] * (1.0 - s[:, 0]) * bound + 1e-11 * (1.0 + start.norm())
        assert (apart.norm(dim=1) <= allowed).all()


def test_the_bound_is_far_below_that_of_the_derivative_on_narrow_cells() -> None:
    shape = (3, 32, 32)
    operator = Rotation(low_pass_px=1.2, radius_px=14.0).for_shape(shape)
    pulled_back = PulledBackImage(operator, SampleImage("noise", 1).tensor(shape))
    low = torch.linspace(3.0, 40.0, 12, dtype=torch.float64)[:, None]
    slack = []
    for width in (0.5, 0.125):
        chord = pulled_back.chord(low, low + width)
        derivative = pulled_back.derivative(low, low + width)
        assert chord is not None
        assert derivative is not None
        slack.append(float(chord.median()))
        assert slack[-1] < 0.7 * width / 2.0 * float(derivative.median())
    assert slack[1] < slack[0] / 8.0  # Nearly of second order: a quarter of the width.


def test_a_cell_that_is_a_point_has_no_way_to_go() -> None:
    shape = (1, 12, 12)
    pulled_back = PulledBackImage(Rotation().for_shape(shape), hostile("noise", shape))
    lower, upper = column(1.0, 2.0), column(1.0, 2.5)
    bound = pulled_back.chord(lower, upper)
    assert bound is not None
    assert float(bound[0]) == 0.0
    assert float(bound[1]) > 0.0


@pytest.mark.parametrize("shape", [(1, 12, 12), (2, 13, 13), (1, 28, 28), (1, 20, 24), (3, 64, 64)])
def test_the_image_recurs_as_promised_and_no_sooner(shape: Shape) -> None:
    operator = Rotation(low_pass_px=1.0).for_shape(shape)
    pulled_back = PulledBackImage(operator, hostile("noise", shape))
    found = operator.bounds.recurrence(pulled_back.x, 0)
    assert found is not None
    step, error = found
    assert error < 1e-4
    theta = column(0.0, 7.3, 44.0, -81.0)
    here = pulled_back.points(theta)
    for times in (1, 2, -1):
        there = pulled_back.points(theta + times * step)
        assert float((there - here).norm(dim=1).max()) <= abs(times) * error
    sooner = pulled_back.points(theta + step / 2.0)
    assert float((sooner - here).norm(dim=1).max()) > 1e-3
    assert step == (90.0 if shape[1] == shape[2] and shape[1] != 28 else 180.0)


@pytest.mark.parametrize("flip", [0.0, 1.0])
def test_mirror_images_have_the_chords_of_the_mirrored_rotation(flip: float) -> None:
    shape = (1, 12, 12)
    operator = RotationMirror(low_pass_px=1.0).for_shape(shape)
    pulled_back = PulledBackImage(operator, hostile("noise", shape))
    s = torch.linspace(0.0, 1.0, 41, dtype=torch.float64)[:, None]
    theta = torch.cat([5.0 + s, torch.full_like(s, flip)], dim=1)
    points, bound = pulled_back.points(theta), pulled_back.chord(theta[:1], theta[-1:])
    assert bound is not None
    away = (points - torch.lerp(points[:1], points[-1:], s)).norm(dim=1)
    assert (away <= 4.0 * s[:, 0] * (1.0 - s[:, 0]) * bound + 1e-10).all()
    assert float(away.max()) > 0.02 * float(bound)
