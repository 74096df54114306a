"""Regions, stds and noise name their parameters, and a wrong name lists the right ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gsmooth import Region, SmoothedClassifier, load_transformation
from gsmooth.cover import check_region
from gsmooth.errors import ConfigurationError
from gsmooth.theory.laws import (
    ExponentialLaw,
    GaussianLaw,
    HaarLaw,
    LaplaceLaw,
    ProductLaw,
    UniformLaw,
)
from gsmooth.theory.parameter_noise import (
    Exponential,
    FoldedNormal,
    Gaussian,
    Haar,
    Laplace,
    ParameterNoise,
    Uniform,
    joint_law,
    noise_by_name,
)
from gsmooth.transforms.base import Parameter, Transformation

TWO = {"angle": "deg", "dx": "px"}


def network() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 3))


def smoothed(
    transformation: str,
    *,
    std: dict[str, float] | None = None,
    noise: dict[str, ParameterNoise] | None = None,
) -> SmoothedClassifier:
    return SmoothedClassifier(
        network(),
        transformation,
        std=std,
        noise=noise,
        sigma=0.25,
        num_classes=3,
        input_shape=(1, 8, 8),
        seed=0,
    )


def test_intervals_by_name_are_the_same_region_as_by_order() -> None:
    region = Region(angle=(-30, 30), dx=(0, 1.5), l2=0.5, bits=8)
    assert region == Region((-30.0, 0.0), (30.0, 1.5), 0.5, 8)
    assert hash(region) == hash(Region((-30.0, 0.0), (30.0, 1.5), 0.5, 8))


def test_intervals_are_put_into_the_order_of_the_parameters() -> None:
    region = Region(dx=(0, 1.5), angle=(-30, 30), bits=8).along(TWO, "toy")
    assert region == Region((-30.0, 0.0), (30.0, 1.5), bits=8)
    assert region.names == ("angle", "dx")


def test_a_part_of_a_region_keeps_its_names() -> None:
    assert repr(Region(angle=(-30, 30)).scaled(0.5)) == "Region(angle=(-15, 15))"


@pytest.mark.parametrize(
    ("region", "message"),
    [
        (Region(angel=(-1, 1), dx=(0, 1)), r"unknown parameter 'angel' \(did you mean 'angle'\?\)"),
        (Region(dx=(0, 1)), "angle not given"),
        (Region(l2=0.5), "angle and dx not given"),
        (Region((-1.0,), (1.0,)), "1 intervals were given, toy has 2 parameters"),
    ],
)
def test_a_region_of_other_parameters_is_refused(region: Region, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as error:
        region.along(TWO, "toy")
    assert "angle" in str(error.value)


def test_the_message_lists_every_parameter_with_its_unit() -> None:
    with pytest.raises(
        ConfigurationError, match=r"toy has the parameters angle \[deg\], dx \[px\]"
    ):
        Region(shift=(0, 1)).along(TWO, "toy")


@pytest.mark.parametrize("interval", [30, "ab", (1,), (1, 2, 3), None, ("a", "b")])
def test_what_is_no_pair_of_numbers_is_no_interval(interval: object) -> None:
    with pytest.raises(ConfigurationError, match=r"angle=.*expected the two ends of an interval"):
        Region(angle=interval)  # type: ignore[arg-type]


def test_names_and_ends_together_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="give the names alone"):
        Region((-1.0,), (1.0,), angle=(-1, 1))


def test_a_parameter_is_not_called_as_an_argument_of_regions() -> None:
    with pytest.raises(ConfigurationError, match="l2: a parameter needs another name"):
        Parameter("l2", "px")


def test_a_cover_refuses_named_intervals_in_another_order() -> None:
    g = smoothed("rotation+brightness", std={"angle": 4.0, "brightness": 0.1})
    check_region(g, Region(angle=(-1, 1), brightness=(0, 0.1)))
    with pytest.raises(ConfigurationError, match="in another order"):
        check_region(g, Region(brightness=(0, 0.1), angle=(-1, 1)))


def test_stds_are_put_into_the_order_of_the_parameters() -> None:
    g = smoothed("rotation+brightness", std={"brightness": 0.1, "angle": 4.0})
    assert isinstance(g.law, GaussianLaw)
    assert g.law.scales == (4.0, 0.1)


def test_an_empty_std_is_no_noise_on_parameters() -> None:
    assert smoothed("rotation", std={}).identity_action


def test_a_std_of_zero_leaves_a_parameter_without_noise() -> None:
    g = smoothed("rotation+brightness", std={"brightness": 0.1, "angle": 0.0})
    assert g.transformation.unsmoothed == ("angle",)


def test_every_std_zero_is_refused_with_the_remedy() -> None:
    with pytest.raises(ConfigurationError, match=r"give std=\{\}"):
        smoothed("rotation", std={"angle": 0.0})


@pytest.mark.parametrize(
    ("std", "noise", "message"),
    [
        (None, None, r"angle not given; give std=\{\"angle\": ...\}, or std=\{\} for no noise"),
        ({"angel": 4.0}, None, r"std: unknown parameter 'angel' \(did you mean 'angle'\?\)"),
        (None, {"dx": Uniform(1.0)}, r"noise: unknown parameter 'dx'; .* angle \[deg\]"),
        ({"angle": 4.0}, {"angle": Uniform(1.0)}, "angle is both in std and in noise"),
        (None, {"angle": 4.0}, r"noise: angle=4.0; expected Gaussian\(std\)"),
    ],
)
def test_wrong_names_of_noise_list_the_right_ones(
    std: dict[str, float] | None, noise: dict[str, ParameterNoise] | None, message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        smoothed("rotation", std=std, noise=noise)


def test_a_transformation_without_parameters_needs_no_std() -> None:
    assert smoothed("gaussian").identity_action


@pytest.mark.parametrize(
    ("noise", "law"),
    [
        ((Gaussian(4.0),), GaussianLaw((4.0,), 0.25)),
        ((Uniform(3.0),), UniformLaw(3.0, 0.25)),
        ((Laplace(2.0),), LaplaceLaw(2.0, 0.25)),
        ((Exponential(1.0),), ExponentialLaw(1.0, 0.25)),
        ((Gaussian(4.0), Gaussian(0.0)), GaussianLaw((4.0, 0.0), 0.25)),
        (
            (Gaussian(4.0), FoldedNormal(1.0)),
            ProductLaw("folded-normal", (4.0, 1.0), 1, 0.25),
        ),
        ((), GaussianLaw((), 0.25)),
    ],
)
def test_noise_on_each_parameter_has_its_proved_joint_law(
    noise: tuple[ParameterNoise, ...], law: object
) -> None:
    assert joint_law(noise, 0.25) == law


@pytest.mark.parametrize("noise", [(Gaussian(1.0), Laplace(1.0)), (Uniform(1.0), Uniform(1.0))])
def test_noise_without_a_theorem_is_refused(noise: tuple[ParameterNoise, ...]) -> None:
    with pytest.raises(ConfigurationError, match="expected Gaussian noise on all of them but one"):
        joint_law(noise, 0.25)


@pytest.mark.parametrize("size", [0.0, -1.0, float("nan"), float("inf")])
@pytest.mark.parametrize("kind", [Uniform, Laplace, Exponential, FoldedNormal])
def test_a_size_that_is_no_positive_number_is_refused(kind: type[Uniform], size: float) -> None:
    with pytest.raises(ConfigurationError):
        kind(size)


def test_noise_by_name_is_in_the_order_of_the_parameters() -> None:
    found = noise_by_name(TWO, "toy", {"dx": 1.0}, {"angle": Uniform(2.0)})
    assert found == (Uniform(2.0), Gaussian(1.0))


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"num_classes": 4}, "num_classes=4, but .* has num_classes=3"),
        ({"input_shape": (3, 8, 8)}, "input_shape"),
        ({"input_range": (0.0, 255.0)}, "input_range"),
    ],
)
def test_what_a_classifier_says_itself_is_not_said_otherwise(
    said: dict[str, object], message: str
) -> None:
    known = smoothed("gaussian").classifier
    with pytest.raises(ConfigurationError, match=message):
        SmoothedClassifier(known, "gaussian", sigma=0.25, **said)  # type: ignore[arg-type]
    assert SmoothedClassifier(known, "gaussian", sigma=0.25, num_classes=3).classifier is known


@pytest.mark.parametrize("missing", ["num_classes", "input_shape", "sigma"])
def test_what_a_module_does_not_say_has_to_be_given(missing: str) -> None:
    said: dict[str, object] = {"num_classes": 3, "input_shape": (1, 8, 8), "sigma": 0.25}
    del said[missing]
    with pytest.raises(ConfigurationError, match=f"{missing} is not given"):
        SmoothedClassifier(network(), "gaussian", **said)  # type: ignore[arg-type]


def test_a_function_is_no_network() -> None:
    with pytest.raises(ConfigurationError, match="of type builtin_function_or_method; expected"):
        SmoothedClassifier(torch.relu, "gaussian", sigma=0.25)  # type: ignore[arg-type]


def test_an_image_shape_has_three_sides() -> None:
    with pytest.raises(ConfigurationError, match=r"expected \(C, H, W\)"):
        SmoothedClassifier(
            network(),
            "gaussian",
            sigma=0.25,
            num_classes=3,
            input_shape=(8, 8),  # type: ignore[arg-type]
        )


def test_the_object_tells_network_transformation_and_noise() -> None:
    text = "SmoothedClassifier(Sequential, rotation, angle: gaussian 4, sigma=0.25, classes=3)"
    assert repr(smoothed("rotation", std={"angle": 4.0})) == text


def test_the_transformation_is_taken_as_an_object_too() -> None:
    operator = load_transformation("rotation", {"low_pass_px": 0.9})
    g = SmoothedClassifier(
        network(),
        operator,
        std={"angle": 4.0},
        sigma=0.25,
        num_classes=3,
        input_shape=(1, 8, 8),
    )
    assert getattr(g.transformation, "low_pass_px") == 0.9  # noqa: B009


def test_sizes_are_python_floats_so_that_no_bound_is_calculated_in_float32() -> None:
    size: Any = np.float32(0.1)
    sigma: Any = np.float32(0.3)
    law = joint_law([Gaussian(size)], sigma)
    assert law == GaussianLaw((float(size),), float(sigma))
    assert {type(size) for size in (*law.scales, law.sigma)} == {float}


@final
@dataclass(frozen=True)
class Roll(Transformation):
    """Whole shifts on a torus, and brightness: the shift has the image's width as a period."""

    name: ClassVar[str] = "roll"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("across", "px", step=1.0, period="width"),
        Parameter("light", "1"),
    )
    orthogonal: ClassVar[bool] = True

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        rows = z.reshape(len(z), 8, 8)
        places = (torch.arange(8)[None] - theta[0].round().long()) % 8
        return rows.gather(2, places[:, None].expand(-1, 8, -1)).flatten(1) + theta[1]


