"""Records lose nothing: not to a kill, a full disk, a second writer or another configuration."""

from __future__ import annotations

import errno
import fcntl
import json
import math
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsmooth.certificate import Verdict
from gsmooth.errors import OutputError, RecordError
from gsmooth.runs.records.codec import decode, encode
from gsmooth.runs.records.export import export_parquet
from gsmooth.runs.records.folder import (
    HEADER_NAME,
    ROWS_NAME,
    RecordWriter,
    read_records,
)
from gsmooth.runs.records.header import RunHeader, differences
from gsmooth.runs.records.journal import Journal, write_atomically
from gsmooth.runs.records.row import Row
from gsmooth.transforms.base import Parameter
from tests.runs.samples import (
    CLAIMS,
    FINGERPRINT,
    IDENTITY,
    PLAN,
    make_abstention,
    make_centre,
    make_header,
    make_radius_row,
    make_row,
)

ROOT = Path(__file__).parents[3]
finite = st.floats(allow_nan=False, allow_infinity=False)


def write(folder: Path, *rows: Row, header: RunHeader | None = None) -> None:
    with RecordWriter(folder, header or make_header()) as writer:
        for row in rows:
            writer.write(row)


def descriptor_of(path: Path) -> int:
    """The one under which this process has opened ``path``."""
    opened = Path("/proc/self/fd")
    return next(int(fd.name) for fd in opened.iterdir() if fd.exists() and fd.samefile(path))


def in_a_process(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run Python code with the repository on its path."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("row", [make_row(), make_abstention(), make_radius_row(5, attack=None)])
def test_a_row_is_read_back_as_it_was(row: Row) -> None:
    assert Row.from_json(row.to_json()) == row


@given(finite, st.floats(0.0, math.inf), finite, st.floats(0, 1e9))
def test_floats_are_read_back_bit_for_bit(
    theta: float, margin: float, required_p: float, seconds: float
) -> None:
    centre = make_centre(theta=(theta,), required_p=required_p)
    row = make_row(evidence=(replace(centre, margin=margin),), seconds=seconds)
    back = Row.from_json(row.to_json())
    assert back == row
    assert math.copysign(1.0, back.counts.evidence[0].theta[0]) == math.copysign(1.0, theta)


def test_an_infinite_margin_is_written_as_a_string() -> None:
    row = make_row(evidence=(make_centre(margin=math.inf, verdict=Verdict.EXHAUSTED),))
    assert json.loads(row.to_json())["evidence"][0]["margin"] == "inf"
    assert Row.from_json(row.to_json()).counts.evidence[0].margin == math.inf


@pytest.mark.parametrize("value", [math.nan, -math.inf])
def test_nan_is_never_written(value: float) -> None:
    with pytest.raises(RecordError, match=r"image 0: .* cannot be recorded"):
        make_row(seconds=value).to_json()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"seed":0', '"seed":NaN', "NaN is not a number"),
        ('"seed":0', '"seed":0.0', "row.seed: 0.0 found; expected int"),
        ('"seed":0', '"seed":true', "row.seed: True found; expected int"),
        ('"seed":0', '"seed":0,"seed":1', "given twice"),
        ('"seed":0', '"sead":0', "missing fields: seed; unknown fields: sead"),
        ('"alpha":0.001', '"alpha":"0.001"', "row.alpha: '0.001' found; expected a number"),
        ('"alpha":0.001', '"alpha":1e999', "row.alpha: inf found"),
        ('"verdict":"accepted"', '"verdict":"fine"', "row.evidence.0..verdict: 'fine'"),
        ('"mode":"region"', '"mode":"both"', "row.mode: 'both' found; expected 'region'"),
        ('"upper":[30.0]', '"upper":[]', "row.region: region: 1 lower ends and 0 upper"),
        ('"schema":3', '"schema":1', "schema version 1; this gsmooth reads versions 2 and 3"),
        ('"schema":3', '"schema":true', "schema version True; this gsmooth reads versions"),
        ('"schema":3', '"shema":3', "schema version None"),
    ],
)
def test_a_line_that_does_not_fit_is_refused(old: str, new: str, message: str) -> None:
    line = make_row().to_json()
    assert old in line
    with pytest.raises(RecordError, match=message):
        Row.from_json(line.replace(old, new, 1))


