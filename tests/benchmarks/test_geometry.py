"""The geometry benchmark: nothing that tests has trained, and every cell is a run file."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from benchmarks.geometry.cells import (
    COVERS,
    DEFAULT,
    TESTS,
    Budget,
    Cell,
    Subject,
    cells,
    config_of,
    images_of,
)
from benchmarks.geometry.images import digit_parts, sign_parts, sign_tests
from benchmarks.geometry.measure import Line
from benchmarks.geometry.networks import Standardize, digits, digits_to_train, signs
from benchmarks.geometry.results import HEAD, markdown, row
from gsmooth.data.dataset import Dataset
from gsmooth.models.zoo.networks import fused

SUBJECT = Subject("mnist", "f:g", (1, 28, 28), Path("w.pt"), Path("x.npz"), 20, None)


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


def test_no_track_of_a_sign_is_in_two_parts(tmp_path: Path) -> None:
    path = signs_file(tmp_path)
    parts = sign_parts(path)
    for one, other in combinations((parts.training, parts.choosing, sign_tests(path)), 2):
        assert not set(tracks_of(one)) & set(tracks_of(other))


def test_signs_are_tested_on_one_frame_a_track_and_every_class_has_both(tmp_path: Path) -> None:
    path = signs_file(tmp_path)
    tests = sign_tests(path)
    assert len(set(tracks_of(tests))) == len(tests) == 1 + 2 + 5
    assert set(tests.labels) == set(sign_parts(path).training.labels) == {0, 1, 2}
    assert tests.labels[:3].tolist() == [0, 1, 2]
    assert (tracks_of(tests) // 1000 == tests.labels).all()


def test_a_limit_keeps_the_first_tests(tmp_path: Path) -> None:
    path = signs_file(tmp_path)
    assert (sign_tests(path, 4).images == sign_tests(path).images[:4]).all()


def test_digits_for_choosing_are_every_twentieth_and_never_train(tmp_path: Path) -> None:
    path = tmp_path / "digits.npz"
    place = np.arange(100, dtype=np.uint8)
    np.savez(path, x=np.broadcast_to(place[:, None, None], (100, 4, 4)), y=place % 10)
    parts = digit_parts(path)
    assert parts.choosing.images[:, 0, 0, 0].tolist() == [0, 20, 40, 60, 80]
    both = np.concatenate([p.images[:, 0, 0, 0] for p in (parts.training, parts.choosing)])
    assert sorted(both.tolist()) == place.tolist()


@pytest.mark.parametrize("cell", list(cells()), ids=lambda cell: str(cell.name))
def test_every_cell_is_a_run_file_of_its_own(cell: Cell) -> None:
    config = config_of(cell, SUBJECT, DEFAULT, Path("runs"))
    assert config.region.upper is not None
    assert config.region.lower == tuple(-end for end in config.region.upper)
    assert (config.smoothing.scales == ()) == (cell.cover == "id")
    assert config.output.folder == Path("runs/mnist") / cell.name


def test_the_table_is_every_region_with_every_cover_and_every_test() -> None:
    found = list(cells())
    assert len(found) == len({cell.name for cell in found}) == 5 * (len(COVERS) * len(TESTS) - 1)


def test_every_smoothed_classifier_is_attacked_in_one_cell_and_before_it_is_needed() -> None:
    seen: set[str] = set()
    for cell in cells():
        assert cell.attacks != (cell.smoothing in seen)
        seen.add(cell.smoothing)


def test_cells_of_few_images_are_attacked_on_at_least_as_many() -> None:
    for cell in cells():
        twin = next(c for c in cells() if c.attacks and c.smoothing == cell.smoothing)
        mine, its = (images_of(c, SUBJECT, DEFAULT) for c in (cell, twin))
        assert its is None or (mine is not None and mine <= its)


@given(st.integers(1, 600), st.integers(1, 600))
def test_the_smaller_of_two_limits_holds(whole: int, part: int) -> None:
    cell = Cell("rotation", 10.0, "id", "fixed")
    budget = Budget({("id", "fixed"): part}, DEFAULT.votes, DEFAULT.n)
    assert images_of(cell, replace(SUBJECT, limit=whole), budget) == min(whole, part)


LINE = Line("rotation ±30°", "chosen", "e-process", 500, 0.99, 0.98, 0.95, 0.965, 12, 900.4, 0.5)


def test_a_row_has_a_cell_for_every_heading() -> None:
    refused = Line("rotation ±30°", "clean", "fixed", 0, refused="too few votes")
    for line in (LINE, refused):
        assert row(line).count(" |") == HEAD.count(" |")
    assert "| 95.0 | 96.5 | 1.5 | 900 | 0.50 |" in row(LINE)


def test_the_page_says_why_a_cell_was_refused(tmp_path: Path) -> None:
    path = tmp_path / "geometry-x.json"
    path.write_text(
        '{"benchmark": "geometry-x", "lines": [{"region": "r", "cover": "id", "test": "fixed",'
        ' "images": 0, "refused": "give more votes"}]}'
    )
    assert "Refused: give more votes" in markdown([path])


def test_weights_of_training_fit_the_factories() -> None:
    torch.manual_seed(0)
    trained = fused(digits_to_train())
    network = digits()
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
