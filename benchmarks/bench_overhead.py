"""Votes a second through the engine against the raw model's best forward rate, in one run."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import asdict
from time import perf_counter
from typing import Any, Final

import torch

from benchmarks.suite.benchmark import Facts, NothingToMeasureError
from benchmarks.suite.timing import Ratio, Timing, best_size, in_turn
from benchmarks.suite.works import Subject
from gsmooth.certification import CertifyTask, RadiusMode, RegionMode
from gsmooth.certification.api import certify_many
from gsmooth.data.item import Item

RAW, COUNTED, OFF_GRID = "raw forwards", "votes", "votes, no grid"
REGION_MODE, RADIUS_MODE = "region mode", "radius mode"
PUBLISHED_S: Final = 150.0
"""An image on ImageNet, ResNet-50, n = 100,000: Cohen et al. (2019), section 4."""
PRECISIONS: Final[dict[str, dict[str, Any]]] = {
    "float32": {},
    "bfloat16": {"autocast": "bfloat16", "channels_last": True},
}


def overhead(options: argparse.Namespace, facts: Facts) -> Iterator[Ratio]:
    """The ratios of every subject; on a GPU of one, in two precisions."""
    timing = Timing.asked(options)
    facts |= {"timing": asdict(timing), "batch_sizes": {}}
    if options.device.startswith("cuda") or options.tiny:
        yield from on_gpu(options, timing, facts)
        return
    for name in options.only:
        yield from measured(Subject.load(name), timing, facts)


def on_gpu(options: argparse.Namespace, timing: Timing, facts: Facts) -> Iterator[Ratio]:
    """A ResNet-50 in every precision, or a very small one, and a whole certificate of each."""
    if options.device.startswith("cuda") and not torch.cuda.is_available():
        raise NothingToMeasureError("this needs a GPU (torch.cuda.is_available() is False)")
    # Figures of a very small network are none of a GPU.
    facts |= {"benchmark": "" if options.tiny else "gpu", "certificates": []}
    device, name = options.device, "tiny-cnn-32" if options.tiny else "resnet50-224"
    facts["device"] = torch.cuda.get_device_name(device) if device != "cpu" else "CPU"
    for precision, how in PRECISIONS.items():
        subject = Subject.load(name, device=device, **how).but(name=f"{name}, {precision}")
        yield from measured(subject, timing, facts, certificates=False)
        seconds = certified(subject, facts["batch_sizes"][subject.name]["votes"], options.n)
        print(f"{subject.name}: n={options.n:,} in {seconds:.1f} s", flush=True)
        facts["certificates"].append(
            {"precision": precision, "n": options.n, "seconds": seconds, "published_s": PUBLISHED_S}
        )


def measured(
    subject: Subject, timing: Timing, facts: Facts, certificates: bool = True
) -> Iterator[Ratio]:
    """The ratios of one subject; the batch sizes they were found at are put into ``facts``."""
    raw = best_size(subject.forwards, subject.case.sizes, timing)
    best = subject.best_vote_size(timing)
    facts["batch_sizes"][subject.name] = {"raw": raw, "votes": best}
    works = {
        COUNTED: subject.votes(best),
        RAW: subject.forwards(raw),
        OFF_GRID: subject.off_grid().votes(best),
    }
    if certificates:
        works[REGION_MODE] = subject.certificates(best, RegionMode())
        works[RADIUS_MODE] = subject.certificates(best, RadiusMode(n=subject.case.votes))
    rates = in_turn(works, timing)
    yield rates.ratio(subject.name, COUNTED, RAW, subject.case.targets.get(RAW))
    for name in (OFF_GRID, REGION_MODE, RADIUS_MODE) if certificates else ():
        yield rates.ratio(subject.name, name, RAW)
    yield rates.ratio(subject.name, COUNTED, OFF_GRID)


def certified(subject: Subject, batch_size: int, n: int) -> float:
    """Seconds of one certificate in radius mode with n votes, first to last."""
    smoothed, mode = subject.smoothed(batch_size), RadiusMode(n=n)
    began = perf_counter()
    task = CertifyTask(smoothed, subject.region, mode)
    next(certify_many(task, [Item(0, subject.images[0])]))
    return perf_counter() - began
