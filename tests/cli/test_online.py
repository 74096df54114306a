"""Online runs: images that are attacked already, from the command line to reports and records."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner, Result

from gsmooth import load_data, load_transformation
from gsmooth.certificate import AbstainReason, Guarantee
from gsmooth.cli import app
from gsmooth.models.cards import card
from gsmooth.runs.config.run_file import load_config
from gsmooth.runs.execute import run_certify
from gsmooth.runs.records.folder import read_records
from gsmooth.runs.verify.verify import verify_records
from tests.runs.tmp_project import Notebook, furnish

GUIDE = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
ANGLES = (6.3, -4.0, 0.0)
DIGITS = ("--data=received.npz", "--region=-10:10", "--bits=8", "--set=engine.threads=1")
ONLINE = ("certify", "--guarantee=online", "--seed=7", *DIGITS, "--out=run")

# psi_theta(x) = 0.9 x + theta: nothing that is brighter than 0.9 + theta has an original.
DIMMER = '''
from dataclasses import dataclass
from typing import ClassVar

from gsmooth.transforms.base import Enclosure, Parameter, Transformation
from gsmooth.transforms.bounds import TransformationBounds


class DimBounds(TransformationBounds):
    def action_error(self, z, reach, offset):
        return 1e-9

    def preimages(self, x, lower, upper, rounding):
        half = (rounding + (upper - lower) / 2.0) / 0.9
        centre = (x.flatten(1) - (lower + upper) / 2.0) / 0.9
        possible = ((centre + half >= 0.0) & (centre - half <= 1.0)).all(dim=1)
        return Enclosure(centre, half[:, 0] * 4.0 * (1.0 + 1e-9), possible)


@dataclass(frozen=True)
class Dim(Transformation):
    """A little less brightness, and a little light on top."""

    name: ClassVar[str] = "dim"
    parameters: ClassVar[tuple[Parameter, ...]] = (Parameter("light", "1"),)
    orthogonal: ClassVar[bool] = True
    bounds_class = DimBounds

    def act(self, z, light):
        return z + light

    def attack(self, x, *theta):
        return 0.9 * x + theta[0].reshape(-1, 1, 1, 1)
'''


@pytest.fixture(autouse=True)
def working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name in ("tmp_project_net", "dimmer"):
        monkeypatch.delitem(sys.modules, name, raising=False)


def gsmooth(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def receive() -> None:
    """Three shipped digits, rotated and rounded as an attacker sends them, in received.npz."""
    shipped = card("shipped:digits-rotation")
    assert shipped is not None
    operator = load_transformation("rotation", dict(shipped.smoothing.options))
    digits = load_data("shipped:digits")
    images = [
        operator.attack(digits.image(k)[None], torch.tensor([[angle]], dtype=torch.float64))
        for k, angle in enumerate(ANGLES)
    ]
    pixels = (torch.cat(images).clamp(0.0, 1.0) * 255.0).round().to(torch.uint8)
    np.savez("received.npz", x=pixels.numpy(), y=digits.labels[: len(ANGLES)])


def test_attacked_digits_are_certified_with_all_their_originals_from_the_command_line() -> None:
    receive()
    result = gsmooth(*ONLINE)
    assert result.exit_code == 0, result.output
    records = read_records("run")
    assert [row.claim.guarantee for row in records.rows] == [Guarantee.ONLINE] * 3
    assert all(row.attack is None for row in records.rows)
    assert sum(row.correct_up_to(1.0) for row in records.rows) >= 2
    assert "attacked already: no further attack" in result.stderr
    told = " ".join(re.sub(r"[│┃]", " ", result.stdout).split())
    assert "certified of every original" in told
    assert "online: proved of every original" in told
    assert "under attack" not in told
    assert gsmooth("verify", "run").exit_code == 0
    again = gsmooth("certify", "--config", "run/config.toml")
    assert "3 of 3 images are in run already" in again.stderr
    # The data have the classes 0 to 2 alone; digit 2 is certified as a class without a name there.
    report = gsmooth("report", "run", "--data=received.npz", "--json")
    assert report.exit_code == 0, report.output
    assert "run/contact_sheet.png" in json.loads(report.stdout)["files"]


def test_radius_mode_is_about_originals_too() -> None:
    receive()
    result = gsmooth(*ONLINE, "--mode=radius", "--set=certify.n=512", "--limit=1", "--json")
    assert result.exit_code == 0, result.output
    (run,) = json.loads(result.stdout)["runs"]
    assert run["summary"]["online"] is True
    assert verify_records("run").sound


def dim(*overrides: str) -> None:
    """A run on constant images that a dimmer sent; none above 0.91 can be his."""
    furnish(Path())
    Path("dimmer.py").write_text(DIMMER)
    levels = (0.8, 0.95, 0.1)
    images = np.stack([np.full((1, 4, 4), level) for level in levels])
    np.savez("images.npz", x=images, y=np.array([1, 1, 0]))
    settings = (
        "model.spec=tmp_project_net:build",
        "model.shape=[1,4,4]",
        "data.spec=images.npz",
        "transformation.name=dimmer:Dim",
        "smoothing.sigma=0.25",
        "smoothing.scales=[0.1]",
        "smoothing.seed=7",
        "region.lower=[0.0]",
        "region.upper=[0.01]",
        "certify.guarantee=online",
        "engine.threads=1",
        "output.folder=run",
    )
    run_certify(load_config(None, [*settings, *overrides]), Notebook())


@pytest.mark.parametrize("mode", ["region", "radius"])
def test_an_image_without_an_original_is_abstained_from_and_the_others_are_not_lost(
    mode: str,
) -> None:
    dim(f"certify.mode={mode}", "certify.n=512")
    rows = {row.index: row for row in read_records("run").rows}
    assert [rows[k].decision.outcome for k in range(3)] == ["certified", "abstained", "certified"]
    assert (rows[1].decision.reason, rows[1].counts.evidence) == (AbstainReason.IMPOSSIBLE, ())
    assert (rows[0].decision.certified_label, rows[2].decision.certified_label) == (1, 0)
    assert verify_records("run").sound
    assert "1 impossible" in gsmooth("report", "run").stdout


def test_verify_refuses_an_online_row_in_another_run_and_an_impossible_one_with_votes() -> None:
    dim()
    folder = Path("run")
    header = json.loads((folder / "run.json").read_text())
    lines = (folder / "records.jsonl").read_text()
    forged = [json.loads(line) for line in lines.splitlines()]
    centre = max((row["evidence"] for row in forged), key=len)
    for row in forged:
        row["evidence"] = row["evidence"] or centre
    (folder / "records.jsonl").write_text("".join(json.dumps(row) + "\n" for row in forged))
    assert "reason" in {fault.field for fault in verify_records("run").faults}
    (folder / "records.jsonl").write_text(lines)
    header["config"]["certify"]["guarantee"] = "individual"
    (folder / "run.json").write_text(json.dumps(header))
    assert "guarantee" in {fault.field for fault in verify_records("run").faults}


def test_a_heuristic_online_cover_is_not_attacked_either() -> None:
    dim("smoothing.grid=0.0", "data.limit=1")
    (row,) = read_records("run").rows
    assert (row.claim.guarantee, row.attack) == (Guarantee.HEURISTIC, None)
    assert verify_records("run").sound


def test_a_time_limit_belongs_to_online_runs_alone_and_unlimited_survives_its_run_file() -> None:
    from gsmooth.runs.config.identity import fingerprint
    from gsmooth.runs.config.run_config import to_toml

    usual = load_config(None, [])
    assert fingerprint(usual) == fingerprint(load_config(None, ["certify.online_seconds=1"]))
    online = load_config(None, ["certify.guarantee=online", "certify.online_seconds=unlimited"])
    Path("run.toml").write_text(to_toml(online))
    assert load_config(Path("run.toml")).certify.online_seconds == "unlimited"
    assert fingerprint(online) != fingerprint(load_config(None, ["certify.guarantee=online"]))


@pytest.mark.parametrize(
    ("flag", "validation_error"),
    [
        ("--mode=nested", 'mode "nested" takes its margins from the clean image'),
        ("--set=certify.centres=clean", "needs the clean image"),
        ("--l2=0.1", "set region.l2 = 0"),
        ("--bits=0", "set --bits 8"),
        ("--set=certify.calibration=cal.json", "belong together"),
        ("--set=certify.online_seconds=0", "online_seconds"),
        ("--guarantee=offline", "'individual', 'distributional', 'online' or 'population'"),
        ("--set=certify.max_votes=20", "even unanimous votes fall short"),
        ("--set=smoothing.seed=0", "a secret one is drawn"),
    ],
)
def test_what_cannot_be_certified_online_is_refused_before_any_vote(
    flag: str, validation_error: str
) -> None:
    receive()
    result = gsmooth(*ONLINE, flag)
    assert result.exit_code == 2, result.output
    assert validation_error in result.stderr
    assert not Path("run").exists()


def test_a_transformation_that_cannot_be_undone_is_refused_before_any_vote() -> None:
    receive()
    noise = ("--transformation=gaussian", "--set=region.lower=[]", "--set=region.upper=[]")
    online = ("certify", "--guarantee=online", "--seed=7", "--data=received.npz", "--out=run")
    result = gsmooth(*online, *noise, "--sigma=0.25", "--l2=0.5")
    assert result.exit_code == 2, result.output
    assert "gaussian has no method that encloses the preimages" in result.stderr


def test_the_program_in_the_guide_attacks_two_digits_and_certifies_them_online(
    capsys: pytest.CaptureFixture[str],
) -> None:
    programs = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
    (program,) = (text for text in programs if 'guarantee="online"' in text)
    exec(compile(program, "docs/cli.md", "exec"), {})
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert any("every original is a" in line for line in lines)
