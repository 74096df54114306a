"""The test of the runner-up (S9) in verify: which mixture a row was decided by, and its counts."""

from __future__ import annotations

from collections.abc import Mapping

from gsmooth.certificate import CentreEvidence, decision_rule
from gsmooth.errors import ConfigurationError
from gsmooth.runs.records.row import Row
from gsmooth.theory.centre_test import (
    ONE_SIDED,
    CentreMixture,
    ClassCounts,
    anytime_required_p,
    mixture_of,
)


def has_runner_up(config: Mapping[str, object]) -> bool:
    """Whether the rows of a run are decided by version 2 of the rule."""
    certify = config.get("certify")
    return isinstance(certify, Mapping) and decision_rule(certify) == 2


def mixture_of_row(row: Row, config: Mapping[str, object]) -> CentreMixture:
    """The mixture that the row's selection votes choose; that of rule 1 where the run has it.

    S9 applies where the margins are those of T1 or T4, which the noise of the row says.
    """
    if not has_runner_up(config):
        return ONE_SIDED
    try:
        gap = row.randomness.noise.build().bounds_every_class
    except ConfigurationError:  # Noise that no law can have, which is a fault of its own.
        gap = False
    return mixture_of(row.image.prediction_counts, gap=gap, radius=row.claim.mode == "radius")


def class_counts(centre: CentreEvidence, row: Row) -> ClassCounts:
    """The votes of one centre as the tests see them; without votes by class, of two classes."""
    if centre.class_votes is None or centre.ties is None:
        return ClassCounts(centre.successes, (centre.trials - centre.successes,), centre.trials)
    votes = [0] * (len(row.image.prediction_counts) - 1)
    for label, count in centre.class_votes:
        votes[label] = count
    return ClassCounts.of([*votes, centre.ties], row.decision.selected_label)


def anytime_bounds(row: Row, mixture: CentreMixture) -> list[float]:
    """Lower bounds that hold whenever the votes ended (S6, S9); 0 at centres without votes."""
    return [
        anytime_required_p(class_counts(centre, row), row.claim.alpha, mixture)
        if centre.trials
        else 0.0
        for centre in row.counts.evidence
    ]
