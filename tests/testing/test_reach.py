"""The range in which the kit searches, and refusals of a transformation that it accepts."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

import gsmooth
from gsmooth import Region
from gsmooth.cover import build_cover
from gsmooth.testing import Status, check_results
from gsmooth.testing.supremum import excess
from gsmooth.theory.laws import GaussianLaw
from gsmooth.transforms.base import Parameter
from tests.testing import planted, planted_actions

SHAPE = (1, 4, 4)


def test_a_check_goes_as_far_as_attacks_usually_do() -> None:
    class Wide(planted_actions.Backwards):
        parameters = (Parameter("turn", "rad", usual=0.3),)

    only = ["action_follows_attack"]
    (found,) = check_results(Wide(), shape=SHAPE, only=only)
    assert found.status == Status.FAILED
    assert "region=Region((-0.3,), (0.3,))" in found.code


def test_an_action_that_loses_its_way_far_out_follows_the_attack_all_the_same() -> None:
    class Winding(planted.Turn):
        """Turns the attack back where theta is larger than 1/4."""

        def attack(self, x: Tensor, *theta: Tensor) -> Tensor:
            back = torch.where(theta[0].abs() > 0.25, -theta[0], theta[0])
            return super().attack(x, back)

    (found,) = check_results(Winding(), shape=SHAPE, only=["action_follows_attack"])
    assert found.status == Status.PASSED


def test_a_ball_without_a_finite_margin_has_nothing_outside() -> None:
    smoothed = gsmooth.SmoothedClassifier(
        gsmooth.Classifier(torch.nn.Identity(), classes=2, shape=(1, 8, 8)),
        gsmooth.load_transformation("brightness").for_shape((1, 8, 8)),
        GaussianLaw((0.1,), 0.25),
        seed=0,
    )
    x = torch.zeros(1, 1, 8, 8, dtype=torch.float64)
    cover = build_cover(smoothed, x[0], Region((-0.1,), (0.1,)), 1)
    boundless = replace(cover, balls=(replace(cover.balls[0], margin=math.inf),))
    assert np.isneginf(excess(smoothed, x, boundless, np.array([[0.05]]))).all()