@final
@dataclass(frozen=True)
class Stretch(Transformation):
    """A period without an isometry."""

    name: ClassVar[str] = "stretch"
    parameters: ClassVar[tuple[Parameter, ...]] = (Parameter("turn", "deg", period=360.0),)

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        return z * (2.0 + theta[0].deg2rad().sin())


def turned(transformation: Transformation, **noise: ParameterNoise) -> SmoothedClassifier:
    return SmoothedClassifier(
        network(), transformation, noise=noise, sigma=0.25, num_classes=3, input_shape=(1, 8, 8)
    )


def test_haar_noise_has_the_period_of_the_images_and_the_step_of_the_parameter() -> None:
    found = turned(Roll(), across=Haar(), light=Gaussian(0.1))
    assert found.law == HaarLaw((0,), (8.0, 0.1), 0.25, steps=(1.0, 0.0))
    assert "across: haar, light: gaussian 0.1" in repr(found)


def test_haar_noise_without_a_period_lists_the_parameters_that_have_one() -> None:
    with pytest.raises(ConfigurationError, match=r"haar noise on light, .* with a period: across"):
        turned(Roll(), across=Haar(), light=Haar())


def test_haar_noise_on_an_action_that_changes_lengths_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="stretch is not orthogonal"):
        turned(Stretch(), turn=Haar())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"period": -1.0}, "finite number, or 0 for none"),
        ({"period": float("inf")}, "finite number"),
        ({"period": "depth"}, "'height' or 'width' of the image"),
        ({"period": 3.0, "step": 2.0}, "whole multiple of the step"),
    ],
)
def test_a_period_is_a_number_or_a_side_of_the_image(
    arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Parameter("turn", "deg", **arguments)
