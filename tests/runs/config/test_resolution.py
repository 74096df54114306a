"""Resolution: what a run file leaves open is filled, or named with an example."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from gsmooth.errors import ConfigurationError, ModelError, PluginError
from gsmooth.runs.config.resolution import resolved
from gsmooth.runs.config.run_config import RunConfig
from gsmooth.runs.config.run_file import load_config

SHEARS = """
from dataclasses import dataclass
from typing import ClassVar
from gsmooth.transforms.base import Parameter, Transformation


@dataclass(frozen=True)
class Shear(Transformation):
    name: ClassVar[str] = "shear"
    parameters: ClassVar[tuple[Parameter, ...]] = (Parameter("slope", unit="px/px"),)
    default_centres: ClassVar[int] = 5
    low_pass: float = 0.5
    origin: tuple[float, float] = (0.0, 0.0)

    def act(self, z, slope):
        return z


@dataclass(frozen=True)
class Plain(Transformation):
    name: ClassVar[str] = "plain"

    def act(self, z):
        return z
"""
OWN = (
    "model.spec=mine:net",
    "transformation.name=resolution_shears:Shear",
    "smoothing.sigma=0.25",
    "smoothing.scales=[0.1]",
    "region.lower=[-1.0]",
    "region.upper=[1.0]",
)


@pytest.fixture(autouse=True)
def working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "resolution_shears.py").write_text(SHEARS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "resolution_shears", raising=False)


def filled(*overrides: str) -> RunConfig:
    return resolved(load_config(None, overrides))


def without(field: str) -> list[str]:
    return [override for override in OWN if not override.startswith(field)]


def test_every_default_of_the_transformation_is_written_down() -> None:
    config = filled(*OWN, "transformation.options.low_pass=2")
    assert config.transformation.options == {"low_pass": 2.0, "origin": [0.0, 0.0]}
    assert config.certify.centres is None  # Region mode chooses for every image.
    assert filled(*OWN, "certify.mode=radius").certify.centres == 5
    nested = filled(*OWN, "certify.mode=nested", "certify.alpha=0.01").certify
    assert (nested.centres, nested.alpha_inner) == (1, 0.005)
    assert config.smoothing.grid == 2.0**-8
    assert config.smoothing.law == "gaussian"
    assert config.model.input_range == (0.0, 1.0)
    assert config.region.l2 == 0.0


def test_resolving_twice_changes_nothing() -> None:
    config = filled(*OWN)
    assert resolved(config) == config


def test_a_grid_of_zero_is_kept() -> None:
    assert filled(*OWN, "smoothing.grid=0").smoothing.grid == 0.0


@pytest.mark.parametrize(
    ("field", "complaint"),
    [
        ("transformation.name", "transformation.name is not set .* give --transformation"),
        ("smoothing.sigma", "smoothing.sigma is not set; give --sigma"),
        (
            "smoothing.scales",
            "smoothing.scales is not set; .* slope \\[px/px\\]; e.g. --std STD",
        ),
        ("region", 'region.lower is not set; .* slope \\[px/px\\]; e.g. --region="-1:1"'),
    ],
)
def test_what_nobody_filled_is_named_with_the_flag_that_does(field: str, complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        filled(*without(field))


def test_values_that_do_not_match_the_parameters_are_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"smoothing\.scales has 2 values"):
        filled(*OWN, "smoothing.scales=[1.0, 2.0]")
    with pytest.raises(ConfigurationError, match=r"region\.lower has 0 values"):
        filled(*OWN, "region.lower=[]", "region.upper=[]")


def test_an_empty_region_is_refused() -> None:
    plain = ("model.spec=mine:net", "transformation.name=resolution_shears:Plain")
    with pytest.raises(ConfigurationError, match="nothing to certify; give --l2"):
        filled(*plain, "smoothing.sigma=0.25")
    assert filled(*plain, "smoothing.sigma=0.25", "region.l2=0.5").smoothing.scales == ()


def test_no_region_is_asked_for_where_none_is_used() -> None:
    config = resolved(load_config(None, without("region")), needs_region=False)
    assert config.region.lower is None


def test_an_unknown_transformation_is_a_plugin_error() -> None:
    with pytest.raises(PluginError, match="'rotatoin' is not registered"):
        filled(*without("transformation"), "transformation.name=rotatoin")


def test_an_example_has_a_value_for_every_part_of_a_composition() -> None:
    options = ("transformation.name=blur+brightness", "region.upper=[1]", "region.lower=[0]")
    with pytest.raises(ConfigurationError, match=r'has 1 values;.*--region="0:4,-0.3:0.3"'):
        filled(*options, "smoothing.sigma=0.1", "smoothing.scales=[1, 0.1]")
    ends = ("region.upper=[1, 0]", "region.lower=[0, 0]")
    with pytest.raises(ConfigurationError, match="--std STD,STD"):
        filled("transformation.name=blur+brightness", *ends, "smoothing.sigma=0.1")


def test_more_whole_steps_than_can_be_looked_at_are_refused_at_once() -> None:
    ends = ("region.lower=[-1e12, 0]", "region.upper=[1e12, 0]")
    noise = ("smoothing.sigma=0.1", "smoothing.scales=[1, 1]")
    with pytest.raises(ConfigurationError, match=r"2,000,000,000,001 attacks.*narrow"):
        filled("transformation.name=integer-translation", *noise, *ends)


def test_spaces_around_plus_name_the_same_composition() -> None:
    options = ("smoothing.sigma=0.1", "smoothing.scales=[4, 0.1]")
    ends = ("region.lower=[-1, 0]", "region.upper=[1, 0]")
    names = ("rotation+brightness", "rotation + brightness")
    first, second = (filled(f"transformation.name={n}", *options, *ends) for n in names)
    assert first == second


def test_an_unknown_shipped_model_is_a_model_error() -> None:
    with pytest.raises(ModelError, match="not shipped"):
        filled("model.spec=shipped:digts")


def test_ends_that_no_attack_has_are_refused_where_a_parameter_goes_in_steps() -> None:
    own = (
        "model.spec=mine:net",
        "transformation.name=integer-translation",
        "smoothing.sigma=0.25",
        "smoothing.scales=[1.0,1.0]",
        "region.lower=[-2.0,-1.0]",
    )
    assert filled(*own, "region.upper=[2.0,3.0]").region.upper == (2.0, 3.0)
    with pytest.raises(ConfigurationError, match=r"dy ends at 2.5 px.*in steps of 1"):
        filled(*own, "region.upper=[2.0,2.5]")
