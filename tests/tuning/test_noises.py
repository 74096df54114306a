"""Noise that follows from a region."""

from __future__ import annotations

import math

import pytest

from gsmooth.errors import ConfigurationError
from gsmooth.sampling.fitted_noise import fitted_noise
from gsmooth.transforms.region import Region
from gsmooth.transforms.registry import load_transformation
from gsmooth.tuning.noises import NoiseChoice, noise_choices, rounded_up

SHAPE = (1, 12, 12)


def box(*ends: tuple[float, float]) -> Region:
    return Region(tuple(low for low, _ in ends), tuple(high for _, high in ends))


def test_laws_of_one_parameter_have_one_std_and_a_period_adds_the_haar_law() -> None:
    found = noise_choices(load_transformation("rotation"), box((-30.0, 30.0)), SHAPE)
    assert [one.laws for one in found] == [("gaussian",), ("uniform",), ("haar",)]
    assert found[0].sizes == (12.0,)
    assert found[1].sizes == (rounded_up(12.0 * math.sqrt(3.0)),)
    assert found[2].sizes == (0.0,)


def test_one_sided_parameters_get_laws_on_positive_values() -> None:
    found = noise_choices(load_transformation("blur"), box((0.0, 1.0)), SHAPE)
    assert [one.laws[0] for one in found] == ["exponential", "folded-normal", "uniform"]


def test_parameters_that_are_not_attacked_get_no_noise_where_that_is_possible() -> None:
    joined = load_transformation("rotation+brightness")
    found = noise_choices(joined, box((-30.0, 30.0), (0.0, 0.0)), SHAPE)
    assert found[0].sizes == (12.0, 0.0)
    assert found[-1].laws == ("haar", "gaussian")


def test_several_attacked_parameters_share_more_noise() -> None:
    found = noise_choices(load_transformation("translation"), box((-2.0, 2.0), (-2.0, 2.0)), SHAPE)
    assert found[0].sizes == (rounded_up(0.8 * math.sqrt(2.0)),) * 2


def test_nothing_to_smooth_is_no_noise() -> None:
    still, gaussian = [NoiseChoice((), ())], load_transformation("gaussian")
    assert noise_choices(gaussian, Region(l2=0.5), SHAPE) == still
    pixels = load_transformation("rotation", {"space": "pixels"})
    assert noise_choices(pixels, box((-5.0, 5.0)), SHAPE) == still


@pytest.mark.parametrize("name", ["rotation", "blur", "rotation+brightness", "contrast", "gamma"])
def test_every_choice_is_a_law_with_a_theorem(name: str) -> None:
    operator = load_transformation(name)
    ends = [
        (0.0 if p.name in operator.one_sided else -p.usual, p.usual) for p in operator.parameters
    ]
    for one in noise_choices(operator, box(*ends), SHAPE):
        _, law = fitted_noise(operator, one.joint(operator, 0.1), SHAPE)
        assert law.dimensions == len(operator.parameters)
        assert list(one.by_name(operator)) == [p.name for p in operator.parameters]


def test_an_asked_law_is_the_only_one_and_has_to_fit() -> None:
    rotation, region = load_transformation("rotation"), box((-30.0, 30.0))
    assert [one.laws for one in noise_choices(rotation, region, SHAPE, "haar")] == [("haar",)]
    with pytest.raises(ConfigurationError, match="the law cauchy does not fit"):
        noise_choices(rotation, region, SHAPE, "cauchy")
    with pytest.raises(ConfigurationError, match="2 laws for the 1 parameters"):
        noise_choices(rotation, region, SHAPE, ("haar", "gaussian"))
