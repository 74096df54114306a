"""Mistakes of newcomers: each gets an error that says what was given and what is expected."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import gsmooth as gs
from gsmooth.errors import ConfigurationError, ModelError
from gsmooth.runs.config.run_file import load_config
from tests.api.objects import Mean, images, smoothed

BALL = gs.Region(l2=0.1)


def _rotated(**noise: Any) -> gs.SmoothedClassifier:
    return gs.SmoothedClassifier(Mean(), "rotation", num_classes=2, input_shape=(1, 4, 4), **noise)


def _train(**settings: Any) -> object:
    shape: dict[str, Any] = {"num_classes": 2, "input_shape": (1, 4, 4)}
    return gs.train(Mean(), "gaussian", images(), [0] * 4, BALL, sigma=0.1, **shape, **settings)


@pytest.mark.parametrize("given", ["angle=-1:1", (-1, 1), {"angle": (-1, 1)}, None])
def test_a_region_of_another_type_is_refused(given: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"of type \w+; expected a gsmooth.Region, such"):
        gs.certify(smoothed(), images(), given)


def test_the_example_of_a_region_names_the_parameters() -> None:
    given: Any = (-10, 10)
    with pytest.raises(ConfigurationError, match=r"such as Region\(angle=\(-1, 1\)\)"):
        gs.certify(_rotated(std={"angle": 4.0}, sigma=0.1), images(), given)


@pytest.mark.parametrize("given", [{"angle": (-1, 1)}, "angle", 10])
def test_the_ends_of_a_region_are_numbers(given: Any) -> None:
    with pytest.raises(ConfigurationError, match="the parameters by name, such as Region"):
        gs.Region(given)


def test_the_class_of_a_transformation_is_no_transformation() -> None:
    given: Any = gs.Transformation
    with pytest.raises(ConfigurationError, match="the transformation is the class Transformation"):
        gs.SmoothedClassifier(Mean(), given, sigma=0.1, num_classes=2, input_shape=(1, 4, 4))


def test_a_single_std_is_refused_with_the_dictionary_that_is_expected() -> None:
    with pytest.raises(ConfigurationError, match=r'std=4.0; expected .* std=\{"angle": 1.0\}'):
        _rotated(std=4.0, sigma=0.1)


def test_a_noise_without_its_parameter_is_refused_with_the_dictionary_that_is_expected() -> None:
    with pytest.raises(ConfigurationError, match=r'noise=\{"angle": Gaussian\(1.0\)\}'):
        _rotated(noise=gs.Uniform(4.0), sigma=0.1)


def test_a_sigma_that_is_text_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"sigma='0\.1': expected a finite"):
        _rotated(std={"angle": 4.0}, sigma="0.1")


@pytest.mark.parametrize(
    "call",
    [
        lambda: gs.certify(smoothed(), images(), BALL, max_votes=1e3),  # type: ignore[arg-type]
        lambda: gs.certify(smoothed(), images(), BALL, n0=1e3),  # type: ignore[arg-type]
        lambda: gs.predict(smoothed(), images(), n=1e3),  # type: ignore[arg-type]
        lambda: _train(epochs=1e3),
    ],
)
def test_numbers_of_things_are_whole(call: Callable[[], object]) -> None:
    with pytest.raises(ConfigurationError, match="of type float; expected a whole number, such as"):
        call()


@pytest.mark.parametrize("given", ["cuda", ("gpu",)])
def test_devices_are_a_tuple_of_names_that_torch_knows(given: Any) -> None:
    with pytest.raises(ConfigurationError, match="expected a tuple of names that torch knows"):
        _rotated(std={"angle": 4.0}, sigma=0.1, devices=given)


def test_another_device_than_that_of_the_network_is_refused_with_the_way_there() -> None:
    with pytest.raises(ConfigurationError, match=r"move the network there first, with net\.to"):
        _rotated(std={"angle": 4.0}, sigma=0.1, devices=("cuda:0",))


def test_a_misspelt_name_of_the_package_gets_the_right_one() -> None:
    with pytest.raises(AttributeError, match="did you mean 'certify'"):
        gs.certfy  # noqa: B018


def test_weights_in_place_of_a_run_file_are_named(tmp_path: Path) -> None:
    weights = tmp_path / "net.pt"
    weights.write_bytes(b"PK\x80\x81")
    with pytest.raises(ConfigurationError, match="is no text; expected a TOML file, such as"):
        load_config(weights)


@pytest.mark.parametrize("verb", ["certify", "predict", "attack"])
def test_a_verb_that_is_sought_on_the_classifier_is_shown_as_the_function_it_is(verb: str) -> None:
    g = smoothed()
    with pytest.raises(AttributeError, match=rf"'{verb}'; call gsmooth\.{verb}\(g, \.\.\.\)"):
        getattr(g, verb)


class NotANumber(Mean):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.full((len(x), 2), float("nan"))


def test_scores_that_are_no_numbers_are_told_without_the_keys_of_images() -> None:
    g = gs.SmoothedClassifier(
        NotANumber(), "gaussian", sigma=0.1, num_classes=2, input_shape=(1, 4, 4)
    )
    with pytest.raises(ModelError, match=r"votes for \d images?, first in batch"):
        gs.certify(g, images(), BALL).compute()
