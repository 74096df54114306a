"""Rows of version 2 of the decision rule: what their counts by class support, and what not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gsmooth.certificate import CentreEvidence, Verdict
from gsmooth.runs.records.header import RunHeader
from gsmooth.runs.records.recorded_noise import AxisNoise, NoiseRecord
from gsmooth.runs.records.row import Row
from gsmooth.runs.verify.verify import row_faults
from tests.runs.samples import changed, make_centre, make_header, make_row

SELECTION = (1, 1, 1, 1, 0, 0, 0, 60, 0, 0, 0)
CERTIFY: dict[str, object] = {"mode": "region", "rule": "runner-up", "attempts": 1}
SPREAD = (*((c, 10) for c in range(7)), (7, 210), (8, 10), (9, 10))
"""210 of 300 votes, a share below the required .773; every other class has a thirtieth."""
ONE_OTHER = ((1, 90), (7, 210))


def header(**certify: object) -> RunHeader:
    return make_header(config={"certify": {**CERTIFY, **certify}})


def centre_of(votes: tuple[tuple[int, int], ...], theta: float) -> CentreEvidence:
    found = make_centre(210, 300, theta=(theta,))
    return replace(found, class_votes=votes, ties=0)


def row_of(votes: tuple[tuple[int, int], ...], **changes: object) -> Row:
    evidence = (centre_of(votes, -15.0), centre_of(votes, 15.0))
    row = make_row(evidence=evidence, votes=64 + 600, prediction_counts=SELECTION)
    return changed(row, **changes)


def faults(row: Row, of: RunHeader) -> set[str]:
    return {fault.field for fault in row_faults(row, of)}


def test_counts_that_are_spread_over_other_classes_support_a_certificate() -> None:
    assert faults(row_of(SPREAD), header()) == set()


def test_the_same_counts_support_none_where_the_run_has_the_older_rule() -> None:
    found = faults(row_of(SPREAD), header(rule="e-process"))
    assert found == {"evidence[0].verdict", "evidence[1].verdict", "outcome"}


def test_the_same_votes_for_one_other_class_support_none() -> None:
    found = faults(row_of(ONE_OTHER), header())
    assert found == {"evidence[0].verdict", "evidence[1].verdict", "outcome"}


def test_a_law_that_does_not_bound_every_class_has_no_test_of_the_runner_up() -> None:
    other = NoiseRecord(0.2, True, (AxisNoise("laplace", 24.0),))
    assert "outcome" in faults(row_of(SPREAD, noise=other), header())
    any_action = NoiseRecord(0.2, False, (AxisNoise("gaussian", 24.0),))
    assert "outcome" in faults(row_of(SPREAD, noise=any_action), header())


@pytest.mark.parametrize(
    ("selection", "attempts", "sound"),
    [
        (SELECTION, 2, True),
        (SELECTION, 1, False),
        ((0,) * 7 + (64, 0, 0, 0), 1, True),
        ((0,) * 7 + (64, 0, 0, 0), 2, True),
    ],
)
def test_one_attempt_has_all_of_alpha_only_after_unanimous_votes(
    selection: tuple[int, ...], attempts: int, sound: bool
) -> None:
    evidence = [make_centre(theta=(t,), verdict=Verdict.ACCEPTED) for t in (-15.0, 15.0)]
    row = make_row(
        evidence=tuple(evidence), prediction_counts=selection, pilot_votes=72, votes=64 + 72 + 256
    )
    found = faults(changed(row, attempts=attempts), header(attempts=2))
    assert ("attempts" in found) is not sound


@pytest.mark.parametrize("rule", ["runner-up", "e-process"])
def test_one_ball_without_pilots_has_one_attempt(rule: str) -> None:
    one, two = (tuple(make_centre(theta=(t,)) for t in at) for at in ((0.0,), (-15.0, 15.0)))
    for evidence, pilots, sound in ((one, 0, True), (one, 72, False), (two, 0, False)):
        cast = 64 + pilots + sum(centre.trials for centre in evidence)
        row = make_row(
            evidence=evidence, prediction_counts=SELECTION, pilot_votes=pilots, votes=cast
        )
        of = header(rule=rule, attempts=2, centres=None, guarantee="individual")
        assert ("attempts" in faults(changed(row, attempts=1), of)) is not sound


@pytest.mark.parametrize(
    ("first", "votes", "sound"),
    [
        (16, (0,) * 7 + (16, 0, 0, 0), True),
        (16, (0,) * 7 + (15, 1, 0, 0), False),
        (16, (0,) * 7 + (12, 0, 0, 0), False),
        (16, SELECTION, True),
        (None, (0,) * 7 + (16, 0, 0, 0), False),
        ("not named", (0,) * 7 + (16, 0, 0, 0), False),
    ],
)
def test_selection_votes_are_n0_or_the_first_that_agree(
    first: int | str | None, votes: tuple[int, ...], sound: bool
) -> None:
    evidence = tuple(make_centre(theta=(t,)) for t in (-15.0, 15.0))
    cast = sum(votes) + sum(centre.trials for centre in evidence)
    row = make_row(evidence=evidence, prediction_counts=votes, votes=cast)
    named = {} if first == "not named" else {"n0_first": first}
    assert ("prediction_counts" in faults(row, header(n0=64, **named))) is not sound
