"""Folders of gsmooth 0.1.0 stay readable: they verify, report and export, and are not continued.

``stored`` holds runs of that version on a few shipped digits, as it wrote them.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gsmooth.certificate import AbstainReason
from gsmooth.cli import app
from gsmooth.errors import RecordError
from gsmooth.runs.records.export import export_parquet
from gsmooth.runs.records.folder import (
    HEADER_NAME,
    ROWS_NAME,
    RecordWriter,
    read_records,
)
from gsmooth.runs.records.header import RunHeader
from gsmooth.runs.records.recorded_noise import AxisNoise
from gsmooth.runs.records.row import Row
from gsmooth.runs.verify.verify import verify_records
from tests.runs.samples import make_abstention, make_header, make_row

STORED = Path(__file__).parent / "stored"
FOLDERS = sorted(path.name for path in STORED.iterdir())


def moved(tmp_path: Path, name: str) -> Path:
    folder = tmp_path / name
    shutil.copytree(STORED / name, folder)
    return folder


def edited(folder: Path, name: str, **changes: Any) -> None:
    """One field of every row changed, the identity left as it was."""
    path = folder / ROWS_NAME
    rows = [{**json.loads(line), name: changes[name]} for line in path.read_text().splitlines()]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.mark.parametrize("name", FOLDERS)
def test_every_stored_folder_is_read_and_verified(name: str) -> None:
    records = read_records(STORED / name)
    assert records.header.schema_version == 2
    assert (records.header.plan, records.header.capabilities) == (None, None)
    assert records.header.decision_rule == 1
    assert {row.schema for row in records.rows} == {2}
    assert {row.image.image_digest for row in records.rows} == {None}
    centres = [centre for row in records.rows for centre in row.counts.evidence]
    assert {(centre.class_votes, centre.ties) for centre in centres} == {(None, None)}
    report = verify_records(STORED / name)
    assert [str(fault) for fault in report.faults] == []
    assert report.checked == len(records.rows) > 0


def test_old_field_names_become_those_of_today() -> None:
    text = (STORED / "region" / ROWS_NAME).read_text().splitlines()
    old = {found["index"]: found for found in map(json.loads, text)}
    for row in read_records(STORED / "region").rows:
        assert row.claim.fraction == old[row.index]["gauge"]
        assert row.randomness.noise.axes == (AxisNoise("gaussian", 4.0),)
        assert row.randomness.noise.sigma == old[row.index]["law"]["sigma"]
        assert [c.required_p for c in row.counts.evidence] == [
            c["share"] for c in old[row.index]["evidence"]
        ]


def test_the_law_of_several_parameters_is_named_and_its_axis_is_not() -> None:
    (row,) = read_records(STORED / "blur").rows
    assert (row.randomness.noise.name, row.randomness.noise.sizes) == ("exponential", (2.0, 0.2))
    assert {axis.law for axis in row.randomness.noise.axes} == {"exponential or gaussian"}


def test_a_forged_row_of_schema_2_is_named_as_ever(tmp_path: Path) -> None:
    folder = moved(tmp_path, "region")
    edited(folder, "gauge", gauge=0.5)
    assert {fault.field for fault in verify_records(folder).faults} == {"fraction"}


def test_the_old_identity_still_guards_the_configuration(tmp_path: Path) -> None:
    folder = moved(tmp_path, "region")
    path = folder / HEADER_NAME
    tree = json.loads(path.read_text())
    tree["config"]["certify"]["alpha"] = 0.5
    path.write_text(json.dumps(tree))
    assert "config.certify.alpha" in {fault.field for fault in verify_records(folder).faults}


def test_a_folder_of_schema_2_is_not_continued(tmp_path: Path) -> None:
    folder = moved(tmp_path, "region")
    before = (folder / ROWS_NAME).read_bytes()
    with pytest.raises(RecordError, match=r"schema 2 \(gsmooth 0\.1\.0\).*choose another folder"):
        RecordWriter(folder, make_header())
    assert (folder / ROWS_NAME).read_bytes() == before


def test_the_command_that_made_a_folder_refuses_to_go_on_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = moved(tmp_path, "region-l2")
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["certify", "-c", str(folder / "config.toml")])
    assert result.exit_code == 6
    assert "not continued" in result.stderr


@pytest.mark.parametrize("name", ["region", "nested", "blur", "online"])
def test_a_stored_folder_is_reported(name: str, tmp_path: Path) -> None:
    folder = moved(tmp_path, name)
    result = CliRunner().invoke(app, ["report", str(folder), "--json"])
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize("name", FOLDERS)
def test_a_stored_folder_is_exported_to_parquet(name: str, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs the extra 'parquet'")
    records = read_records(STORED / name)
    export_parquet(records, tmp_path / "rows.parquet")
    rows = parquet.read_table(tmp_path / "rows.parquet").to_pylist()
    assert [row["fraction"] for row in rows] == [row.claim.fraction for row in records.rows]
    assert {row["schema"] for row in rows} == {2}


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("image_digest", "0" * 64, "unknown fields: image_digest"),
        ("fraction", 1.0, "unknown fields: fraction"),
        ("reason", "unreachable", "schema 2 has no such reason"),
        ("law", {"sigma": 0.1}, "expected name, orthogonal, scales, sigma"),
        ("seed", "0", "seed: '0' found"),
        ("schema", 4, "schema version 4; this gsmooth reads versions 2 and 3"),
    ],
)
def test_what_does_not_fit_schema_2_is_refused(
    tmp_path: Path, field: str, value: object, message: str
) -> None:
    folder = moved(tmp_path, "region")
    edited(folder, field, **{field: value})
    with pytest.raises(RecordError, match=message):
        read_records(folder)


def test_rows_of_schema_2_are_not_written() -> None:
    row = read_records(STORED / "region").rows[0]
    with pytest.raises(RecordError, match="only 3 is written"):
        row.to_json()


@pytest.mark.parametrize("lacking", [{"plan": None}, {"capabilities": None}])
def test_a_header_of_schema_3_lacks_nothing(lacking: dict[str, Any]) -> None:
    with pytest.raises(RecordError, match="plan and capabilities"):
        RunHeader.from_json(make_header(**lacking).to_json())


def test_a_row_of_schema_3_lacks_nothing() -> None:
    tree = json.loads(make_row().to_json())
    for name, value in (("image_digest", None), ("evidence", [{**tree["evidence"][0]}])):
        forged = {**tree, name: value}
        if name == "evidence":
            forged["evidence"][0]["class_votes"] = None
        with pytest.raises(RecordError, match=name):
            Row.from_json(json.dumps(forged))


def test_the_words_of_schema_3_are_those_of_the_field() -> None:
    tree = json.loads(make_row(reason=None).to_json())
    assert tree["schema"] == 3
    assert next(iter(tree)) == "schema"
    assert tree["noise"] == {
        "sigma": 0.2,
        "orthogonal": True,
        "axes": [{"law": "gaussian", "std": 24.0}],
    }
    assert {"fraction", "image_digest"} <= set(tree)
    assert {"required_p", "class_votes", "ties"} <= set(tree["evidence"][0])
    unreachable = make_abstention(reason=AbstainReason.UNREACHABLE).to_json()
    assert json.loads(unreachable)["reason"] == "unreachable"
