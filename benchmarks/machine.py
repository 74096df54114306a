"""What every file of results says about where its figures come from."""

from __future__ import annotations

import argparse
import json
import os
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import torch

from benchmarks.turns import Timing
from gsmooth.runs.records.header import installed_versions, this_machine

RESULTS: Final = Path(__file__).parent / "results"


def describe(*peers: str) -> dict[str, Any]:
    """Versions, and those of the packages compared with; machine, threads and load of this moment.

    Nothing in it names the machine or its user. The three loads are processes ready to run, means
    of the last 1, 5 and 15 minutes.
    """
    return {
        "versions": {**installed_versions(), **{peer: _version(peer) for peer in peers}},
        "machine": {
            **this_machine(),
            "cores": os.cpu_count(),
            "torch_threads": torch.get_num_threads(),
            "load_average": [round(load, 2) for load in os.getloadavg()],
        },
    }


def write(document: dict[str, Any], folder: Path, *peers: str) -> Path:
    """``folder``/BENCHMARK.json: the document and :func:`describe` below it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{document['benchmark']}.json"
    path.write_text(json.dumps({**document, **describe(*peers)}, indent=2) + "\n", "utf-8")
    print(f"written to {path}", flush=True)
    return path


def add_common(parser: argparse.ArgumentParser, seconds: float = 2.0, rounds: int = 5) -> None:
    """--seconds, --rounds, --clock, --threads and --out, as all timings side by side have them."""
    parser.add_argument("--seconds", type=float, default=seconds, help="of every single timing")
    parser.add_argument("--rounds", type=int, default=rounds, help="timings of each, in turn")
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall", help="see turns.py")
    parser.add_argument("--threads", type=int, help="of torch; by default its own choice")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of results")


def timing_of(options: argparse.Namespace) -> Timing:
    """What those options ask for; torch is held to --threads from here on."""
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    return Timing(options.seconds, options.rounds, options.clock)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
