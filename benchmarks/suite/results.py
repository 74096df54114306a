"""Files of results, and work in a process of its own."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from itertools import chain
from pathlib import Path
from typing import Any, Final, NoReturn, final

import torch

from gsmooth.runs.records.header import installed_versions, this_machine

ROOT: Final = Path(__file__).parents[2]
RESULTS: Final = ROOT / "benchmarks" / "results"


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
    return path


def digest(path: Path) -> str:
    """sha256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def commit() -> str:
    """Of the working tree, marked where it is not clean; "unknown" outside a repository."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


STATUS: Final = Path("/proc/self/status")
RESET: Final = Path("/proc/self/clear_refs")


@final
@dataclass(frozen=True)
class Spent:
    """Seconds by the clock and of the processor; resident bytes at most, and before the work.

    said: what the work found, in a few words.
    """

    seconds: float
    processor_s: float
    peak_bytes: int
    bytes_before: int
    said: str


def tell(work: Callable[[], object]) -> NoReturn:
    """Do the work, print what it needs for :func:`in_a_process`, and end the process.

    The high-water mark of memory is reset first (Linux).
    """
    before = _resident("VmRSS:")
    RESET.write_text("5", "ascii")
    began, worked = time.perf_counter(), time.process_time()
    said = str(work())
    seconds, processor_s = time.perf_counter() - began, time.process_time() - worked
    print(json.dumps(asdict(Spent(seconds, processor_s, _resident("VmHWM:"), before, said))))
    sys.exit()


def in_a_process(name: str, **options: object) -> Spent:
    """What a benchmark tells with these options; those that are None are left out."""
    given = [(f"--{name}", str(value)) for name, value in options.items() if value is not None]
    command = [sys.executable, "-m", "benchmarks", name, *chain.from_iterable(given)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return Spent(**json.loads(done.stdout.splitlines()[-1]))


def _resident(name: str) -> int:
    lines = STATUS.read_text("ascii").splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(name))
