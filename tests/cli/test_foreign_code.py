"""Models, data and plugins that misbehave: one line, the right exit code, and never 0."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from gsmooth.cli import app
from tests.runs.tmp_project import enter

ZOO = """
import sys
import torch
from torch import nn


class Mean(nn.Module):
    def __init__(self):
        super().__init__()
        self.threshold = nn.Parameter(torch.tensor(0.5))
        self.passes = 0

    def forward(self, x):
        self.passes += 1
        mean = x.flatten(1).mean(dim=1)
        return torch.stack([self.threshold.expand_as(mean), mean], dim=1)


def build():
    return Mean()


class Leaves(Mean):
    def forward(self, x):
        if self.passes == LEAVES_AT:
            sys.exit(0)
        return super().forward(x)


class Raises(Mean):
    def forward(self, x):
        if self.passes == 30:
            raise ValueError("the layer broke\\nand more")
        return super().forward(x)


class SevenIsBad(Mean):
    def forward(self, x):
        if len(x) == 7:
            raise ValueError("seven rows")
        return super().forward(x)


class InPlace(Mean):
    def forward(self, x):
        mean = x.sub_(0.5).flatten(1).mean(dim=1)
        return torch.stack([torch.zeros_like(mean), mean], dim=1)


class OutOfPlace(Mean):
    def forward(self, x):
        mean = (x - 0.5).flatten(1).mean(dim=1)
        return torch.stack([torch.zeros_like(mean), mean], dim=1)


class ByNumpy(Mean):
    def forward(self, x):
        return super().forward(torch.from_numpy(x.numpy()))


class Sized(InPlace):
    def forward(self, x):
        return super().forward(x) * (1.0 if len(x) == 256 else -1.0)
"""
PLUGIN = """
import sys
from dataclasses import dataclass
from typing import ClassVar

import gsmooth
from gsmooth.transforms.base import Parameter, Transformation


@dataclass(frozen=True)
class Leaver(Transformation):
    name: ClassVar[str] = "leaver"
    parameters: ClassVar[tuple[Parameter, ...]] = (Parameter("shift", "1"),)
    calls: ClassVar[list[int]] = []

    def act(self, z, shift):
        self.calls.append(1)
        if len(self.calls) == 20:
            LEAVE
        return z + shift
