"""Decided: outcome and fraction of a row, derived again from the counts at its centres."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from gsmooth.certificate import CentreEvidence, Verdict
from gsmooth.errors import ConfigurationError, UnreachableError
from gsmooth.runs.records.row import Row
from gsmooth.runs.verify.profiles import (
    fixed_votes,
    lower_bounds,
    needed_from,
    setting,
    supported_fraction,
)
from gsmooth.runs.verify.runner_up import anytime_bounds, class_counts, mixture_of_row
from gsmooth.runs.verify.seed_checks import randomized_faults
from gsmooth.sampling.noise import Seed
from gsmooth.theory.centre_test import CentreMixture, CentreTest

Message = tuple[str, str]


def region_faults(row: Row, config: Mapping[str, object]) -> Iterator[Message]:
    """Accepted centres, each at the full alpha, carry the region up to the first other one (C5).

    Covers that were drawn a second time share alpha: every test is at alpha / attempts. Worst first
    there are no profiles: every centre is needed from the clean image on. Rule "fixed":
    Clopper-Pearson for n votes at alpha / k in place of the e-process. Rule "runner-up": the
    mixture of tests that the selection votes choose (S9).
    """
    if setting(config, "certify.order") == "worst-first":
        for number, centre in enumerate(row.counts.evidence):
            if centre.profile:
                yield f"evidence[{number}].profile", "one where centres were tested worst first"
    if setting(config, "certify.rule") == "fixed":
        yield from _fixed_votes(row, config)
        level = row.claim.alpha / row.claim.attempts / max(1, len(row.counts.evidence))
        bounds = lower_bounds(replace(row, claim=replace(row.claim, alpha=level)))
        accepted = [p > c.required_p for p, c in zip(bounds, row.counts.evidence, strict=True)]
    else:
        level, mixture = row.claim.alpha / row.claim.attempts, mixture_of_row(row, config)
        accepted = [_accepts(centre, row, level, mixture) for centre in row.counts.evidence]
    fraction = 1.0 if accepted else 0.0
    for number, (centre, holds) in enumerate(zip(row.counts.evidence, accepted, strict=True)):
        where = f"evidence[{number}].verdict"
        if centre.verdict is Verdict.ACCEPTED and not holds:
            votes = f"{centre.successes} of {centre.trials} votes"
            yield where, f"accepted, but {votes} do not show a share above {centre.required_p}"
        elif row.is_certified and not holds and (row.claim.fraction or 0.0) > needed_from(centre):
            yield (
                where,
                f"{centre.verdict}; fraction {row.claim.fraction!r} needs this centre accepted",
            )
        if not holds:
            fraction = min(fraction, needed_from(centre))
    yield from _affordable(row, config)
    yield from _outcome(row, fraction > 0.0)
    if row.claim.fraction is not None and fraction > 0.0 and row.claim.fraction != fraction:
        yield "fraction", f"{row.claim.fraction!r}, but the counts support {fraction!r}"


def _affordable(row: Row, config: Mapping[str, object]) -> Iterator[Message]:
    """No centre is given votes beyond max_votes, all votes before them included."""
    most = setting(config, "certify.max_votes")
    tested = any(centre.trials for centre in row.counts.evidence)
    if isinstance(most, int) and tested and row.counts.votes > most:
        yield "votes", f"{row.counts.votes}, but max_votes={most} is the most an image can have"


def radius_faults(row: Row, config: Mapping[str, object], secret: Seed | None) -> Iterator[Message]:
    """The largest fraction up to which every centre's lower bound exceeds its required shares."""
    bound = setting(config, "certify.bound")
    if bound == "sequence":
        yield from _votes_at_most(row, config)
        bounds = anytime_bounds(row, mixture_of_row(row, config))
    else:
        yield from _fixed_votes(row, config)
        if bound == "randomized":
            yield from randomized_faults(row, secret)
            return
        bounds = lower_bounds(row)
    supported = supported_fraction(row.counts.evidence, bounds)
    yield from _outcome(row, supported is not None)
    if None not in (row.claim.fraction, supported) and row.claim.fraction != supported:
        yield "fraction", f"{row.claim.fraction!r}, but the counts support {supported!r}"


def _fixed_votes(row: Row, config: Mapping[str, object]) -> Iterator[Message]:
    """Every centre that was tested had the votes that were fixed in advance."""
    votes = setting(config, "certify.n")
    for number, centre in enumerate(row.counts.evidence):
        if centre.trials and isinstance(votes, int) and centre.trials != fixed_votes(votes):
            yield (
                f"evidence[{number}].trials",
                f"{centre.trials}, but n={votes} was fixed in advance: {fixed_votes(votes)} votes",
            )


def _votes_at_most(row: Row, config: Mapping[str, object]) -> Iterator[Message]:
    """A sequence may end at any time (S6), with n votes a centre at the latest."""
    votes = setting(config, "certify.n")
    for number, centre in enumerate(row.counts.evidence):
        if isinstance(votes, int) and centre.trials > votes:
            yield f"evidence[{number}].trials", f"{centre.trials}, but n={votes} is the most"


def _outcome(row: Row, proved: bool) -> Iterator[Message]:
    if proved != (row.is_certified):
        support = "support" if proved else "do not support"
        yield "outcome", f"{row.decision.outcome}, but the counts {support} a certificate"


def _accepts(centre: CentreEvidence, row: Row, level: float, mixture: CentreMixture) -> bool:
    if centre.trials == 0:
        return False
    try:
        test = CentreTest(centre.required_p, level, mixture)
    except (UnreachableError, ConfigurationError):  # A share or alpha that no test can have.
        return False
    return test.accepts(class_counts(centre, row))
