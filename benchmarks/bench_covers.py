"""What a certificate costs by the number of its centres, and against the methods of others.

    ./scripts/bench covers [--images 30] [--nested-images 3] [--out benchmarks/results]

On identical weights (the shipped rotation network) and identical held-out digits, at alpha = .001:

- every rotation in +-30 degrees by one clean centre, by 1 to 64 free centres, by the cover that
  chooses itself (in one attempt and in two), and without noise on the angle (T = id), which is the
  method of TSS but for the e-process;
- every rotation in +-3 degrees by the nested method of Fischer et al. (2020), whose outer vote
  over angles holds inner votes over noise, against one joint vote (T4), both at the clean image. In
  wider regions the error of one clean centre is beyond the noise of this network for either.

Votes are forward passes of certification; seconds hold the cover and the votes of one process.
Writes covers.json and prints Markdown.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from statistics import mean
from time import perf_counter

import gsmooth
from benchmarks.machine import describe
from gsmooth.certification.api import Item, Outcome, RegionMode, certify_many
from gsmooth.certification.nested import NestedMode, certify_nested_many
from gsmooth.cover import Centres, IndividualCovers
from gsmooth.errors import UnreachableError
from gsmooth.theory.laws import GaussianLaw

SIGMA, SCALE, LOW_PASS = 0.15, 4.0, 0.9
Method = Callable[[Iterable[Item]], Iterable[Outcome]]
PLENTY = 1_000_000
"""A budget that no method meets: what it would cost is the question."""


@dataclass(frozen=True)
class Line:
    """One way to certify one region.

    certified: share of images whose true class is certified on the whole region. reached: mean
    certified fraction of the region, 0 for an abstention or a wrong class. centres, votes,
    seconds: means an image. refused: why no vote was cast, if so.
    """

    region_deg: float
    method: str
    images: int
    certified: float
    reached: float
    centres: float
    votes: float
    seconds: float
    refused: str | None = None


def main() -> None:
    """Measure, print a table and write covers.json."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0] if __doc__ else "")
    parser.add_argument("--images", type=int, default=30, help="held-out digits at +-30 degrees")
    parser.add_argument("--nested-images", type=int, default=3, help="and at +-3 degrees")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args()
    print("| region | method | images | certified | reached | centres | votes | s |")
    print("|---|---|---|---|---|---|---|---|")
    lines = []
    for line in chain(covers(options.images), against_nested(options.nested_images)):
        lines.append(line)
        shown = f"{line.centres:.1f} | {line.votes:,.0f} | {line.seconds:.2f}"
        print(
            f"| ±{line.region_deg:g}° | {line.method} | {line.images} | {line.certified:.1%}"
            f" | {line.reached:.2f} | {'refused | 0 | 0' if line.refused else shown} |",
            flush=True,
        )
    document = {
        "benchmark": "covers",
        "network": "shipped:digits-rotation",
        "sigma": SIGMA,
        "scale_deg": SCALE,
        "low_pass_px": LOW_PASS,
        "lines": [asdict(line) for line in lines],
        **describe(),
    }
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "covers.json"
    path.write_text(json.dumps(document, indent=2) + "\n")
    print(f"written to {path}")


def covers(count: int) -> Iterator[Line]:
    """+-30 degrees by covers of every size."""
    capped, free = RegionMode(), RegionMode(max_votes=PLENTY)
    once = RegionMode(attempts=1)
    cases: list[tuple[str, bool, Centres, RegionMode]] = [
        ("one clean centre", True, "clean", capped),
        *((f"{k} free centres", True, k, capped) for k in (1, 4, 8, 12, 16, 24, 36, 64)),
        ("chosen, one attempt", True, None, once),
        ("chosen", True, None, capped),
        ("chosen, no limit of votes", True, None, free),
        ("T = id, chosen, no limit of votes", False, None, free),
    ]
    for method, noisy, centres, mode in cases:
        yield measured(30.0, method, count, joint(30.0, noisy, centres, mode))


def against_nested(count: int) -> Iterator[Line]:
    """+-3 degrees by two votes inside each other, and by one."""
    free = RegionMode(max_votes=PLENTY)
    yield measured(3.0, "nested, one clean centre: 100 x 2,000 votes", count, nested(3.0))
    yield measured(3.0, "joint (T4), one clean centre", count, joint(3.0, True, "clean", free))
    yield measured(3.0, "joint (T4), chosen", count, joint(3.0, True, None, free))


def joint(end_deg: float, noisy: bool, centres: Centres, mode: RegionMode) -> Method:
    """One vote over angle and noise together."""

    def certify(items: Iterable[Item]) -> Iterable[Outcome]:
        return certify_many(
            smoothed(noisy), items, region(end_deg), mode, IndividualCovers(centres)
        )

    return certify


def nested(end_deg: float) -> Method:
    """A vote over angles that holds votes over noise."""
    mode = NestedMode(n_outer=100, n_inner=2000)

    def certify(items: Iterable[Item]) -> Iterable[Outcome]:
        return certify_nested_many(smoothed(True), items, region(end_deg), mode)

    return certify


def measured(region_deg: float, method: str, count: int, certify: Method) -> Line:
    """One line of the table, on ``count`` held-out digits."""
    digits = gsmooth.load_data("shipped:digits")
    chosen = [round(place * (len(digits) - 1) / max(1, count - 1)) for place in range(count)]
    began = perf_counter()
    try:
        found = list(certify(Item(index, digits.image(index)) for index in chosen))
    except UnreachableError as error:
        return Line(region_deg, method, count, 0.0, 0.0, 0.0, 0.0, 0.0, str(error))
    seconds = (perf_counter() - began) / count
    reached = [fraction(outcome, digits.label(outcome.index)) for outcome in found]
    return Line(
        region_deg=region_deg,
        method=method,
        images=count,
        certified=mean(fraction == 1.0 for fraction in reached),
        reached=mean(reached),
        centres=mean(len(outcome.certificate.evidence) for outcome in found),
        votes=mean(outcome.votes for outcome in found),
        seconds=seconds,
    )


def fraction(outcome: Outcome, label: int) -> float:
    """Certified fraction of the region; 0 for an abstention or a wrong class."""
    found = outcome.certificate
    right = isinstance(found, gsmooth.Certified) and found.label == label
    return found.fraction if right and isinstance(found, gsmooth.Certified) else 0.0


def region(end_deg: float) -> gsmooth.Region:
    """Every rotation within +-end."""
    return gsmooth.Region((-end_deg,), (end_deg,))


def smoothed(noisy: bool) -> gsmooth.SmoothedClassifier:
    """The shipped network under its own smoothing, with or without noise on the angle."""
    return gsmooth.SmoothedClassifier(
        gsmooth.load_model("shipped:digits-rotation"),
        gsmooth.load_transformation("rotation", {"low_pass_px": LOW_PASS}),
        GaussianLaw((SCALE,) if noisy else (), SIGMA),
        seed=0,
    )


if __name__ == "__main__":
    main()
