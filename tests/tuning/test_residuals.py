"""Sampled residuals: smallest balls with known radii, and paths of attacks."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gsmooth.testing import SampleImage
from gsmooth.transforms.region import Region
from gsmooth.transforms.registry import load_transformation
from gsmooth.tuning.residuals import Paths, SampledRegion, ball_radii


def radius(points: np.ndarray) -> float:
    return float(ball_radii((points @ points.T)[None])[0])


def test_the_ball_around_two_points_has_half_their_distance() -> None:
    assert radius(np.array([[0.0, 0.0], [6.0, 8.0]])) == pytest.approx(5.0, rel=0.01)


def test_the_ball_around_a_circle_is_the_circle_however_its_points_are_spaced() -> None:
    angles = np.concatenate([np.linspace(0.0, 0.5, 40), [2.0, 4.0]])
    points = 3.0 + 2.0 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    assert 2.0 <= radius(points) <= 2.04


def test_one_point_has_no_radius() -> None:
    assert radius(np.array([[1.0, 2.0, 3.0]])) == 0.0


def test_an_exact_attack_has_no_residual_and_pieces_have_no_larger_ones() -> None:
    x = torch.cat([SampleImage("blob", seed).tensor((1, 12, 12)) for seed in range(3)])
    exact = load_transformation("cyclic-translation").for_shape((1, 12, 12))
    sampled = SampledRegion(exact, Region(lower=(-1.0, 0.0), upper=(1.0, 2.0)))
    assert Paths.of(sampled, x).residuals((1, 1)) == pytest.approx(0.0, abs=1e-6)
    turning = load_transformation("rotation").for_shape((1, 12, 12))
    paths = Paths.of(SampledRegion(turning, Region(lower=(-30.0,), upper=(30.0,))), x)
    whole, parts = paths.residuals((1,)), paths.residuals((4,))
    assert (whole > 0.01).all()
    assert (parts <= 1.02 * whole).all()


def test_one_sided_residuals_are_distances_from_the_clean_image() -> None:
    blur = load_transformation("blur").for_shape((1, 9, 9))
    x = SampleImage("noise", 1).tensor((1, 9, 9))
    sampled = SampledRegion(blur, Region(lower=(0.0,), upper=(1.0,)))
    paths = Paths.of(sampled, x)
    assert paths.lengths is not None
    assert paths.residuals((1,)) == pytest.approx(paths.lengths.max(axis=1))


def test_steps_are_kept_and_boxes_share_their_ends() -> None:
    whole = load_transformation("integer-translation").for_shape((1, 9, 9))
    sampled = SampledRegion(whole, Region(lower=(-2.0, 0.0), upper=(2.0, 0.0)))
    assert sampled.values[0].tolist() == [-2.0, -1.0, 0.0, 1.0, 2.0]
    assert sampled.moving == (0,)
    assert [box.tolist() for box in sampled.boxes((2, 1))] == [[0, 1, 2], [2, 3, 4]]
