"""Nested records: the published method's certificates, derived again from both levels of counts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gsmooth.certificate import CentreEvidence, InnerEvidence
from gsmooth.runs.records.row import Row
from gsmooth.runs.verify.profiles import fixed_votes, setting, supported_fraction
from gsmooth.theory.bounds import clopper_pearson_lower
from gsmooth.theory.normal import required_p_of_margin

# As for the outer shares, see ``profiles``.
_ROUNDED_UP = 1e-9


def nested_faults(row: Row, config: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """(field, message) for everything in a nested row that its counts do not support (T6).

    A draw of theta counts where the bound on its inner votes, at alpha_inner / n_outer, exceeds
    the inner share. Draws that were left out after a centre was given up count as failures: the
    bound is for n_outer of them, fixed in advance.
    """
    settings = _settings(row, config)
    if settings is None:
        yield "mode", "nested, but the run does not say n_outer, n_inner and alpha_inner"
        return
    draws, votes, inner_alpha = settings
    faults = [
        (f"evidence[{number}].{field}", message)
        for number, centre in enumerate(row.counts.evidence)
        for field, message in _centre(centre, draws, votes, inner_alpha / draws)
    ]
    yield from faults
    if faults:
        return
    bounds = [
        clopper_pearson_lower(centre.successes, draws, row.claim.alpha - inner_alpha)
        for centre in row.counts.evidence
    ]
    supported = supported_fraction(row.counts.evidence, bounds)
    if (supported is not None) != (row.is_certified):
        support = "do not support" if supported is None else "support"
        yield "outcome", f"{row.decision.outcome}, but the counts {support} a certificate"
    elif row.claim.fraction != supported:
        yield "fraction", f"{row.claim.fraction!r}, but the counts support {supported!r}"


def _settings(row: Row, config: Mapping[str, object]) -> tuple[int, int, float] | None:
    """n_outer, votes a draw and alpha_inner, where they are what a run can have."""
    outer, inner = setting(config, "certify.n_outer"), setting(config, "certify.n_inner")
    alpha = setting(config, "certify.alpha_inner")
    if not (isinstance(outer, int) and isinstance(inner, int) and isinstance(alpha, float)):
        return None
    if outer < 1 or inner < 1 or not 0.0 < alpha < row.claim.alpha:
        return None
    return outer, fixed_votes(inner), alpha


def _centre(
    centre: CentreEvidence, draws: int, votes: int, alpha: float
) -> Iterator[tuple[str, str]]:
    inner = centre.inner
    if inner is None:
        yield "inner", "no counts of inner votes"
        return
    if centre.trials > draws:
        yield "trials", f"{centre.trials}, but {draws} draws were fixed in advance"
    if inner.votes != votes:
        yield "inner.votes", f"{inner.votes}, but {votes} were fixed in advance"
        return
    needed = float(required_p_of_margin(inner.margin))
    if not needed <= inner.required_p <= needed + _ROUNDED_UP:
        yield (
            "inner.required_p",
            f"{inner.required_p!r}; margin {inner.margin!r} requires {needed!r}",
        )
    if len(inner.successes) != centre.trials:
        yield "inner.successes", f"{len(inner.successes)} counts for {centre.trials} draws"
    elif not all(0 <= count <= votes for count in inner.successes):
        yield "inner.successes", f"counts outside 0..{votes}"
    elif (passed := _passed(inner, alpha)) != centre.successes:
        yield "successes", f"{centre.successes}, but {passed} draws pass their inner test"


def _passed(inner: InnerEvidence, alpha: float) -> int:
    """Draws whose own lower bound exceeds the inner share."""
    bounds = {
        count: clopper_pearson_lower(count, inner.votes, alpha) for count in set(inner.successes)
    }
    return sum(bounds[count] > inner.required_p for count in inner.successes)
