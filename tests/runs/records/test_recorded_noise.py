"""The noise of a run file: which parameters it is on, and by which law."""

from __future__ import annotations

import pytest

from gsmooth.errors import ConfigurationError
from gsmooth.runs.config.resolution import resolved
from gsmooth.runs.config.run_config import RunConfig
from gsmooth.runs.config.run_file import load_config
from gsmooth.runs.task import RunTask
from gsmooth.theory.laws import GaussianLaw, Law
from gsmooth.theory.product import ProductLaw
from gsmooth.transforms.base import Transformation

BLURRED = (
    "model.spec=mine:net",
    "transformation.name=cyclic-blur+brightness",
    "smoothing.sigma=0.25",
    "region.lower=[0.0, -0.1]",
    "region.upper=[1.0, 0.1]",
)


def run_of(*overrides: str) -> RunConfig:
    return resolved(load_config(None, (*BLURRED, *overrides)))


def noise_of(config: RunConfig) -> tuple[Transformation, Law]:
    return RunTask.of(config).noise_for((1, 8, 8))


def test_the_law_of_a_run_is_that_of_the_one_sided_parameter_beside_normal_ones() -> None:
    config = run_of("smoothing.scales=[2.0, 0.2]", "smoothing.law=exponential")
    operator, law = noise_of(config)
    assert operator.unsmoothed == ()
    assert law == ProductLaw("exponential", (2.0, 0.2), 0, 0.25)


def test_a_scale_of_zero_puts_the_parameter_to_rest_in_action_and_law() -> None:
    operator, law = noise_of(run_of("smoothing.scales=[0.0, 0.2]"))
    assert operator.unsmoothed == ("variance",)
    assert law == GaussianLaw((0.0, 0.2), 0.25, True, unsmoothed=(0,))


def test_no_scales_leave_every_parameter_to_t_equal_to_the_identity() -> None:
    operator, law = noise_of(run_of("smoothing.scales=[]"))
    assert operator.unsmoothed == ()
    assert law.dimensions == 0


def test_normal_noise_on_what_nothing_undoes_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="variance is at least 0"):
        noise_of(run_of("smoothing.scales=[2.0, 0.2]"))


@pytest.mark.parametrize("scales", ["[0.0, 0.0]", "[-1.0, 0.2]"])
def test_scales_without_any_noise_and_negative_ones_are_refused(scales: str) -> None:
    with pytest.raises(ConfigurationError, match="scales"):
        run_of(f"smoothing.scales={scales}")
