"""The benchmark of all plugins: no plugin is left out, and the table says what the records say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.plugins.cells import Cell, config_of
from benchmarks.plugins.networks import (
    LowFrequencies,
    digits,
    digits_to_train,
    faint_digits,
    torus_digits,
    torus_digits_to_train,
    waves,
)
from benchmarks.plugins.published import PUBLISHED
from benchmarks.plugins.rows import CELLS
from benchmarks.plugins.subjects import DIGITS, FAINT, TORUS, WAVES
from benchmarks.plugins.subjects import digits as digit_parts
from benchmarks.plugins.subjects import waves as wave_parts
from benchmarks.plugins.table import HEAD, beside, markdown, noise, row
from benchmarks.plugins.training import RECIPES, networks, views
from gsmooth import load_data
from gsmooth.models.zoo.networks import fused
from gsmooth.runs.config.resolution import resolved
from gsmooth.runs.context import noise_of, region_of
from gsmooth.transforms import registry

OURS = [info.name for info in registry.transformations().values() if info.package == "gsmooth"]
LINE: dict[str, Any] = {
    "images": 200,
    "clean": 0.99,
    "standard": 0.98,
    "certified": 0.955,
    "attacked": 0.965,
    "votes": 1234.4,
    "centres": 2.5,
    "guarantees": {"individual": 200},
    "transformation": {"name": "rotation"},
    "region": {"meant": "±30°"},
    "smoothing": {"law": "gaussian", "scales": [4.0], "sigma": 0.15},
    "network": "shipped:digits-rotation",
    "others": {"case": "±30°", "certified": 95.6, "attacked": None, "clean": None},
}


@pytest.mark.parametrize("name", OURS)
def test_every_first_party_plugin_has_a_line_of_its_own(name: str) -> None:
    assert any(cell.transformation == name for cell in CELLS), f"give {name} a cell in rows.py"


def test_names_of_lines_and_folders_are_their_own() -> None:
    assert len({cell.name for cell in CELLS}) == len(CELLS)


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: str(cell.name))
def test_every_line_is_a_run_that_can_be_built(cell: Cell) -> None:
    config = resolved(config_of(cell, Path("runs")))
    operator, law = noise_of(config)
    assert operator.for_shape(cell.subject.shape).parameters == operator.parameters
    assert law.dimensions == len(operator.parameters)
    assert region_of(config).lower == cell.lower
    assert config.data.split == "heldout"
    assert config.attack.enabled


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: str(cell.name))
def test_settings_are_chosen_on_training_images(cell: Cell) -> None:
    data = config_of(cell, Path("runs"), "choosing").data
    assert data.split == "choosing"
    assert data.spec.startswith("benchmarks.plugins.subjects:")


def test_figures_of_others_are_all_shown() -> None:
    assert {cell.published for cell in CELLS} - {None} == set(PUBLISHED)


def test_training_and_choosing_share_no_digit_and_are_the_shipped_training_digits() -> None:
    parts = [digit_parts(split) for split in ("training", "choosing")]
    whole = load_data("shipped:digits", "train")
    assert (np.concatenate([part.images for part in parts]) == whole.images).all()
    assert np.bincount(parts[1].labels).tolist() == [20] * 10


def test_vowels_are_16_bit_waveforms_of_balanced_classes_and_every_split_has_its_own() -> None:
    choosing, heldout = wave_parts("choosing"), wave_parts("heldout")
    assert choosing.shape == heldout.shape == WAVES.shape
    assert (choosing.images * 2**15 == np.round(choosing.images * 2**15)).all()
    assert np.abs(choosing.images).max(axis=(1, 2, 3)).min() > 0.05
    assert np.abs(choosing.images).max() <= 0.56
    assert np.bincount(heldout.labels).tolist() == [200] * 5
    assert not (heldout.images[:200] == choosing.images).all(axis=(1, 2, 3)).any()
    assert (wave_parts("choosing").images == choosing.images).all()


def test_networks_take_what_their_subjects_are() -> None:
    for subject, build in (
        (DIGITS, digits),
        (FAINT, faint_digits),
        (TORUS, torus_digits),
        (WAVES, waves),
    ):
        scores = build().eval()(torch.rand(2, *subject.shape))
        assert scores.shape == (2, subject.classes)


@pytest.mark.parametrize(("build", "trained"), [(digits, digits_to_train),
                                               (torus_digits, torus_digits_to_train)])  # fmt: skip
def test_weights_of_training_fit_the_factories(build: Any, trained: Any) -> None:
    torch.manual_seed(0)
    whole = fused(trained())
    network = build()
    network.load_state_dict(whole.state_dict())
    x = torch.rand(2, 1, 28, 28)
    assert torch.allclose(network.eval()(x), whole(x), atol=1e-5)


def test_a_digit_rolled_by_the_stride_looks_the_same_to_the_network_of_the_torus() -> None:
    torch.manual_seed(0)
    network, x = torus_digits().eval(), torch.rand(1, 1, 28, 28)
    with torch.no_grad():
        assert torch.allclose(network(x), network(x.roll((8, -12), (2, 3))), atol=1e-5)


def test_low_frequencies_are_those_of_the_orthonormal_cosine_transform() -> None:
    from scipy.fft import dctn

    x = torch.rand(1, 1, 28, 28)
    expected = dctn(x[0, 0].numpy(), norm="ortho")[:12, :12]
    found = torch.sinh(LowFrequencies()(x)) * LowFrequencies.floor
    assert np.allclose(found.reshape(12, 12).numpy(), expected, atol=1e-4)


def test_every_network_has_a_recipe_and_sees_the_noise_of_every_line_that_names_it() -> None:
    for name in networks():
        cells = [cell for cell in CELLS if cell.network == name]
        assert {cell.subject.name for cell in cells} <= set(RECIPES)
        assert len({cell.subject.name for cell in cells}) == 1
    lights = [cell for cell in CELLS if cell.network == "light"]
    x = torch.rand(2, 1, 28, 28)
    for view in views(lights, Path("runs")):
        assert view(x).shape == x.shape
        assert view(x).dtype == torch.float32


def test_a_row_has_a_cell_for_every_heading_and_shares_in_percent() -> None:
    assert row(LINE).count(" |") == HEAD.count(" |")
    assert "| 200 | 99.0 | 98.0 | 95.5 | 96.5 | 1,234 | 2.5 |" in row(LINE)
    assert row({**LINE, "others": None, "attacked": None}).count(" |") == HEAD.count(" |")


def test_what_others_did_not_measure_is_a_dash_and_no_case_is_nothing() -> None:
    assert beside(LINE["others"]) == ("95.6 (±30°)", "-")
    assert beside({**LINE["others"], "attacked": 98.24})[1] == "98.2"
    assert beside(None) == ("", "")


def test_noise_without_parameters_is_the_noise_in_z_alone() -> None:
    assert noise(LINE["smoothing"]) == "gaussian 4; 0.15"
    assert noise({"law": "gaussian", "scales": [], "sigma": 0.25}) == "0.25"


def test_the_page_says_how_many_images_its_lines_have() -> None:
    assert "images, 200 a line" in markdown({"lines": [LINE]})
    assert "images, 50 to 200 a line" in markdown({"lines": [LINE, {**LINE, "images": 50}]})
