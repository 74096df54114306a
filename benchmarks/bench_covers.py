"""What covers cost beside the raw forward passes of the votes, here and in another commit."""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any, Final, Literal, final

import numpy as np

from benchmarks.suite.accuracy import asked
from benchmarks.suite.benchmark import Facts, Line
from benchmarks.suite.case import read
from benchmarks.suite.results import ROOT, commit
from gsmooth.runs.config.section import Section
from tests.comparison.__main__ import unpack

WORK: Final = Path(__file__).parent / "suite" / "cover_work.py"
HERE: Final = "here"


@final
class CoverCase(Section):
    """A case of ``covers.toml``; transformation, smoothing and region as in a run file.

    share: of the votes that are right, everywhere; None for the shipped network. plan_only: covers
    without votes, planned as if pilots had this share. target: largest wanted ratio of region mode
    to raw forward passes, or largest wanted seconds of a cover where nothing is voted on. sides:
    the same is measured of images of other sides, of so many each.
    """

    name: str
    data: Literal["digits", "signs"] = "digits"
    side: int = 28
    images: int = 4
    transformation: Mapping[str, Any]
    smoothing: Mapping[str, Any]
    region: Mapping[str, Any]
    share: float | None = None
    plan_only: bool = False
    max_votes: int = 5000
    batch: int = 512
    target: float | None = None
    sides: Mapping[int, int] = {}

    def every(self) -> list[CoverCase]:
        """The case, and the same for images of other sides."""
        others = [
            {"name": f"{self.name}-side-{side}", "side": side, "images": images, "target": None}
            for side, images in self.sides.items()
        ]
        return [self, *(self.model_copy(update={**other, "sides": {}}) for other in others)]


def covers(options: argparse.Namespace, facts: Facts) -> Iterator[Line]:
    """A line for every case and tree; then how a cover's time grows with the side of images."""
    facts |= {"commit": commit(), "against": options.against, "rounds": options.rounds}
    given = [CoverCase.model_validate(case) for case in read("covers")["case"]]
    chosen = [case for each in given for case in each.every()]
    names = asked([case.name for case in chosen], options.only)
    with tempfile.TemporaryDirectory() as scratch:
        trees = {HERE: ROOT}
        if options.against:
            trees[options.against] = Path(scratch, "tree")
            unpack(options.against, trees[options.against])
        sides: dict[int, float] = {}
        for case in chosen:
            if case.name not in names:
                continue
            for name, turns in in_turn(case, trees, options.rounds).items():
                line = line_of(case, name, turns)
                if name == HERE and (case.sides or "-side-" in case.name):
                    sides[case.side] = line["cover_s"]
                    facts["exponent_of_side"] = exponent(sides)
                yield line


def in_turn(case: CoverCase, trees: Mapping[str, Path], rounds: int) -> dict[str, list[Line]]:
    """What every tree measures in every round; every second round runs backwards."""
    found: dict[str, list[Line]] = {name: [] for name in trees}
    with ExitStack() as stack:
        workers = {
            name: stack.enter_context(begun(case, tree, name)) for name, tree in trees.items()
        }
        for turn in range(-1, rounds):  # The first round fills caches.
            for name in list(trees)[:: -1 if turn % 2 else 1]:
                line = answer(workers[name])
                if turn >= 0:
                    found[name].append(line)
    return found


def begun(case: CoverCase, tree: Path, name: str) -> subprocess.Popen[str]:
    """A process that measures the case by the code of ``tree``."""
    paths = os.pathsep.join(map(str, (tree, tree / "plugins")))
    given = {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    pipe = subprocess.PIPE
    command = [sys.executable, str(WORK), case.model_dump_json()]
    worker = subprocess.Popen(command, env=given, stdin=pipe, stdout=pipe, text=True)
    assert worker.stdout is not None
    told = json.loads(worker.stdout.readline() or "{}")
    if told.get("tree") != str(tree):
        worker.kill()
        worker.communicate()
        raise SystemExit(f"covers: {name} did not run the code of {tree}: {told}")
    return worker


def answer(worker: subprocess.Popen[str]) -> Line:
    """One more measurement of a worker."""
    assert worker.stdin is not None
    assert worker.stdout is not None
    worker.stdin.write("\n")
    worker.stdin.flush()
    if not (line := worker.stdout.readline()):
        raise SystemExit(f"covers: the process that measures ended with code {worker.wait()}")
    found: Line = json.loads(line)
    return found


def line_of(case: CoverCase, tree: str, turns: Sequence[Line]) -> Line:
    """The figures of one tree: medians over the rounds, and all ratios."""
    cover_s = median(turn["covers_s"] for turn in turns) / case.images
    ratios = [
        (turn["covers_s"] + turn["votes_s"]) / turn["raw_s"] for turn in turns if "raw_s" in turn
    ]
    peak = max(turn["peak_bytes"] for turn in turns)
    above = max(turn["peak_bytes"] - turn["bytes_before"] for turn in turns)
    shares = [t["covers_s"] / (t["covers_s"] + t["votes_s"]) for t in turns if "raw_s" in t]
    return {
        "case": case.name,
        "tree": tree,
        "images": case.images,
        "what": "seconds" if case.plan_only else "ratio",
        "cover_s": cover_s,
        "median": median(ratios) if ratios else cover_s,
        "ratios": ratios,
        "covers_share": median(shares) if shares else None,
        "votes": turns[0].get("votes"),
        "certified": turns[0].get("certified"),
        "balls": turns[0].get("balls"),
        "peak_bytes": peak,
        "above_idle_bytes": above,
        "target": case.target,
    }


def exponent(seconds: Mapping[int, float]) -> float | None:
    """The slope of log seconds over log side; None for fewer than two sides."""
    if len(seconds) < 2:
        return None
    sides, times = (np.log(list(part)) for part in (seconds.keys(), seconds.values()))
    slope = float(np.polyfit(sides, times, 1)[0])
    return slope if math.isfinite(slope) else None
