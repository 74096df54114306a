"""SIGKILL at random moments over workers and driver of a run by Ray; nothing is lost or doubled."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import Final

import numpy as np

from gsmooth.runs.machines.merge import without_times
from gsmooth.runs.records.folder import Row, read_records
from gsmooth.runs.verify.verify import verify_records
from tests.fuzz.desk import TMP_PROJECT, desk, gsmooth
from tests.fuzz.trial import Found

KILLS: Final = 3
IMAGES: Final = 60
_RUN: Final = (
    *(flag for flag in TMP_PROJECT if not flag.startswith(("--limit", "--out", "--sigma"))),
    "--sigma=1.0",
)
_RAY: Final = ("--executor=ray", "--workers=2", "--lease=4")
_POLL_S: Final = 0.02


def try_kills(seed: int) -> str:
    """A run of 60 images in which three processes are killed; its rows are those of one process."""
    if find_spec("ray") is None:
        return "no ray"
    return f"{len(killed_run(seed, KILLS))} killed"


def killed_run(seed: int, kills: int) -> list[str]:
    """Kill so many processes of a run, drawn from a seed, and let it come to its end.

    Returns:
        Who was killed, and after how many rows.

    Raises:
        Found: The rows are not those of a run in one process.
    """
    rng = Random(seed)
    with desk() as folder:
        _draw_images(folder, rng)
        killed = list(_killed(rng, kills, folder / "run" / "records.jsonl"))
        if gsmooth("certify", *_RUN, "--out=whole") != 0:
            raise Found("a run in one process fails")
        if not verify_records("run").complete:
            raise Found(f"after {killed}: the run is not complete")
        if _rows("run") != _rows("whole"):
            raise Found(f"after {killed}: other rows than those of one process")
    return killed


def descendants(process: int) -> Iterator[int]:
    """The processes that a process has started, and those that these have."""
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, ValueError):
            parent = int((place / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == process:
                yield int(place.name)
                yield from descendants(int(place.name))


def _draw_images(folder: Path, rng: Random) -> None:
    means = np.array([rng.random() for _ in range(IMAGES)])
    images = np.broadcast_to(means[:, None, None, None], (IMAGES, 1, 4, 4))
    np.savez(folder / "images.npz", x=images, y=(means > 0.5).astype(np.int64))


def _killed(rng: Random, kills: int, records: Path) -> Iterator[str]:
    """Kill processes, each when so many rows are written, and let the run come to its end."""
    moments = sorted(rng.sample(range(IMAGES - 5), kills))
    drivers = [rng.random() < 0.4 for _ in moments]
    run = _started()
    for rows, driver in zip(moments, drivers, strict=True):
        while run.poll() is None and _count(records) < rows:
            _wait(run)
        if run.poll() is not None:
            break
        workers = [one for one in descendants(run.pid) if _is_worker(one)]
        victim = run.pid if driver or not workers else rng.choice(workers)
        with suppress(ProcessLookupError):
            os.kill(victim, signal.SIGKILL)
            yield f"{'driver' if victim == run.pid else 'worker'} at {_count(records)} rows"
        if victim == run.pid:
            run.communicate()
            run = _started()
    said = run.communicate()[1]
    if run.returncode != 0:
        raise Found(f"the run ends with {run.returncode}: {said.strip()[-400:]}")


def _started() -> subprocess.Popen[str]:
    path = os.pathsep.join([os.getcwd(), *filter(None, sys.path)])
    return subprocess.Popen(
        [sys.executable, "-m", "gsmooth", "certify", *_RUN, *_RAY, "--out=run"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )


def _wait(run: subprocess.Popen[str]) -> None:
    with suppress(subprocess.TimeoutExpired):
        run.wait(_POLL_S)


def _count(records: Path) -> int:
    return records.read_bytes().count(b"\n") if records.exists() else 0


def _is_worker(process: int) -> bool:
    with suppress(OSError):
        return b"_RayWorker" in Path(f"/proc/{process}/cmdline").read_bytes()
    return False


def _rows(folder: str) -> tuple[Row, ...]:
    return tuple(map(without_times, read_records(folder).rows))
