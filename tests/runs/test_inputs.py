"""Data meet the model in one place: the declared range, the split, the names of classes."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from typer.testing import CliRunner, Result

from gsmooth.cli import app
from gsmooth.cli.output import as_lines
from gsmooth.data.dataset import dataset_from_arrays
from gsmooth.errors import ConfigurationError, InputError
from gsmooth.report.contact_sheet import views
from gsmooth.report.tables import render, summarize
from gsmooth.runs.calibrate import image_error, run_calibrate
from gsmooth.runs.config.identity import fingerprint
from gsmooth.runs.execute import run_certify
from gsmooth.runs.inputs import recorded_data
from gsmooth.runs.records.folder import read_records
from gsmooth.runs.training_data import TrainingData
from gsmooth.transforms import registry
from tests.runs.tmp_project import Notebook, enter, tmp_project_config

BYTES = np.array([0, 1, 51, 127, 128, 200, 254, 255], dtype=np.uint8).reshape(2, 1, 2, 2)

THREE = '''
import torch
from torch import nn


class Thirds(nn.Module):
    """Class 0, 1 or 2 by the third of [0, 1] in which the mean lies."""

    def forward(self, x):
        mean = x.flatten(1).mean(dim=1, keepdim=True)
        return -(mean - torch.tensor([1 / 6, 1 / 2, 5 / 6])).abs()


def build():
    return Thirds()
'''


@pytest.fixture(autouse=True)
def working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    enter(tmp_path, monkeypatch, "thirds")
    (tmp_path / "thirds.py").write_text(THREE)
    return tmp_path


def gsmooth(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def photos(folder: Path, **levels: int) -> None:
    """One constant 4 x 4 image a class, of that level."""
    for name, level in levels.items():
        (folder / name).mkdir(parents=True)
        Image.new("L", (4, 4), level).save(folder / name / "1.png")


THIRDS = (
    "--model=thirds:build",
    "--set=model.shape=[1,4,4]",
    "--transformation=gaussian",
    "--sigma=0.1",
    "--seed=0",
    "--set=engine.batch_size=64",
    "--set=engine.threads=1",
)


@pytest.mark.parametrize("ends", [(0.0, 1.0), (0.0, 255.0), (-1.0, 1.0), (-2.1, 2.6), (0.1, 0.3)])
def test_bytes_are_mapped_onto_the_declared_range(ends: tuple[float, float]) -> None:
    found = dataset_from_arrays("a", BYTES, np.array([0, 1])).for_range(ends)
    low, high = ends
    pixels = np.stack([found.image(index).numpy() for index in range(2)])
    np.testing.assert_allclose(pixels, low + BYTES / 255.0 * (high - low), rtol=0, atol=1e-12)
    assert (pixels.min(), pixels.max()) == ends


def test_the_usual_range_gives_the_same_numbers_as_ever() -> None:
    found = dataset_from_arrays("a", BYTES, np.array([0, 1])).for_range((0.0, 1.0))
    assert (found.image(0).numpy() == BYTES[0] / 255.0).all()
    single = found.pixels(np.arange(2), np.float32)
    assert single.dtype == np.float32
    assert (single == BYTES.astype(np.float32) / np.float32(255.0)).all()


def test_bytes_of_255_stay_what_they_are() -> None:
    found = dataset_from_arrays("a", BYTES, np.array([0, 1])).for_range((0.0, 255.0))
    assert (found.image(1).numpy() == BYTES[1]).all()


@pytest.mark.parametrize(("low", "high"), [(0.0, 0.5), (0.5, 1.0)])
def test_floats_outside_the_range_are_refused(low: float, high: float) -> None:
    images = np.array([0.5, 0.5, 0.25, 0.75]).reshape(2, 1, 1, 2)
    data = dataset_from_arrays("a", images, np.array([0, 1]))
    with pytest.raises(InputError, match=r"image 1: values in \[0\.25, 0\.75\], outside .*\(1 "):
        data.for_range((low, high))
    assert (data.for_range((0.25, 0.75)).image(1).numpy() == images[1]).all()


def test_one_dark_image_among_others_is_no_question() -> None:
    images = np.zeros((2, 1, 2, 2), dtype=np.uint8)
    images[0, 0, 0, 0] = 1
    with pytest.raises(InputError, match="is 1 white, or nearly black"):
        dataset_from_arrays("a", images, np.array([0, 1]))
    images[1] = 9
    assert len(dataset_from_arrays("a", images, np.array([0, 1]))) == 2


def test_all_commands_give_the_model_bytes_in_its_range(tmp_path: Path) -> None:
    """In [0, 255] the threshold 0.5 of the tmp_project's network lies between the bytes 0 and 1.

    Divided by 255 as they were, all images of 2 to 3 would be class 0.
    """
    images = np.full((4, 1, 4, 4), 3, dtype=np.uint8)
    images[::2] = 0
    np.savez(tmp_path / "bytes.npz", x=images, y=np.array([0, 1, 0, 1]))
    config = tmp_project_config(
        "data.spec=bytes.npz", "model.input_range=[0,255]", "smoothing.sigma=0.25", "region.l2=0.2"
    )
    run_certify(config, Notebook())
    rows = read_records(tmp_path / "run").rows
    assert [row.decision.certified_label for row in rows] == [0, 1, 0, 1]
    assert [row.image.clean_prediction for row in rows] == [0, 1, 0, 1]
    line = views(
        registry.load_transformation("gaussian"),
        recorded_data(read_records(tmp_path / "run").header.config, "bytes.npz"),
        rows[1],
        (0.0, 255.0),
    )
    assert line[0].pixels.max() == 3.0


def test_training_sees_bytes_in_the_range_too(tmp_path: Path) -> None:
    data = dataset_from_arrays("a", BYTES, np.array([0, 1])).for_range((-1.0, 1.0))
    nothing = np.arange(0)
    keys = np.zeros(2, dtype=np.uint64)
    source = TrainingData(data, np.arange(2), nothing, nothing, keys).source(pin=False)
    (images,) = source.batches([torch.arange(2)])
    assert images.dtype == torch.float32
    np.testing.assert_allclose(images.numpy(), BYTES / 127.5 - 1.0, rtol=0, atol=1e-6)
    assert source.labels.tolist() == [0, 1]


def test_a_calibration_is_in_the_units_of_its_range(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (60, 1, 6, 6), dtype=np.uint8)
    np.savez(tmp_path / "bytes.npz", x=images, y=np.arange(60) % 2)
    config = tmp_project_config(
        "data.spec=bytes.npz",
        "model.shape=[1,6,6]",
        "model.input_range=[0,255]",
        "transformation.name=rotation",
        "region.lower=[-2.0]",
        "region.upper=[2.0]",
        "region.l2=0.0",
        "data.limit=4",
    )
    found = run_calibrate(config, tmp_path / "c.json", Notebook(), share=0.5, alpha=0.25)
    operator = registry.load_transformation("rotation").for_shape((1, 6, 6))
    data = dataset_from_arrays("a", images, np.zeros(60, int))
    errors = [
        image_error(operator, data.for_range((0.0, 255.0)).image(index), found.region)
        for index in range(4)
    ]
    assert sorted(found.errors) == sorted(errors)
    assert found.input_range == (0.0, 255.0)
    found.require_range((0.0, 255.0))
    with pytest.raises(ConfigurationError, match=r"of images in \[0\.0, 255\.0\], but the model"):
        found.require_range((0.0, 1.0))


def test_a_file_without_splits_is_certified_whole_or_not_at_all(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"images\.npz: it has no split 'heldout'"):
        run_certify(tmp_project_config("data.split=heldout"), Notebook())
    run_certify(tmp_project_config("data.limit=2", "attack.enabled=false"), Notebook())
    config = tomllib.loads((tmp_path / "run" / "config.toml").read_text())
    assert config["data"]["split"] == "all"


@pytest.mark.parametrize("command", ["certify", "predict", "train", "calibrate"])
def test_every_command_refuses_a_split_that_the_data_do_not_have(command: str) -> None:
    out = ["--out=x.json"] if command in ("train", "calibrate") else []
    region = [] if command == "predict" else ["--region=-1:1"]
    result = gsmooth(
        command, "--data=images.npz", "-t", "rotation", *region, *out, "--set=data.split=train"
    )
    assert result.exit_code == 2, result.output
    assert "it has no split 'train', nor any other" in result.stderr


def test_a_split_that_was_not_named_is_recorded(tmp_path: Path) -> None:
    images = np.full((2, 1, 4, 4), 0.9)
    np.savez(tmp_path / "s.npz", x_train=images, y_train=[1, 1], x_test=images, y_test=[1, 1])
    run_certify(tmp_project_config("data.spec=s.npz", "attack.enabled=false"), Notebook())
    assert read_records(tmp_path / "run").header.config["data"] == {
        "spec": "s.npz",
        "split": "test",
        "resize": None,
        "crop": None,
        "background": None,
        "start": 0,
        "every": 1,
        "limit": None,
        "unseen": False,
        "shard": None,
    }


def test_a_subset_of_class_folders_is_refused_until_the_outputs_have_names(tmp_path: Path) -> None:
    """Dark is output 0 and light output 2; as they lie light would be label 1, and wrong."""
    photos(tmp_path / "pics", dark=10, light=250)
    refused = gsmooth("predict", *THIRDS, "--data=pics", "--n=64")
    assert refused.exit_code == 3
    assert "2 classes, but thirds:build has 3 outputs" in refused.stderr
    assert "--classes FILE" in refused.stderr
    (tmp_path / "names.txt").write_text("dark\ngrey\nlight\n")
    found = gsmooth("predict", *THIRDS, "--data=pics", "--n=64", "--classes=names.txt", "--json")
    assert found.exit_code == 0, found.output
    told = json.loads(found.stdout)
    assert [p["label"] for p in told["predictions"]] == [0, 2]
    assert told["clean_accuracy"] == 1.0
    assert told["config"]["model"]["class_names"] == ["dark", "grey", "light"]


def test_an_empty_class_folder_shifts_no_label(tmp_path: Path) -> None:
    photos(tmp_path / "pics", dark=10, light=250)
    (tmp_path / "pics" / "grey").mkdir()
    found = gsmooth("predict", *THIRDS, "--data=pics", "--n=64", "--json")
    assert [p["label"] for p in json.loads(found.stdout)["predictions"]] == [0, 2]
    assert "data pics: 1 of 3 classes without images: 'grey'" in found.stderr


def test_predictions_are_printed_by_name(tmp_path: Path) -> None:
    photos(tmp_path / "pics", **{"[red]dark": 10, "grey": 128, "light": 128})
    found = gsmooth("predict", *THIRDS, "--data=pics", "--n=64")
    rows = [line.split() for line in found.stdout.splitlines() if "│" in line]
    assert rows[0][1:8:2] == ["0", "[red]dark", "[red]dark", "[red]dark"]
    assert rows[2][1:8:2] == ["2", "light", "grey", "grey"]


def test_names_are_kept_with_the_run_and_are_not_its_identity(tmp_path: Path) -> None:
    plain, named = tmp_project_config(), tmp_project_config('model.class_names=["low","high"]')
    assert fingerprint(plain) == fingerprint(named)
    run_certify(named, Notebook())
    config = tomllib.loads((tmp_path / "run" / "config.toml").read_text())
    assert config["model"]["class_names"] == ["low", "high"]
    header = read_records(tmp_path / "run").header
    assert recorded_data(header.config, "images.npz").classes == ("low", "high")
    assert header.class_names == ("low", "high")


def test_training_from_folders_keeps_their_names(tmp_path: Path) -> None:
    photos(tmp_path / "pics", high=200, low=20)
    result = gsmooth(
        "train",
        "--model=tmp_project_net:build",
        "--set=model.shape=[1,4,4]",
        "--data=pics",
        "--transformation=rotation",
        "--region=-1:1",
        "--sigma=0.1",
        "--std=1",
        "--epochs=1",
        "--out=net.pt",
    )
    assert result.exit_code == 0, result.output
    config = tomllib.loads((tmp_path / "net.toml").read_text())
    assert config["model"]["class_names"] == ["high", "low"]


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("data.resize=0", "data.resize: expected a number of pixels, or [height, width]"),
        ("data.resize=[4]", "data.resize: expected a number of pixels, or [height, width]"),
        ("data.crop=true", "data.crop: expected a number of pixels, or [height, width]"),
        ('model.class_names=["a",""]', "model.class_names: expected a list of names in the order"),
        ("model.class_names={a=-1}", "model.class_names: expected a list of names in the order"),
    ],
)
def test_fields_of_several_forms_say_what_they_are_in_one_line(setting: str, expected: str) -> None:
    result = gsmooth("certify", f"--set={setting}")
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"gsmooth: --set {setting}: {expected}")


def test_resizing_is_part_of_the_identity_and_is_said(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    pixels: NDArray[np.uint8] = rng.integers(0, 256, (2, 1, 9, 9), dtype=np.uint8)
    np.savez(tmp_path / "big.npz", x=pixels, y=np.array([0, 1]))
    with pytest.raises(InputError, match=r"takes \(1, 4, 4\); .*data\.resize=\[4, 4\]"):
        run_certify(tmp_project_config("data.spec=big.npz"), Notebook())
    small = tmp_project_config("data.spec=big.npz", "data.resize=6", "data.crop=[4,4]")
    assert fingerprint(small) != fingerprint(tmp_project_config("data.spec=big.npz"))
    notebook = Notebook()
    run_certify(small, notebook)
    assert notebook.lines[0] == (
        "data big.npz: the images are resized to shortest side 6 (Pillow, bilinear, antialiased),"
        " cut to the centre 4 x 4: certificates are about those"
    )
    records = read_records(tmp_path / "run")
    assert records.header.data_notices == (notebook.lines[0],)
    assert records.header.identity["data"]["resize"] == 6  # type: ignore[index]
    assert recorded_data(records.header.config, "big.npz").shape == (1, 4, 4)
    table = "\n".join(as_lines(render(summarize(records))))
    assert "certified are images" in table
    assert "resized to shortest side 6" in table


def test_images_of_one_class_out_of_many_are_told() -> None:
    labels = np.repeat([0, 1], 6)
    np.savez("sorted.npz", x=np.tile(labels[:, None, None, None] * 1.0, (1, 1, 4, 4)), y=labels)
    notes = Notebook()
    run_certify(tmp_project_config("data.spec=sorted.npz", "data.limit=3"), notes)
    assert (
        "data sorted.npz: all 3 images of this run are of class 0; for images of other classes too"
        " give --set data.every=4"
    ) in notes.lines


@pytest.mark.parametrize("part", ["data.every=4", "data.limit=1"])
def test_images_of_several_classes_and_single_images_need_no_telling(part: str) -> None:
    labels = np.repeat([0, 1], 6)
    np.savez("sorted.npz", x=np.tile(labels[:, None, None, None] * 1.0, (1, 1, 4, 4)), y=labels)
    notes = Notebook()
    run_certify(tmp_project_config("data.spec=sorted.npz", part), notes)
    assert not [line for line in notes.lines if "are of class" in line]
