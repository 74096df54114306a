"""``gsmooth init``: what it sees in a folder, and that its run file is one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from gsmooth.cli import app
from gsmooth.data.look import look_at
from gsmooth.errors import ConfigurationError, InputError
from gsmooth.runs.config.overrides import Override
from gsmooth.runs.config.run_file import load_config
from gsmooth.runs.init import InitSummary, run_init
from tests.runs.tmp_project import Notebook

TASK = [
    Override("transformation.name", "rotation", ""),
    Override("region.lower", [-5.0], ""),
    Override("region.upper", [5.0], ""),
]


def picture(path: Path, side: int = 8, mode: str = "RGB", seed: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    depth = {"L": (), "RGB": (3,), "RGBA": (4,)}[mode]
    Image.fromarray(random.integers(0, 255, (side, side, *depth)).astype(np.uint8)).save(path)


def folder(root: Path, count: int = 4, side: int = 8) -> Path:
    for number, kind in enumerate(("bar", "disc")):
        for k in range(count):
            picture(root / kind / f"{k}.png", side, seed=10 * number + k)
    return root


def written(root: Path, out: Path, seconds: float = 0.0) -> InitSummary:
    return run_init(root, out, Notebook(), task=TASK, seconds=seconds)


def test_sizes_classes_and_counts_are_seen(tmp_path: Path) -> None:
    root = folder(tmp_path)
    picture(tmp_path / "disc" / "large.png", side=12)
    look = look_at(root, 5.0)
    assert look.counts == {"bar": 4, "disc": 5}
    assert dict(look.shapes) == {(3, 8, 8): 8, (3, 12, 12): 1}
    assert (look.mixed, look.sides, look.channels) == (True, (8, 12), (3,))


def test_the_run_file_says_what_was_given_and_what_was_found(tmp_path: Path) -> None:
    out = tmp_path / "run.toml"
    found = written(folder(tmp_path / "photos"), out, seconds=0.001)
    config = load_config(out)
    assert config.data.spec == str(tmp_path / "photos")
    assert config.transformation.name == "rotation"
    assert (config.region.lower, config.region.upper) == ((-5.0,), (5.0,))
    assert found.tuned
    assert config.smoothing.scales is not None
    assert config.smoothing.sigma is not None
    assert config.train.holdout > 0.0


def test_images_of_several_sizes_are_brought_to_the_smallest(tmp_path: Path) -> None:
    root = folder(tmp_path / "photos")
    picture(root / "bar" / "large.png", side=12)
    written(root, tmp_path / "run.toml")
    data = load_config(tmp_path / "run.toml").data
    assert (data.resize, data.crop) == (8, 8)


def test_large_images_are_made_smaller(tmp_path: Path) -> None:
    written(folder(tmp_path / "photos", count=2, side=100), tmp_path / "run.toml")
    assert load_config(tmp_path / "run.toml").data.resize == 64


def test_transparent_images_get_a_background(tmp_path: Path) -> None:
    root = folder(tmp_path / "photos")
    picture(root / "bar" / "clear.png", mode="RGBA")
    written(root, tmp_path / "run.toml")
    assert load_config(tmp_path / "run.toml").data.background == (255, 255, 255)


def test_classes_of_very_different_sizes_are_balanced(tmp_path: Path) -> None:
    root = folder(tmp_path / "photos", count=2)
    for k in range(2, 8):
        picture(root / "disc" / f"{k}.png", seed=k)
    found = written(root, tmp_path / "run.toml")
    assert load_config(tmp_path / "run.toml").train.balance
    assert any("bar 2" in notice for notice in found.notices)


def test_tracks_are_seen_in_the_names_and_never_divided(tmp_path: Path) -> None:
    for kind in ("stop", "yield"):
        for track in range(3):
            for frame in range(4):
                picture(tmp_path / "signs" / kind / f"{track:05}_{frame:05}.png", seed=frame)
    found = written(tmp_path / "signs", tmp_path / "run.toml")
    groups = load_config(tmp_path / "run.toml").train.groups
    assert (found.look.tracks, groups) == (6, found.look.groups)


def test_numbered_images_of_a_class_are_no_tracks(tmp_path: Path) -> None:
    for k in range(8):
        picture(tmp_path / "Forest" / f"Forest_{k}.png", seed=k)
        picture(tmp_path / "River" / f"River_{k}.png", seed=k)
    assert look_at(tmp_path, 5.0).groups is None


def test_a_file_that_cannot_be_read_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    root = folder(tmp_path / "photos")
    (root / "disc" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and then nothing")
    with pytest.raises(InputError, match=r"broken\.png(.|\n)*nothing is written"):
        written(root, tmp_path / "run.toml")
    assert not (tmp_path / "run.toml").exists()


def test_grey_beside_colour_is_refused(tmp_path: Path) -> None:
    root = folder(tmp_path / "photos")
    picture(root / "disc" / "grey.png", mode="L")
    with pytest.raises(InputError, match="1 of 9 images are grey"):
        written(root, tmp_path / "run.toml")


def test_a_file_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    out = tmp_path / "run.toml"
    out.write_text("mine")
    with pytest.raises(ConfigurationError, match="--force"):
        written(folder(tmp_path / "photos"), out)
    assert out.read_text() == "mine"


def test_a_folder_with_a_strange_name_is_a_comment_and_a_path(tmp_path: Path) -> None:
    root = folder(tmp_path / 'a "b"\\c\n[model]\nspec = 1')
    written(root, tmp_path / "run.toml")
    assert load_config(tmp_path / "run.toml").data.spec == str(root)


def test_train_and_certify_take_the_run_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder(tmp_path / "photos" / "train", count=6, side=16)
    folder(tmp_path / "photos" / "test", count=2, side=16)

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(app, [*arguments])
        assert result.exit_code == 0, result.output
        return result.stdout

    found = json.loads(run("init", "photos", "-r=-5:5", "--seconds=0", "--json"))
    assert found["splits"] == ["test", "train"]
    assert found["next"][0] == "gsmooth train -c run.toml --out net.pt"
    train = ["--set=train.epochs=1", "--set=model.options.width=4", "--set=engine.threads=1"]
    run("train", "-c", "run.toml", "--out", "net.pt", *train)
    planned = run("certify", "-c", "net.toml", "--dry-run", "--seed=0")
    assert "4 images" in planned
