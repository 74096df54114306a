"""Explanations say what the counts of a record show, and no more."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from scipy import stats

from gsmooth.certificate import AbstainReason, CentreEvidence, Step, Verdict
from gsmooth.errors import RecordError
from gsmooth.report.explain.case import Case
from gsmooth.report.explain.centre import at_same_shares
from gsmooth.report.explain.explanation import Explanation, explain, explained, tally
from gsmooth.report.explain.limit import Limit, deciding_centre
from gsmooth.runs.records.folder import Records, open_records
from gsmooth.runs.records.recorded_noise import AxisNoise, NoiseRecord
from gsmooth.runs.records.row import Row
from gsmooth.runs.records.row_parts import AttackRecord
from gsmooth.theory.centre_test import ClassCounts
from gsmooth.theory.normal import required_p_of_margin
from gsmooth.theory.radii import gaussian_radius
from gsmooth.theory.sequential import EProcess, StreamedSample
from gsmooth.transforms.base import Parameter
from gsmooth.transforms.region import Region
from tests.runs.samples import (
    CONFIG,
    changed,
    counted,
    make_abstention,
    make_centre,
    make_header,
    make_radius_row,
    make_row,
)

ANGLE = (Parameter("angle", "deg"),)
STORED = Path(__file__).parents[2] / "runs" / "records" / "stored"


def _explained(row: Row, truth: int | None = 7, **certify: Any) -> Explanation:
    config = {**CONFIG, "certify": {**CONFIG["certify"], **certify}}  # type: ignore[dict-item]
    return explained(Case(row, config, ANGLE, None, truth))


def _failed(won: int, trials: int, margin: float = 0.75, **changes: Any) -> CentreEvidence:
    return make_centre(won, trials, margin, verdict=Verdict.EXHAUSTED, **changes)


def _undecided(won: int, trials: int, margin: float = 0.75, **changes: Any) -> Row:
    """A row with one centre that failed, where the attack found nothing."""
    attack = AttackRecord((-30.0,), 7, (0,) * 7 + (990, 10), True, 1500, False)
    base: dict[str, Any] = {"reason": AbstainReason.BUDGET, "attack": attack}
    evidence = (_failed(won, trials, margin, theta=(15.0,)),)
    return make_abstention(**{**base, "evidence": evidence, **changes})


def _tail(won: int, trials: int, p: Fraction) -> Fraction:
    """P(at least ``won`` of ``trials``), exactly."""
    return sum(
        (math.comb(trials, k) * p**k * (1 - p) ** (trials - k) for k in range(won, trials + 1)),
        Fraction(0),
    )


def test_a_certified_image_lacks_nothing() -> None:
    found = _explained(make_row())
    assert found.limit is Limit.NONE
    assert found.verdict.startswith("certified to ±30°")
    assert found.helps == ("Nothing is missing.",)


def test_a_certificate_of_a_wrong_class_is_the_fault_of_the_network() -> None:
    found = _explained(make_row(), truth=3)
    assert found.limit is Limit.WRONG_CLASS
    assert any("The true class is class 3" in line for line in found.why)


def test_an_attack_that_changes_the_answer_ends_all_hope_of_votes() -> None:
    found = _explained(make_abstention())
    assert found.limit is Limit.ATTACKED
    assert any("at −30° g answers class 1" in line for line in found.why)


def test_a_centre_where_another_class_leads_is_named_with_its_votes() -> None:
    found = _explained(_undecided(30, 128))
    assert found.limit is Limit.CLASS_LOST
    assert any(
        "+15°" in line and "30 of 128" in line and "class 1 98" in line for line in found.why
    )


def test_the_place_of_a_centre_is_told_as_a_part_of_the_way() -> None:
    found = _explained(_undecided(100, 128))
    assert any("(50% of the way to the end of the region)" in line for line in found.why)


def test_the_interval_of_a_share_is_that_of_exact_binomial_tails() -> None:
    centre = Case(_undecided(100, 128), CONFIG, ANGLE, None, 7).centres[0]
    low, high = centre.interval()
    assert low == pytest.approx(stats.beta.ppf(0.025, 100, 29), rel=1e-9)
    assert high == pytest.approx(stats.beta.ppf(0.975, 101, 28), rel=1e-9)
    assert float(_tail(100, 128, Fraction(low))) == pytest.approx(0.025, rel=1e-6)


def test_votes_that_would_do_are_the_least_that_the_e_process_accepts() -> None:
    row = _undecided(1640, 2000)  # 82% of the votes where 77.3% are needed.
    found = _explained(row)
    needed = row.counts.evidence[0].required_p
    assert found.limit is Limit.VOTES
    enough = found.diagnosis.enough
    assert enough is not None
    test = EProcess(needed, 0.001)
    assert test.accepts(StreamedSample(1640 * enough // 2000, enough))
    assert not test.accepts(StreamedSample(1640 * (enough - 1) // 2000, enough - 1))
    assert any(f"{enough:,} at this centre" in line for line in found.helps)


def test_votes_that_would_do_under_the_fixed_rule_follow_from_binomial_tails() -> None:
    row = _undecided(84, 100)
    found = _explained(row, rule="fixed", n=100)
    enough = found.diagnosis.enough
    assert enough is not None
    required = Fraction(row.counts.evidence[0].required_p)
    for votes, passes in ((enough, True), (enough - 1, False)):
        chance = _tail(84 * votes // 100, votes, required)
        assert (chance < Fraction(1, 1000)) == passes


def test_what_the_votes_prove_under_the_fixed_rule_is_the_exact_bound() -> None:
    case = Case(_undecided(84, 100), {"certify": {"rule": "fixed"}}, ANGLE, None, 7)
    proved = case.centres[0].proved_p
    assert float(_tail(84, 100, Fraction(proved))) == pytest.approx(0.001, rel=1e-6)


def test_the_expected_votes_of_an_image_count_every_centre_that_is_not_passed() -> None:
    waiting = make_centre(0, 0, 0.5, theta=(-15.0,), verdict=Verdict.UNTESTED)
    passed = make_centre(theta=(0.0,))
    failed = _failed(1640, 2000, theta=(15.0,))
    row = _undecided(0, 0, evidence=(passed, failed, waiting), votes=64 + 128 + 2000)
    found = _explained(row).diagnosis
    unanimous = EProcess(waiting.required_p, 0.001)
    least = next(n for n in range(1, 200) if unanimous.accepts(StreamedSample(n, n)))
    assert found.expected_votes == 64 + 128 + (found.enough or 0) + least


def test_a_share_below_the_required_one_is_no_matter_of_votes() -> None:
    found = _explained(_undecided(700, 1000))
    assert (found.limit, found.diagnosis.enough) == (Limit.MARGIN, None)
    assert any("not expected to help" in line for line in found.helps)


def test_an_infinite_margin_is_no_matter_of_votes() -> None:
    centre = replace(_failed(0, 0, theta=(15.0,)), margin=math.inf, required_p=1.0)
    centre = replace(centre, verdict=Verdict.UNTESTED)
    found = _explained(_undecided(0, 0, evidence=(centre,), reason=AbstainReason.UNREACHABLE))
    assert found.limit is Limit.UNREACHABLE
    assert any("infinite margin" in line for line in found.why)


def test_an_image_that_the_noise_hides_is_told_from_one_the_network_does_not_know() -> None:
    votes = (0, 30, 0, 0, 0, 0, 0, 34, 0, 0, 0)
    unsure = _undecided(20, 128, prediction=None, prediction_counts=votes)
    assert _explained(unsure).limit is Limit.NOISE
    assert "The noise is the limit" in _explained(unsure).helps[0]
    assert "The network is the limit" in _explained(changed(unsure, clean_prediction=1)).helps[0]


def test_an_image_that_nothing_can_have_become_has_no_centre() -> None:
    row = _undecided(0, 0, evidence=(), reason=AbstainReason.IMPOSSIBLE)
    found = _explained(row, guarantee="online")
    assert (found.limit, found.diagnosis.centre) == (Limit.IMPOSSIBLE, None)


def test_a_smaller_ball_is_that_of_the_radius_which_the_votes_prove() -> None:
    centre = _failed(900, 1000, margin=2.0, theta=())
    noise = NoiseRecord(0.25, True, ())
    row = _undecided(0, 0, evidence=(centre,), region=Region(l2=0.5), noise=noise, attack=None)
    found = _explained(row, rule="fixed")
    bound = stats.beta.ppf(0.001, 900, 101)
    radius = math.floor(gaussian_radius(bound, 0.25) * 1000) / 1000
    assert any(f"up to about l2 < {radius:g}" in line for line in found.why)


def test_centres_nearer_to_the_image_that_were_passed_promise_a_smaller_region() -> None:
    inner = tuple(make_centre(theta=(angle,)) for angle in (-8.0, 8.0))
    row = _undecided(0, 0, evidence=(_failed(30, 128, theta=(24.0,)), *inner))
    assert any("up to about ±16°" in line for line in _explained(row).why)


def test_where_nearer_centres_were_not_tested_no_smaller_region_is_promised() -> None:
    waiting = make_centre(0, 0, theta=(8.0,), verdict=Verdict.UNTESTED)
    row = _undecided(0, 0, evidence=(_failed(30, 128, theta=(24.0,)), waiting))
    assert any("certify.order=inside-out" in line for line in _explained(row).why)


def test_haar_noise_is_said_to_make_the_parameter_free() -> None:
    noise = NoiseRecord(0.2, True, (AxisNoise("haar", 360.0),))
    assert any(
        "Under Haar noise on angle" in line
        for line in _explained(_undecided(100, 128, noise=noise)).why
    )


def test_in_radius_mode_the_centre_that_supports_least_decides() -> None:
    row = make_radius_row(successes=960)
    weak = counted(replace(row.counts.evidence[0], successes=800))
    row = changed(row, evidence=(row.counts.evidence[0], weak))
    case = Case(row, {"certify": {"mode": "radius", "bound": "clopper-pearson"}}, ANGLE, None, 7)
    found = deciding_centre(case)
    assert found is not None
    assert found.place == 1
    steps = [step for step in weak.profile if step.required_p < stats.beta.ppf(0.001, 800, 225)]
    assert found.supported == steps[-1].fraction
    assert found.next_required_p == weak.profile[len(steps)].required_p


def test_in_radius_mode_the_shares_say_how_far_any_number_of_votes_reaches() -> None:
    steps = (Step(0.5, float(required_p_of_margin(0.5))), Step(1.0, float(required_p_of_margin(2))))
    centre = make_centre(560, 1024, margin=2.0, profile=steps)
    found = _explained(make_radius_row(successes=560, evidence=(centre,)), mode="radius")
    assert found.limit is Limit.MARGIN  # 54.7% of the votes, where 69% are needed at half of it.
    centre = make_centre(740, 1024, margin=2.0, profile=steps)
    row = make_radius_row(successes=740, evidence=(centre,))
    found = _explained(row, mode="radius", bound="clopper-pearson")
    assert found.limit is Limit.VOTES
    assert any("no number of votes certifies more than about angle ±15°" in h for h in found.helps)


def test_more_votes_at_the_same_shares_are_rounded_against_the_class() -> None:
    made = at_same_shares(ClassCounts(59, (4, 1), 64), 100)
    assert made == ClassCounts(92, (7, 2), 100)


def test_names_of_classes_are_printed_without_the_escapes_of_a_terminal() -> None:
    names = ("a",) * 7 + ("\x1b[31mred<b>", "b", "c")
    found = explained(Case(make_row(), CONFIG, ANGLE, names, 7))
    assert "\x1b" not in str(found)
    assert "red<b>" not in found._repr_html_()
    assert "red&lt;b&gt;" in found._repr_html_()


def test_an_image_without_a_row_is_an_error_that_lists_those_there_are() -> None:
    with pytest.raises(RecordError, match=r"image 99 has no row; 4 images have one: 0, 1, 2, 3"):
        explain(open_records(STORED / "region"), 99)


@pytest.mark.parametrize("folder", sorted(p.name for p in STORED.iterdir() if p.is_dir()))
def test_every_kind_of_record_is_explained(folder: str) -> None:
    records = open_records(STORED / folder)
    found = [explain(records, row.index) for row in records.rows]
    assert sum(map(len, tally(records).values())) == len(found)
    for row, one in zip(records.rows, found, strict=True):
        assert one.why
        assert one.helps
        if row.is_certified and row.claim.fraction == 1.0:
            right = row.decision.certified_label == row.image.label
            assert one.limit is (Limit.NONE if right else Limit.WRONG_CLASS)


def test_the_overview_counts_every_image_once() -> None:
    rows = (make_row(0), make_abstention(1), changed(_undecided(700, 1000), index=2))
    found = tally(Records(make_header(), rows, Path("run/records.jsonl")))
    assert found == {Limit.NONE: [0], Limit.ATTACKED: [1], Limit.MARGIN: [2]}
