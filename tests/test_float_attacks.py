"""Classifiers that read the low bits of x + noise: they fool naive implementations, not ours (F1).

In the spirit of Jin, Ohrimenko and Rubinstein (2022) and of Voracek and Hein (2023). A float near 0
is fine where it was made from small numbers and coarse where it is the difference of larger ones.
So the last bits of x + noise tell what x was, whatever the noise, and a classifier that looks at
nothing else is constant under the noise at x and constant, at another class, under the noise near
x. Cohen's certificate is about real numbers, and is false here with certainty, not by chance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import final

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from torch import Tensor, nn

from gsmooth.certificate import Certified, Guarantee
from gsmooth.certification import RadiusMode, RegionMode
from gsmooth.cover import build_cover
from gsmooth.cover.bounds.margin_model import MarginModel
from gsmooth.sampling.smoothed_classifier import GRID, SmoothedClassifier
from gsmooth.theory.laws import GaussianLaw
from gsmooth.theory.normal import required_p_of_margin
from gsmooth.transforms.region import Region
from gsmooth_gaussian import Gaussian
from tests.certifying import certify, predict
from tests.engine_objects import HalfLine, classifier, half_line, on_ring, pixel, turned

SHAPE = (1, 32, 32)
SIGMA = 0.5
N = 1000
ALPHA = 0.001
SMALL = 2.0**-7
# A secret that only low bits can carry: pixels of 2^-6 leave sums below 2^-7 coarse.
SHIFT = 2.0**-6
DARK = torch.zeros(SHAPE, dtype=torch.float64)
GREY = DARK + SHIFT
DISTANCE = float((GREY - DARK).norm())


@final
class FineBits(nn.Module):
    """Class 1 where some pixel below 2^-7 is no multiple of ``unit``, else class 0."""

    def __init__(self, unit: float) -> None:
        super().__init__()
        self.unit = unit

    def forward(self, x: Tensor) -> Tensor:
        pixels = x.flatten(1).double()
        steps = pixels / self.unit
        fine = ((pixels.abs() < SMALL) & (steps != steps.round())).any(dim=1)
        return nn.functional.one_hot(fine.long(), 2).float()


@final
@dataclass(frozen=True)
class Precision:
    """The floats of a naive implementation. unit: GREY + noise below 2^-7 is a multiple of it.

    There the noise lies between 2^-7 and 2^-5 in size, where floats are multiples of ``unit``, and
    GREY is one as well.
    """

    dtype: torch.dtype
    unit: float


SINGLE = Precision(torch.float32, 2.0**-30)
DOUBLE = Precision(torch.float64, 2.0**-59)
PRECISIONS = [pytest.param(SINGLE, id="float32"), pytest.param(DOUBLE, id="float64")]
DIRECTIONS = [pytest.param(DARK, GREY, id="dark"), pytest.param(GREY, DARK, id="grey")]


def naive_votes(module: nn.Module, image: Tensor, dtype: torch.dtype, seed: int) -> Tensor:
    """Votes by class (2,) as most implementations cast them: x + sigma randn, in one precision."""
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(N, *image.shape, generator=generator, dtype=dtype)
    return torch.bincount(module(image.to(dtype) + SIGMA * noise).argmax(dim=1), minlength=2)


def cohen_radius(votes: Tensor, label: int) -> float:
    """sigma Phi^-1 of the Clopper-Pearson bound (Cohen, Rosenfeld, Kolter 2019)."""
    won = int(votes[label])
    return SIGMA * float(stats.norm.ppf(stats.beta.ppf(ALPHA, won, N - won + 1)))


@pytest.mark.parametrize(("clean", "attacked"), DIRECTIONS)
@pytest.mark.parametrize("precision", PRECISIONS)
def test_naive_float_noise_certifies_a_radius_within_which_the_votes_change(
    precision: Precision, clean: Tensor, attacked: Tensor
) -> None:
    module = FineBits(precision.unit)
    votes = naive_votes(module, clean, precision.dtype, 0)
    label = int(votes.argmax())
    assert cohen_radius(votes, label) > 2.0 * DISTANCE
    # With noise of any seed: the true radius is at most DISTANCE.
    for seed in (1, 2):
        changed = int(naive_votes(module, attacked, precision.dtype, seed)[1 - label])
        # GREY leaves no fine bit to any vote; DARK leaves one somewhere, with luck to spare.
        assert changed == N if attacked is GREY else changed > 0.99 * N


@pytest.mark.parametrize("precision", PRECISIONS)
def test_no_noise_of_that_precision_leaves_a_fine_bit_on_grey(precision: Precision) -> None:
    # Why all votes must change: not by how often, but because no float could do otherwise.
    generator = torch.Generator().manual_seed(0)
    aimed = -SHIFT + SMALL * (2.0 * torch.rand(10**6, generator=generator, dtype=torch.float64) - 1)
    noisy = aimed.to(precision.dtype) + torch.tensor(SHIFT, dtype=precision.dtype)
    steps = noisy[noisy.abs() < SMALL].double() / precision.unit
    assert torch.equal(steps, steps.round())
    assert len(steps) > 9 * 10**5


def fine_bits(unit: float, grid: float = GRID) -> SmoothedClassifier:
    module = classifier(FineBits(unit), SHAPE)
    return SmoothedClassifier(module, Gaussian(), GaussianLaw((), SIGMA), grid=grid, seed=0)


@pytest.mark.parametrize(("clean", "attacked"), DIRECTIONS)
@pytest.mark.parametrize("unit", [SINGLE.unit, DOUBLE.unit, GRID / 2])
def test_on_the_grid_the_same_classifier_gets_a_certificate_that_is_true(
    unit: float, clean: Tensor, attacked: Tensor
) -> None:
    g = fine_bits(unit)
    for mode in (RadiusMode(n=N), RegionMode(max_votes=4096)):
        certificate = certify(g, clean, Region(l2=DISTANCE * 1.01), mode).certificate
        assert isinstance(certificate, Certified)
        assert certificate.guarantee is Guarantee.INDIVIDUAL
        assert certificate.region.l2 > DISTANCE
        # It holds: no vote at all is for the other class, here or there.
        for image in (clean, attacked):
            found = predict(g, image, n=512)
            assert found.label == certificate.label == 0
            assert found.counts[0] == 512


@pytest.mark.parametrize("mode", [RadiusMode(n=N), RegionMode(max_votes=4096)])
def test_without_the_grid_low_bits_are_seen_and_nothing_is_called_proved(
    mode: RadiusMode | RegionMode,
) -> None:
    # The same classifier as above: its label is another, so the rounding is what hid the bits.
    certificate = certify(fine_bits(SINGLE.unit, 0.0), DARK, Region(l2=0.1), mode).certificate
    assert isinstance(certificate, Certified)
    assert certificate.label == 1
    assert certificate.guarantee is Guarantee.HEURISTIC


@final
class NegativeZeros(nn.Module):
    """Class 1 where some pixel is -0: the sign of a zero is a bit, too."""

    def forward(self, x: Tensor) -> Tensor:
        found = ((x == 0.0) & x.signbit()).flatten(1).any(dim=1)
        return nn.functional.one_hot(found.long(), 2).float()


@pytest.mark.parametrize("value", [-GRID / 4, GRID / 4, -GRID / 2, -1e-300, 0.0])
def test_the_sign_of_a_zero_betrays_nothing(value: float) -> None:
    g = SmoothedClassifier(
        classifier(NegativeZeros(), SHAPE), Gaussian(), GaussianLaw((), SIGMA), seed=0
    )
    assert predict(g, DARK + value, n=512).counts[0] == 512


# What float arithmetic can still change enters the certificate.


@given(
    shift=st.floats(0.0, 2.0),
    residual=st.floats(0.0, 1.0),
    error=st.floats(1e-9, 0.03),
    variation=st.floats(1e-9, 0.01),
)
def test_margins_grow_by_what_float_arithmetic_can_change(
    shift: float, residual: float, error: float, variation: float
) -> None:
    law = GaussianLaw((1.0,), SIGMA)
    bare = MarginModel(law, error=0.0, variation=0.0, extra=0.0, proved=True)

    def margin(margin_model: MarginModel) -> float:
        return float(margin_model.margins(np.array([[shift]]), np.array([residual]))[0])

    moved = math.hypot(shift, (residual + error) / SIGMA) + 2.0 * error / SIGMA
    assert moved <= margin(replace(bare, error=error)) <= moved + 1e-9
    # Theory: Phi(Phi^-1(p - tau) - rho) - tau > 1/2.
    required_p = variation + stats.norm.cdf(margin(bare) + stats.norm.ppf(0.5 + variation))
    required_p = min(
        float(required_p), 1.0
    )  # A share that no vote reaches: the margin is infinite.
    assert float(required_p_of_margin(margin(replace(bare, variation=variation)))) >= required_p
    both = margin(replace(bare, error=error, variation=variation))
    assert both >= max(moved, float(stats.norm.ppf(required_p)))


def test_the_share_that_a_cover_asks_for_grows_with_the_total_variation() -> None:
    region, point = Region(l2=0.25), pixel()
    shares = []
    for grid in (2.0**-8, 2.0**-38, 2.0**-42):
        g = half_line(0.0, SIGMA, grid=grid)
        ball = build_cover(g, point, region).balls[0]
        tau = g.total_variation(ball.z)
        least = tau + stats.norm.cdf(0.25 / SIGMA + stats.norm.ppf(0.5 + tau))
        assert ball.required_p >= least
        shares.append(ball.required_p)
    assert shares == sorted(shares)
    assert shares[2] - shares[0] > 0.005


def test_the_margin_of_a_cover_includes_the_error_of_the_action_twice() -> None:
    g = turned(lambda phase: phase < 400.0, 12.0)
    image = 2.0**8 * on_ring()
    ball = build_cover(g, image, Region((-12.0,), (12.0,)), 1).balls[0]
    error = g.numerical_error(g.transformation.lift(image[None])[0])
    assert error is not None
    assert error > 0.0
    assert ball.margin >= 1.0 + 2.0 * error / g.law.sigma


def test_a_law_without_noise_on_parameters_has_no_error_of_an_action() -> None:
    g = SmoothedClassifier(classifier(HalfLine(0.0)), Gaussian(), GaussianLaw((), SIGMA), seed=0)
    assert g.numerical_error(torch.ones(1, dtype=torch.float64)) == 0.0
