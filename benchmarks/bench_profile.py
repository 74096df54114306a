"""Where the time of a vote goes: noise, action, readout, forward pass, labels, counting.

    ./scripts/bench profile [--only digits-l2 ...] [--seconds 2] [--rounds 5] [--clock cpu]

Every part of a vote is timed by itself, in turn with whole votes, on one thread (so that parts add
up); its share is the rate of whole votes over its own. What no part explains is called the rest: it
holds the counting, and what a part costs more or less by itself than among the others, so it may be
negative. Then what a coordinate of noise costs: as Cohen et al. and ART draw it, and ours without
the grid and with it. Writes profile.json.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import count
from statistics import median
from typing import Final

import numpy as np
import torch
from torch import Tensor

from benchmarks.machine import add_common, timing_of, write
from benchmarks.subjects import SUBJECTS, Subject
from benchmarks.turns import Ratio, Timing, Work, in_turn, shown
from gsmooth.sampling.noise import CHUNK, Draws, SampleKey, Stream
from gsmooth.sampling.smoothed_classifier import GRID, SmoothedClassifier

WHOLE, NOISE, ACTION, READOUT = "a vote", "noise on the grid", "action", "readout"
FORWARD, LABELLED, LABELS, REST = "forward pass", "forward pass, labels", "labels", "the rest"
COHEN, ART = "torch.randn, float32", "numpy.random.normal, float64"
OFF_GRID, ON_GRID = "gsmooth, grid 0", f"gsmooth, grid 2^{int(np.log2(GRID))}"
MEAN: Final = 0.3


def main() -> None:
    """Measure, print and write profile.json."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--only", nargs="+", choices=SUBJECTS, default=list(SUBJECTS))
    add_common(parser)
    parser.set_defaults(threads=1)
    options = parser.parse_args()
    timing = timing_of(options)
    shares, noise = [], []
    sizes = {}
    for name in options.only:
        subject = SUBJECTS[name]()
        sizes[name] = subject.best_vote_size(timing)
        for share in parts_of(subject, sizes[name], timing):
            shares.append(asdict(share))
            print(f"{name:32} {share.part:18} {share.median:7.1%}", flush=True)
    drawn_once = {SUBJECTS[name]().images[0].numel(): name for name in options.only}
    for name in drawn_once.values():
        for ratio in samplers(SUBJECTS[name](), timing):
            noise.append(asdict(ratio))
            print(shown(ratio), flush=True)
    document = {
        "benchmark": "profile",
        "timing": asdict(timing),
        "batch_sizes": sizes,
        "shares": shares,
        "noise": noise,
    }
    write(document, options.out)


@dataclass(frozen=True)
class Share:
    """The share of a part in the time of a vote: least, median and largest over the rounds."""

    case: str
    part: str
    least: float
    median: float
    largest: float


def parts_of(subject: Subject, size: int, timing: Timing) -> Iterator[Share]:
    """The share of every part in the time of a vote."""
    smoothed = subject.smoothed(size)
    z = smoothed.transformation.lift(subject.images[0][None])[0]
    works = {WHOLE: subject.votes(size), **parts(smoothed, z, max(size, CHUNK))}
    rates = in_turn(works, timing)
    spent = {part: rates.share(WHOLE, part) for part in works if part != WHOLE}
    labelled = spent.pop(LABELLED)
    # Labels cannot be had without scores: what they add to the forward pass, if that shows.
    spent[LABELS] = [
        max(0.0, both - one) for both, one in zip(labelled, spent[FORWARD], strict=True)
    ]
    spent[REST] = [1.0 - sum(turn) for turn in zip(*spent.values(), strict=True)]
    for part, turns in spent.items():
        yield Share(subject.name, part, min(turns), median(turns), max(turns))


def parts(smoothed: SmoothedClassifier, z: Tensor, rows: int) -> dict[str, Work]:
    """Every part by itself, for ``rows`` votes, in passes of the engine's batch size."""
    law, device, chunks = smoothed.law, smoothed.classifier.device, count()
    identity_action = smoothed.identity_action
    copies = z[None].expand(rows, -1)
    read = torch.split(copies.float().contiguous(), smoothed.batch_size)
    images = torch.split(smoothed.readout(copies).contiguous(), smoothed.batch_size)

    def moved(draws: Draws) -> Tensor:
        columns = torch.from_numpy(draws.theta(law, CHUNK)).tensor_split(law.dimensions, dim=1)
        return smoothed.transformation.act(z[None].expand(CHUNK, -1), *columns)

    def fresh() -> Draws:
        return Draws(SampleKey(0, 0, Stream.PREDICTION, 0, next(chunks)), device)

    mean = z[None] if identity_action else moved(fresh())

    def noise() -> int:
        for _ in range(0, rows, CHUNK):
            fresh().around(mean, CHUNK, law.sigma, smoothed.grid)
        return rows

    def action() -> int:
        for _ in range(0, rows, CHUNK):
            moved(fresh())
        return rows

    def readout() -> int:
        for part in read:
            smoothed.transformation.readout(part, smoothed.classifier.shape)
        return rows

    @torch.inference_mode()
    def forward() -> int:
        for part in images:
            smoothed.classifier.scores(part)
        return rows

    def labelled() -> int:
        for part in images:
            smoothed.classifier.votes(part)
        return rows

    found: dict[str, Work] = {NOISE: noise}
    if not identity_action:
        found |= {ACTION: action, READOUT: readout}
    return {**found, FORWARD: forward, LABELLED: labelled}


def samplers(subject: Subject, timing: Timing) -> Iterator[Ratio]:
    """Coordinates a second of everyone's noise, ours on the grid over each."""
    size, sigma = subject.images[0].numel(), subject.law.sigma
    mean = torch.full((1, size), MEAN, dtype=torch.float64)
    chunks = count()

    def drawn(grid: float) -> Work:
        def draw() -> int:
            place = SampleKey(0, 0, Stream.PREDICTION, 1, next(chunks))
            Draws(place, mean.device).around(mean, CHUNK, sigma, grid)
            return CHUNK * size

        return draw

    def cohen() -> int:
        copies = mean.float().repeat(CHUNK, 1)
        copies + torch.randn_like(copies) * sigma
        return CHUNK * size

    def art() -> int:
        np.full((CHUNK, size), MEAN) + np.random.normal(scale=sigma, size=(CHUNK, size))
        return CHUNK * size

    works: dict[str, Work] = {
        ON_GRID: drawn(GRID),
        OFF_GRID: drawn(0.0),
        COHEN: cohen,
        ART: art,
    }
    rates = in_turn(works, timing, "coordinates/s")
    for name in (OFF_GRID, COHEN, ART):
        yield rates.ratio(f"{size:,} pixels", ON_GRID, name)


if __name__ == "__main__":
    main()
