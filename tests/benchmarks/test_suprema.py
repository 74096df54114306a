"""The suprema benchmark: what it compares, and what it writes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from benchmarks.bench_tightness import bounded, enlarged, sampled, spread
from benchmarks.suite import benchmark
from benchmarks.suite.data import pixels
from gsmooth_rotation import anchor_suprema

ANCHORS, RADIUS_PX = 60, 5.5


def images() -> Tensor:
    return torch.rand(2, 1, 12, 12, dtype=torch.float64)


def test_images_are_read_with_channels_first_and_spread_over_the_file(tmp_path: Path) -> None:
    x = np.arange(5 * 4 * 6 * 3, dtype=np.uint8).reshape(5, 4, 6, 3)
    np.savez(tmp_path / "colour.npz", x=x)
    np.savez(tmp_path / "grey.npz", x=x[..., 0])
    assert torch.equal(
        spread(pixels(tmp_path / "colour.npz"), 3) * 255,
        torch.from_numpy(x[[0, 2, 4]]).permute(0, 3, 1, 2),
    )
    assert spread(pixels(tmp_path / "grey.npz"), 9).shape == (5, 1, 4, 6)


def test_enlarged_images_stay_in_their_range() -> None:
    grown = enlarged(images(), 48)
    assert grown.shape == (2, 1, 48, 48)
    assert 0.0 <= float(grown.min()) <= float(grown.max()) <= 1.0


def test_sampled_distances_are_below_the_bounds() -> None:
    x = images()[:1]
    bound = anchor_suprema(x, -45.0, 45.0, ANCHORS, RADIUS_PX)
    found = sampled(x, ANCHORS, RADIUS_PX, torch.arange(ANCHORS))
    assert bool((found <= bound).all())
    assert float(found.min()) > 0.0


def test_every_image_has_an_outcome_no_ratio_of_which_is_below_one() -> None:
    outcomes = bounded("noise", "random", images(), ANCHORS, 5)["outcomes"]
    assert len(outcomes) == 2
    for outcome in outcomes:
        assert outcome["largest"] >= outcome["mean"] > 0.0
        assert outcome["above_worst"] >= outcome["above"] * (1.0 - 1e-12)
        assert outcome["above_worst"] >= 1.0


def test_a_run_prints_a_table_and_writes_its_figures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    digits = np.random.default_rng(0).integers(0, 256, (3, 12, 12)).astype(np.uint8)
    np.savez(tmp_path / "digits.npz", x=digits)
    given = ["--mnist", str(tmp_path / "digits.npz"), "--images", "2", "--out", str(tmp_path)]
    benchmark.run("suprema", given)
    assert "| 2 x mnist-28 | 500 |" in capsys.readouterr().out
    (figures,) = json.loads((tmp_path / "suprema.json").read_text())["cases"]
    assert figures["images"] == len(figures["outcomes"]) == 2
    assert figures["source"] == "digits.npz"


def test_a_run_without_images_says_what_it_wants(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    benchmark.run("suprema", ["--out", str(tmp_path)])
    assert "give --mnist FILE.npz or --cifar FILE.npz" in capsys.readouterr().out
