"""Refused compositions: the error gives the reason and a spec that works."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pytest
from torch import Tensor

from gsmooth.errors import ConfigurationError, PluginError
from gsmooth.models.classifier import Classifier
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.theory.laws import GaussianLaw
from gsmooth.transforms.base import Parameter, Transformation
from gsmooth.transforms.composition import composed
from gsmooth.transforms.registry import find, load_transformation
from tests.engine_objects import Labels

SHAPE = (1, 8, 8)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("brightness+rotation", "write rotation\\+brightness"),
        ("gamma+rotation", "gamma is neither an affine flow.*give it z_space"),
        ("volume+rotation", "volume, with these options, is neither an affine flow"),
        ("rotation+translation", "not known to commute"),
        ("blur+rotation", "not known to commute"),
        ("similarity+rotation", r"angle occurs twice \(in similarity and rotation\)"),
        ("rotation+gaussian", "gaussian has no parameters; leave it out"),
    ],
)
def test_parts_without_a_proof_are_refused_with_the_reason(spec: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        load_transformation(spec)


def test_clipped_brightness_is_no_flow() -> None:
    with pytest.raises(ConfigurationError, match="without clip"):
        load_transformation("rotation+brightness", {"brightness": {"clip": True}})


def test_an_unknown_part_is_named_with_a_suggestion() -> None:
    with pytest.raises(PluginError, match=r"rotatoin.*rotation"):
        find("rotatoin+brightness")


@pytest.mark.parametrize("spec", ["rotation+", "+rotation", "+", "rotation++brightness"])
def test_a_plus_without_a_name_beside_it_is_pointed_at(spec: str) -> None:
    with pytest.raises(PluginError, match=r"a \+ stands between two names"):
        find(spec)


def test_an_unknown_option_of_a_part_is_named_by_its_path() -> None:
    with pytest.raises(ConfigurationError, match=r"brightness\.rotation.*low_pas_px.*low_pass_px"):
        load_transformation("rotation+brightness", {"rotation": {"low_pas_px": 1.0}})


def test_contrast_and_brightness_cannot_carry_noise_together() -> None:
    with pytest.raises(
        ConfigurationError, match=r"contrast and brightness do not commute"
    ) as found:
        smoothed("contrast+brightness", (0.1, 0.1))
    assert "give one of them the std 0" in str(found.value)
    assert str(found.value).endswith("or give no scales (--std none: T = id)")


def test_a_resting_part_comes_before_the_noisy_one() -> None:
    with pytest.raises(ConfigurationError, match="write contrast\\+brightness"):
        smoothed("brightness+contrast", (0.1, 0.0))


@dataclass(frozen=True)
class Pretender(Transformation):
    """Gains of single pixels, which share no action with a torus whatever they say."""

    name: ClassVar[str] = "pretender"
    parameters: ClassVar[tuple[Parameter, ...]] = (Parameter("tilt", "rad"),)
    orthogonal: ClassVar[bool] = True

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        return z

    @property
    def z_space(self) -> str | None:
        return load_transformation("cyclic-translation").z_space


def test_a_z_space_that_is_named_falsely_is_found_out() -> None:
    torus = type(load_transformation("cyclic-translation"))
    joined = composed(torus, Pretender)()
    with pytest.raises(PluginError, match=r"pretender both name the z_space.*lifts differ"):
        joined.for_shape(SHAPE)


@dataclass(frozen=True)
class Sized(Pretender):
    """Names its z-space by its size, not by a string."""

    @property
    def z_space(self) -> str | None:
        return (8, 8)  # type: ignore[return-value]


def test_a_z_space_that_is_no_string_is_refused() -> None:
    brightness = type(load_transformation("brightness"))
    with pytest.raises(ConfigurationError, match=r"has the z_space \(8, 8\); it must be a string"):
        composed(Sized, brightness)()


def smoothed(spec: str, scales: tuple[float, ...]) -> SmoothedClassifier:
    network = Classifier(Labels(lambda x: x.mean(dim=(1, 2, 3)) > 0.4), classes=2, shape=SHAPE)
    return SmoothedClassifier(network, load_transformation(spec), GaussianLaw(scales, 0.1), seed=0)
