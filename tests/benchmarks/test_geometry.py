"""The geometry benchmark: nothing that tests has trained, and every cell is a run file."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from benchmarks.suite import benchmark
from benchmarks.suite.accuracy import at_most
from benchmarks.suite.case import Case, cases
from benchmarks.suite.data import digit_parts, sign_parts, sign_tests
from benchmarks.suite.networks import mnist, mnist_to_train, signs
from benchmarks.suite.table import COLUMNS, row, shown
from gsmooth.data.dataset import Dataset
from gsmooth.models.zoo.networks import Standardize, fused

CASES = [case for study in ("mnist", "gtsrb") for case in cases(f"geometry-{study}")]
COVERS = {"clean", "chosen", "patient", "id"}
TESTS = {"e-process", "fixed"}


def name_of(case: Case) -> str:
    return f"{case.weights}-{case.name}"


def signs_file(folder: Path, tracks: tuple[int, ...] = (7, 11, 25), frames: int = 3) -> Path:
    """Classes 0, 1, ... of so many tracks; the pixels of an image say its track and frame."""
    labels, names = [], []
    for label, count in enumerate(tracks):
        for place in range(count):
            labels += [label] * frames
            names += [1000 * label + place] * frames
    pixels = np.zeros((len(labels), 5, 5, 3), dtype=np.uint8)
    track = np.array(names, dtype=np.int32)
    pixels[..., 0], pixels[..., 1] = (track % 1000)[:, None, None], (track // 1000)[:, None, None]
    path = folder / "signs.npz"
    np.savez(path, x=pixels, y=np.array(labels, dtype=np.uint8), track=track)
    return path


def tracks_of(part: Dataset) -> NDArray[np.int64]:
    pixel = part.images[:, :, 0, 0].astype(np.int64)
    return np.asarray(pixel[:, 0] + 1000 * pixel[:, 1])


def test_a_run_without_images_says_what_it_wants(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """``./scripts/bench`` runs every benchmark, and none may end the others."""
    benchmark.run("geometry", ["--out", str(tmp_path)])
    assert "give --train FILE.npz" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


def test_no_track_of_a_sign_is_in_two_parts(tmp_path: Path) -> None:
    path = signs_file(tmp_path)
    for one, other in combinations((*sign_parts(path), sign_tests(path)), 2):
        assert not set(tracks_of(one)) & set(tracks_of(other))


def test_signs_are_tested_on_one_frame_a_track_and_every_class_has_both(tmp_path: Path) -> None:
    path = signs_file(tmp_path)
    tests = sign_tests(path)
    assert len(set(tracks_of(tests))) == len(tests) == 1 + 2 + 5
    assert set(tests.labels) == set(sign_parts(path)[0].labels) == {0, 1, 2}
    assert tests.labels[:3].tolist() == [0, 1, 2]
    assert (tracks_of(tests) // 1000 == tests.labels).all()


def test_a_limit_keeps_the_first_tests(tmp_path: Path) -> None:
    path = signs_file(tmp_path)
    assert (sign_tests(path, 4).images == sign_tests(path).images[:4]).all()


def test_digits_for_choosing_are_every_twentieth_and_never_train(tmp_path: Path) -> None:
    path = tmp_path / "digits.npz"
    place = np.arange(100, dtype=np.uint8)
    np.savez(path, x=np.broadcast_to(place[:, None, None], (100, 4, 4)), y=place % 10)
    training, choosing = digit_parts(path)
    assert choosing.images[:, 0, 0, 0].tolist() == [0, 20, 40, 60, 80]
    both = np.concatenate([p.images[:, 0, 0, 0] for p in (training, choosing)])
    assert sorted(both.tolist()) == place.tolist()


@pytest.mark.parametrize("name", [case.name for case in cases("geometry-mnist")])
def test_every_cell_is_a_run_file_of_its_own(name: str) -> None:
    for case in (case for case in CASES if case.name == name):
        config = case.config(Path("runs", case.weights, case.name))
        assert config.region.upper is not None
        assert config.region.lower == tuple(-end for end in config.region.upper)
        assert (config.smoothing.scales == ()) == (case.cover == "id")
        assert config.certify.rule == case.test
        assert config.output.folder == Path("runs") / case.weights / name


def test_the_table_is_every_region_with_every_cover_and_every_test() -> None:
    for study in ("mnist", "gtsrb"):
        found = cases(f"geometry-{study}")
        names = {(case.region_text, case.cover, case.test) for case in found}
        assert len(found) == len(names) == len({case.name for case in found})
        assert len(found) == 5 * (len(COVERS) * len(TESTS) - 1)


def test_every_smoothed_classifier_is_attacked_in_one_cell_and_before_it_is_needed() -> None:
    for study in ("mnist", "gtsrb"):
        seen: dict[str, Case] = {}
        for case in cases(f"geometry-{study}"):
            assert case.attack.enabled == (case.twin == case.name) == (case.twin not in seen)
            seen.setdefault(case.twin, case)
            twin = seen[case.twin]
            assert (twin.smoothing, twin.region) == (case.smoothing, case.region)


def test_cells_of_few_images_are_attacked_on_at_least_as_many() -> None:
    limits = {name_of(case): case.data.limit for case in CASES}
    for case in CASES:
        twin = limits[f"{case.weights}-{case.twin}"]
        assert twin is None or (case.data.limit is not None and case.data.limit <= twin)


def test_the_network_is_trained_under_the_widest_region_of_either_transformation() -> None:
    names = [case.name for case in cases("geometry-mnist") if case.trained_on]
    assert names == ["rotation-50-chosen-e-process", "translation-4-chosen-e-process"]


@given(st.integers(1, 600), st.integers(1, 600))
def test_the_smaller_of_two_limits_holds(whole: int, part: int) -> None:
    assert at_most(whole, part) == at_most(part, whole) == min(whole, part)
    assert at_most(whole, None) == at_most(None, whole) == whole
    assert at_most(None, None) is None


FIGURES = {
    "clean": 0.99,
    "standard": 0.98,
    "certified": 0.95,
    "attacked": 0.965,
    "gap": 0.015,
    "centres": 12,
    "votes": 900.4,
    "seconds": 0.5,
}
LINE = {
    "region": {"meant": "rotation ±30°"},
    "cover": "chosen",
    "test": "e-process",
    "images": 500,
    "refused": None,
}


def test_a_row_has_a_cell_for_every_heading() -> None:
    refused = {**LINE, **dict.fromkeys(FIGURES), "images": 0, "refused": "too few votes"}
    for line in ({**LINE, **FIGURES}, refused):
        assert len(shown("geometry", line)) == len(COLUMNS["geometry"])
    assert "| 95.0 | 96.5 | 1.5 | 900 | 0.50 |" in row(*shown("geometry", {**LINE, **FIGURES}))


def test_the_page_says_why_a_cell_was_refused() -> None:
    refused = {**LINE, **dict.fromkeys(FIGURES), "images": 0, "refused": "give more votes"}
    page = benchmark.Page(about="", module="", columns="geometry", legend="Regions.")
    assert "Of 0 images: give more votes" in benchmark.page_of(page, {"lines": [refused]})


def test_weights_of_training_fit_the_factories() -> None:
    torch.manual_seed(0)
    trained = fused(mnist_to_train())
    network = mnist()
    network.load_state_dict(trained.state_dict())
    x = torch.rand(2, 1, 28, 28)
    assert torch.allclose(network.eval()(x), trained(x), atol=1e-5)
    assert signs().eval()(torch.rand(2, 3, 32, 32)).shape == (2, 43)


def test_signs_in_sun_and_in_shade_look_alike_to_the_network() -> None:
    torch.manual_seed(0)
    x = torch.rand(1, 3, 8, 8)
    bright = Standardize()(x)
    dim = Standardize()(0.6 * x + 0.05)
    assert (bright - dim).abs().max() < 0.3 * bright.abs().max()
    assert abs(float(bright.mean())) < 1e-5