def test_rows_are_read_in_the_order_of_their_images(tmp_path: Path) -> None:
    write(tmp_path, make_row(2), make_row(0), make_abstention(1))
    records = read_records(tmp_path)
    assert [row.index for row in records.rows] == [0, 1, 2]
    assert records.header == make_header(created=records.header.created)
    assert read_records(tmp_path / ROWS_NAME) == records


def test_a_resumed_run_knows_what_is_done(tmp_path: Path) -> None:
    write(tmp_path, make_row(4), make_row(1))
    with RecordWriter(tmp_path, make_header()) as writer:
        assert writer.done == {1, 4}
        with pytest.raises(RecordError, match=r"image 4 is in .* already"):
            writer.write(make_row(4))
        writer.write(make_row(2))
        assert writer.done == {1, 2, 4}
    assert len(read_records(tmp_path).rows) == 3


@pytest.mark.parametrize("torn", [b"", b"{", b'{"schema":3,"index":7', b"\0\0\0\0"])
def test_a_torn_last_line_is_cut_off(tmp_path: Path, torn: bytes) -> None:
    write(tmp_path, make_row(0), make_row(1))
    with (tmp_path / ROWS_NAME).open("ab") as stream:
        stream.write(torn)
    assert len(read_records(tmp_path).rows) == 2
    write(tmp_path, make_row(2))
    assert [row.index for row in read_records(tmp_path).rows] == [0, 1, 2]


def test_a_complete_row_without_its_newline_is_computed_again(tmp_path: Path) -> None:
    write(tmp_path, make_row(0), make_row(1))
    path = tmp_path / ROWS_NAME
    path.write_bytes(path.read_bytes()[:-1])
    with RecordWriter(tmp_path, make_header()) as writer:
        assert writer.done == {0}


