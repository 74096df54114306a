"""Profiles: how much of a region the votes at its centres support, for ``gsmooth verify``."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final

from gsmooth.certificate import CentreEvidence
from gsmooth.runs.records.row import Row
from gsmooth.sampling.noise import CHUNK
from gsmooth.theory.bounds import clopper_pearson_lower, randomized_clopper_pearson_lower
from gsmooth.theory.normal import required_p_of_margin

# A share may be rounded up a little further than here, never down.
_ROUNDED_UP: Final = 1e-9
# Float terms (F1) make the l2 margin grow a little faster than in proportion to the radius.
_CURVATURE: Final = 1e-4


def setting(config: Mapping[str, object], path: str) -> object:
    """The value at a dotted path of a run's configuration; None where the run left it out."""
    section, _, name = path.partition(".")
    values = config.get(section)
    return values.get(name) if isinstance(values, Mapping) else None


def fixed_votes(n: int) -> int:
    """n rounded up to whole chunks: every vote of a started chunk counts."""
    return -(-n // CHUNK) * CHUNK


def required_p_faults(centre: CentreEvidence) -> Iterator[str]:
    """A message unless the share is what the margin requires."""
    needed = float(required_p_of_margin(centre.margin))
    if not needed <= centre.required_p <= needed + _ROUNDED_UP:
        yield f"{centre.required_p!r}; margin {centre.margin!r} requires {needed!r}"


def profile_faults(centre: CentreEvidence, identity_action: bool) -> Iterator[str]:
    """Messages unless the steps ascend to the share of the whole region.

    identity_action: no parameter moves, so margins grow linearly with the l2 radius (T1) and no
    step may ask for less than its part of the whole margin.
    """
    steps = centre.profile
    for before, after in pairwise(steps):
        if not (before.fraction < after.fraction and before.required_p <= after.required_p):
            yield f"not ascending at fraction {after.fraction!r}"
    if steps and steps[-1].fraction == 1.0 and steps[-1].required_p != centre.required_p:
        yield (
            f"share {steps[-1].required_p!r} at fraction 1, but the whole region needs"
            f" {centre.required_p!r}"
        )
    if steps and not 0.0 <= steps[0].fraction <= steps[-1].fraction <= 1.0:
        yield "fractions outside [0, 1]"
    # An infinite margin bounds no part of it.
    for step in steps if identity_action and math.isfinite(centre.margin) else ():
        needed = float(required_p_of_margin(step.fraction * centre.margin))
        if step.required_p < needed - _CURVATURE:
            yield f"share {step.required_p!r} at fraction {step.fraction!r}; it needs {needed!r}"


def needed_from(centre: CentreEvidence) -> float:
    """The fraction from which on a centre is needed: the first step, where it asks for nothing."""
    return (
        centre.profile[0].fraction
        if centre.profile and centre.profile[0].required_p == 0.0
        else 0.0
    )


def lower_bounds(row: Row, draws: Sequence[float] | None = None) -> list[float]:
    """Clopper-Pearson lower bounds (S1) on p at every centre; 0 at those without votes.

    draws: one uniform draw a centre, for the randomized bound (S7).
    """
    given = [None] * len(row.counts.evidence) if draws is None else draws
    return [
        _lower_bound(centre, row.claim.alpha, u)
        for centre, u in zip(row.counts.evidence, given, strict=True)
    ]


def supported_fraction(
    evidence: Sequence[CentreEvidence], lower_bounds: Sequence[float]
) -> float | None:
    """Largest fraction that the bounds at all centres prove; None when they prove nothing.

    A step of a profile holds for every fraction from the step before it up to its own.
    """
    fractions = [_reach(centre, p) for centre, p in zip(evidence, lower_bounds, strict=True)]
    proved = min(fractions, default=0.0)
    return proved if proved > 0.0 else None


def _reach(centre: CentreEvidence, p_lower: float) -> float:
    """Fraction of the last step before the first whose share p_lower does not exceed."""
    reach = 0.0
    for step in centre.profile:
        # A share of 0 asks for nothing: the region does not meet this centre's part yet.
        if step.required_p > 0.0 and step.required_p >= p_lower:
            break
        reach = step.fraction
    return reach


def _lower_bound(centre: CentreEvidence, alpha: float, u: float | None) -> float:
    if centre.trials == 0:
        return 0.0
    if u is None:
        return clopper_pearson_lower(centre.successes, centre.trials, alpha)
    return randomized_clopper_pearson_lower(centre.successes, centre.trials, alpha, u)
