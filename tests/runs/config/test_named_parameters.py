"""Run files and flags may name parameters; configurations have them in order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gsmooth.cli.options import law_flag, region_flag, std_flag
from gsmooth.errors import ConfigurationError
from gsmooth.runs.config.identity import identity
from gsmooth.runs.config.overrides import Override
from gsmooth.runs.config.resolution import resolved
from gsmooth.runs.config.run_config import RunConfig
from gsmooth.runs.config.run_file import load_config
from gsmooth.runs.task import RunTask
from gsmooth.theory.laws import HaarLaw

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
        ({"law": "angle=haar", "std": "angle=4"}, "brightness not given"),
    ],
)
def test_wrong_names_list_the_right_ones(flags: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        config(**flags)


def test_names_without_a_transformation_say_so() -> None:
    model = Override("model.spec", "my_module:build", "test")
    with pytest.raises(ConfigurationError, match="give --transformation"):
        load_config(None, [model, *std_flag("angle=4")])


def test_haar_noise_needs_no_std() -> None:
    rotation = Override("transformation.name", "rotation", "test")
    found = resolved(load_config(None, [rotation, *law_flag("haar"), *region_flag("-180:180")]))
    assert (found.smoothing.law, found.smoothing.scales) == ("haar", (0.0,))
    assert RunTask.of(found).law == HaarLaw((0,), (0.0,), found.smoothing.sigma or 0.0)


@pytest.mark.parametrize("law", ["angle=haar", "haar,gaussian"])
def test_haar_noise_stands_beside_gaussian_noise_by_name_and_in_order(law: str) -> None:
    std = "brightness=0.2" if "=" in law else "0,0.2"
    found = resolved(config(std, "angle=-180:180,brightness=0:0.1", law))
    assert (found.smoothing.law, found.smoothing.scales) == (("haar", "gaussian"), (0.0, 0.2))
    task = RunTask.of(found)
    assert task.law == HaarLaw((0,), (0.0, 0.2), 0.25)
    assert task.transformation.unsmoothed == ()


def test_a_parameter_without_noise_may_stand_beside_haar_noise() -> None:
    found = resolved(config("brightness=0", "angle=-180:180,brightness=0:0.1", "angle=haar"))
    task = RunTask.of(found)
    assert task.transformation.unsmoothed == ("brightness",)
    assert task.noise_for((1, 8, 8))[1] == HaarLaw((0,), (360.0, 0.0), 0.25, unsmoothed=(1,))


def test_a_law_in_a_run_file_may_be_a_list_or_a_table(tmp_path: Path) -> None:
    path, found = tmp_path / "run.toml", []
    for law, scales in (('["haar", "gaussian"]', "[0, 1]"), ('{angle = "haar"}', "{brightness=1}")):
        path.write_text(
            '[transformation]\nname = "rotation+brightness"\n'
            f"[smoothing]\nlaw = {law}\nscales = {scales}\n"
        )
        found.append(load_config(path).smoothing)
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"law": "angle=haar", "std": "angle=4,brightness=0.1"}, "no std; leave out angle=4"),
        ({"law": "angle=haar", "std": "none"}, "give the one or the other"),
        ({"law": "haar,gaussian,gaussian", "std": "0,1"}, "has 3 values"),
        ({"law": "angle=haar"}, "smoothing.scales is not set"),
    ],
)
def test_a_std_of_haar_noise_is_refused(flags: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        resolved(config(region="angle=-180:180,brightness=0:0.1", **flags))


def cyclic(*more: Override) -> list[Override]:
    model = Override("model.spec", "my_module:build", "test")
    return [Override("transformation.name", "cyclic-translation", "test"), model, *more]


@pytest.mark.parametrize("region", ["all", "angle=all"])
def test_all_of_a_region_is_a_whole_period_around_zero(region: str) -> None:
    rotation = Override("transformation.name", "rotation", "test")
    found = load_config(None, [rotation, *region_flag(region)]).region
    assert (found.lower, found.upper) == ((-180.0,), (180.0,))


def test_all_may_stand_beside_an_interval() -> None:
    found = config("4,0.2", "brightness=0:0.1,angle=all").region
    assert (found.lower, found.upper) == ((-180.0, 0.0), (180.0, 0.1))
    assert config("4,0.2", "all,0:0.1").region == found


def test_all_of_several_parameters_needs_a_period_of_each() -> None:
    shape = Override("model.shape", [3, 32, 48], "test")
    found = load_config(None, cyclic(shape, *region_flag("all"))).region
    assert (found.lower, found.upper) == ((-16.0, -24.0), (16.0, 24.0))
    with pytest.raises(ConfigurationError, match=r"no period of brightness; .* period: angle"):
        config("4,0.2", "all")


def test_a_period_of_the_image_needs_its_shape() -> None:
    with pytest.raises(ConfigurationError, match="the image's height, which is not known"):
        load_config(None, cyclic(*region_flag("all")))
