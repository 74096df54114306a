"""Whole-pixel shifts behind a window from the public API to verified records (T8)."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import gsmooth as gs
from gsmooth.attacks.enumeration import enumerated_labels
from gsmooth.errors import ConfigurationError

SHAPE, STEPS = (1, 8, 8), 2


class Middle(nn.Module):
    """Class 1 where the window is bright."""

    def forward(self, x: Tensor) -> Tensor:
        bright = x.mean(dim=(1, 2, 3)) - 0.5
        return torch.stack([-bright, bright], dim=1)


def smoothed(
    transformation: str = "integer-translation", **more: gs.Gaussian
) -> gs.SmoothedClassifier:
    options = {"window_px": 4}
    name = "integer_translation"
    operator = gs.load_transformation(
        transformation, options if "+" not in transformation else {name: options}
    )
    noise = {"dx": gs.GridUniform(STEPS), "dy": gs.GridUniform(STEPS), **more}
    return gs.SmoothedClassifier(
        Middle(), operator, noise=noise, sigma=0.05, num_classes=2, image_shape=SHAPE, seed=0
    )


def bright() -> Tensor:
    return torch.full((1, *SHAPE), 0.8)


def test_certificates_are_proved_saved_verified_and_withstand_the_attack(tmp_path: Path) -> None:
    g, region = smoothed(), gs.Region(dx=(-1, 1), dy=(-1, 1))
    assert "dx: grid-uniform 2, dy: grid-uniform 2" in repr(g)
    results = gs.certify(g, bright(), region, max_votes=3000)
    (result,) = results
    assert isinstance(result.certificate, gs.Certified)
    assert result.certificate.guarantee is gs.Guarantee.INDIVIDUAL
    assert gs.predict(g, bright(), n=200)[0].label == 1
    gs.attack(g, bright(), torch.tensor([1]), region, certificates=results)
    results.save(tmp_path / "run", labels=torch.tensor([1]))
    assert not list(gs.verify(tmp_path / "run").faults)


def test_brightness_on_top_adds_to_the_shift() -> None:
    g = smoothed("integer-translation+brightness", brightness=gs.Gaussian(0.2))
    region = gs.Region(dx=(-1, 1), dy=(-1, 1), brightness=(-0.05, 0.05))
    (result,) = gs.certify(g, bright(), region, max_votes=4000)
    assert isinstance(result.certificate, gs.Certified)
    assert result.certificate.guarantee is gs.Guarantee.INDIVIDUAL


def test_the_network_itself_is_enumerated_where_attacks_can_be_listed() -> None:
    g = smoothed()
    theta, labels = enumerated_labels(g, bright()[0], gs.Region(dx=(-1, 1), dy=(-2, 2)))
    assert len(theta) == len(labels) == 15
    assert labels.tolist() == [1] * 15
    with pytest.raises(ConfigurationError, match="lies on top"):
        enumerated_labels(g, bright()[0], gs.Region(dx=(-1, 1), dy=(-2, 2), l2=0.1))


def test_noise_by_whole_steps_is_refused_for_parameters_of_any_value() -> None:
    with pytest.raises(ConfigurationError, match="do not move in steps of 1"):
        gs.SmoothedClassifier(
            Middle(),
            "rotation",
            noise={"angle": gs.GridUniform(4)},
            sigma=0.1,
            num_classes=2,
            input_shape=SHAPE,
        )
