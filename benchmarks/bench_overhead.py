"""Votes a second through the engine against the raw model's best forward rate, in one run.

    python benchmarks/bench_overhead.py [--seconds 2] [--repeats 5] [--out benchmarks/results]

For each shipped model the raw rate is measured at several batch sizes and the best one kept; then
engine and raw model take turns, and the ratio of every pair is reported. Writes JSON with versions
and the machine. Ratios carry over between machines; votes a second do not.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter

import torch

import gsmooth
from gsmooth.noise import CHUNK, Coordinate, Purpose
from gsmooth.run.header import installed_versions
from gsmooth.smoothing import Ballot

BATCH_SIZES = (64, 128, 256, 512, 1024, 2048)


@dataclass(frozen=True)
class Ratio:
    """Engine votes a second over raw forwards a second: least, median and largest of the pairs."""

    model: str
    transformation: str
    batch_size: int
    raw_per_second: float
    votes_per_second: float
    least: float
    median: float
    largest: float


def rate(work: Callable[[], int], seconds: float) -> float:
    """Rows a second of ``work`` repeated for at least ``seconds``."""
    rows, began = 0, perf_counter()
    while (passed := perf_counter() - began) < seconds:
        rows += work()
    return rows / passed


def measure(
    name: str, transformation: str, law: gsmooth.GaussianLaw, seconds: float, repeats: int
) -> Ratio:
    """Raw model and engine in turn, after the raw model's best batch size is found."""
    model = gsmooth.load_model(f"shipped:{name}")

    def raw(batch: torch.Tensor) -> Callable[[], int]:
        @torch.inference_mode()
        def forward() -> int:
            model.module(batch)
            return len(batch)

        return forward

    batches = {size: torch.rand(size, *model.shape) for size in BATCH_SIZES}
    for batch in batches.values():
        raw(batch)()
    best = max(BATCH_SIZES, key=lambda size: rate(raw(batches[size]), seconds / 4))
    smoothed = gsmooth.SmoothedClassifier(
        model, gsmooth.load_transformation(transformation), law, batch_size=best
    )
    z = smoothed.transformation.lift(torch.rand(1, *model.shape, dtype=torch.float64))[0]
    chunk = 0

    def votes() -> int:
        nonlocal chunk
        count = smoothed.batch_size // CHUNK
        chunks = range(chunk, chunk + count)
        chunk += count
        smoothed.count([Ballot(Coordinate(0, 0, Purpose.ESTIMATION, 0, c), z) for c in chunks])
        return count * CHUNK

    votes()
    pairs = [(rate(votes, seconds), rate(raw(batches[best]), seconds)) for _ in range(repeats)]
    ratios = [engine / plain for engine, plain in pairs]
    return Ratio(
        name,
        transformation,
        best,
        statistics.median(plain for _, plain in pairs),
        statistics.median(engine for engine, _ in pairs),
        min(ratios),
        statistics.median(ratios),
        max(ratios),
    )


def main() -> None:
    """Measure, print a table and write overhead.json."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0] if __doc__ else "")
    parser.add_argument("--seconds", type=float, default=2.0, help="of every single timing")
    parser.add_argument("--repeats", type=int, default=5, help="pairs a model")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args()
    ratios = [
        measure(name, transformation, law, options.seconds, options.repeats)
        for name, transformation, law in (
            ("digits-l2", "gaussian", gsmooth.GaussianLaw((), 0.25)),
            ("digits-rotation", "rotation", gsmooth.GaussianLaw((4.0,), 0.15)),
        )
    ]
    print("model            batch   raw/s  votes/s   ratio: least median largest")
    for r in ratios:
        print(
            f"{r.model:16} {r.batch_size:5} {r.raw_per_second:7.0f} {r.votes_per_second:8.0f}"
            f"          {r.least:.3f}  {r.median:.3f}   {r.largest:.3f}"
        )
    document = {
        "benchmark": "overhead",
        "versions": installed_versions(),
        "machine": {
            "processor": platform.processor() or platform.machine(),
            "cores": os.cpu_count(),
            "torch_threads": torch.get_num_threads(),
            "load_average": os.getloadavg(),
        },
        "seconds": options.seconds,
        "repeats": options.repeats,
        "ratios": [asdict(r) for r in ratios],
    }
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "overhead.json"
    path.write_text(json.dumps(document, indent=2) + "\n")
    print(f"written to {path}")


if __name__ == "__main__":
    main()
