"""Certified suprema of bilinear rotation around anchors: how tight, and how fast.

    ./scripts/bench suprema --mnist FILE.npz --cifar FILE.npz [--images N] [--out FOLDER]

M_j bounds ||psi_theta(x) - psi_anchor(x)||_2 over the inscribed disc for every theta of arc j, the
anchor at its middle. For every image: M = max_j M_j, the seconds it took, and how far the bounds
are above the largest distance among 21 angles of an arc. An npz file holds x, uint8, (N, H, W) or
(N, H, W, 3). The 224 x 224 images are CIFAR images enlarged bicubically: smoother than photographs
of that size, whose M is larger. Writes JSON with versions and the machine.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter, process_time
from typing import Final

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.machine import describe
from gsmooth_rotation import Rotation, anchor_angles, anchor_suprema

SPAN_DEG: Final = 45.0
SAMPLES: Final = 21
"""Angles an arc that bounds are compared with, both ends and the anchor among them."""


@dataclass(frozen=True)
class Case:
    """Images of one kind, (N, C, H, W) in [0, 1], and how many arcs +-SPAN_DEG is cut into.

    compared: how many arcs are sampled, beside the worst one and those at 0.
    """

    name: str
    source: str
    images: Tensor
    anchors: int
    compared: int

    @property
    def radius_px(self) -> float:
        """The inscribed disc, as TSS has it."""
        return (min(self.images.shape[2:]) - 1) / 2


@dataclass(frozen=True)
class Outcome:
    """One image: M and the mean of M_j, time, and bound / sampled over the compared arcs.

    seconds: by the clock; cpu_seconds: of all threads, the same on a machine that others load.
    above: the largest M over the largest sampled distance of those arcs; above_worst: the largest
    ratio of a single arc.
    """

    largest: float
    mean: float
    seconds: float
    cpu_seconds: float
    above: float
    above_worst: float


def read(path: Path, images: int) -> Tensor:
    """The first ``images`` images of an npz file as (N, C, H, W) float64 in [0, 1]."""
    with np.load(path) as stored:
        x = torch.from_numpy(stored["x"])
    x = x[:, None] if x.ndim == 3 else x.permute(0, 3, 1, 2)
    # Spread over the file: images of one class may lie together.
    chosen = torch.linspace(0, len(x) - 1, min(images, len(x))).long()
    return x[chosen].to(torch.float64) / 255.0


def enlarged(x: Tensor, size: int) -> Tensor:
    """Images blown up bicubically to size x size, and cut off at 0 and 1."""
    grown = F.interpolate(x, size=(size, size), mode="bicubic", align_corners=False)
    return grown.clamp(0.0, 1.0)


def sampled(case: Case, x: Tensor, arcs: Tensor) -> Tensor:
    """Largest distance from the anchor among SAMPLES angles of each of the arcs, (n,)."""
    operator = Rotation(radius_px=case.radius_px, space="pixels")
    middles = anchor_angles(-SPAN_DEG, SPAN_DEG, case.anchors)[arcs]
    around = torch.linspace(-1.0, 1.0, SAMPLES, dtype=torch.float64) * (SPAN_DEG / case.anchors)
    found = []
    for middle in middles.tolist():
        theta = torch.cat([torch.zeros(1, dtype=torch.float64), around]) + middle
        z = operator.lift(operator.attack(x.expand(len(theta), -1, -1, -1), theta[:, None]))
        found.append((z[1:] - z[0]).norm(dim=1).max())
    return torch.stack(found)


def measure(case: Case) -> Iterator[Outcome]:
    """Every image in turn; nothing is warmed up."""
    for image in case.images:
        x, began, worked = image[None], perf_counter(), process_time()
        bound = anchor_suprema(x, -SPAN_DEG, SPAN_DEG, case.anchors, case.radius_px)
        seconds, cpu_seconds = perf_counter() - began, process_time() - worked
        # The worst arc, those at 0, where all pixels are at a kink, and some over the interval.
        spread = torch.linspace(0, case.anchors - 1, case.compared).long()
        middle = (case.anchors // 2 - 1, case.anchors // 2, int(bound.argmax()))
        arcs = torch.tensor(sorted({*spread.tolist(), *middle}))
        distances = sampled(case, x, arcs)
        yield Outcome(
            largest=float(bound.max()),
            mean=float(bound.mean()),
            seconds=seconds,
            cpu_seconds=cpu_seconds,
            above=float(bound.max() / distances.max()),
            above_worst=float((bound[arcs] / distances).max()),
        )


def cases(options: argparse.Namespace) -> list[Case]:
    """What the given files allow."""
    found = []
    if options.mnist:
        found.append(
            Case("mnist-28", options.mnist.name, read(options.mnist, options.images), 500, 100)
        )
    if options.cifar:
        few = read(options.cifar, max(1, options.images // 4))
        found.append(Case("cifar-32", options.cifar.name, few, 2500, 100))
        how = f"{options.cifar.name}, enlarged bicubically"
        found.append(Case("enlarged-224", how, enlarged(few[:1], 224), 2000, 10))
    return found


def summary(case: Case, outcomes: list[Outcome]) -> dict[str, object]:
    """The figures of one case, ready for JSON."""
    return {
        "case": case.name,
        "images": len(outcomes),
        "shape": list(case.images.shape[1:]),
        "source": case.source,
        "region_deg": [-SPAN_DEG, SPAN_DEG],
        "anchors": case.anchors,
        "radius_px": case.radius_px,
        "largest_mean": statistics.mean(o.largest for o in outcomes),
        "largest_max": max(o.largest for o in outcomes),
        "seconds_first": outcomes[0].seconds,
        "seconds_median": statistics.median(o.seconds for o in outcomes),
        "cpu_seconds_median": statistics.median(o.cpu_seconds for o in outcomes),
        "above_sampled_mean": statistics.mean(o.above for o in outcomes),
        "above_sampled_worst_arc": max(o.above_worst for o in outcomes),
        "outcomes": [asdict(o) for o in outcomes],
    }


def main() -> None:
    """Measure, print a Markdown table and write suprema.json."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0] if __doc__ else "")
    parser.add_argument("--mnist", type=Path, help="npz file of 28 x 28 images")
    parser.add_argument("--cifar", type=Path, help="npz file of 32 x 32 colour images")
    parser.add_argument("--images", type=int, default=20, help="MNIST images; a quarter of CIFAR")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args()
    found = cases(options)
    if not found:
        print(
            "nothing to measure: give --mnist FILE.npz or --cifar FILE.npz, with x (N, H, W[, 3])"
        )
        return
    print(
        "| images | arcs | mean M | max M | s an image (first; CPU) | above sampled (worst arc) |"
    )
    print("|---|---|---|---|---|---|")
    figures = []
    for case in found:
        f = summary(case, list(measure(case)))
        figures.append(f)
        print(
            f"| {f['images']} x {case.name} | {case.anchors} | {f['largest_mean']:.4f} |"
            f" {f['largest_max']:.4f} | {f['seconds_median']:.2f} ({f['seconds_first']:.2f};"
            f" {f['cpu_seconds_median']:.2f}) |"
            f" {f['above_sampled_mean']:.3f} ({f['above_sampled_worst_arc']:.3f}) |"
        )
    document = {
        "benchmark": "suprema",
        **describe(),
        "cases": figures,
    }
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "suprema.json"
    path.write_text(json.dumps(document, indent=2) + "\n")
    print(f"written to {path}")


if __name__ == "__main__":
    main()
