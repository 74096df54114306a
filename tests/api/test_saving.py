"""Results are saved as the records of a run: verified, reported, completed, and never mixed."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from typer.testing import CliRunner

import gsmooth as gs
from gsmooth.api.results import Results
from gsmooth.cli.app import app
from gsmooth.errors import ConfigurationError, InputError, ModelError, RecordError
from gsmooth.runs.records.folder import read_records
from gsmooth.sampling.noise import Seed
from tests.api.objects import Mean, images, smoothed

BALL = gs.Region(l2=0.1)
LABELS = [1, 0, 1, 1]


def results(net: Mean | None = None, *, seed: Seed | None = 0, **arguments: Any) -> Results:
    return gs.certify(smoothed(net, seed=seed), images(), BALL, labels=LABELS, **arguments)


def test_a_saved_folder_is_sound_and_complete(tmp_path: Path) -> None:
    report = gs.verify(results().save(tmp_path / "run"))
    assert report.sound
    assert report.complete
    assert (report.checked, report.certified) == (4, 3)


@pytest.mark.parametrize(
    "arguments",
    [
        {"order": "inside-out"},
        {"mode": "radius", "n": 500},
        {"mode": "radius", "n": 500, "bound": "sequence"},
        {"alpha": 0.01, "max_votes": 700, "n0": 100, "centres": 1},
    ],
)
def test_every_rule_is_saved_so_that_it_verifies(arguments: dict[str, Any], tmp_path: Path) -> None:
    report = gs.verify(results(**arguments).save(tmp_path / "run"))
    assert report.faults == ()
    assert report.complete


@pytest.mark.parametrize(
    ("transformation", "noise", "region"),
    [
        ("rotation", {"std": {"angle": 4.0}}, gs.Region(angle=(-1, 1))),
        ("rotation", {"std": {}}, gs.Region(angle=(-0.01, 0.01))),
        ("rotation", {"noise": {"angle": gs.Uniform(8.0)}}, gs.Region(angle=(-1, 1), bits=8)),
        ("blur", {"noise": {"variance": gs.Exponential(2.0)}}, gs.Region(variance=(0, 0.1))),
        (
            "rotation+brightness",
            {"std": {"angle": 4.0, "brightness": 0.0}},
            gs.Region(brightness=(0, 0.01), angle=(-1, 1)),
        ),
    ],
)
def test_every_noise_is_saved_so_that_it_verifies_and_is_reported(
    transformation: str, noise: dict[str, Any], region: gs.Region, tmp_path: Path
) -> None:
    g = gs.SmoothedClassifier(
        Mean(), transformation, sigma=0.25, num_classes=2, input_shape=(1, 9, 9), seed=0, **noise
    )
    found = gs.certify(g, torch.full((1, 9, 9), 0.9), region, labels=1)
    folder = found.save(tmp_path / "run")
    assert gs.verify(folder).faults == ()
    assert read_records(folder).rows[0].randomness.noise.build() == g.law
    assert gs.report.summarize(folder).images == 1


def test_the_commands_take_a_saved_folder(tmp_path: Path) -> None:
    folder = str(results().save(tmp_path / "run"))
    assert CliRunner().invoke(app, ["verify", folder]).exit_code == 0
    told = CliRunner().invoke(app, ["report", folder, "--no-figures", "--json"])
    assert told.exit_code == 0
    assert json.loads(told.stdout)["runs"][0]["summary"]["images"] == 4


def test_records_name_network_weights_shape_and_images(tmp_path: Path) -> None:
    folder = results().save(tmp_path / "run")
    header = json.loads((folder / "run.json").read_text())
    model = header["identity"]["model"]
    assert model["spec"] == "in-memory:Mean"
    assert (model["classes"], model["shape"]) == (2, [1, 4, 4])
    assert header["identity"]["data"]["spec"] == "in-memory"
    assert {"weights", "images"} <= header["identity"]["digests"].keys()


def test_what_is_read_back_is_what_was_found(tmp_path: Path) -> None:
    found = results()
    folder = found.save(tmp_path / "run")
    again = gs.certify(found.smoothed, images(), BALL, labels=LABELS)
    again.save(folder)
    assert [r.certificate for r in again] == [r.certificate for r in found]
    assert [(r.prediction, r.votes) for r in again] == [(r.prediction, r.votes) for r in found]


def test_a_folder_is_completed_and_nothing_is_computed_twice(tmp_path: Path) -> None:
    folder = results().save(tmp_path / "run")
    lines = (folder / "records.jsonl").read_text().splitlines(keepends=True)
    (folder / "records.jsonl").write_text("".join(lines[:2]))
    found = results()
    found.save(folder)
    kept = [json.loads(line) for line in lines[:2]]
    # The seconds of another computation would differ.
    assert [found[row["index"]].seconds for row in kept] == [row["seconds"] for row in kept]
    assert (folder / "records.jsonl").read_text().startswith("".join(lines[:2]))
    assert gs.verify(folder).complete


def test_the_same_network_goes_on_and_another_one_is_refused(tmp_path: Path) -> None:
    folder = results().save(tmp_path / "run")
    results().save(folder)
    with pytest.raises(RecordError, match=r"digests\.weights"):
        results(Mean(slope=9.0)).save(folder)


class Moved(Mean):
    """Adds a number, which is no parameter, to every pixel."""

    added = 0.0

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x + self.added)


def test_the_same_weights_in_another_function_are_refused(tmp_path: Path) -> None:
    net = Moved()
    folder = results(net).save(tmp_path / "run")
    results(net).save(folder)
    net.added = 2.0
    with pytest.raises(RecordError, match="another network with the same weights: for image 1"):
        results(net).save(folder)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (lambda: gs.certify(smoothed(), images() * 0.9, BALL, labels=LABELS), r"digests\.images"),
        (lambda: gs.certify(smoothed(), images(), gs.Region(l2=0.2), labels=LABELS), r"region\.l2"),
        (lambda: gs.certify(smoothed(seed=1), images(), BALL, labels=LABELS), r"smoothing\.seed"),
        (lambda: gs.certify(smoothed(), images(), BALL, labels=LABELS, alpha=0.01), "alpha"),
        (lambda: gs.certify(smoothed(), images(), BALL, labels=[0, 0, 0, 0]), r"digests\.images"),
    ],
)
def test_another_run_is_refused_with_what_differs(other: Any, message: str, tmp_path: Path) -> None:
    folder = results().save(tmp_path / "run")
    before = (folder / "records.jsonl").read_bytes()
    with pytest.raises(RecordError, match=message):
        other().save(folder)
    assert (folder / "records.jsonl").read_bytes() == before


def test_a_secret_seed_is_kept_for_its_owner_and_goes_on(tmp_path: Path) -> None:
    folder = results(seed=None).save(tmp_path / "run")
    assert stat.S_IMODE((folder / "seed.secret").stat().st_mode) == 0o600
    assert "seed.secret" not in (folder / "run.json").read_text()
    with pytest.raises(RecordError, match=r"gsmooth\.load_seed"):
        results(seed=None).save(folder)
    seed = gs.load_seed(folder)
    results(seed=seed).save(folder)
    assert gs.verify(folder, seed=seed).sound


def test_a_seed_that_is_kept_without_a_run_is_not_overwritten(tmp_path: Path) -> None:
    folder = results(seed=None).save(tmp_path / "run")
    (folder / "run.json").unlink()
    (folder / "records.jsonl").unlink()
    with pytest.raises(RecordError, match="keeps another secret seed"):
        results(seed=None).save(folder)
    assert gs.verify(results(seed=gs.load_seed(folder)).save(folder)).sound


def test_online_certificates_are_saved_so_that_they_verify(tmp_path: Path) -> None:
    g = gs.SmoothedClassifier(
        Mean(), "rotation", std={"angle": 4.0}, sigma=0.25, num_classes=2, input_shape=(1, 9, 9)
    )
    received = torch.full((1, 9, 9), 230, dtype=torch.uint8)
    region = gs.Region(angle=(-1, 1), bits=8)
    found = gs.certify(g, received, region, guarantee="online", seconds=1.0, labels=1)
    report = gs.verify(found.save(tmp_path / "run"))
    assert report.faults == ()
    assert found.plot().axes


def test_without_labels_nothing_is_saved(tmp_path: Path) -> None:
    found = gs.certify(smoothed(), images(), BALL)
    with pytest.raises(InputError, match="give labels"):
        found.save(tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_labels_of_the_accuracy_are_those_that_are_saved(tmp_path: Path) -> None:
    found = gs.certify(smoothed(), images(), BALL)
    found.certified_accuracy(LABELS)
    rows = read_records(found.save(tmp_path / "run")).rows
    assert [row.image.label for row in rows] == LABELS


def test_a_saved_network_or_image_is_not_loaded_by_its_name() -> None:
    with pytest.raises(ModelError, match="given as an object in Python"):
        gs.load_model("in-memory:Mean", shape=(1, 4, 4))
    with pytest.raises(InputError, match="given as objects in Python"):
        gs.load_data("in-memory")


def test_a_seed_that_is_not_there_is_named(tmp_path: Path) -> None:
    folder = results().save(tmp_path / "run")
    with pytest.raises(ConfigurationError, match=r"seed\.secret"):
        gs.load_seed(folder)


def test_a_folder_is_reported_with_curve_and_pictures(tmp_path: Path) -> None:
    folder = results().save(tmp_path / "run")
    assert gs.report.draw_curve(folder, tmp_path / "curve").exists()
    data = gs.data.Dataset(
        "images", images().numpy(), gs.data.from_arrays(images(), LABELS).labels.numpy(), ("0", "1")
    )
    assert gs.report.draw_contact_sheet(folder, data, tmp_path).exists()


def test_a_run_under_haar_noise_is_saved_with_its_law_and_verifies(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 2))
    g = gs.SmoothedClassifier(
        net,
        "rotation+brightness",
        noise={"angle": gs.Haar(), "brightness": gs.Gaussian(0.2)},
        sigma=0.25,
        num_classes=2,
        input_shape=(1, 8, 8),
        seed=0,
    )
    region = gs.Region.all(g, brightness=(-0.05, 0.05))
    results = gs.certify(g, torch.ones(2, 1, 8, 8) * 0.5, region, labels=[0, 1])
    results.save(tmp_path / "run")
    config = json.loads((tmp_path / "run" / "run.json").read_text())["config"]["smoothing"]
    assert (config["law"], config["scales"]) == (["haar", "gaussian"], [0.0, 0.2])
    gs.verify(tmp_path / "run")
