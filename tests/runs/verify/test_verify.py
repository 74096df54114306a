"""verify catches every row that claims more than its counts."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gsmooth.certificate import AbstainReason, Guarantee, Premise, Step, Verdict
from gsmooth.runs.records.folder import RecordWriter
from gsmooth.runs.records.header import RunHeader
from gsmooth.runs.records.recorded_noise import AxisNoise, NoiseRecord
from gsmooth.runs.records.row import Row
from gsmooth.runs.verify.profiles import lower_bounds, profile_faults, supported_fraction
from gsmooth.runs.verify.seed_checks import draws_of
from gsmooth.runs.verify.verify import row_faults, verify_records
from gsmooth.sampling.noise import SampleKey, Stream
from gsmooth.theory.bounds import least_successes, randomized_clopper_pearson_lower
from gsmooth.theory.normal import required_p_of_margin
from gsmooth.theory.sequential import EProcess, StreamedSample
from gsmooth.transforms.region import Region
from tests.runs.samples import (
    IDENTITY,
    changed,
    counted,
    make_abstention,
    make_centre,
    make_header,
    make_radius_row,
    make_row,
)

RADIUS_CONFIG = {**IDENTITY, "certify": {"alpha": 0.001, "mode": "radius"}}


def faulty_fields(row: Row, header: RunHeader | None = None) -> list[str]:
    return [fault.field for fault in row_faults(row, header or make_header())]


def with_centre(row: Row, number: int, **changes: Any) -> Row:
    evidence = list(row.counts.evidence)
    evidence[number] = counted(replace(evidence[number], **changes))
    spent = sum(row.image.prediction_counts) + sum(centre.trials for centre in evidence)
    return changed(row, evidence=tuple(evidence), votes=spent)


def radius_header() -> RunHeader:
    return make_header(config=RADIUS_CONFIG)


@pytest.mark.parametrize("row", [make_row(), make_abstention()])
def test_sound_rows_have_no_fault(row: Row) -> None:
    assert faulty_fields(row) == []


@pytest.mark.parametrize("successes", [700, 960, 1024])
def test_sound_radius_rows_have_no_fault(successes: int) -> None:
    assert faulty_fields(make_radius_row(successes=successes), radius_header()) == []


def test_raised_counts_of_an_abstention_are_not_a_certificate() -> None:
    row = changed(
        make_abstention(), outcome="certified", certified_label=7, fraction=1.0, reason=None
    )
    assert faulty_fields(row) == ["evidence[1].verdict", "outcome"]


def test_lowered_counts_no_longer_support_the_certificate() -> None:
    row = with_centre(make_row(), 1, successes=100)
    assert faulty_fields(row) == ["evidence[1].verdict", "outcome"]


@pytest.mark.parametrize(("successes", "trials"), [(129, 128), (-1, 128)])
def test_impossible_counts_are_named(successes: int, trials: int) -> None:
    row = with_centre(make_row(), 0, successes=successes, trials=trials)
    assert faulty_fields(row)[0] == "evidence[0].successes"


@pytest.mark.parametrize("votes", [200, 1000])
def test_votes_that_the_counts_do_not_add_up_to_are_named(votes: int) -> None:
    assert faulty_fields(changed(make_row(), votes=votes)) == ["votes"]


def test_a_lowered_share_does_not_fit_its_margin() -> None:
    row = with_centre(make_row(), 1, required_p=0.6)
    assert faulty_fields(row) == ["evidence[1].required_p"]


def test_a_lowered_margin_does_not_fit_its_share() -> None:
    row = with_centre(make_row(), 1, margin=0.1)
    assert faulty_fields(row) == ["evidence[1].required_p"]


def test_a_share_lowered_by_one_ulp_is_caught() -> None:
    required_p = float(required_p_of_margin(0.75)) * (1 - 2**-52)
    assert faulty_fields(with_centre(make_row(), 0, required_p=required_p)) == [
        "evidence[0].required_p"
    ]


def test_an_untested_centre_voids_the_certificate() -> None:
    row = with_centre(make_row(), 1, successes=0, trials=0, verdict=Verdict.UNTESTED)
    assert faulty_fields(row) == ["evidence[1].verdict", "outcome"]


def test_a_verdict_without_votes_is_named() -> None:
    row = with_centre(make_row(), 1, successes=0, trials=0)
    assert faulty_fields(row) == ["evidence[1].verdict"]


def test_a_certificate_without_centres_is_named() -> None:
    assert faulty_fields(changed(make_row(), evidence=(), votes=64)) == ["outcome"]


def test_a_centre_with_an_infinite_margin_accepts_nothing() -> None:
    centre = make_centre(4000, 4000, margin=float("inf"))
    row = changed(make_row(), evidence=(centre,), votes=4064)
    assert faulty_fields(row) == ["evidence[0].verdict", "outcome"]


def test_a_certified_label_other_than_the_counted_class_is_named() -> None:
    assert faulty_fields(changed(make_row(), certified_label=3)) == ["certified_label"]


def test_a_class_that_was_not_selected_is_named() -> None:
    row = changed(make_row(), certified_label=3, selected_label=3)
    assert faulty_fields(row)[0] == "selected_label"


@pytest.mark.parametrize("prediction", [3, None])
def test_a_prediction_that_the_selection_votes_do_not_give_is_named(prediction: int | None) -> None:
    assert faulty_fields(changed(make_row(), prediction=prediction)) == ["prediction"]


def test_tied_selection_votes_predict_nothing() -> None:
    counts = (0, 0, 0, 0, 0, 0, 0, 30, 30, 0, 4)
    row = changed(make_abstention(), prediction_counts=counts)
    assert faulty_fields(row) == ["prediction"]
    assert faulty_fields(changed(row, prediction=None)) == []


@pytest.mark.parametrize("counts", [(), (64,), (64, 0), (-1, 65, 0)])
def test_selection_votes_without_classes_are_named(counts: tuple[int, ...]) -> None:
    row = changed(make_row(), prediction_counts=counts, votes=256 + sum(counts))
    assert "prediction_counts" in faulty_fields(row)


@pytest.mark.parametrize("alpha", [0.01, 0.0001, 1e-12])
def test_a_changed_alpha_is_named(alpha: float) -> None:
    assert "alpha" in faulty_fields(changed(make_row(), alpha=alpha))


@pytest.mark.parametrize("alpha", [-0.1, 0.0, 0.6, 7.0])
def test_an_alpha_that_is_no_probability_is_named(alpha: float) -> None:
    header = make_header(config={})
    assert faulty_fields(changed(make_row(), alpha=alpha), header) == ["alpha"]


def test_counts_that_miss_a_stricter_alpha_are_named() -> None:
    header = make_header(config={})
    assert faulty_fields(changed(make_row(), alpha=1e-15), header) == [
        "evidence[0].verdict",
        "evidence[1].verdict",
        "outcome",
    ]


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("seed", {"seed": 1}),
        ("noise.sigma", {"noise": NoiseRecord(0.3, True, (AxisNoise("gaussian", 24.0),))}),
        ("noise.axes", {"noise": NoiseRecord(0.2, True, (AxisNoise("gaussian", 25.0),))}),
        ("noise.axes", {"noise": NoiseRecord(0.2, True, (AxisNoise("laplace", 24.0),))}),
        ("region.upper", {"region": Region((-30.0,), (40.0,))}),
        ("region.lower", {"region": Region((-40.0,), (30.0,))}),
        ("region.l2", {"region": Region((-30.0,), (30.0,), 0.5)}),
    ],
)
def test_a_row_of_another_run_is_named(field: str, changes: dict[str, Any]) -> None:
    assert faulty_fields(make_row(**changes))[0] == field


def test_an_abstention_whose_counts_suffice_is_named() -> None:
    row = changed(
        make_row(),
        outcome="abstained",
        certified_label=None,
        fraction=None,
        reason=AbstainReason.BUDGET,
    )
    assert faulty_fields(row) == ["outcome"]


def test_an_unreachable_image_has_a_centre_that_no_votes_could_pass() -> None:
    row = changed(make_abstention(), reason=AbstainReason.UNREACHABLE)
    assert "reason" in faulty_fields(row)
    hopeless = replace(row.counts.evidence[0], required_p=1.0, margin=math.inf)
    honest = changed(row, evidence=(hopeless, *row.counts.evidence[1:]))
    assert "reason" not in faulty_fields(honest)


def test_an_abstention_that_keeps_a_fraction_and_a_label_is_named() -> None:
    row = changed(make_abstention(), fraction=1.0, certified_label=7, reason=None)
    assert faulty_fields(row) == ["fraction", "certified_label", "reason"]


def test_a_fraction_other_than_one_in_region_mode_is_named() -> None:
    assert faulty_fields(changed(make_row(), fraction=1.5)) == ["fraction"]


@pytest.mark.parametrize("fraction", [0.875, 1.0, 2.0, 0.25])
def test_a_fraction_that_the_counts_do_not_give_is_named(fraction: float) -> None:
    row = make_radius_row()
    assert row.claim.fraction not in (None, fraction)
    assert faulty_fields(changed(row, fraction=fraction), radius_header()) == ["fraction"]


def test_lowered_counts_lower_the_supported_fraction() -> None:
    row = with_centre(make_radius_row(successes=1024), 1, successes=900)
    assert faulty_fields(row, radius_header()) == ["fraction"]


def test_a_lowered_step_of_a_profile_is_named() -> None:
    row = make_radius_row()
    steps = list(row.counts.evidence[0].profile)
    steps[-1] = Step(1.0, 0.5)
    row = with_centre(row, 0, profile=tuple(steps))
    assert faulty_fields(row, radius_header())[0] == "evidence[0].profile"


def test_an_untested_centre_supports_no_fraction() -> None:
    centre = make_radius_row().counts.evidence[0]
    silent = replace(centre, successes=0, trials=0, verdict=Verdict.UNTESTED)
    assert supported_fraction((centre, silent), (0.9, 0.0)) is None


def test_an_untested_centre_without_a_profile_voids_the_certificate() -> None:
    row = make_radius_row()
    silent = replace(
        row.counts.evidence[1], successes=0, trials=0, verdict=Verdict.UNTESTED, profile=()
    )
    silent = counted(silent)
    row = changed(row, evidence=(row.counts.evidence[0], silent), votes=1088)
    assert faulty_fields(row, radius_header()) == ["outcome"]


def test_votes_other_than_the_fixed_number_are_named() -> None:
    header = make_header(config={"certify": {"mode": "radius", "n": 1000}})
    assert faulty_fields(make_radius_row(), header) == []
    header = make_header(config={"certify": {"mode": "radius", "n": 10_000}})
    assert faulty_fields(make_radius_row(), header) == ["evidence[0].trials", "evidence[1].trials"]


def test_a_randomized_bound_uses_the_draw_of_its_seed() -> None:
    row = make_radius_row(successes=1024)
    low, high = lower_bounds(row, draws_of(row, 0))
    draws = SampleKey(0, 0, Stream.BOUND, 0, 0).generator().random(2)
    expected = [randomized_clopper_pearson_lower(1024, 1024, 0.001, float(u)) for u in draws]
    assert [low, high] == expected
    assert min(expected) >= lower_bounds(row)[0]


def test_a_step_of_an_l2_profile_asks_for_its_part_of_the_margin() -> None:
    margin, fraction = 2.0, 0.5
    honest = (
        Step(fraction, float(required_p_of_margin(fraction * margin))),
        Step(1.0, 0.9772498680518242),
    )
    bold = (replace(honest[0], fraction=0.6), honest[1])
    centre = make_centre(960, 1024, margin=margin)
    centre = replace(centre, required_p=honest[1].required_p)
    assert list(profile_faults(replace(centre, profile=honest), identity_action=True)) == []
    assert len(list(profile_faults(replace(centre, profile=bold), identity_action=True))) == 1


def test_a_centre_counts_only_where_the_region_reaches_its_part() -> None:
    near = make_radius_row(successes=1024).counts.evidence[0]
    outer = (Step(0.5, 0.0), *near.profile[4:])
    far = replace(near, successes=0, trials=0, verdict=Verdict.UNTESTED, profile=outer)
    assert supported_fraction((near, far), (0.99, 0.0)) == 0.5


def test_a_fraction_between_two_steps_needs_the_share_of_the_next_one() -> None:
    weak = replace(make_radius_row().counts.evidence[0], profile=(Step(0.5, 0.6), Step(1.0, 0.97)))
    strong = replace(weak, successes=1024, profile=(Step(0.75, 0.6), Step(1.0, 0.97)))
    assert supported_fraction((weak, strong), (0.9, 0.99)) == 0.5


def test_faults_of_a_folder_name_image_and_field(tmp_path: Path) -> None:
    with RecordWriter(tmp_path, make_header()) as writer:
        writer.write(make_row(3))
        writer.write(make_row(1, certified_label=2))
    report = verify_records(tmp_path)
    assert (report.checked, report.certified, report.sound) == (2, 2, False)
    fault, *_ = report.faults
    assert (fault.index, fault.field) == (1, "certified_label")
    assert str(fault) == "image 1: certified_label: 2, but the counts are for class 7"


def test_pilot_votes_are_among_the_votes() -> None:
    row = make_row(pilot_votes=128, votes=448)
    assert faulty_fields(row) == []
    assert faulty_fields(changed(row, pilot_votes=0)) == ["votes"]
    assert faulty_fields(make_row(pilot_votes=-64, votes=256)) == ["votes"]


def test_a_distributional_certificate_needs_its_premise_and_no_other_has_one() -> None:
    premise = Premise(0.02, 0.99, 0.999)
    header = make_header(config={})  # Whatever the run asked for.
    row = make_row(guarantee=Guarantee.DISTRIBUTIONAL, premise=premise)
    assert faulty_fields(row, header) == []
    assert faulty_fields(changed(row, premise=None), header) == ["premise"]
    assert faulty_fields(changed(row, guarantee=Guarantee.INDIVIDUAL), header) == ["premise"]
    assert faulty_fields(changed(row, guarantee=Guarantee.HEURISTIC), header) == []


def test_the_fixed_rule_is_checked_at_its_own_level() -> None:
    header = make_header(config={**IDENTITY, "certify": {"rule": "fixed", "n": 128}})
    required_p = make_centre().required_p
    least = least_successes(required_p, 128, 0.001 / 2)
    assert least is not None
    row = with_centre(with_centre(make_row(), 0, successes=least), 1, successes=least)
    assert faulty_fields(row, header) == []
    short = with_centre(row, 1, successes=least - 1)
    assert faulty_fields(short, header) == ["evidence[1].verdict", "outcome"]
    more = with_centre(row, 1, trials=192)
    assert "evidence[1].trials" in faulty_fields(more, header)


def test_a_cover_drawn_twice_is_tested_at_half_the_level() -> None:
    header = make_header(config={**IDENTITY, "certify": {"attempts": 2}})
    twice = make_row(pilot_votes=128, votes=448, attempts=2)
    assert faulty_fields(twice, header) == []
    required_p = twice.counts.evidence[1].required_p
    # The least count that the full alpha accepts and half of it does not.
    full, half = EProcess(required_p, 0.001), EProcess(required_p, 0.0005)
    between = next(
        n
        for n in range(129)
        if full.accepts(StreamedSample(n, 128)) and not half.accepts(StreamedSample(n, 128))
    )
    weak = with_centre(twice, 1, successes=between)
    weak = changed(weak, votes=448)
    assert faulty_fields(weak, header) == ["evidence[1].verdict", "outcome"]
    assert faulty_fields(changed(weak, attempts=1), header) == ["attempts"]
