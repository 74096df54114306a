"""The benchmark of all plugins: no plugin is left out, and the table says what the records say."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.bench_accuracy import on_split, training_images
from benchmarks.suite import benchmark
from benchmarks.suite.accuracy import noise, weights_of
from benchmarks.suite.case import Case, cases, read
from benchmarks.suite.data import digits as digit_parts
from benchmarks.suite.networks import (
    LowFrequencies,
    digits,
    digits_to_train,
    faint_digits,
    torus_digits,
    torus_digits_to_train,
)
from benchmarks.suite.table import COLUMNS, row, shown
from benchmarks.suite.train import views
from gsmooth import load_data
from gsmooth.models.zoo.networks import fused
from gsmooth.runs.config.smoothing_section import SmoothingSection
from gsmooth.runs.task import RunTask
from gsmooth.transforms import registry

CELLS = cases("plugins")
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
    "noise": "gaussian 4; 0.15",
    "network": "shipped:digits-rotation",
    "others": {"case": "±30°", "certified": 95.6, "attacked": None, "clean": None},
}


@pytest.mark.parametrize("name", OURS)
def test_every_first_party_plugin_has_a_line_of_its_own(name: str) -> None:
    assert any(cell.transformation.name == name for cell in CELLS), f"give {name} a case"


def test_names_of_lines_and_folders_are_their_own() -> None:
    assert len({cell.name for cell in CELLS}) == len(CELLS)


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: str(cell.name))
def test_every_line_is_a_run_that_can_be_built(cell: Case) -> None:
    config = on_split(cell, "heldout").config()
    task = RunTask.of(config)
    operator, law = task.noise_for(cell.network.shape or (1, 28, 28))
    assert operator.parameters == task.transformation.parameters
    assert law.dimensions == len(operator.parameters)
    assert task.region.lower == (cell.region.lower or ())
    assert config.data.split == "heldout"
    assert config.attack.enabled


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: str(cell.name))
def test_settings_are_chosen_on_training_images(cell: Case) -> None:
    data = on_split(cell, "choosing").data
    assert data.split == "choosing"
    assert data.spec.startswith("benchmarks.suite.data:")


def test_figures_of_others_are_all_shown() -> None:
    shown = {cell.published.certified for cell in CELLS if cell.published is not None}
    assert shown == {found["certified"] for found in read("plugins")["published"].values()}


def test_training_and_choosing_share_no_digit_and_are_the_shipped_training_digits() -> None:
    parts = [digit_parts(split) for split in ("training", "choosing")]
    whole = load_data("shipped:digits", "train")
    assert (np.concatenate([part.images for part in parts]) == whole.images).all()
    assert np.bincount(parts[1].labels).tolist() == [20] * 10


def test_networks_take_what_their_subjects_are() -> None:
    networks = {cell.network.spec: cell.network for cell in CELLS if cell.network.train}
    assert len(networks) == 3
    for build in (digits, faint_digits, torus_digits):
        name = {digits: "digits", torus_digits: "torus_digits"}.get(build)
        network = networks[f"benchmarks.suite.networks:{name or 'faint_digits'}"]
        assert network.shape is not None
        scores = build().eval()(torch.rand(2, *network.shape))
        assert scores.shape == (2, network.classes)


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
    for name in {cell.weights for cell in CELLS}:
        sharing = [cell for cell in CELLS if cell.weights == name]
        assert len({cell.network.spec for cell in sharing}) == 1
        assert all(cell.trained_on for cell in sharing)
        assert name.startswith("shipped:") == (sharing[0].network.train is None)
    lights = [cell for cell in CELLS if cell.weights == "light"]
    options = argparse.Namespace(runs=Path("runs"))
    assert len({weights_of(light, options) for light in lights}) == 1
    x = torch.rand(2, 1, 28, 28)
    assert len(views(lights, (1, 28, 28))) == len(lights) == 3
    for view in views(lights, (1, 28, 28)):
        assert view(x).shape == x.shape
        assert view(x).dtype == torch.float32


def test_networks_are_trained_on_training_images() -> None:
    names = {cell.weights: training_images(cell).name for cell in CELLS if cell.network.train}
    assert set(names.values()) == {"digits/training"}


def cells_of(**changed: Any) -> list[str]:
    return shown("plugins", {**LINE, **changed})


def test_a_row_has_a_cell_for_every_heading_and_shares_in_percent() -> None:
    assert len(cells_of()) == len(COLUMNS["plugins"])
    assert "| 200 | 99.0 | 98.0 | 95.5 | 96.5 | 1,234 | 2.5 |" in row(*cells_of())
    assert len(cells_of(others=None, attacked=None)) == len(COLUMNS["plugins"])


def test_what_others_did_not_measure_is_a_dash_and_no_case_is_nothing() -> None:
    assert cells_of()[-2:] == ["95.6 (±30°)", "-"]
    assert cells_of(others={**LINE["others"], "attacked": 98.24})[-1] == "98.2"
    assert cells_of(others=None)[-2:] == ["", ""]


def test_noise_without_parameters_is_the_noise_in_z_alone() -> None:
    assert noise(SmoothingSection(law="gaussian", sigma=0.15, scales=(4.0,))) == "gaussian 4; 0.15"
    assert noise(SmoothingSection(law="gaussian", sigma=0.25, scales=())) == "0.25"


def test_the_page_says_how_many_images_its_lines_have() -> None:
    page = benchmark.Page(about="", module="", columns="plugins", legend="images, {images}")
    few = {**LINE, "images": 50}
    assert "images, 200 a line" in benchmark.page_of(page, {"lines": [LINE]})
    assert "images, 50 to 200 a line" in benchmark.page_of(page, {"lines": [LINE, few]})


def test_a_table_of_no_records_is_not_written(tmp_path: Path) -> None:
    given = ["--table-only", "--runs", str(tmp_path / "runs"), "--out", str(tmp_path)]
    benchmark.run("plugins", given)
    assert not list(tmp_path.iterdir())
