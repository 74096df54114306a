"""Certifies a few digits against each of several attacks, and writes the gallery from the results.

    python docs/make_gallery.py docs/gallery     the pictures and the page
    python docs/make_gallery.py --readme FILE    the picture of the README alone

Each case is one command, which the page shows. A case that is there already is not run again.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import final

from typer.testing import CliRunner

from gsmooth.cli import app

_INTRODUCTION = """# Gallery

Digits that the package brings, certified against one kind of attack after another. Each command
takes some seconds; `gsmooth report FOLDER --data shipped:digits` draws the picture below it. A line
shows one digit: the image, views spread over the region, and the worst that the attack found. A
green frame is inside the certified region, a grey one is not; an orange frame is an attack that
changed the answer of g.

The attacks are small ones (`attack.points`, `attack.random`), so that this page is made quickly.
"""
# The gallery shows attacks; it does not measure how strong they are.
_QUICK = (
    "--set attack.points=9 --set attack.random=4 --set attack.gradient_steps=0 --set attack.n=200"
)


@final
@dataclass(frozen=True)
class Case:
    """One entry: what it shows, the command, which picture of the report, and how it is drawn."""

    name: str
    title: str
    text: str
    arguments: str
    picture: str = "contact_sheet.png"
    draw: str = "curve"

    def command(self, folder: Path | str) -> str:
        """The command that certifies it."""
        return f"gsmooth certify {self.arguments} --seed 0 --out {folder}"


ROTATION = Case(
    "rotation",
    "Rotation",
    "Every angle between −30° and 30°, by bilinear interpolation.",
    "-m shipped:digits-rotation --limit 4",
)
CASES = (
    ROTATION,
    Case(
        "scaling",
        "Scaling",
        "Every size between 90% and 110%.",
        "-m shipped:digits-rotation -t scaling --region=-0.1:0.1 --sigma 0.15 --std 0.1 --limit 3",
    ),
    Case(
        "translation",
        "Translation",
        "Every shift by up to one pixel in both directions, fractions of pixels included.",
        "-m shipped:digits-l2 -t translation --region=-1:1,-1:1 --sigma 0.25 --std 1,1 --limit 3",
    ),
    Case(
        "gamma",
        "Gamma",
        "Every power of the pixels between about 2/3 and 3/2.",
        "-m shipped:digits-l2 -t gamma --region=-0.4:0.4 --sigma 0.25 --std 0.4 --limit 3",
    ),
    Case(
        "brightness",
        "Brightness",
        "Every change of brightness by up to 0.1, with pixels clipped to [0, 1].",
        "-m shipped:digits-l2 -t brightness --region=-0.1:0.1 --sigma 0.25 --std 0.3 --limit 3",
    ),
    Case(
        "rotation-reached",
        "How far a rotation can go",
        "With `inside-out`, an image that cannot be certified for ±50° is certified as far as the"
        " votes reach. The curve shows the share of images certified for every angle up to the one"
        " on the axis.",
        "-m shipped:digits-rotation --region=-50:50 --set certify.order=inside-out --no-attack"
        " --limit 8",
        "curve.png",
    ),
    Case(
        "l2",
        "Perturbations of any shape",
        "The radius of the l2 ball on which g keeps its class (Cohen et al. 2019), with 1,000 votes"
        " for each image.",
        "-m shipped:digits-l2 --mode radius --l2 1.0 --set certify.n=1000 --no-attack --limit 40",
        "curve.png",
    ),
    Case(
        "votes",
        "How many votes are worth it",
        "The average radius of the same images against the number of votes n: the mean over all"
        " subsets of the votes that were kept. `gsmooth report FOLDER --draw radius` draws it.",
        "-m shipped:digits-l2 --mode radius --l2 1.0 --set certify.n=1000 --no-attack --limit 40",
        "radius.png",
        "radius",
    ),
)


def make(case: Case, folder: Path) -> Path:
    """Run a case in ``folder`` unless it is there already; returns its picture."""
    run = folder / case.name
    picture, stamp = run / case.picture, run / "command"
    quick = "" if "--no-attack" in case.arguments else f" {_QUICK}"
    command = case.command(run) + quick
    if picture.exists() and stamp.exists() and stamp.read_text("utf-8") == command:
        return picture
    shutil.rmtree(run, ignore_errors=True)
    _obey(command)
    _obey(f"gsmooth report {run} --data shipped:digits --draw {case.draw}")
    stamp.write_text(command, "utf-8")
    return picture


def _obey(command: str) -> None:
    # In this process: a new one would load torch again.
    done = CliRunner().invoke(app, shlex.split(command)[1:])
    if done.exit_code:
        raise RuntimeError(f"{command}\n{done.output}")


def page(cases: tuple[Case, ...]) -> Iterator[str]:
    """The lines of the page."""
    yield _INTRODUCTION
    for case in cases:
        yield f"## {case.title}\n\n{case.text}\n"
        command = " \\\n    ".join(_lines(case.command(f"runs/{case.name}")))
        yield f"```sh\n{command}\n```\n"
        yield f"![{case.title}]({case.name}/{case.picture})\n"


def _lines(command: str, width: int = 72) -> list[str]:
    """The command in lines that begin with an option and fit into a page."""
    lines: list[str] = []
    for part in re.split(" (?=-)", command):
        if lines and len(lines[-1]) + len(part) < width:
            lines[-1] += f" {part}"
        else:
            lines.append(part)
    return lines


def main(arguments: list[str]) -> None:
    """Write the gallery, or the picture of the README."""
    if arguments[0] == "--readme":
        with TemporaryDirectory() as folder:
            shutil.copyfile(make(ROTATION, Path(folder)), arguments[1])
        return
    gallery = Path(arguments[0])
    gallery.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(min(4, os.cpu_count() or 1), get_context("spawn")) as pool:
        list(pool.map(make, CASES, repeat(gallery)))
    (gallery / "index.md").write_text("\n".join(page(CASES)), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
