"""verify, with and without the secret seed of a run."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gsmooth.certificate import AbstainReason, CentreEvidence, Step
from gsmooth.cli import app
from gsmooth.errors import ConfigurationError
from gsmooth.runs.config.identity import fingerprint, identity
from gsmooth.runs.records.folder import RecordWriter, Row
from gsmooth.runs.records.header import RunHeader
from gsmooth.runs.records.planned_images import PlannedImages
from gsmooth.runs.verify.profiles import lower_bounds, supported_fraction
from gsmooth.runs.verify.seed_checks import draws_of
from gsmooth.runs.verify.verify import row_faults, verify_records
from gsmooth.sampling.noise import SecretSeed
from gsmooth.theory.normal import required_p_of_margin
from tests.runs.samples import RUN, changed, make_centre, make_header, make_radius_row, make_row

SECRET = SecretSeed(0x5EC8E7 << 200, "ab" * 16)
OTHER = SecretSeed(0xBAD << 200)
RANDOMIZED = RUN.model_copy(
    update={
        "smoothing": RUN.smoothing.model_copy(update={"seed": None}),
        "certify": RUN.certify.model_copy(
            update={"mode": "radius", "bound": "randomized", "n": 1024}
        ),
    }
)


def committed(secret: SecretSeed | None = SECRET) -> RunHeader:
    """The header of a radius run with randomized bounds, under a secret seed."""
    commitment = None if secret is None else secret.commitment
    return make_header(
        fingerprint=fingerprint(RANDOMIZED, commitment=commitment),
        identity=identity(RANDOMIZED, commitment=commitment),
        config=RANDOMIZED.model_dump(mode="json"),
        seed_commitment=commitment,
        plan=PlannedImages(((0, 1, 1),), 1),
    )


def centre(successes: int) -> CentreEvidence:
    """Of 1024 votes; the profile is so fine that every draw shows in the fraction."""
    steps = tuple(Step(k / 4096, float(required_p_of_margin(k / 2048))) for k in range(1, 4097))
    return make_centre(successes, 1024, margin=2.0, profile=steps)


def row(**changes: object) -> Row:
    """960 of 1024 votes at two centres, and the fraction that follows from SECRET."""
    base = make_radius_row(evidence=(centre(960), centre(960)), seed=None)
    bounds = lower_bounds(base, draws_of(base, SECRET))
    fraction = supported_fraction(base.counts.evidence, bounds)
    found = changed(base, fraction=fraction, fingerprint=committed().fingerprint)
    return changed(found, **changes)


def fields(found: Row, secret: SecretSeed | None) -> list[str]:
    return [fault.field for fault in row_faults(found, committed(), secret)]


def recorded(folder: Path, header: RunHeader, *rows: Row) -> Path:
    with RecordWriter(folder, header) as writer:
        for found in rows:
            writer.write(found)
    return folder


def verified(*flags: str) -> Result:
    return CliRunner().invoke(app, ["verify", *flags])


def test_a_randomized_bound_is_checked_by_the_secret_that_its_draws_follow_from() -> None:
    assert fields(row(), SECRET) == []
    assert fields(row(), OTHER) == ["fraction"]


@pytest.mark.parametrize("draw", [0.0, 1.0])
def test_without_the_secret_some_draws_have_to_support_what_is_claimed(draw: float) -> None:
    honest = row()
    bounds = lower_bounds(honest, [draw, draw])
    near = changed(honest, fraction=supported_fraction(honest.counts.evidence, bounds))
    assert near.claim.fraction != honest.claim.fraction
    assert (fields(near, SECRET), fields(near, None)) == (["fraction"], [])
    for far in (0.5, 1.0):
        assert fields(changed(honest, fraction=far), None) == ["fraction"]


def test_without_the_secret_an_outcome_that_no_draws_give_is_found() -> None:
    abstained: dict[str, object] = {
        "outcome": "abstained",
        "certified_label": None,
        "fraction": None,
        "reason": AbstainReason.FUTILE,
    }
    assert fields(row(**abstained), None) == ["outcome"]
    few = {"evidence": (centre(400), centre(400))}
    assert fields(row(**few), None) == ["outcome"]
    assert fields(row(**few, **abstained), None) == []


def test_verify_checks_the_commitment_or_lists_what_is_on_trust(tmp_path: Path) -> None:
    folder = recorded(tmp_path / "run", committed(), row())
    without = verify_records(folder)
    assert without.sound
    assert without.on_trust == (
        "that the run has the seed which run.json is committed to",
        "the uniform draws of the randomized bound (S7)",
    )
    right = verify_records(folder, SECRET)
    assert (right.sound, right.on_trust) == (True, ())
    wrong = verify_records(folder, OTHER)
    assert [(fault.index, fault.field) for fault in wrong.faults] == [(None, "seed_commitment")]
    assert wrong.on_trust == without.on_trust


def test_the_command_takes_the_secret_from_its_file(tmp_path: Path) -> None:
    folder = str(recorded(tmp_path / "run", committed(), row()))
    right, wrong = tmp_path / "right", tmp_path / "wrong"
    for path, secret in ((right, SECRET), (wrong, OTHER)):
        path.write_text(secret.text)
        path.chmod(0o600)
    without = verified(folder)
    assert without.exit_code == 0, without.output
    assert "on trust: the uniform draws of the randomized bound (S7)" in without.stdout
    assert len(json.loads(verified(folder, "--json").stdout)["on_trust"]) == 2
    found = verified(folder, "--seed-file", str(right))
    assert found.exit_code == 0, found.output
    assert "on trust" not in found.stdout
    assert "on_trust" not in json.loads(verified(folder, f"--seed-file={right}", "--json").stdout)
    refuted = verified(folder, "--seed-file", str(wrong))
    assert refuted.exit_code == 8
    assert "run.json: seed_commitment: not that of the seed given" in refuted.stderr
    wrong.chmod(0o644)
    assert verified(folder, "--seed-file", str(wrong)).exit_code == 2
    for result in (without, found, refuted):
        assert f"{SECRET.reveal():x}" not in result.output


def test_a_commitment_cannot_be_exchanged_in_the_header_alone(tmp_path: Path) -> None:
    header = replace(committed(), seed_commitment=OTHER.commitment)
    folder = recorded(tmp_path / "run", header, row())
    assert {fault.field for fault in verify_records(folder, OTHER).faults} >= {
        "seed_commitment.salt",
        "seed_commitment.hash",
    }


def test_a_row_that_names_a_seed_is_none_of_a_secret_run() -> None:
    assert fields(row(seed=7), SECRET)[0] == "seed"


def test_a_public_seed_needs_no_file_and_nothing_is_on_trust_for_it(tmp_path: Path) -> None:
    plan = PlannedImages(((0, 1, 1),), 1)
    folder = recorded(tmp_path / "run", make_header(plan=plan), make_row())
    assert verify_records(folder).on_trust == ()
    with pytest.raises(ConfigurationError, match="this run has a public seed"):
        verify_records(folder, SECRET)