"""
TMP_PROJECT = (
    "--set=model.shape=[1,4,4]",
    "--data=images.npz",
    "--transformation=gaussian",
    "--sigma=0.25",
    "--set=engine.batch_size=256",
    "--set=engine.in_flight=1",
)
CERTIFY = ("certify", *TMP_PROJECT, "--l2=0.3", "--set=attack.n=128", "--seed=0", "--out=run")


@pytest.fixture(autouse=True)
def working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    enter(tmp_path, monkeypatch, "foreign_zoo", "foreign_plugin")
    write_zoo(60)


def write_zoo(leaves_at: int) -> None:
    Path("foreign_zoo.py").write_text(ZOO.replace("LEAVES_AT", str(leaves_at)))


def gsmooth(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def rows(folder: str) -> list[dict[str, Any]]:
    lines = Path(folder, "records.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


# In the trial batch, in the function check, in votes, and in the attack on a later image.
@pytest.mark.parametrize("leaves_at", [0, 5, 13, 60])
def test_a_model_that_leaves_is_exit_code_4(leaves_at: int) -> None:
    write_zoo(leaves_at)
    result = gsmooth(*CERTIFY, "--model=foreign_zoo:Leaves")
    assert result.exit_code == 4, result.output
    last = result.stderr.splitlines()[-1]
    assert "foreign_zoo:Leaves" in last
    assert "fails on a batch of shape (" in last
    assert ", 1, 4, 4), torch.float32: SystemExit: 0" in last
    assert "Traceback" not in result.stderr


def test_what_was_finished_before_a_model_left_is_kept() -> None:
    gsmooth(*CERTIFY, "--model=foreign_zoo:Leaves")
    assert 0 < len(rows("run")) < 12


def test_predict_ends_with_4_where_its_model_leaves() -> None:
    write_zoo(12)
    result = gsmooth("predict", *TMP_PROJECT, "--n=100", "--model=foreign_zoo:Leaves")
    assert result.exit_code == 4, result.output
    assert result.stdout == ""


def test_a_model_that_raises_is_told_in_one_line_and_debug_shows_where() -> None:
    result = gsmooth(*CERTIFY, "--model=foreign_zoo:Raises")
    assert result.exit_code == 4
    assert result.stderr.splitlines()[-1].endswith("torch.float32: ValueError: the layer broke")
    result = gsmooth(*CERTIFY, "--model=foreign_zoo:Raises", "--debug", "--out=other")
    assert result.exit_code == 4
    assert 'raise ValueError("the layer broke\\nand more")' in result.stderr


def test_a_model_that_fails_at_one_batch_size_only_names_it() -> None:
    result = gsmooth(*CERTIFY, "--model=foreign_zoo:SevenIsBad")
    assert result.exit_code == 4
    assert "batch of shape (7, 1, 4, 4), torch.float32: ValueError: seven rows" in result.stderr


def test_a_model_that_writes_into_its_batch_gives_the_same_rows() -> None:
    found = []
    for name in ("InPlace", "OutOfPlace"):
        result = gsmooth(*CERTIFY, f"--model=foreign_zoo:{name}", f"--out={name}", "--limit=4")
        assert result.exit_code == 0, result.output
        found.append(rows(name))
    different = {"seconds", "fingerprint"}
    first, other = (
        [{key: row[key] for key in row if key not in different} for row in run] for run in found
    )
    assert first == other


def test_a_fixed_batch_model_that_writes_into_its_batch_is_right_everywhere() -> None:
    result = gsmooth(*CERTIFY, "--model=foreign_zoo:Sized", "--limit=4")
    assert result.exit_code == 0, result.output
    assert all(row["clean_prediction"] == row["label"] for row in rows("run"))


def test_a_model_without_a_gradient_runs_and_says_so_once() -> None:
    result = gsmooth(*CERTIFY, "--model=foreign_zoo:ByNumpy", "--limit=4")
    assert result.exit_code == 0, result.output
    assert result.stderr.count("no gradient is to be had (RuntimeError: Can't call numpy()") == 1
    attacks = [row["attack"] for row in rows("run")]
    assert all(attack["robust"] and attack["missing_gradient"] for attack in attacks)


IMPORTS = {
    "leaves": ("import sys; sys.exit(0)", "SystemExit: 0"),
    "garbage": ("def (:", "SyntaxError: invalid syntax"),
    "bases": ("raise BaseException('no way')", "BaseException: no way"),
    "lacks": ("import no_such_package", "ModuleNotFoundError: No module named 'no_such_package'"),
}


@pytest.mark.parametrize(("flag", "code"), [("--model", 4), ("--data", 3), ("--transformation", 5)])
@pytest.mark.parametrize("case", IMPORTS)
def test_code_that_cannot_be_imported_has_the_exit_code_of_its_part(
    case: str, flag: str, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, said = IMPORTS[case]
    monkeypatch.delitem(sys.modules, f"foreign_{case}", raising=False)
    Path(f"foreign_{case}.py").write_text(source)
    result = gsmooth(*CERTIFY, "--model=foreign_zoo:build", f"{flag}=foreign_{case}:made")
    assert result.exit_code == code, result.output
    (line,) = result.stderr.splitlines()
    assert f"foreign_{case}:made" in line
    assert said in line
    assert not Path("run").exists()


@pytest.mark.parametrize(
    ("leave", "said"),
    [
        ("sys.exit(0)", "called sys.exit(0)"),
        ("sys.exit()", "called sys.exit()"),
        ("import typer; raise typer.Exit(0)", "called typer.Exit(0)"),
        ("raise GeneratorExit", "internal error: GeneratorExit"),
    ],
)
def test_a_plugin_that_leaves_mid_run_is_no_success(leave: str, said: str) -> None:
    Path("foreign_plugin.py").write_text(PLUGIN.replace("LEAVE", leave))
    result = gsmooth(
        *CERTIFY,
        "--model=foreign_zoo:build",
        "--transformation=foreign_plugin:Leaver",
        "--region=-0.1:0.1",
        "--std=0.1",
        "--json",
    )
    assert result.exit_code == 1, result.output
    assert said in result.stderr.splitlines()[-1]
    assert json.loads(result.stdout)["error"]["exit_code"] == 1


def test_a_plugin_that_leaves_when_it_is_first_tried_is_named() -> None:
    source = PLUGIN.replace("LEAVE", "sys.exit(0)").replace("== 20", "== 1")
    Path("foreign_plugin.py").write_text(source)
    flags = ("--region=-0.1:0.1", "--std=0.1", "--model=foreign_zoo:build")
    result = gsmooth(*CERTIFY, *flags, "--transformation=foreign_plugin:Leaver")
    assert result.exit_code == 5
    assert "act of leaver fails on images (1, 4, 4): SystemExit: 0" in result.stderr


def test_a_process_whose_model_leaves_does_not_end_with_0() -> None:
    command = [sys.executable, "-m", "gsmooth", *CERTIFY, "--model=foreign_zoo:Leaves"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 4, result.stderr
