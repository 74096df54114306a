"""Where the time of a vote goes, part by part; and how much of it the action takes."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from itertools import count
from statistics import median
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.suite.benchmark import Facts, Line, NothingToMeasureError
from benchmarks.suite.timing import Ratio, Timing, Work, in_turn, spread
from benchmarks.suite.works import Subject, lifted
from gsmooth.errors import ModelError
from gsmooth.sampling.noise import CHUNK, Draws, SampleKey, Stream
from gsmooth.sampling.smoothed_classifier import GRID, SmoothedClassifier

WHOLE, NOISE, ACTION, READOUT = "a vote", "noise on the grid", "action", "readout"
FORWARD, LABELLED, LABELS, REST = "forward pass", "forward pass, labels", "labels", "the rest"
COHEN, ART = "torch.randn, float32", "numpy.random.normal, float64"
OFF_GRID, ON_GRID = "gsmooth, grid 0", f"gsmooth, grid 2^{int(np.log2(GRID))}"
MEAN: Final = 0.3
TARGET: Final = 0.1
"""Largest share of the action that is wanted."""
BATCH, RAW_BATCH = 64, 16


def profile(options: argparse.Namespace, facts: Facts) -> Iterator[Line]:
    """The shares of every part in a vote of every subject; then what noise costs."""
    timing = Timing.asked(options)
    facts |= {"timing": asdict(timing), "batch_sizes": {}, "noise": []}
    drawn: dict[int, Subject] = {}
    for name in options.only:
        subject = Subject.load(name)
        size = facts["batch_sizes"][name] = subject.best_vote_size(timing)
        yield from parts_of(subject, size, timing)
        # Noise depends on the number of pixels alone.
        drawn.setdefault(subject.images[0].numel(), subject)
    for subject in drawn.values():
        facts["noise"] += map(asdict, samplers(subject, timing))


def action(options: argparse.Namespace, facts: Facts) -> Iterator[Line]:
    """The share of the action in a vote under rotation and under translation."""
    timing = Timing.asked(options)
    facts |= {"timing": asdict(timing), "rounds": timing.rounds}
    for name in options.only:
        try:
            subject = Subject.load(name)
        except ModelError as error:
            raise NothingToMeasureError(f"{error}; pip install 'gsmooth[bench]'") from error
        yield share_of_action(subject, timing)


def parts_of(subject: Subject, size: int, timing: Timing) -> Iterator[Line]:
    """The share of every part in the time of a vote: least, median and largest of the rounds."""
    smoothed = subject.smoothed(size)
    works = parts(smoothed, lifted(smoothed, subject.images[0]), max(size, CHUNK))
    rates = in_turn({WHOLE: subject.votes(size), **works}, timing)
    spent = {part: rates.fraction(WHOLE, part) for part in works}
    labelled = spent.pop(LABELLED)
    # Labels cannot be had without scores: what they add to the forward pass, if that shows.
    spent[LABELS] = [
        max(0.0, both - one) for both, one in zip(labelled, spent[FORWARD], strict=True)
    ]
    spent[REST] = [1.0 - sum(turn) for turn in zip(*spent.values(), strict=True)]
    for part, turns in spent.items():
        yield {"case": subject.name, "part": part, **spread(turns)}


def share_of_action(subject: Subject, timing: Timing) -> Line:
    """(act + readout) / (act + readout + network) over the rounds, and milliseconds a vote.

    The network is as fast as it can be: in batches of votes or in raw batches that caches hold.
    """
    smoothed = subject.smoothed(BATCH)
    works = parts(smoothed, lifted(smoothed, subject.images[0]), BATCH)
    raw = subject.forwards(RAW_BATCH)
    names = (ACTION, READOUT, NOISE, FORWARD)
    rates = in_turn({**{name: works[name] for name in names}, "raw": raw}, timing).found
    act, readout, noise, network, raw_ms = ([1e3 / r for r in found] for found in rates.values())
    acted = [sum(pair) for pair in zip(act, readout, strict=True)]
    fastest = map(min, network, raw_ms)
    return {
        "case": subject.name,
        "act_ms": median(act),
        "readout_ms": median(readout),
        "noise_ms": median(noise),
        "engine_network_ms": median(network),
        "raw_network_ms": median(raw_ms),
        **spread([own / (own + other) for own, other in zip(acted, fastest, strict=True)]),
        "target": TARGET,
    }


def parts(smoothed: SmoothedClassifier, z: Tensor, rows: int) -> dict[str, Work]:
    """Every part by itself, for ``rows`` votes, in passes of the engine's batch size."""
    law, device, chunks = smoothed.law, smoothed.classifier.device, count()
    copies = z[None].expand(rows, -1)
    read = torch.split(copies.float().contiguous(), smoothed.batch_size)
    images = torch.split(smoothed.readout(copies).contiguous(), smoothed.batch_size)

    def moved(draws: Draws) -> Tensor:
        columns = torch.from_numpy(draws.theta(law, CHUNK)).tensor_split(law.dimensions, dim=1)
        return smoothed.transformation.act(z[None].expand(CHUNK, -1), *columns)

    def fresh() -> Draws:
        return Draws(SampleKey(0, 0, Stream.PREDICTION, 0, next(chunks)), device)

    mean = z[None] if smoothed.identity_action else moved(fresh())

    def noise(_: int) -> Tensor:
        return fresh().around(mean, CHUNK, law.sigma, smoothed.grid)

    def readout(part: Tensor) -> Tensor:
        return smoothed.transformation.readout(part, smoothed.classifier.shape)

    works = {
        NOISE: of_each(range(0, rows, CHUNK), noise, rows),
        ACTION: of_each(range(0, rows, CHUNK), lambda _: moved(fresh()), rows),
        READOUT: of_each(read, readout, rows),
        FORWARD: of_each(images, smoothed.classifier.scores, rows),
        LABELLED: of_each(images, smoothed.classifier.votes, rows),
    }
    nothing = (ACTION, READOUT) if smoothed.identity_action else ()
    return {name: work for name, work in works.items() if name not in nothing}


def of_each(parts: Iterable[Any], step: Callable[[Any], object], rows: int) -> Work:
    """``step`` of all ``parts``, which are so many rows together."""

    @torch.no_grad()
    def work() -> int:
        for part in parts:
            step(part)
        return rows

    return work


def samplers(subject: Subject, timing: Timing) -> Iterator[Ratio]:
    """Coordinates a second of everyone's noise, ours on the grid over each."""
    size, sigma, chunks = subject.images[0].numel(), subject.sigma, count()
    mean = torch.full((1, size), MEAN, dtype=torch.float64)

    def ours(grid: float) -> Tensor:
        place = SampleKey(0, 0, Stream.PREDICTION, 1, next(chunks))
        return Draws(place, mean.device).around(mean, CHUNK, sigma, grid)

    def cohen(_: object) -> Tensor:
        copies = mean.float().repeat(CHUNK, 1)
        return copies + torch.randn_like(copies) * sigma

    def art(_: object) -> NDArray[np.float64]:
        return np.full((CHUNK, size), MEAN) + np.random.normal(scale=sigma, size=(CHUNK, size))

    steps = {ON_GRID: (ours, GRID), OFF_GRID: (ours, 0.0), COHEN: (cohen, None), ART: (art, None)}
    works = {name: of_each([given], step, CHUNK * size) for name, (step, given) in steps.items()}
    rates = in_turn(works, timing, "coordinates/s")
    for name in (OFF_GRID, COHEN, ART):
        yield rates.ratio(f"{size:,} pixels", ON_GRID, name)
