"""Mirror images and quarter turns: exact groups of pixels under Haar noise (T7)."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import gsmooth as gs
from gsmooth.certificate import Guarantee
from gsmooth.cover import build_cover
from gsmooth.errors import ConfigurationError
from gsmooth.models.classifier import Classifier
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.testing import SampleImage, transformation_checks
from gsmooth.theory.haar import HaarLaw
from gsmooth.theory.laws import GaussianLaw
from gsmooth.theory.normal import normal_cdf, normal_quantile
from gsmooth.transforms.composition import composed
from gsmooth_brightness import Brightness
from gsmooth_mirror import Dihedral, Mirror, QuarterTurn
from gsmooth_mirror.pixel_group import PixelGroup

SQUARE = (1, 6, 6)
GROUPS: list[tuple[PixelGroup, tuple[int, int, int]]] = [
    (Mirror(), (1, 4, 7)),
    (Mirror("up-down"), (2, 5, 3)),
    (QuarterTurn(), SQUARE),
    (Dihedral(), SQUARE),
]
CHECKS = [c for g, s in GROUPS for c in transformation_checks(g, shape=s, examples=6)]
EIGHT = [(float(t), float(f)) for f in range(2) for t in range(4)]


@pytest.mark.parametrize("check", CHECKS)
def test_the_groups_keep_their_promises(check: Callable[[], None]) -> None:
    check()


def columns(*theta: float, rows: int = 1) -> tuple[Tensor, ...]:
    return tuple(torch.full((rows, 1), value, dtype=torch.float64) for value in theta)


def haar(operator: PixelGroup, sigma: float = 0.25) -> HaarLaw:
    parameters = operator.parameters
    law = HaarLaw(tuple(range(len(parameters))), (0.0,) * len(parameters), sigma)
    return law.with_periods(
        tuple(p.period_of(SQUARE) for p in parameters), (1.0,) * len(parameters)
    )


@pytest.mark.parametrize("turns", range(-5, 6))
@pytest.mark.parametrize("flip", range(-2, 3))
def test_pixels_move_as_numpy_moves_them(turns: int, flip: int) -> None:
    x = np.random.default_rng(1).random((2, 3, 6, 6))
    mirrored = x[..., ::-1] if flip % 2 else x
    expected = np.rot90(mirrored, turns, axes=(2, 3)).copy()
    operator = Dihedral().for_shape((3, 6, 6))
    found = operator.attack(torch.from_numpy(x), *columns(turns, flip, rows=2))
    assert np.array_equal(found.numpy(), expected)
    turned = QuarterTurn().for_shape((3, 6, 6)).attack(torch.from_numpy(x), *columns(turns, rows=2))
    assert np.array_equal(turned.numpy(), np.rot90(x, turns, axes=(2, 3)))
    upside = Mirror("up-down").for_shape((3, 6, 6)).attack(torch.from_numpy(x), columns(flip)[0])
    assert np.array_equal(upside.numpy(), x[:, :, ::-1] if flip % 2 else x)


def test_all_sixty_four_products_and_eight_inverses_are_those_of_the_pixels() -> None:
    operator = Dihedral().for_shape(SQUARE)
    z = SampleImage("noise", 3).tensor(SQUARE).flatten(1)
    assert len({tuple(operator.act(z, *columns(*g))[0].tolist()) for g in EIGHT}) == 8
    for a, b in itertools.product(EIGHT, repeat=2):
        twice = operator.act(operator.act(z, *columns(*b)), *columns(*a))
        assert torch.equal(twice, operator.act(z, *operator.product(columns(*a), columns(*b))))
    for a in EIGHT:
        there = operator.act(z, *columns(*a))
        assert torch.equal(operator.act(there, *operator.inverse(columns(*a))), z)


def test_every_element_has_the_same_probability_and_residuals_cost_what_t7_says() -> None:
    """T7: the share of a half-space is a mean over eight elements, exact in closed form."""
    operator, sigma = Dihedral().for_shape(SQUARE), 0.3
    rng = np.random.default_rng(7)

    def share(w: Tensor, b: float, z: Tensor) -> float:
        every = torch.cat([operator.act(z, *columns(*g)) for g in EIGHT])
        return float(normal_cdf(((every @ w - b) / (sigma * w.norm())).numpy()).mean())

    for seed in range(20):
        z = SampleImage("noise", seed).tensor(SQUARE).flatten(1)
        w = torch.from_numpy(rng.normal(size=36))
        b = float((z @ w)[0] - rng.normal() * sigma * float(w.norm()))
        p = share(w, b, z)
        e = (
            0.2 * w[None] / w.norm()
            if seed % 2
            else 0.03 * torch.from_numpy(rng.normal(size=(1, 36)))
        )
        least = normal_cdf(normal_quantile(np.array(p)) - float(e.norm()) / sigma)
        for gamma in EIGHT:
            assert share(w, b, operator.act(z, *columns(*gamma))) == pytest.approx(p, abs=1e-12)
            assert share(w, b, operator.act(z - e, *columns(*gamma))) >= float(least) - 1e-12


@pytest.mark.parametrize(("operator", "shape"), GROUPS[2:])
def test_one_centre_covers_the_whole_group_and_nothing_is_left_over(
    operator: PixelGroup, shape: tuple[int, int, int]
) -> None:
    model = Classifier(nn.Identity(), classes=2, shape=shape)
    g = SmoothedClassifier(model, operator, haar(operator), seed=0)
    ends = [(-1.0, 2.0), (0.0, 1.0)][: len(operator.parameters)]
    region = gs.Region(tuple(e[0] for e in ends), tuple(e[1] for e in ends))
    cover = build_cover(g, SampleImage("blob", 1).tensor(shape)[0], region)
    assert len(cover.balls) == 1
    assert cover.balls[0].margin < 1e-9
    assert all(value == round(value) for value in cover.balls[0].theta)
    assert cover.guarantee is Guarantee.INDIVIDUAL


def test_brightness_on_top_costs_its_own_shift_alone() -> None:
    """The mirror image of a constant image is the same, so nothing of it is residual (T7)."""
    options: dict[str, Any] = {"dihedral": Dihedral(), "brightness": Brightness(clip=False)}
    both = composed(Dihedral, Brightness)(**options)
    law = HaarLaw((0, 1), (4.0, 2.0, 0.1), 0.25, steps=(1.0, 1.0, 0.0))
    model = Classifier(nn.Identity(), classes=2, shape=SQUARE)
    g = SmoothedClassifier(model, both, law, seed=0)
    region = gs.Region((0.0, 0.0, -0.05), (3.0, 1.0, 0.05))
    cover = build_cover(g, SampleImage("blob", 1).tensor(SQUARE)[0], region, 1)
    assert cover.guarantee is Guarantee.INDIVIDUAL
    assert cover.balls[0].margin == pytest.approx(0.5, abs=1e-6)


@pytest.mark.parametrize("law", [GaussianLaw((1.0,), 0.25)])
def test_other_noise_than_haar_noise_is_refused(law: GaussianLaw) -> None:
    model = Classifier(nn.Identity(), classes=2, shape=SQUARE)
    with pytest.raises(ConfigurationError, match=r"the only noise on flip of mirror is Haar noise"):
        SmoothedClassifier(model, Mirror(), law, seed=0)


def test_a_group_that_does_not_add_up_carries_haar_noise_on_all_parameters_or_none() -> None:
    model = Classifier(nn.Identity(), classes=2, shape=SQUARE)
    partly = HaarLaw((0,), (4.0, 1.0), 0.25, steps=(1.0, 0.0))
    with pytest.raises(ConfigurationError, match=r"on flip of dihedral is Haar.*--law turns=haar"):
        SmoothedClassifier(model, Dihedral(), partly, seed=0)
    SmoothedClassifier(model, Dihedral(), GaussianLaw((), 0.25), seed=0)


def test_quarter_turns_of_images_that_are_no_squares_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="a quarter turn of a 4 x 6 image has"):
        QuarterTurn().for_shape((1, 4, 6))


def test_half_a_mirror_image_is_no_attack() -> None:
    x = torch.zeros(1, *SQUARE, dtype=torch.float64)
    with pytest.raises(ValueError, match=r"0\.5 is no whole number"):
        Mirror().for_shape(SQUARE).attack(x, *columns(0.5))
