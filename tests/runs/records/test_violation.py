"""A wrong certificate stops the run, is saved, ends the command with its code, and is repeated."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from gsmooth.errors import RecordError, ViolationError
from gsmooth.runs.config.run_file import load_config
from gsmooth.runs.execute import run_certify
from gsmooth.runs.records.folder import read_records
from gsmooth.runs.records.violation import repeated
from tests.runs.tmp_project import SETTINGS, Notebook, enter, tmp_project_config

FALSE_BOUND = """
from dataclasses import dataclass
from typing import ClassVar

from gsmooth.transforms.base import Parameter, Transformation
from gsmooth.transforms.bounds import TransformationBounds


class SlothBounds(TransformationBounds):
    def action_error(self, z, reach, offset):
        return 0.0

    def derivative_bound(self, x, lower, upper):
        return lower.new_full(lower.shape, 0.001)

    def attack_derivative_bound(self, x, lower, upper):
        return lower.new_full(lower.shape, 0.001)


@dataclass(frozen=True)
class Sloth(Transformation):
    '''Flashes in a narrow spot of theta, and claims that nothing moves much anywhere.'''

    name: ClassVar[str] = "sloth"
    parameters: ClassVar[tuple[Parameter, ...]] = (Parameter("glow", "1"),)
    orthogonal: ClassVar[bool] = True
    bounds_class = SlothBounds

    def act(self, z, *theta):
        return z

    def attack(self, x, *theta):
        glow = theta[0].reshape(-1, 1, 1, 1)
        return x + 0.8 * (-(((glow - 0.4937) / 0.002) ** 2)).exp()



class SunriseBounds(SlothBounds):
    def breakpoints(self, axis, lower, upper):
        return (0.8,)

    def derivative_bound(self, x, lower, upper):
        return (lower >= 0.8) * 15.999 + 0.001

    attack_derivative_bound = derivative_bound


@dataclass(frozen=True)
class Sunrise(Sloth):
    '''As the sloth, and honestly bright beyond .8.'''

    name: ClassVar[str] = "sunrise"
    bounds_class = SunriseBounds

    def attack(self, x, *theta):
        flash = super().attack(x, *theta) - x
        return x + 0.75 * flash + 4.0 * (theta[0].reshape(-1, 1, 1, 1) - 0.8).relu()
"""
SLOTH = (
    "transformation.name=sloth_net:Sloth",
    "smoothing.scales=[1.0]",
    "region.lower=[0.0]",
    "region.upper=[1.0]",
    "region.l2=0.0",
    "engine.in_flight=1",
    "attack.points=1200",
)
LIAR = (
    "transformation.name=tmp_project_net:BrokenTransformation",
    "smoothing.scales=[1.0]",
    "region.lower=[0.0]",
    "region.upper=[1.0]",
    "region.l2=0.0",
    "engine.in_flight=1",
)


@pytest.fixture(autouse=True)
def working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    enter(tmp_path, monkeypatch, "sloth_net")
    (tmp_path / "sloth_net.py").write_text(FALSE_BOUND)


@pytest.mark.parametrize("lie", [SLOTH, LIAR], ids=["derivative bound", "composition law"])
def test_a_false_claim_is_caught_saved_and_repeated(lie: tuple[str, ...]) -> None:
    with pytest.raises(ViolationError, match="image 0: certified as class 0") as caught:
        run_certify(tmp_project_config(*lie), Notebook())
    assert "false claim of the transformation" in str(caught.value)
    (row,) = read_records("run").rows
    report = Path("run/violations/image-0.json")
    told = json.loads(report.read_text())["case"]
    assert (told["label_found"], told["row"]["certified_label"]) == (1, 0)
    again = repeated(report)
    assert again.stands
    assert again.moved == 0.0
    assert list(again.prediction.counts) == told["counts_found"]
    assert row.attack is not None
    assert row.attack.label == 1


def test_a_violation_is_repeated_without_the_data() -> None:
    with pytest.raises(ViolationError):
        run_certify(tmp_project_config(*LIAR), Notebook())
    Path("images.npz").unlink()
    assert repeated("run/violations/image-0.json").stands


def test_a_violation_does_not_stand_where_the_model_is_another() -> None:
    with pytest.raises(ViolationError):
        run_certify(tmp_project_config(*LIAR), Notebook())
    report = Path("run/violations/image-0.json")
    torch.save({"threshold": torch.tensor(2.0)}, "net.pt")
    told = json.loads(report.read_text())
    told["config"]["model"]["weights"] = "net.pt"
    report.write_text(json.dumps(told))
    assert not repeated(report).stands


def test_a_part_that_is_certified_is_attacked_although_the_whole_region_falls() -> None:
    """The worst of the region lies outside of what is certified here, and refutes nothing."""
    settings = (*SLOTH, "transformation.name=sloth_net:Sunrise", "certify.mode=radius")
    eight = ("certify.n=640", "certify.centres=8", "smoothing.sigma=0.5")
    with pytest.raises(ViolationError, match=r"image 0: certified as class 0") as caught:
        run_certify(tmp_project_config(*settings, *eight), Notebook())
    assert "theta = [0.49" in str(caught.value)
    (row,) = read_records("run").rows
    assert row.claim.fraction is not None
    assert 0.5 < row.claim.fraction < 0.9
    assert row.attack is not None
    assert row.attack.theta[0] > 0.9
    assert repeated("run/violations/image-0.json").stands


def test_a_violation_under_a_secret_seed_is_repeated_with_its_file_alone() -> None:
    Path("mine").write_text("5ec8e7" * 8)
    Path("mine").chmod(0o600)
    secret = [setting for setting in SETTINGS if not setting.startswith("smoothing.seed")]
    with pytest.raises(ViolationError, match="image 0: certified as class 0"):
        run_certify(load_config(None, [*secret, *LIAR, "smoothing.seed_file=mine"]), Notebook())
    report = Path("run/violations/image-0.json")
    assert "5ec8e7" * 8 not in report.read_text()
    told = json.loads(report.read_text())["case"]
    assert list(repeated(report).prediction.counts) == told["counts_found"]
    Path("mine").write_text("0ddba11" * 8)
    with pytest.raises(RecordError, match="not the one that its run"):
        repeated(report)


@pytest.mark.parametrize("flags", [(), ("--json",)])
def test_the_command_ends_with_the_code_of_a_violation(flags: tuple[str, ...]) -> None:
    settings = [part for setting in (*SETTINGS, *SLOTH) for part in ("--set", setting)]
    found = subprocess.run(
        [sys.executable, "-m", "gsmooth", "certify", *settings, *flags],
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == ViolationError.exit_code == 9, found.stderr
    assert "image 0: certified as class 0, but at theta" in found.stderr
    if flags:
        assert json.loads(found.stdout)["error"]["kind"] == "ViolationError"


@pytest.mark.parametrize("spoil", ["missing", "torn", "foreign", "no pixels"])
def test_files_that_are_no_violation_are_refused(spoil: str) -> None:
    with pytest.raises(ViolationError):
        run_certify(tmp_project_config(*LIAR), Notebook())
    report = Path("run/violations/image-0.json")
    if spoil == "missing":
        report.unlink()
    elif spoil == "torn":
        report.write_text(report.read_text()[:-40])
    elif spoil == "foreign":
        report.write_text("{}")
    else:
        np.savez(report.with_suffix(".npz"), image=np.zeros((1, 4, 4)))
    with pytest.raises(RecordError):
        repeated(report)
