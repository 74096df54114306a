"""A ResNet-50 at 224 x 224 on a GPU: votes a second against raw forwards a second.

    ./scripts/bench gpu [--seconds 2] [--rounds 5] [--device cuda]

In float32 and in bfloat16 (autocast, channels last), each at its best batch size, and the seconds
that a certificate of n = 100,000 votes takes; Cohen et al. (2019) published about 150 s an image
for theirs, on a GPU of that year. Writes gpu.json, with the device's name. Needs a GPU:
``--device cpu --tiny`` runs the same with a very small network, to see that it works, and writes
nothing.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from time import perf_counter
from typing import Final

import torch

import gsmooth
from benchmarks.machine import add_common, timing_of, write
from benchmarks.resnets import resnet50
from benchmarks.subjects import Subject, picture
from benchmarks.turns import Ratio, Timing, in_turn, shown
from gsmooth.certification.api import RadiusMode, certify
from gsmooth.models.classifier import Autocast
from gsmooth.theory.laws import GaussianLaw

SIZES: Final = (64, 128, 256, 512, 1024)
PRECISIONS: Final[dict[str, Autocast | None]] = {"float32": None, "bfloat16": "bfloat16"}
PUBLISHED_S: Final = 150.0
"""An image on ImageNet, ResNet-50, n = 100,000: Cohen et al. (2019), section 4."""


@dataclass(frozen=True)
class Whole:
    """One certificate of n votes, first to last."""

    precision: str
    n: int
    seconds: float
    published_s: float = PUBLISHED_S


def main() -> None:
    """Measure, print and write gpu.json."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--n", type=int, default=100_000, help="votes of a whole certificate")
    parser.add_argument("--tiny", action="store_true", help="a very small network; no results")
    add_common(parser)
    options = parser.parse_args()
    if options.device.startswith("cuda") and not torch.cuda.is_available():
        print("nothing to measure: this needs a GPU (torch.cuda.is_available() is False)")
        return
    timing = timing_of(options)
    sizes: dict[str, dict[str, int]] = {}
    ratios: list[Ratio] = []
    wholes: list[Whole] = []
    for precision in PRECISIONS:
        subject = resnet(precision, options.device, options.tiny)
        for ratio in measured(subject, timing, sizes):
            ratios.append(ratio)
            print(shown(ratio), flush=True)
        whole = certified(subject, precision, sizes[subject.name]["votes"], options.n)
        wholes.append(whole)
        print(f"{subject.name}: n={whole.n:,} in {whole.seconds:.1f} s", flush=True)
    if options.tiny or not options.device.startswith("cuda"):
        print("not written: these are no results of a GPU")
        return
    document = {
        "benchmark": "gpu",
        "device": torch.cuda.get_device_name(options.device),
        "timing": asdict(timing),
        "batch_sizes": sizes,
        "ratios": [asdict(ratio) for ratio in ratios],
        "certificates": [asdict(whole) for whole in wholes],
    }
    write(document, options.out)


def resnet(precision: str, device: str, tiny: bool = False) -> Subject:
    """A ResNet-50 with random weights, or a very small one of the same build."""
    torch.manual_seed(0)
    size, classes = (32, 10) if tiny else (224, 1000)
    network = resnet50(classes, (4, 4, 4, 4)) if tiny else resnet50(classes)
    classifier = gsmooth.Classifier(
        network,
        classes=classes,
        shape=(3, size, size),
        name="resnet50",
        device=device,
        autocast=PRECISIONS[precision],
        channels_last=PRECISIONS[precision] is not None,
    )
    return Subject(
        name=f"resnet50-{size}, {precision}",
        classifier=classifier,
        transformation="gaussian",
        law=GaussianLaw((), 0.5),
        images=[picture(size)],
        region=gsmooth.Region(l2=0.5),
        n=1_000,
        sizes=SIZES[:1] if tiny else SIZES,
    )


def measured(subject: Subject, timing: Timing, sizes: dict[str, dict[str, int]]) -> Iterator[Ratio]:
    """Votes over raw forwards, with the grid and without."""
    raw, best = subject.best_forward_size(timing), subject.best_vote_size(timing)
    sizes[subject.name] = {"raw": raw, "votes": best}
    works = {
        "votes": subject.votes(best),
        "raw forwards": subject.forwards(raw),
        "votes, no grid": replace(subject, grid=0.0).votes(best),
    }
    rates = in_turn(works, timing)
    yield rates.ratio(subject.name, "votes", "raw forwards")
    yield rates.ratio(subject.name, "votes", "votes, no grid")


def certified(subject: Subject, precision: str, batch_size: int, n: int) -> Whole:
    """Radius mode with n votes, once."""
    smoothed, mode = subject.smoothed(batch_size), RadiusMode(n=n)
    began = perf_counter()
    certify(smoothed, subject.images[0], subject.region, mode, index=0)
    return Whole(precision, n, perf_counter() - began)


if __name__ == "__main__":
    main()
