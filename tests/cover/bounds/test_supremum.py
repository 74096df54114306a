"""Suprema of the error: never below any attack, and tight to the tolerance that was asked."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gsmooth.cover.bounds.supremum import pulled_back_suprema
from gsmooth.cover.pulled_back import PulledBackImage
from gsmooth.testing import SampleImage
from gsmooth.testing.images import sample_images
from gsmooth_rotation import Rotation
from tests.cover.subjects import Weave
from tests.testing.planted import Comb

SHAPE = (1, 6, 6)


def image(seed: int = 0) -> torch.Tensor:
    return torch.rand((1, *SHAPE), dtype=torch.float64, generator=torch.manual_seed(seed))


@pytest.mark.parametrize("smooth", [True, False])
def test_a_known_supremum_is_met_from_above_within_the_tolerance(smooth: bool) -> None:
    weave, x = Weave(smooth=smooth), image()
    # |sin 2a| + sin 4b is largest at a = .4 and b = pi / 8, inside the box.
    exact = weave.height * (math.sin(0.8) + 1.0) * float(x.norm())
    (found,), proved = pulled_back_suprema(
        PulledBackImage(weave, x), x.flatten(), np.array([[-0.2, -0.1]]), np.array([[0.4, 0.5]])
    )
    assert proved
    assert exact <= found <= 1.02 * exact


def test_every_box_gets_its_own_supremum() -> None:
    weave, x = Weave(), image()
    ends = [0.0, 0.1, 0.2, 0.3]
    lower = np.array([[end, 0.0] for end in ends[:-1]])
    upper = np.array([[end, 0.0] for end in ends[1:]])
    found, proved = pulled_back_suprema(PulledBackImage(weave, x), x.flatten(), lower, upper)
    exact = weave.height * np.sin(2.0 * np.array(ends[1:])) * float(x.norm())
    assert proved
    assert (exact <= found).all()
    assert (found <= 1.02 * exact).all()


@given(sample_images(), st.floats(-40, 0), st.floats(0, 40), st.integers(0, 2**20))
@example(sample_image=SampleImage("pixel", 0), low=-(2.0**-1022), high=0.0, seed=0)
@example(sample_image=SampleImage("pixel", 0), low=-(2.0**-1074), high=0.0, seed=0)
@settings(max_examples=25, deadline=None)
def test_no_rotation_exceeds_the_bound(
    sample_image: SampleImage, low: float, high: float, seed: int
) -> None:
    pulled_back = PulledBackImage(Rotation().for_shape(SHAPE), sample_image.tensor(SHAPE))
    clean = pulled_back.transformation.lift(pulled_back.x)[0]
    (found,), proved = pulled_back_suprema(
        pulled_back, clean, np.array([[low]]), np.array([[high]]), 0.1
    )
    angles = np.random.default_rng(seed).uniform(low, high, (300, 1))
    angles[:2] = [[low], [high]]
    errors = (pulled_back.points(torch.from_numpy(angles)) - clean).norm(dim=1)
    assert proved
    assert float(errors.max()) <= found


def test_sampling_alone_is_not_called_a_proof() -> None:
    x = image()
    _, proved = pulled_back_suprema(
        PulledBackImage(Comb(proved=False), x), x.flatten(), np.array([[-1.0]]), np.array([[1.0]])
    )
    assert not proved


def test_a_region_of_one_point_has_no_error() -> None:
    x = image()
    (found,), proved = pulled_back_suprema(
        PulledBackImage(Weave(), x), x.flatten(), np.zeros((1, 2)), np.zeros((1, 2))
    )
    assert proved
    assert found < 1e-9
