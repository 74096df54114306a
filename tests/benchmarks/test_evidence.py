"""The evidence: nothing that tests has trained, every case is a run file, what is short is bold."""

from __future__ import annotations

import argparse
import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import gsmooth
from benchmarks.bench_evidence import RUN_FILES, Evidence, config_of, is_short, shorten
from benchmarks.suite import benchmark
from benchmarks.suite.case import read
from benchmarks.suite.prepare import CANVAS_PX, MAKERS, prepared
from gsmooth.runs.config.run_file import load_config
from gsmooth.runs.task import RunTask

CASES = read("evidence")["case"]


def test_every_case_is_a_run_file_and_every_run_file_a_case() -> None:
    assert {case["name"] for case in CASES} == {file.stem for file in RUN_FILES.glob("*.toml")}
    names = {case["name"] for case in CASES}
    for case in CASES:
        assert not case.get("data") or case["data"] in MAKERS
        assert not case.get("trained_by") or case["trained_by"] in names


@pytest.mark.parametrize("name", [case["name"] for case in CASES])
def test_the_task_of_every_case_can_be_built(name: str) -> None:
    config = load_config(RUN_FILES / f"{name}.toml")
    assert config.certify.alpha == 0.001
    assert config.smoothing.seed == 0
    if not config.model.spec.startswith("shipped:"):
        RunTask.of(config)


def test_tiles_are_divided_by_class_and_none_is_in_both_parts(tmp_path: Path) -> None:
    packed = tmp_path / "tiles.tar"
    with tarfile.open(packed, "w") as archive:
        for label in ("Forest", "River"):
            for number in range(20):
                file = io.BytesIO()
                Image.new("RGB", (8, 8), (number, 0, 0)).save(file, "JPEG")
                entry = tarfile.TarInfo(f"tiles/{label}/{label}_{number:02}.jpg")
                entry.size = file.tell()
                file.seek(0)
                archive.addfile(entry, file)
    found = prepared("eurosat", tmp_path / "data", [packed])
    parts = {
        split: {file.name for file in (found / split).rglob("*.jpg")}
        for split in ("train", "heldout")
    }
    assert len(parts["train"]) == 36
    assert len(parts["heldout"]) == 4
    assert not parts["train"] & parts["heldout"]
    assert gsmooth.load_data(str(found), "heldout").classes == ("Forest", "River")
    assert prepared("eurosat", tmp_path / "data", []) == found  # Once is enough.


def test_no_track_of_the_signs_is_in_both_parts(tmp_path: Path) -> None:
    track = np.repeat(np.arange(30), 3)
    images = np.repeat(track, 48).astype(np.uint8).reshape(90, 4, 4, 3)
    np.savez(tmp_path / "signs.npz", x=images, y=track // 10, track=track)
    found = prepared("signs", tmp_path / "data", [tmp_path / "signs.npz"])
    with np.load(found) as archive:
        held = set(archive["x_heldout"].ravel().tolist())
        assert held
        assert not held & set(archive["track_train"].tolist())
        assert len(archive["y_heldout"]) == len(held)  # One frame a track.
        assert (archive["x_train"][:, 0, 0, 0] == archive["track_train"]).all()


def test_a_larger_canvas_holds_every_20th_digit_of_the_test_file(tmp_path: Path) -> None:
    images = np.arange(40, dtype=np.uint8)[:, None, None] * np.ones((28, 28), np.uint8)
    for name in ("train", "test"):
        np.savez(tmp_path / f"{name}.npz", x=images, y=np.arange(40) % 10)
    files = [tmp_path / "train.npz", tmp_path / "test.npz"]
    with np.load(prepared("mnist-canvas", tmp_path, files)) as archive:
        held = archive["x_heldout"]
        assert held.shape == (2, 28 + 2 * CANVAS_PX, 28 + 2 * CANVAS_PX)
        assert held[:, 18, 18].tolist() == [0, 20]
        assert held[1, :CANVAS_PX].max() == 0


def test_missing_files_are_named() -> None:
    with pytest.raises(SystemExit, match="--signs, or GSMOOTH_SIGNS: expected 1"):
        prepared("signs", Path("nowhere"), [])


@pytest.mark.parametrize(
    ("name", "found", "short"),
    [
        ("certified", 0.9, False),
        ("certified", 0.89, True),
        ("votes", 300.0, False),
        ("votes", 301.0, True),
    ],
)
def test_what_falls_short_is_found(name: str, found: float, short: bool) -> None:
    case = Evidence(name="a", meant="b", sought={"certified": 0.9, "votes": 300.0})
    assert is_short(case, name, found) is short
    assert not is_short(case, "standard", 0.0)


def test_one_command_certifies_and_prints_the_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["--only", "digits-rotation-30", "--limit", "1", "--runs", str(tmp_path / "runs")]
    fast = [
        "--set",
        "region.lower=[-1.0]",
        "--set",
        "region.upper=[1.0]",
        "--set",
        "attack.points=3",
    ]
    benchmark.run("evidence", [*asked, *fast, "--out", str(tmp_path)])
    line = json.loads((tmp_path / "evidence.json").read_text())["lines"][0]
    assert (line["name"], line["images"]) == ("digits-rotation-30", 1)
    assert "shipped digits: rotation ±30°" in capsys.readouterr().out
    assert "certified >= 96.5" in (tmp_path / "evidence.md").read_text()


def test_a_network_is_trained_on_all_images_whatever_is_certified() -> None:
    options = argparse.Namespace(
        set=[], runs="runs", threads=1, epochs=None, limit=7, eurosat=[], signs=[], mnist=[]
    )
    (case,) = [
        Evidence.model_validate(case) for case in CASES if case["name"] == "satellites-mirror"
    ]
    assert config_of(case, options).data.limit == 7
    assert config_of(case, options, training=True).data.limit is None


def test_weights_are_shortened_where_they_are_those_of_layers(tmp_path: Path) -> None:
    file = tmp_path / "net.pt"
    torch.save({"layer": torch.full((2, 2), 0.1), "norm": torch.full((2,), 0.1)}, file)
    shorten(file)
    state = torch.load(file, weights_only=True)
    assert state["layer"].dtype == torch.float16
    assert state["norm"].tolist() == torch.full((2,), 0.1).tolist()
