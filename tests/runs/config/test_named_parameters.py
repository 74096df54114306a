"""Run files and flags may name parameters; configurations have them in order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gsmooth.cli.options import law_flag, region_flag, std_flag
from gsmooth.errors import ConfigurationError
from gsmooth.runs.config.overrides import Override
from gsmooth.runs.config.resolution import resolved
from gsmooth.runs.config.run_config import RunConfig, identity
from gsmooth.runs.config.run_file import load_config

TWO = Override("transformation.name", "rotation+brightness", "test")
SIGMA = Override("smoothing.sigma", 0.25, "test")


def config(std: str | None = None, region: str | None = None, law: str | None = None) -> RunConfig:
    return load_config(None, [TWO, SIGMA, *std_flag(std), *region_flag(region), *law_flag(law)])


def test_named_parameters_stand_in_the_order_of_the_transformation() -> None:
    found = config("brightness=0.2,angle=4", "brightness=0:0.1,angle=-30:30")
    assert found.smoothing.scales == (4.0, 0.2)
    assert (found.region.lower, found.region.upper) == ((-30.0, 0.0), (30.0, 0.1))


def test_names_change_no_identity() -> None:
    named = config("brightness=0.2,angle=4", "brightness=0:0.1,angle=-30:30")
    assert identity(resolved(named)) == identity(resolved(config("4,0.2", "-30:30,0:0.1")))


def test_a_run_file_may_name_them_too(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text(
        '[transformation]\nname = "rotation"\n[smoothing.scales]\nangle = 4\n'
        "[region]\nlower = {angle = -30}\nupper = {angle = 30}\n"
    )
    found = load_config(path)
    assert found.smoothing.scales == (4.0,)
    assert found.region.upper == (30.0,)


def test_the_transformation_may_be_that_of_a_shipped_model() -> None:
    assert load_config(None, std_flag("angle=5")).smoothing.scales == (5.0,)


@pytest.mark.parametrize(("std", "wanted"), [("none", ()), ("4", (4.0,)), ("4,0.2", (4.0, 0.2))])
def test_numbers_alone_are_taken_as_they_are(std: str, wanted: tuple[float, ...]) -> None:
    assert config(std).smoothing.scales == wanted


@pytest.mark.parametrize(
    ("transformation", "law", "wanted"),
    [
        ("rotation", "angle=uniform", "uniform"),
        ("rotation", "uniform", "uniform"),
        ("rotation+brightness", "angle=gaussian", "gaussian"),
        ("blur+brightness", "variance=exponential", "exponential"),
        ("blur+brightness", "variance=exponential,brightness=gaussian", "exponential"),
    ],
)
def test_a_law_by_name_is_the_law_of_the_run(transformation: str, law: str, wanted: str) -> None:
    chosen = Override("transformation.name", transformation, "test")
    assert load_config(None, [chosen, *law_flag(law)]).smoothing.law == wanted


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (
            {"std": "angel=4,brightness=0.1"},
            r"unknown parameter 'angel' \(did you mean 'angle'\?\)",
        ),
        ({"std": "angle=4"}, "smoothing.scales: brightness not given"),
        ({"region": "angle=-1:1"}, r"region\.lower: brightness not given"),
        ({"std": "angle=4,0.1"}, "name every parameter once"),
        ({"std": "angle=4,angle=5"}, "name every parameter once"),
        ({"std": "angle=wide,brightness=1"}, "'wide' is not a number"),
        ({"region": "angle=3,brightness=0:1"}, "expected LOWER:UPPER"),
        ({"law": "angle=uniform"}, r"uniform on angle, beside other parameters; no theorem"),
        ({"law": "angle=uniform,brightness=laplace"}, "no theorem is known"),
        ({"law": "dx=uniform"}, r"unknown parameter 'dx'; .* angle \[deg\], brightness"),
        ({"law": "angle=cauchy"}, "no theorem"),
    ],
)
def test_wrong_names_list_the_right_ones(flags: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        config(**flags)


def test_names_without_a_transformation_say_so() -> None:
    model = Override("model.spec", "my_module:build", "test")
    with pytest.raises(ConfigurationError, match="give --transformation"):
        load_config(None, [model, *std_flag("angle=4")])
