"""The kit on groups that do not add up, and what has no proof without a common structure (T7)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from torch import nn

from gsmooth.errors import PluginError
from gsmooth.models.classifier import Classifier
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.testing import Status, check_results, transformation_checks
from gsmooth.theory.haar import HaarLaw
from gsmooth.transforms.base import Transformation
from gsmooth.transforms.composition import composed
from tests.testing import planted_groups as planted

SHAPE = (1, 3, 4)
LAW = "action_obeys_composition_law"
INVERSE = "inverse_undoes_the_action"
HAAR = "haar_noise_is_that_of_the_group"
COMMUTE = "parameters_commute"
GROUP = (LAW, INVERSE, HAAR, COMMUTE)


@pytest.mark.parametrize("check", transformation_checks(planted.Plane(), shape=SHAPE, examples=8))
def test_an_honest_group_passes(check: Callable[[], None]) -> None:
    check()


@pytest.mark.parametrize(
    ("broken", "faults"),
    [
        (planted.Adding(), {LAW}),
        (planted.Negating(), {INVERSE}),
        (planted.Uneven(), {HAAR}),
        (planted.Gimbal(), {LAW, COMMUTE}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_group_that_is_wrong_about_itself_fails_the_check_that_names_it(
    broken: Transformation, faults: set[str]
) -> None:
    found = check_results(broken, shape=SHAPE, examples=15, only=GROUP)
    assert {each.check for each in found if each.status is Status.FAILED} == faults


def test_rotations_about_two_axes_are_refused_in_compositions() -> None:
    """T_beta S_b with Haar beta about z and Gaussian b about x: neither commutes nor normalises.

    The probability of a class then changes along the group (docs/theory.md, T7).
    """
    options: dict[str, Any] = {"about_z": planted.AboutZ(), "about_x": planted.AboutX()}
    both = composed(planted.AboutZ, planted.AboutX)(**options)
    model = Classifier(nn.Identity(), classes=2, shape=SHAPE)
    with pytest.raises(PluginError, match=r"about-z and about-x both name .* do not commute"):
        SmoothedClassifier(model, both, HaarLaw((0,), (360.0, 57.3), 0.25), seed=0)


@pytest.mark.parametrize("given", ["product", "inverse"])
def test_product_and_inverse_are_given_together(given: str) -> None:
    with pytest.raises(PluginError, match=f"Half: {given} is given without"):
        type("Half", (planted.AboutZ,), {given: lambda self, *theta: theta[0]})
