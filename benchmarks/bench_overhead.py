"""Votes a second through the engine against the raw model's best forward rate, in one run.

    ./scripts/bench overhead [--only digits-l2 ...] [--seconds 2] [--rounds 5] [--threads 1]

For each subject the best batch size of raw model and engine is sought, then the two take turns and
the ratio of every pair is kept: votes counted in full batches, with the grid, and then whole
certificates (covers, selection, votes, decisions) in region and in radius mode. Votes without the
grid are timed beside them. Writes overhead.json. Ratios carry over between machines better than
rates do.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Final

from benchmarks.machine import add_common, timing_of, write
from benchmarks.subjects import SUBJECTS, Subject
from benchmarks.turns import Ratio, Timing, in_turn, shown
from gsmooth.certification.api import RadiusMode, RegionMode

TARGETS: Final = {
    "digits-l2": 0.8,
    "digits-rotation": 0.65,
    "resnet20-32": 0.95,
    "efficientnet-lite0-224": 0.85,
}
RAW, COUNTED, OFF_GRID = "raw forwards", "votes", "votes, no grid"
REGION_MODE, RADIUS_MODE = "region mode", "radius mode"


def main() -> None:
    """Measure, print and write overhead.json."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--only", nargs="+", choices=SUBJECTS, default=list(SUBJECTS))
    add_common(parser)
    options = parser.parse_args()
    timing = timing_of(options)
    sizes: dict[str, dict[str, int]] = {}
    ratios = []
    for name in options.only:
        for ratio in measured(SUBJECTS[name](), timing, sizes):
            ratios.append(asdict(ratio))
            print(shown(ratio), flush=True)
        # After each subject: who stops a long run keeps what it has found.
        document = {
            "benchmark": "overhead",
            "timing": asdict(timing),
            "batch_sizes": sizes,
            "ratios": ratios,
        }
        write(document, options.out, "efficientnet-lite-pytorch")


def measured(subject: Subject, timing: Timing, sizes: dict[str, dict[str, int]]) -> Iterator[Ratio]:
    """The ratios of one subject; the batch sizes they were found at are put into ``sizes``."""
    raw = subject.best_forward_size(timing)
    best = subject.best_vote_size(timing)
    sizes[subject.name] = {"raw": raw, "votes": best}
    works = {
        COUNTED: subject.votes(best),
        RAW: subject.forwards(raw),
        OFF_GRID: replace(subject, grid=0.0).votes(best),
        REGION_MODE: subject.certificates(best, RegionMode()),
        RADIUS_MODE: subject.certificates(best, RadiusMode(n=subject.n)),
    }
    rates = in_turn(works, timing)
    yield rates.ratio(subject.name, COUNTED, RAW, TARGETS.get(subject.name))
    for name in (OFF_GRID, REGION_MODE, RADIUS_MODE):
        yield rates.ratio(subject.name, name, RAW)
    yield rates.ratio(subject.name, COUNTED, OFF_GRID)


if __name__ == "__main__":
    main()
