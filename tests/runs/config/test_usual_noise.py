"""Runs that name no noise get the usual one; all that is named stays as it is."""

from __future__ import annotations

import pytest

from gsmooth.errors import ConfigurationError
from gsmooth.runs.config.resolution import resolved
from gsmooth.runs.config.run_config import RunConfig
from gsmooth.runs.config.run_file import load_config

MODEL = ("model.spec=my_module:build", "model.shape=[3,32,32]")


def run(name: str, low: float, high: float, *more: str) -> RunConfig:
    ends = (f"region.lower=[{low}]", f"region.upper=[{high}]")
    given = () if (low, high) == (0.0, 0.0) else ends
    return resolved(load_config(None, [*MODEL, f"transformation.name={name}", *given, *more]))


def test_a_rotation_without_any_noise_flag_gets_lift_and_noise_for_its_region() -> None:
    found = run("rotation", -30.0, 30.0)
    assert (found.smoothing.sigma, found.smoothing.scales) == (0.15, (12.0,))
    assert found.smoothing.law == "gaussian"
    assert found.transformation.options["low_pass_px"] == 1.2
    assert found.transformation.options["edge_px"] == 4.0


def test_a_region_of_half_a_turn_or_more_gets_haar_noise() -> None:
    assert run("rotation", -180.0, 180.0).smoothing.law == "haar"
    assert run("rotation", -180.0, 180.0).smoothing.scales == (0.0,)
    assert run("rotation", -80.0, 80.0).smoothing.law == "gaussian"


def test_options_that_are_given_stay() -> None:
    found = run("rotation", -30.0, 30.0, "transformation.options.low_pass_px=0.9")
    assert found.transformation.options["low_pass_px"] == 0.9
    pixels = run("rotation", -5.0, 5.0, "transformation.options.space=pixels")
    assert pixels.smoothing.scales == ()
    assert "edge_px" not in pixels.transformation.options


def test_a_run_that_names_its_noise_keeps_the_lift_and_so_its_identity() -> None:
    found = run("rotation", -30.0, 30.0, "smoothing.sigma=0.25", "smoothing.scales=[4.0]")
    assert found.transformation.options == {
        "low_pass_px": 0.7,
        "radius_px": None,
        "ring_step_px": 1.0,
        "space": "polar",
    }


def test_half_of_the_noise_is_no_noise_to_go_by() -> None:
    with pytest.raises(ConfigurationError, match=r"smoothing\.sigma is not set"):
        run("rotation", -30.0, 30.0, "smoothing.scales=[4.0]")
    with pytest.raises(ConfigurationError, match=r"smoothing\.scales is not set"):
        run("rotation", -30.0, 30.0, "smoothing.sigma=0.25")


def test_an_l2_ball_asks_for_a_sigma_of_its_size() -> None:
    assert run("gaussian", 0.0, 0.0, "region.l2=0.6").smoothing.sigma == 0.8
    assert run("gaussian", 0.0, 0.0, "region.l2=0.1").smoothing.sigma == 0.25


def test_a_blur_gets_a_law_on_positive_values_and_a_composition_the_sum_of_its_parts() -> None:
    assert run("blur", 0.0, 2.0).smoothing.law == "exponential"
    ends = ("region.lower=[-30.0,-0.1]", "region.upper=[30.0,0.1]")
    found = run("rotation+brightness", 0.0, 0.0, *ends)
    assert found.smoothing.sigma == 0.15
    rotation = found.transformation.options["rotation"]
    assert isinstance(rotation, dict)
    assert rotation["edge_px"] == 4.0


def test_a_card_says_the_noise_of_its_model() -> None:
    found = resolved(load_config(None, ["model.spec=shipped:digits-rotation"]))
    assert found.smoothing.scales == (4.0,)
    assert "edge_px" not in found.transformation.options
