"""A population run from end to end: votes on disk, resume, the bound, and its verification."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

import gsmooth as gs
from gsmooth.cli.population import print_population
from gsmooth.errors import ConfigurationError, RecordError
from gsmooth.runs.monitor.interrupt import Interrupted
from gsmooth.runs.population import run_population
from gsmooth.runs.records.codec import encode
from gsmooth.runs.records.population_records import CERTIFICATE_NAME, VOTES_NAME, read_population
from gsmooth.runs.verify.population import derived_certificate
from gsmooth.runs.verify.verify import verify_records
from tests.runs.tmp_project import Notebook, enter, tmp_project_config

POPULATION = ("certify.guarantee=population", "certify.alpha=0.05")
FOLDER = Path("run")


@pytest.fixture(autouse=True)
def tmp_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    enter(tmp_path, monkeypatch)


def bounded(*overrides: str) -> gs.PopulationCertificate:
    return run_population(tmp_project_config(*POPULATION, *overrides), Notebook()).certificate


def faults() -> list[str]:
    return [str(fault) for fault in verify_records(FOLDER).faults]


def test_a_run_writes_one_vote_an_image_and_a_bound_that_verify_derives_again() -> None:
    found = bounded()
    records = read_population(FOLDER)
    assert [row.index for row in records.rows] == list(range(12))
    assert records.certificate == found
    assert found.covered == 12
    assert found.bound.max_margin == records.header.config["population"]["max_margin"]  # type: ignore[index]
    report = verify_records(FOLDER)
    assert report.sound
    assert report.complete
    assert report.population == found
    assert 0.0 < found.robust_accuracy < found.right / 12


def test_an_interrupted_run_goes_on_and_casts_the_same_votes() -> None:
    with pytest.raises(Interrupted, match="5 of 12 votes are kept"):
        run_population(tmp_project_config(*POPULATION), Notebook(stop_after=5))
    assert not verify_records(FOLDER).complete
    assert bounded() == bounded("output.folder=other")
    first, second = (Path(name, VOTES_NAME).read_text() for name in ("run", "other"))
    assert first == second


@pytest.mark.parametrize(
    ("field", "value", "fault"),
    [
        ("robust_accuracy", 0.99, "population.robust_accuracy: 0.99, but its votes support"),
        ("right", 13, "population.right: 13, but the votes and run.json give"),
        ("alpha", 0.0001, "population.alpha: 0.0001"),
    ],
)
def test_a_bound_that_its_votes_do_not_support_is_found_out(
    field: str, value: float, fault: str
) -> None:
    bounded()
    path = FOLDER / CERTIFICATE_NAME
    stated = json.loads(path.read_text())
    stated["certificate"][field] = value
    path.write_text(json.dumps(stated))
    assert any(fault in found for found in faults())


def test_a_vote_without_a_margin_and_an_image_that_was_not_planned_are_found_out() -> None:
    bounded()
    path = FOLDER / VOTES_NAME
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    rows[0] |= {"margin": None}
    rows[1] |= {"index": 99}
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    told = " ".join(faults())
    assert "no vote is cast without a proved margin" in told
    assert "99, which is none of the 12 images planned" in told


def test_more_images_after_the_bound_was_seen_are_refused() -> None:
    few = bounded("data.limit=6")
    assert bounded("data.limit=6") == few
    with pytest.raises(RecordError, match="states a bound from 6 images already; 6 more"):
        bounded()


def test_fewer_images_after_some_votes_were_seen_are_refused() -> None:
    with pytest.raises(Interrupted):
        run_population(tmp_project_config(*POPULATION), Notebook(stop_after=5))
    with pytest.raises(RecordError, match="a population of 12 images; 0 more and 7 fewer"):
        bounded("data.limit=5")
    assert not (FOLDER / CERTIFICATE_NAME).exists()
    assert bounded().images == 12


def test_a_refused_larger_population_leaves_the_plan_of_the_stated_one() -> None:
    bounded("data.limit=6")
    with pytest.raises(RecordError):
        bounded()
    report = verify_records(FOLDER)
    assert report.sound
    assert report.complete


def test_a_bound_from_which_votes_were_removed_is_found_out() -> None:
    bounded()
    path = FOLDER / VOTES_NAME
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:-1]))
    derived = derived_certificate(read_population(FOLDER))
    stated = FOLDER / CERTIFICATE_NAME
    document = json.loads(stated.read_text())
    stated.write_text(json.dumps(document | {"certificate": encode(derived)}))
    assert any("11 of 12 images planned" in found for found in faults())


def test_a_margin_below_that_of_the_l2_ball_is_found_out() -> None:
    bounded()
    path = FOLDER / VOTES_NAME
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    rows[3]["margin"] *= 0.9
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert any("image 3: margin:" in found and "the region alone" in found for found in faults())


def test_votes_of_another_run_are_refused() -> None:
    bounded()
    path = FOLDER / VOTES_NAME
    path.write_text(path.read_text().replace('"fingerprint":"', '"fingerprint":"0'))
    with pytest.raises(RecordError, match=r"fingerprint is not that of run\.json"):
        read_population(FOLDER)


@pytest.mark.parametrize("setting", ["certify.mode=radius", "certify.centres=2"])
def test_rules_that_have_no_part_in_it_are_refused(setting: str) -> None:
    with pytest.raises(ConfigurationError, match='guarantee = "population"'):
        tmp_project_config(*POPULATION, setting)


def test_other_settings_of_a_population_are_another_run_and_of_no_other_guarantee() -> None:
    from gsmooth.runs.config.identity import fingerprint

    plain, other = (tmp_project_config(*given) for given in ((), ("population.typical_p=0.9",)))
    assert fingerprint(plain) == fingerprint(other)
    plain, other = (
        tmp_project_config(*POPULATION, *given) for given in ((), ("population.typical_p=0.9",))
    )
    assert fingerprint(plain) != fingerprint(other)


def test_the_python_api_gives_the_bound_of_a_batch(capsys: pytest.CaptureFixture[str]) -> None:
    images, labels = gs.data.digits(limit=40)
    net = gs.load_model("shipped:digits-l2")
    g = gs.SmoothedClassifier(net, "gaussian", sigma=0.25, seed=0)
    found = gs.certify_population(g, images, labels, gs.Region(l2=0.1), alpha=0.05)
    assert isinstance(found, gs.PopulationCertificate)
    assert found.images == found.covered == 40
    assert 0.5 < found.robust_accuracy < found.estimate < 1.0
    few = replace(found, estimate=-1.355)  # Tangents fall below 0 where few votes are right.
    print_population(few, Path("runs/few"))
    told = capsys.readouterr().out
    assert "below 0%" in told
    assert "-135" not in told
    with pytest.raises(ConfigurationError, match=r"expected a gsmooth\.SmoothedClassifier"):
        gs.certify_population(net, images, labels, gs.Region(l2=0.1))  # type: ignore[arg-type]
