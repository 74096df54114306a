"""The gamma plugin: a law that is not linear, its exact radius, and no attack beats it."""

from __future__ import annotations

import math
from collections.abc import Callable

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from gsmooth.certificate import Guarantee
from gsmooth.cover import build_cover
from gsmooth.testing import SampleImage, transformation_checks
from gsmooth_gamma import Gamma
from tests.plugins.pointwise import around, radius_is, survivors, threshold

SMALL = (1, 6, 7)


def power(x: float, g: float) -> mpmath.mpf:
    """T_g x with 50 digits."""
    with mpmath.workdps(50):
        inner = 0.0 < abs(x) < 1.0
        return mpmath.sign(x) * mpmath.mpf(abs(x)) ** mpmath.exp(g) if inner else mpmath.mpf(x)


def exact(z: Tensor, g: float) -> Tensor:
    values = [[float(power(x, g)) for x in row] for row in z.tolist()]
    return torch.tensor(values, dtype=torch.float64)


@pytest.mark.parametrize(
    "check",
    transformation_checks(Gamma(), shape=SMALL, region=around(0.5), examples=15, exact=exact),
)
def test_gamma_keeps_its_promises(check: Callable[[], None]) -> None:
    check()


def test_the_radius_of_a_threshold_on_grey_is_a_difference_of_log_logs() -> None:
    g = threshold(Gamma(), lambda x: x.mean(dim=(1, 2, 3)) > 0.3, 0.27, sigma=2.0**-6)
    radius = math.log(math.log(0.3) / math.log(0.4))
    radius_is(g, torch.full((1, 8, 8), 0.4, dtype=torch.float64), radius)


@given(x=st.floats(0.0, 1.0), theta=st.floats(-3.0, 3.0), beta=st.floats(-1.8, 1.8))
def test_acting_on_a_point_that_was_rounded_errs_by_no_more_than_is_claimed(
    x: float, theta: float, beta: float
) -> None:
    # What engine and deployment do: T_beta of a computed T_theta x, against T_(beta + theta) x.
    operator = Gamma()
    columns = [torch.tensor([[v]], dtype=torch.float64) for v in (theta, beta)]
    moved = operator.act(torch.tensor([[x]], dtype=torch.float64), columns[0])
    found = float(operator.act(moved, columns[1]))
    with mpmath.workdps(50):
        error = abs(power(x, mpmath.mpf(theta) + mpmath.mpf(beta)) - found)
    assert error <= operator.bounds.action_error(moved, (abs(beta),), (0.0,))


def test_what_float64_cannot_hold_is_in_the_error() -> None:
    # x^(e^theta) is lost below 1e-308, and T_beta would have brought it back to .5.
    beta = -math.log(1000.0)
    claimed = Gamma().bounds.action_error(torch.zeros(1, 1, dtype=torch.float64), (-beta,), (0.0,))
    lost = float(power(0.5, math.log(1100.0) + beta))
    assert Gamma().act(torch.tensor([[0.5]]).double(), torch.tensor([[math.log(1100.0)]])) == 0.0
    assert lost > 0.4
    assert claimed > lost


@given(kind=st.sampled_from(("noise", "step", "blob")), seed=st.integers(0, 1000))
def test_images_of_the_unit_range_stay_in_it(kind: str, seed: int) -> None:
    x = SampleImage(kind, seed).tensor(SMALL)
    for theta in (-2.0, -0.1, 0.3, 2.0):
        moved = Gamma().attack(x, torch.tensor([[theta]], dtype=torch.float64))
        assert float(moved.min()) >= 0.0
        assert float(moved.max()) <= 1.0
    assert Gamma().keeps_range(0.0, 1.0)
    assert Gamma().keeps_range(-1.0, 1.0)
    assert not Gamma().keeps_range(0.0, 0.5)
    assert not Gamma().keeps_range(-0.5, 1.0)


def test_only_what_nothing_is_added_to_is_proved_with_noise_on_gamma() -> None:
    x = SampleImage("noise", 5).tensor(SMALL)[0]
    noisy = threshold(Gamma(), lambda x: x[:, 0, 0, 0] > 0, 0.2, shape=SMALL)
    assert build_cover(noisy, x, around(0.2)).guarantee is Guarantee.INDIVIDUAL
    assert build_cover(noisy, x, around(0.2, bits=8)).guarantee is Guarantee.HEURISTIC
    assert build_cover(noisy, x, around(0.2, l2=0.1)).guarantee is Guarantee.HEURISTIC


def test_every_centre_lies_on_the_pulled_back_image_of_the_image() -> None:
    x = torch.tensor(np.geomspace(1e-30, 1.0, 42)).reshape(1, *SMALL)
    g = threshold(Gamma(), lambda x: x[:, 0, 0, 0] > 0, 0.2, shape=SMALL)
    for ball in build_cover(g, x[0], around(1.0), 4).balls:
        theta = torch.tensor([ball.theta], dtype=torch.float64)
        assert torch.equal(ball.z, Gamma().act(x.flatten(1), theta)[0])


def test_no_attack_changes_what_is_certified() -> None:
    assert survivors(Gamma(), (0.2,), around(0.2)) >= 2


def test_no_attack_changes_what_is_certified_without_noise_on_gamma_rounding_included() -> None:
    assert survivors(Gamma(), (), around(0.2, 8)) >= 2
