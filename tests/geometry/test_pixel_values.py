"""Counts of pixel values, and gains, against every pixel by itself."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gsmooth.geometry.pixel_values import Gain, PixelValues

X = torch.tensor([0.0, 0.25, 0.25, 0.5, 0.9, 1.0, 1.0, 1.0], dtype=torch.float64).view(1, 1, 2, 4)


def test_a_norm_counts_every_pixel() -> None:
    pixels = PixelValues.of(X)
    assert pixels.counts.tolist() == [1.0, 2.0, 1.0, 1.0, 3.0]
    found = float(pixels.norm(pixels.values[None]))
    assert float(X.norm()) <= found <= float(X.norm()) * (1.0 + 1e-11)


def attacked(gain: Gain, theta: Tensor) -> Tensor:
    """psi_theta(x) for theta (n,), (n, pixels)."""
    moved = gain.about + (X.flatten() - gain.about) * (gain.rate * theta[:, None]).exp()
    return moved.clamp(gain.low, gain.high) if gain.clip else moved


def pulled_back(gain: Gain, theta: Tensor) -> Tensor:
    """T_(-theta) psi_theta(x), (n, pixels)."""
    away = attacked(gain, theta) - gain.about
    return gain.about + away * (-gain.rate * theta[:, None]).exp()


@pytest.mark.parametrize("clip", [True, False])
@pytest.mark.parametrize("about", [0.0, 0.4])
def test_bounds_of_a_gain_hold_every_difference_quotient(clip: bool, about: float) -> None:
    gain = Gain(about, 0.7, clip, 0.0, 1.0)
    for low, high in ((-0.4, -0.1), (-0.1, 0.2), (0.2, 0.21)):
        theta = torch.linspace(low, high, 101, dtype=torch.float64)
        ends = (torch.tensor([[end]], dtype=torch.float64) for end in (low, high))
        lower, upper = ends
        for points, bound in (
            (attacked(gain, theta), gain.attacked(X, lower, upper)),
            (pulled_back(gain, theta), gain.carried(X, lower, upper)),
        ):
            quotients = (points[1:] - points[:-1]).norm(dim=1) / (theta[1:] - theta[:-1])
            assert float(quotients.max()) <= float(bound) + 1e-11
