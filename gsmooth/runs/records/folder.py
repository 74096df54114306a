"""Records: a folder with ``run.json`` and ``records.jsonl``, written so that nothing is lost."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self, final

from gsmooth.errors import OutputError, RecordError
from gsmooth.runs.records.files import open_regular
from gsmooth.runs.records.header import RunHeader, continued, installed_versions, require_same_run
from gsmooth.runs.records.journal import Journal, make_folder, write_atomically
from gsmooth.runs.records.recorded_noise import NoiseRecord
from gsmooth.runs.records.row import SCHEMA_VERSION, Row
from gsmooth.runs.records.row_parts import AttackRecord
from gsmooth.runs.records.stored_rows import StoredRows, fitting_row

__all__ = [
    "HEADER_NAME",
    "ROWS_NAME",
    "SCHEMA_VERSION",
    "AttackRecord",
    "NoiseRecord",
    "RecordWriter",
    "Records",
    "Row",
    "RunHeader",
    "installed_versions",
    "open_records",
    "read_records",
    "stored_header",
    "stored_indices",
]

HEADER_NAME = "run.json"
ROWS_NAME = "records.jsonl"


@final
@dataclass(frozen=True)
class Records:
    """The rows of one run, sorted by index, under what produced them."""

    header: RunHeader
    rows: Sequence[Row]
    path: Path


@final
class RecordWriter:
    """Writes one run's rows into ``folder``, or goes on where an earlier run of it stopped.

    ``done``: the indices that need no work, which is all that is kept of earlier rows. Raises
    RecordError when the folder holds another configuration (naming the fields) or damaged rows,
    OutputError when it cannot be written or another process is writing to it. Use as a context
    manager.
    """

    def __init__(self, folder: Path, header: RunHeader) -> None:
        make_folder(folder)
        self.folder = folder
        self._journal = Journal(folder / ROWS_NAME)
        try:
            self.header = kept_header(folder, header, self._journal.size > 0)
            self._done = _recorded(self._journal, self.header)
        except BaseException:
            self._journal.close()
            raise

    @property
    def done(self) -> Set[int]:
        """Indices of the rows on disk; not a copy: it grows as rows are written."""
        return self._done

    def write(self, row: Row) -> None:
        """Append one row, down to the disk. Raises OutputError; rows before it stay readable."""
        if row.provenance.fingerprint != self.header.fingerprint:
            raise RecordError(f"image {row.index}: its fingerprint is not that of {self.folder}")
        if row.index in self._done:
            raise RecordError(f"image {row.index} is in {self.folder} already")
        try:
            self._journal.append(row.to_json())
        except OutputError as error:
            raise OutputError(f"image {row.index} ({len(self._done)} kept): {error}") from error
        self._done.add(row.index)

    def close(self) -> None:
        """Release the folder; harmless when repeated."""
        self._journal.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def read_records(path: Path | str) -> Records:
    """The records in a folder, or in its ``records.jsonl``; a torn last line is left out.

    Every row is looked at, and none is kept: they are decoded again when they are asked for. Raises
    RecordError naming file and line.
    """
    records, rows = _opened(path)
    rows.require_fitting()
    return records


def open_records(path: Path | str) -> Records:
    """As :func:`read_records`, without a look at what rows hold: RecordError comes with the row.

    For work that looks at all rows once anyway.
    """
    return _opened(path)[0]


def stored_indices(folder: Path) -> Set[int]:
    """The images that have a row in ``folder``; RecordError where it cannot be read."""
    return set(_opened(folder)[1].indices.tolist())


def _opened(path: Path | str) -> tuple[Records, StoredRows]:
    rows_path = Path(path)
    if not rows_path.exists():
        raise RecordError(
            f"records {path}: there is no such file or folder; expected a run's folder, which holds"
            f" {HEADER_NAME} and {ROWS_NAME}"
        )
    if rows_path.is_dir():
        rows_path = rows_path / ROWS_NAME
    header = _read_header(rows_path.parent / HEADER_NAME)
    rows = StoredRows.opened(rows_path, header.fingerprint, header.schema_version)
    return Records(header, rows, rows_path), rows


def stored_header(folder: Path) -> RunHeader | None:
    """What the records in ``folder`` belong to; None where there are none yet."""
    path = folder / HEADER_NAME
    return _read_header(path) if path.exists() else None


def kept_header(folder: Path, header: RunHeader, has_rows: bool) -> RunHeader:
    """The header on disk: a new one, or the old one's date with what may change since."""
    path = folder / HEADER_NAME
    if path.exists():
        old = _read_header(path)
        require_same_run(old, header, str(folder))
        header = continued(old, header)
        if header == old:
            return old
    elif has_rows:
        raise RecordError(f"{folder} holds records but no {HEADER_NAME}; choose another folder")
    write_atomically(path, header.to_json().encode())
    return header


def _read_header(path: Path) -> RunHeader:
    try:
        with open_regular(path) as stream:
            text = stream.read()
    except OSError as error:
        raise RecordError(
            f"{path} cannot be read ({error.strerror}); records are a folder with {HEADER_NAME} and"
            f" {ROWS_NAME}"
        ) from error
    return RunHeader.from_json(text, str(path))


def _recorded(journal: Journal, header: RunHeader) -> set[int]:
    """The indices in a journal, each row of which is decoded and let go."""
    done: set[int] = set()
    for number, line in enumerate(journal.lines(), start=1):
        where = f"{journal.path}:{number}"
        row = fitting_row(line, where, header.fingerprint, header.schema_version)
        if row.index in done:
            raise RecordError(f"{where}: index: image {row.index} is there already")
        done.add(row.index)
    return done
