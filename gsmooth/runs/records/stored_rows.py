"""StoredRows: the rows of a file, in the order of their images, of which one is in memory."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Final, Self, final, overload

import numpy as np
from numpy.typing import NDArray

from gsmooth.errors import RecordError
from gsmooth.runs.records.codec import parse
from gsmooth.runs.records.files import open_regular
from gsmooth.runs.records.row import Row

_INDEX: Final = re.compile(rb'\{"schema":\d+,"index":(-?\d{1,18}),')
"""How a row begins that was written here; of any other the whole is parsed."""
_LARGEST: Final = 2**62
Ints = NDArray[np.int64]


@final
class StoredRows(Sequence[Row]):
    """Rows of one run, sorted by index; each is read and decoded on access.

    Where they lie is looked up once: 24 bytes a row. What they hold is checked when they are
    decoded: RecordError naming file and line, also for rows of another run (``fingerprint``) or
    another schema version than the run's.
    """

    def __init__(
        self, path: Path, fingerprint: str, schema: int, indices: Ints, starts: Ints
    ) -> None:
        self._path, self._fingerprint, self._schema = path, fingerprint, schema
        self._order = np.argsort(indices, kind="stable")
        self._starts = starts
        self._indices = indices
        self._require_distinct()

    @classmethod
    def opened(cls, path: Path, fingerprint: str, schema: int) -> Self:
        """The finished lines of a file of records; a torn last one is left out.

        RecordError for a line without an index, or two with the same.
        """
        indices, starts = array("q"), array("q", [0])
        try:
            with open_regular(path) as stream:
                for number, line in enumerate(stream, start=1):
                    if not line.endswith(b"\n"):
                        break  # Another process is writing it, or was killed.
                    indices.append(_index_of(line, f"{path}:{number}"))
                    starts.append(starts[-1] + len(line))
        except OSError as error:
            raise RecordError(f"records {path} cannot be read: {error.strerror}") from error
        return cls(path, fingerprint, schema, np.array(indices), np.array(starts))

    @property
    def indices(self) -> Ints:
        """(N,) int64: the indices of all rows, ascending."""
        return self._indices[self._order]

    def require_fitting(self) -> None:
        """RecordError for the first line (in the file) that is no row of this run."""
        with open_regular(self._path) as stream:
            for place in range(len(self._indices)):
                self._row(stream, place)

    def __len__(self) -> int:
        return len(self._indices)

    def __iter__(self) -> Iterator[Row]:
        with open_regular(self._path) as stream:
            for place in self._order.tolist():
                yield self._row(stream, place)

    @overload
    def __getitem__(self, key: int) -> Row: ...
    @overload
    def __getitem__(self, key: slice) -> tuple[Row, ...]: ...
    def __getitem__(self, key: int | slice) -> Row | tuple[Row, ...]:
        with open_regular(self._path) as stream:
            if isinstance(key, slice):
                return tuple(self._row(stream, place) for place in self._order[key].tolist())
            return self._row(stream, int(self._order[key]))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or len(self) != len(other):
            return False
        return all(mine == given for mine, given in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]  # Equal to a tuple of the same rows.

    def _row(self, stream: BinaryIO, place: int) -> Row:
        """The row in line ``place``, from 0, of the file."""
        start, end = int(self._starts[place]), int(self._starts[place + 1])
        if stream.tell() != start:
            stream.seek(start)
        where = f"{self._path}:{place + 1}"
        return fitting_row(stream.read(end - start), where, self._fingerprint, self._schema)

    def _require_distinct(self) -> None:
        ascending = self.indices
        repeated = np.flatnonzero(ascending[1:] == ascending[:-1]) + 1
        if not len(repeated):
            return
        # The sort is stable, so these are second lines of their images.
        place = int(self._order[repeated].min())
        raise RecordError(
            f"{self._path}:{place + 1}: index: image {self._indices[place]} is there already"
        )


def fitting_row(line: bytes, where: str, fingerprint: str, schema: int) -> Row:
    """The row in one line; RecordError unless it fits, and is of the run with this fingerprint.

    A run has rows of its own ``schema`` only: an older one records less, and is checked for less.
    """
    row = Row.from_json(line, where)
    if row.schema != schema:
        raise RecordError(f"{where}.schema: {row.schema}, but run.json beside it has {schema}")
    if row.provenance.fingerprint != fingerprint:
        raise RecordError(f"{where}: fingerprint: not that of run.json beside it")
    return row


def _index_of(line: bytes, where: str) -> int:
    if (found := _INDEX.match(line)) is not None:
        return int(found[1])
    fields = parse(line, where)
    index = fields.get("index") if isinstance(fields, dict) else None
    if type(index) is int and abs(index) < _LARGEST:
        return index
    Row.from_json(line, where)  # Names what else is wrong.
    raise RecordError(f"{where}.index: {index!r} found; expected a position in the data set")