def test_a_killed_writer_leaves_every_row_that_it_reported(tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
from gsmooth.runs.records.folder import RecordWriter
from tests.runs.samples import make_header, make_row
writer = RecordWriter(Path(sys.argv[1]), make_header())
for index in range(10**6):
    writer.write(make_row(index))
    print(index, flush=True)
"""
    command = [sys.executable, "-c", code, str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        reported = [int(process.stdout.readline()) for _ in range(20)]
        process.send_signal(signal.SIGKILL)
        reported += [int(line) for line in process.stdout]
    with RecordWriter(tmp_path, make_header()) as writer:
        assert set(reported) <= writer.done
        assert writer.done <= {*reported, len(reported)}
        writer.write(make_row(10**6))


def test_a_damaged_line_in_the_middle_is_named(tmp_path: Path) -> None:
    write(tmp_path, make_row(0), make_row(1))
    path = tmp_path / ROWS_NAME
    path.write_bytes(b"damage\n" + path.read_bytes())
    with pytest.raises(RecordError, match=r"records.jsonl:1: not valid JSON"):
        read_records(tmp_path)
    with pytest.raises(RecordError, match=r"records.jsonl:1: not valid JSON"):
        RecordWriter(tmp_path, make_header())


def test_an_image_that_is_there_twice_is_named(tmp_path: Path) -> None:
    write(tmp_path, make_row(0))
    path = tmp_path / ROWS_NAME
    path.write_bytes(path.read_bytes() * 2)
    with pytest.raises(RecordError, match=r":2: index: image 0 is there already"):
        read_records(tmp_path)


def test_another_configuration_is_refused_with_the_fields_that_differ(tmp_path: Path) -> None:
    write(tmp_path, make_row(0))
    identity = {**IDENTITY, "smoothing": {"seed": 0, "law": "gaussian", "sigma": 0.5}}
    other = make_header(identity=identity, fingerprint="0" * 64)
    with pytest.raises(RecordError) as caught:
        RecordWriter(tmp_path, other)
    message = str(caught.value)
    assert "smoothing.sigma: 0.2 there, 0.5 here" in message
    assert "smoothing.scales: [24.0] there, not given here" in message
    assert "seed" not in message
    write(tmp_path, make_row(1))


def test_rows_of_another_sampler_are_refused(tmp_path: Path) -> None:
    write(tmp_path, make_row(0))
    with pytest.raises(RecordError, match=r"sampler: 'blake2b.*' there, 'other' here"):
        RecordWriter(tmp_path, make_header(sampler="other"))


def test_differences_are_dotted_names_with_both_values() -> None:
    old = {"a": {"b": 1, "c": {"d": None}}, "e": []}
    assert differences(old, {"a": {"b": 1, "c": {"d": 2}}}) == [
        "a.c.d: None there, 2 here",
        "e: [] there, not given here",
    ]


def test_what_counts_do_not_depend_on_may_change_between_resumes(tmp_path: Path) -> None:
    write(tmp_path, make_row(0), header=make_header(created="2020-01-01T00:00:00+00:00"))
    config = {**IDENTITY, "engine": {"batch_size": 7}}
    write(tmp_path, make_row(1), header=make_header(config=config))
    header = read_records(tmp_path).header
    assert header.config == config
    assert header.created == "2020-01-01T00:00:00+00:00"


def test_a_row_of_another_run_is_refused(tmp_path: Path) -> None:
    with (
        RecordWriter(tmp_path, make_header()) as writer,
        pytest.raises(RecordError, match="image 3: its fingerprint"),
    ):
        writer.write(make_row(3, fingerprint="0"))


def test_two_writers_on_one_folder_are_refused(tmp_path: Path) -> None:
    with (
        RecordWriter(tmp_path, make_header()),
        pytest.raises(OutputError, match="another process is writing"),
    ):
        RecordWriter(tmp_path, make_header())
    write(tmp_path, make_row(0))


def test_a_file_system_without_locks_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", unsupported)
    with pytest.raises(OutputError, match=r"cannot be locked \(No locks available\)"):
        RecordWriter(tmp_path / "run", make_header())


def test_a_lock_held_elsewhere_does_not_stop_a_reader(tmp_path: Path) -> None:
    write(tmp_path, make_row(0))
    with (tmp_path / ROWS_NAME).open("rb") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        assert len(read_records(tmp_path).rows) == 1


def test_a_full_disk_keeps_the_finished_rows(tmp_path: Path) -> None:
    full = os.open("/dev/full", os.O_RDWR)
    with RecordWriter(tmp_path, make_header()) as writer:
        writer.write(make_row(0))
        # The journal's own descriptor, of a disk that has just become full.
        os.dup2(full, descriptor_of(tmp_path / ROWS_NAME))
        with pytest.raises(OutputError, match=r"image 1 .1 kept.: .*the disk is full"):
            writer.write(make_row(1))
    os.close(full)
    assert [row.index for row in read_records(tmp_path).rows] == [0]


def test_a_file_size_limit_keeps_every_finished_row_readable(tmp_path: Path) -> None:
    code = """
import resource, sys
from pathlib import Path
from gsmooth.errors import OutputError
from gsmooth.runs.records.folder import RecordWriter
from tests.runs.samples import make_header, make_row
with RecordWriter(Path(sys.argv[1]), make_header()) as writer:
    size = len(make_row(1000).to_json())
    resource.setrlimit(resource.RLIMIT_FSIZE, (5 * size + size // 2, 10**9))
    try:
        for index in range(100):
            writer.write(make_row(index))
    except OutputError as error:
        print(len(writer.done), error)
    try:
        writer.write(make_row(index))
    except OutputError as error:
        print(error)
"""
    answer = in_a_process(code, tmp_path)
    assert answer.stderr == ""
    first, second = answer.stdout.splitlines()
    assert first.startswith("5 image 5 (5 kept)")
    assert "limit on file size" in first
    assert "is closed" in second
    assert (tmp_path / ROWS_NAME).read_bytes().endswith(b"\n")
    assert [row.index for row in read_records(tmp_path).rows] == [0, 1, 2, 3, 4]
    write(tmp_path, make_row(5))


@pytest.mark.parametrize("place", ["file/run", "/proc/gsmooth-run"])
def test_a_folder_that_cannot_be_made_is_explained(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="cannot be written"):
        RecordWriter(tmp_path / place, make_header())


def test_records_that_cannot_be_opened_are_explained(tmp_path: Path) -> None:
    (tmp_path / ROWS_NAME).mkdir()
    with pytest.raises(OutputError, match=r"records\.jsonl cannot be written"):
        RecordWriter(tmp_path, make_header())


def test_an_interrupted_line_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "lines"
    journal = Journal(path)
    journal.append("whole")

    def interrupted(descriptor: int) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", interrupted)
        with pytest.raises(KeyboardInterrupt):
            journal.append("half")
    assert path.read_bytes() == b"whole\n"


def test_a_file_that_cannot_be_replaced_stays_as_it_was(tmp_path: Path) -> None:
    code = """
import resource, sys
from pathlib import Path
from gsmooth.errors import OutputError
from gsmooth.runs.records.journal import write_atomically
resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10**9))
try:
    write_atomically(Path(sys.argv[1]), b"x" * 100)
except OutputError as error:
    print(error)
"""
    path = tmp_path / "kept"
    write_atomically(path, b"before")
    assert "limit on file size" in in_a_process(code, path).stdout
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", [HEADER_NAME, ROWS_NAME])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    write(tmp_path, make_row(0))
    (tmp_path / name).unlink()
    with pytest.raises(RecordError, match=f"{name} cannot be read"):
        read_records(tmp_path)


def test_rows_without_their_header_are_not_adopted(tmp_path: Path) -> None:
    write(tmp_path, make_row(0))
    (tmp_path / HEADER_NAME).unlink()
    with pytest.raises(RecordError, match=r"holds records but no run\.json"):
        RecordWriter(tmp_path, make_header())


def test_a_header_of_another_schema_is_refused(tmp_path: Path) -> None:
    write(tmp_path, make_row(0), header=make_header())
    path = tmp_path / HEADER_NAME
    path.write_text(path.read_text().replace('"schema_version": 3', '"schema_version": 9'))
    with pytest.raises(RecordError, match=r"run\.json: schema version 9"):
        read_records(tmp_path)


def test_a_header_names_versions_and_machine_and_no_user() -> None:
    header = RunHeader.create("f", {}, {}, plan=PLAN, capabilities=CLAIMS)
    assert {"gsmooth", "python", "torch", "numpy", "scipy"} <= set(header.versions)
    assert set(header.machine) == {"system", "processor", "cpus"}
    assert RunHeader.from_json(header.to_json()) == header


def test_parquet_holds_every_count(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs the extra 'parquet'")
    infinite = make_centre(0, 0, margin=math.inf, verdict=Verdict.UNTESTED)
    rows = [make_row(0, evidence=(infinite,)), make_abstention(1, attack=None), make_radius_row(2)]
    write(tmp_path, *rows)
    path = tmp_path / "out" / "rows.parquet"
    export_parquet(read_records(tmp_path), path)
    table = parquet.read_table(path)
    back = table.to_pylist()
    assert [r["index"] for r in back] == [0, 1, 2]
    assert back[0]["evidence"][0]["margin"] == math.inf
    assert back[1]["reason"] == "futile"
    assert back[1]["attack"] is None
    assert back[2]["evidence"][0]["profile"][-1]["fraction"] == 1.0
    assert dict(back[0]["versions"]) == rows[0].provenance.versions
    assert set(table.column_names) == set(json.loads(rows[0].to_json()))
    assert json.loads(table.schema.metadata[b"gsmooth"])["fingerprint"] == FINGERPRINT


def test_a_parquet_file_that_cannot_be_written_is_explained(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="needs the extra 'parquet'")
    write(tmp_path, make_row(0))
    with pytest.raises(OutputError, match="cannot be written"):
        export_parquet(read_records(tmp_path), tmp_path / ROWS_NAME / "rows.parquet")


def test_what_labels_nothing_is_not_recorded_of_a_parameter() -> None:
    parameter = Parameter("dx", "px", "to the right", usual=2.0, step=1.0)
    written = encode(parameter)
    assert written == {"name": "dx", "unit": "px", "description": "to the right", "step": 1.0}
    assert decode(Parameter, written, "here") == Parameter("dx", "px", "to the right", step=1.0)
