"""What a certificate costs by the number of its centres, and against the methods of others."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from statistics import mean
from time import perf_counter
from typing import Final

import gsmooth
from benchmarks.suite.benchmark import Facts, Line
from benchmarks.suite.case import Case, cases
from gsmooth.certification import Outcome
from gsmooth.errors import UnreachableError
from gsmooth.runs.context import build_context
from gsmooth.runs.outcomes import outcomes

BATCH: Final = 256


def covers(options: argparse.Namespace, facts: Facts) -> Iterator[Line]:
    """The cost of every case, on so many images as are asked for its region."""
    every = cases("covers")
    smoothing, (low_pass,) = every[0].smoothing, every[0].transformation.options.values()
    facts |= {"network": every[0].network.spec, "sigma": smoothing.sigma, "low_pass_px": low_pass}
    facts["scale_deg"] = (smoothing.scales or ())[0]
    counts = {"±30°": options.images, "±3°": options.nested_images}
    for case in every:
        yield cost_of(case, counts[case.region_text])


def cost_of(case: Case, count: int) -> Line:
    """One line of the table, on ``count`` held-out digits, spread over all of them.

    certified: share of images whose true class is certified on the whole region. reached: mean
    certified fraction of the region, 0 for an abstention or a wrong class. centres, votes,
    seconds: means an image. refused: why no vote was cast, if so; all of these are 0 then.
    """
    parts = build_context(case.config(batch_size=BATCH))
    last = len(parts.dataset) - 1
    chosen = [round(place * last / max(1, count - 1)) for place in range(count)]
    found: list[Outcome] = []
    began, refused = perf_counter(), None
    try:
        found = list(outcomes(parts, chosen))
    except UnreachableError as error:
        refused = str(error)
    seconds = 0.0 if refused else (perf_counter() - began) / count
    reached = [certified_part(outcome, parts.dataset.label(outcome.index)) for outcome in found]
    return {
        "region_deg": (case.region.upper or ())[0],
        "method": case.name,
        "images": count,
        "certified": _mean([part == 1.0 for part in reached]),
        "reached": _mean(reached),
        "centres": _mean([len(outcome.certificate.evidence) for outcome in found]),
        "votes": _mean([outcome.votes for outcome in found]),
        "seconds": seconds,
        "refused": refused,
    }


def certified_part(outcome: Outcome, label: int) -> float:
    """Certified fraction of the region; 0 for an abstention or a wrong class."""
    match outcome.certificate:
        case gsmooth.Certified(label=found, fraction=fraction) if found == label:
            return fraction
        case _:
            return 0.0


def _mean(values: list[float] | list[int] | list[bool]) -> float:
    return mean(values) if values else 0.0
