"""Whole-pixel shifts behind a window from the command line: flags, records, verify, resume (T8)."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from gsmooth.cli.app import app

NETWORK = """
import torch
from torch import nn


class Middle(nn.Module):
    def forward(self, x):
        bright = x.mean(dim=(1, 2, 3)) - 0.5
        return torch.stack([-bright, bright], dim=1)


def build():
    return Middle()
"""


@pytest.fixture(scope="module", autouse=True)
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A network that reads 4 x 4 pixels, and two images of 8 x 8, one bright and one dark."""
    folder = tmp_path_factory.mktemp("window")
    (folder / "window_net.py").write_text(NETWORK)
    x = np.stack([np.full((1, 8, 8), value, dtype=np.float32) for value in (0.8, 0.2)])
    np.savez(folder / "images.npz", x=x, y=np.array([1, 0]))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "path", [str(folder), *sys.path])
        yield folder
        sys.modules.pop("window_net", None)


def certify(*flags: str) -> Result:
    fixed = (
        "certify", "--model=window_net:build", "--set=model.shape=[1, 4, 4]",
        "--set=model.classes=2", "--data=images.npz", "--transformation=integer-translation",
        "--set=transformation.options.window_px=4", "--region=-1:1,-1:1", "--sigma=0.05",
        "--seed=0", "--set=attack.enabled=false", "--out=run",
    )  # fmt: skip
    return CliRunner().invoke(app, [*fixed, *flags])


def test_a_window_is_certified_verified_and_not_begun_again() -> None:
    found = certify("--law=grid-uniform", "--std=2,2")
    assert found.exit_code == 0, found.output
    records = Path("run/records.jsonl").read_bytes()
    for line in records.splitlines():
        row = json.loads(line)
        assert row["noise"]["axes"] == [{"law": "grid-uniform", "steps": 2}] * 2
        assert (row["outcome"], row["guarantee"]) == ("certified", "individual")
        # Nothing that votes read changes, so a margin is that of the votes that are lost.
        assert 0.5 < max(centre["required_p"] for centre in row["evidence"]) < 1.0
    assert CliRunner().invoke(app, ["verify", "run"]).exit_code == 0
    assert certify("--law=grid-uniform", "--std=2,2").exit_code == 0
    assert Path("run/records.jsonl").read_bytes() == records


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--law=grid-uniform", "--std=1.5,2"), "whole"),
        (("--law=grid-uniform,gaussian", "--std=2,2"), "grid-uniform"),
    ],
)
def test_noise_that_is_no_whole_steps_is_refused_with_the_reason(
    flags: tuple[str, ...], message: str
) -> None:
    found = certify(*flags, "--out=none")
    assert found.exit_code == 2, found.output
    assert message in found.stderr
    assert not Path("none/records.jsonl").exists()
