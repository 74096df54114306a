"""The commands of the tutorial on satellites, on small synthetic tiles."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from gsmooth.cli import app

PAGE = Path(__file__).parents[1] / "docs" / "tutorials" / "satellites.md"
SMALLER = {
    "tune": ("--set=transformation.options.low_pass_px=1.2",),
    "train": (
        "--set=train.epochs=12",
        "--set=model.options.width=4",
        "--set=train.batch_size=16",
        "--set=train.validation=0",
    ),
    "certify": ("--set=data.limit=4", "--no-attack", "--seed=0"),
}
"""What makes the commands short: less training, and fewer images."""


def commands() -> list[list[str]]:
    blocks = re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.DOTALL)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [shlex.split(line) for line in lines]


def tiles(count: int = 40) -> None:
    """Dark tiles with a bright patch in the middle (lake), and bright ones with a dark patch."""
    random = np.random.default_rng(0)
    for label, name in enumerate(("Field", "Lake")):
        folder = Path("tiles", name)
        folder.mkdir(parents=True)
        for number in range(count):
            pixels = random.integers(20, 60, (16, 16, 3)) + 150 * (1 - label)
            pixels[5:11, 5:11] = 40 + 150 * label
            Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{name}_{number}.png")


def test_the_page_tunes_trains_certifies_reports_and_verifies() -> None:
    assert [command[:2] for command in commands()] == [
        ["gsmooth", name] for name in ("tune", "train", "certify", "report", "verify")
    ]


@pytest.mark.slow
def test_the_commands_of_the_page_certify_tiles_for_every_orientation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tiles()
    for _, name, *arguments in commands():
        result = CliRunner().invoke(app, [name, *arguments, *SMALLER.get(name, ())])
        assert result.exit_code == 0, result.output
        if name == "certify":
            assert "trained on" not in result.stderr
            assert re.search(r"certified accuracy\s+│\s+100\.0% \(4/4\)", result.stdout)
