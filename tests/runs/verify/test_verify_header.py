"""verify takes nothing in run.json on trust that its fingerprint or its rows can contradict."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsmooth.runs.config.identity import fingerprint, fingerprint_of, identity, identity_of_tree
from gsmooth.runs.config.run_config import RunConfig
from gsmooth.runs.config.run_file import load_config
from gsmooth.runs.records.folder import RecordWriter
from gsmooth.runs.records.header import RunHeader, header_faults
from gsmooth.runs.records.recorded_noise import NoiseRecord
from gsmooth.runs.verify.verify import row_faults, verify_records
from gsmooth.sampling.noise import sampler_of_kind
from gsmooth.transforms.region import Region
from tests.runs.samples import (
    CLAIMS,
    CONFIG,
    PLAN,
    RUN,
    changed,
    make_abstention,
    make_centre,
    make_header,
    make_radius_row,
    make_row,
)

Tree = dict[str, Any]
Edit = Callable[[Tree], object]


def tampered(
    folder: Path, header: Edit = dict, row: Edit = dict, of: RunConfig = RUN, rows: Any = ()
) -> list[str]:
    """Names of the faults of a folder whose run.json and rows went through the two edits."""
    first = RunHeader.create(
        fingerprint(of),
        identity(of),
        of.model_dump(mode="json"),
        plan=PLAN,
        capabilities=CLAIMS,
    )
    with RecordWriter(folder, first) as writer:
        for found in rows or (make_row(0), make_abstention(1)):
            writer.write(changed(found, fingerprint=first.fingerprint))
    assert verify_records(folder).sound
    run, lines = folder / "run.json", folder / "records.jsonl"
    tree = json.loads(run.read_text())
    header(tree)
    run.write_text(json.dumps(tree))
    trees = [json.loads(line) for line in lines.read_text().splitlines()]
    for one in trees:
        row(one)
    lines.write_text("".join(json.dumps(one) + "\n" for one in trees))
    return [f"{'' if f.index is None else 'row.'}{f.field}" for f in verify_records(folder).faults]


def setting(section: str, **values: object) -> Edit:
    return lambda tree: tree["config"][section].update(values)


def test_an_alpha_changed_in_rows_and_configuration_is_named(tmp_path: Path) -> None:
    found = tampered(tmp_path, setting("certify", alpha=0.002), lambda r: r.update(alpha=0.002))
    assert found == ["config.certify.alpha"]


def test_attempts_changed_in_rows_and_configuration_are_named(tmp_path: Path) -> None:
    edit = setting("certify", attempts=2)
    assert "config.certify.attempts" in tampered(tmp_path, edit, lambda r: r.update(attempts=2))


def test_a_region_changed_in_rows_and_configuration_is_named(tmp_path: Path) -> None:
    found = tampered(
        tmp_path,
        setting("region", upper=[60.0]),
        lambda r: r["region"].update(upper=[60.0]),
    )
    # And the centres do not reach the larger region.
    assert found == ["config.region.upper", "row.evidence", "row.evidence"]


def test_an_emptied_configuration_is_named(tmp_path: Path) -> None:
    found = tampered(tmp_path, lambda tree: tree.update(config={}))
    assert {"config.certify.alpha", "config.region.upper", "config.smoothing.seed"} <= set(found)


@pytest.mark.parametrize(
    "name", ["alpha", "mode", "n0", "n", "bound", "rule", "attempts", "max_votes", "order"]
)
def test_a_setting_that_rows_are_judged_by_may_not_be_dropped(tmp_path: Path, name: str) -> None:
    found = tampered(tmp_path, lambda tree: tree["config"]["certify"].pop(name))
    assert f"config.certify.{name}" in found


def test_dropped_from_both_configuration_and_identity_it_is_named_all_the_same() -> None:
    config = {**CONFIG, "certify": {k: v for k, v in RUN.certify if k != "bound"}}
    kept = identity_of_tree(config)
    header = make_header(config=config, identity=kept, fingerprint=fingerprint_of(kept))
    assert [field for field, _ in header_faults(header)] == ["config.certify.bound"]


def test_an_identity_changed_alone_is_named(tmp_path: Path) -> None:
    found = tampered(tmp_path, lambda tree: tree["identity"]["certify"].update(alpha=0.5))
    assert found == ["fingerprint", "config.certify.alpha"]


def test_a_changed_digest_is_named(tmp_path: Path) -> None:
    found = tampered(tmp_path, lambda tree: tree["identity"].update(digests={"images": "0"}))
    assert found == ["fingerprint"]


def test_a_fingerprint_that_is_no_hash_of_the_identity_is_named(tmp_path: Path) -> None:
    def forge(tree: Tree) -> None:
        tree.update(fingerprint="0" * 64)

    assert tampered(tmp_path, forge, forge) == ["fingerprint"]


def test_rows_of_another_sampler_than_the_run_are_named(tmp_path: Path) -> None:
    found = tampered(tmp_path, row=lambda r: r.update(sampler="mersenne"))
    assert found == ["row.sampler", "row.sampler"]


def test_votes_beyond_the_most_of_an_image_are_named(tmp_path: Path) -> None:
    def more(tree: Tree) -> None:
        tree.update(votes=tree["votes"] + 10**6, pilot_votes=tree["pilot_votes"] + 10**6)

    assert tampered(tmp_path, row=more) == ["row.votes", "row.votes"]


@pytest.mark.parametrize(("max_votes", "faults"), [(320, []), (319, ["votes"])])
def test_an_image_may_spend_just_max_votes(max_votes: int, faults: list[str]) -> None:
    header = make_header(config={"certify": {"max_votes": max_votes}})
    assert [fault.field for fault in row_faults(make_row(), header)] == faults


def test_selection_votes_are_as_many_as_the_run_says(tmp_path: Path) -> None:
    def fewer(tree: Tree) -> None:
        tree["prediction_counts"][7] -= 1
        tree["votes"] -= 1

    assert set(tampered(tmp_path, row=fewer)) == {"row.prediction_counts"}


@pytest.mark.parametrize("edit", [lambda c: c.pop("bound"), lambda c: c.update(bound="randomized")])
def test_the_bound_that_judges_rows_is_the_one_in_the_identity(tmp_path: Path, edit: Edit) -> None:
    certify = RUN.certify.model_copy(update={"mode": "radius", "bound": "sequence", "n": 1024})
    run = RUN.model_copy(update={"certify": certify})
    row = make_radius_row(successes=1024)
    messages = [
        f.message
        for f in row_faults(row, make_header(config=run.model_dump(mode="json")))
        if f.field == "fraction"
    ]
    if messages:
        row = changed(row, fraction=float(messages[0].rsplit(" ", 1)[1]))
    found = tampered(tmp_path, lambda tree: edit(tree["config"]["certify"]), of=run, rows=(row,))
    assert "config.certify.bound" in found


def test_where_no_parameter_and_no_ball_is_asked_for_rows_have_none() -> None:
    header = make_header(config={"region": {"lower": None, "upper": None, "l2": None}})
    fields = [fault.field for fault in row_faults(make_row(), header)]
    assert fields == ["region.lower", "region.upper"]
    identity_action = NoiseRecord(0.2, True, ())
    centre = make_centre(4000, 4000, margin=2.5, theta=())
    ball = make_row(
        region=Region((), (), 0.5), noise=identity_action, evidence=(centre,), votes=4064
    )
    assert ball.attack is not None
    ball = replace(ball, attack=replace(ball.attack, theta=()))
    assert [fault.field for fault in row_faults(ball, header)] == ["region.l2"]


@pytest.mark.parametrize(
    ("overrides", "fixed_batch"),
    [
        ([], None),
        (["certify.bound=sequence", "certify.mode=radius"], None),
        (["certify.guarantee=online", "certify.online_seconds=unlimited"], None),
        (["certify.mode=nested"], None),
        (["model.autocast=bfloat16", "model.device=cuda:1,cuda:3"], None),
        (["engine.batch_size=32", "model.channels_last=true"], 32),
        (["data.start=3", "data.limit=2", "engine.threads=2", "predict.n=7"], None),
    ],
)
def test_what_runs_write_agrees_with_itself(overrides: list[str], fixed_batch: int | None) -> None:
    config = load_config(None, overrides)
    digests = {"images": "ab", "weights": "cd"}
    sampler = sampler_of_kind(config.model.device.partition(":")[0])
    header = RunHeader.create(
        fingerprint(config, digests, fixed_batch, sampler),
        identity(config, digests, fixed_batch, sampler),
        config.model_dump(mode="json"),
        sampler=sampler,
        plan=PLAN,
        capabilities=CLAIMS,
    )
    assert list(header_faults(RunHeader.from_json(header.to_json()))) == []


def test_another_batch_size_than_the_fixed_batch_one_is_named() -> None:
    kept = identity(RUN, {}, 32)
    config = {**CONFIG, "engine": {"batch_size": 64}}
    header = make_header(identity=kept, fingerprint=fingerprint_of(kept), config=config)
    assert [field for field, _ in header_faults(header)] == ["config.engine.batch_size"]


def test_what_only_older_records_lack_is_not_asked_for() -> None:
    later = {"within", "online_seconds"}
    config = {**CONFIG, "certify": {k: v for k, v in RUN.certify if k not in later}}
    config["model"] = {"device": "cpu", **{k: v for k, v in RUN.model if k in identity_model()}}
    assert list(header_faults(make_header(config=config))) == []


def identity_model() -> set[str]:
    model = identity(RUN)["model"]
    assert isinstance(model, dict)
    return set(model)


@given(alpha=st.floats(1e-9, 0.5), seed=st.integers(0, 2**40))
def test_every_other_alpha_or_seed_in_the_configuration_is_named(alpha: float, seed: int) -> None:
    config = {
        **CONFIG,
        "certify": {**RUN.certify.model_dump(mode="json"), "alpha": alpha},
        "smoothing": {**RUN.smoothing.model_dump(mode="json"), "seed": seed},
    }
    expected = {"config.certify.alpha"} if alpha != RUN.certify.alpha else set()
    expected |= {"config.smoothing.seed"} if seed != RUN.smoothing.seed else set()
    assert {field for field, _ in header_faults(make_header(config=config))} == expected
