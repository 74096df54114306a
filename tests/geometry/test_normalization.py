"""Normalized contrast commutes with rotations, and moves no two points farther apart than bound."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from gsmooth.geometry.normalization import Normalization

N = Normalization(level=3.0, least=0.5)


def planes(angle: float, length: float) -> torch.Tensor:
    return length * torch.tensor([[math.cos(angle), math.sin(angle)]], dtype=torch.float64)


@pytest.mark.parametrize("length", [0.1, 0.4, 0.6, 1.0, 2.0, 40.0])
@pytest.mark.parametrize("part", [0.01, 0.2, 0.6, 0.9, 1.0, 1.5])
def test_no_point_within_a_distance_is_farther_away_afterwards(length: float, part: float) -> None:
    # Two points and 0 lie in a plane, so points of a plane are all there is to try.
    apart, centre = part * length, planes(0.3, length)
    ways = torch.linspace(0.0, 2.0 * math.pi, 721, dtype=torch.float64)
    rims = torch.stack([ways.cos(), ways.sin()], dim=1)
    tried = torch.cat([centre + apart * far * rims for far in (0.25, 0.5, 0.75, 0.95, 1.0)])
    reached = float((N(tried) - N(centre)).norm(dim=1).max())
    bound = float(N.distance(np.array([apart]), np.array([length]))[0])
    assert reached <= bound
    if length - apart >= N.least:
        assert bound <= reached * 1.0002 + 1e-9  # The tangent of the disc is among them, nearly.


def test_the_bound_is_that_of_the_ball_where_points_may_be_short() -> None:
    apart, length = np.array([0.3, 0.3, 0.3]), np.array([0.2, 0.79, 0.81])
    short, near, long = N.distance(apart, length)
    assert short == pytest.approx(0.3 * 3.0 / 0.5)
    assert near == pytest.approx(short)
    assert long == pytest.approx(2.0 * 3.0 * math.sin(math.asin(0.3 / 0.81) / 2.0))


def test_it_grows_with_the_distance_and_falls_with_the_length() -> None:
    apart = np.linspace(0.0, 3.0, 301)
    for length in (0.3, 1.0, 2.5):
        assert (np.diff(N.distance(apart, np.full(301, length))) >= 0.0).all()
    lengths = np.linspace(0.1, 5.0, 301)
    assert (np.diff(N.distance(np.full(301, 0.4), lengths)) <= 1e-12).all()


def test_long_points_get_one_length_and_short_ones_the_same_factor() -> None:
    z = torch.tensor([[3.0, 4.0], [0.3, 0.4], [0.03, 0.04], [0.0, 0.0]], dtype=torch.float64)
    assert N(z).norm(dim=1).tolist() == pytest.approx([3.0, 3.0, 0.3, 0.0])
    assert N.gain(5.0) == pytest.approx(0.6)
    assert N.gain(0.05) == pytest.approx(6.0)
