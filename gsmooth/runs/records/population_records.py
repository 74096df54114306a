"""Records of a population run: a line for every image and its one vote, and what they prove."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self, final

from gsmooth.certification.population import PopulationCertificate, PopulationVote
from gsmooth.errors import OutputError, RecordError
from gsmooth.runs.records.codec import decode, encode, parse, to_line
from gsmooth.runs.records.files import open_regular
from gsmooth.runs.records.folder import HEADER_NAME, kept_header, stored_header
from gsmooth.runs.records.header import RunHeader
from gsmooth.runs.records.journal import Journal, make_folder, write_atomically

VOTES_NAME: Final = "votes.jsonl"
CERTIFICATE_NAME: Final = "population.json"
SCHEMA_VERSION: Final = 1


@final
@dataclass(frozen=True, kw_only=True)
class VoteRow:
    """One image of a population run.

    index: position in the data set. image_digest: sha256 (hex) of the image's float64 bytes. label:
    the true class. margin: the proved margin of the single ball; None where none is proved. vote:
    the class of the one vote; None for a tie, and where there is no margin. fingerprint: the run's.
    """

    schema: int = SCHEMA_VERSION
    index: int
    image_digest: str
    label: int
    margin: float | None
    vote: int | None
    fingerprint: str

    @staticmethod
    def of(vote: PopulationVote, label: int, image_digest: str, fingerprint: str) -> VoteRow:
        """What is kept of a vote."""
        margin = vote.margin if math.isfinite(vote.margin) else None
        return VoteRow(
            index=vote.index,
            image_digest=image_digest,
            label=label,
            margin=margin,
            vote=vote.label,
            fingerprint=fingerprint,
        )

    @property
    def distance(self) -> float:
        """The margin; inf where none is proved."""
        return math.inf if self.margin is None else self.margin

    @property
    def right(self) -> bool:
        """Whether the vote is the true class."""
        return self.vote == self.label

    @staticmethod
    def from_json(line: str | bytes, where: str) -> VoteRow:
        """The row that was written; RecordError (``where`` leads it) unless it fits exactly."""
        row = decode(VoteRow, parse(line, where), where)
        if row.schema != SCHEMA_VERSION:
            raise RecordError(
                f"{where}: schema {row.schema}; this gsmooth reads version {SCHEMA_VERSION}"
            )
        return row


@final
@dataclass(frozen=True)
class PopulationRecords:
    """The votes of one run, sorted by index, under what produced them.

    certificate: what was stated; None for a run that is not finished.
    """

    header: RunHeader
    rows: Sequence[VoteRow]
    certificate: PopulationCertificate | None
    folder: Path


@final
class PopulationWriter:
    """Writes the votes of one run into ``folder``, or goes on where an earlier run of it stopped.

    RecordError where the folder holds another configuration or damaged rows, OutputError where it
    cannot be written. Use as a context manager.
    """

    def __init__(self, folder: Path, header: RunHeader) -> None:
        make_folder(folder)
        self.folder = folder
        self._journal = Journal(folder / VOTES_NAME)
        try:
            if self._journal.size > 0:
                _require_same_images(folder, header)
            self.header = kept_header(folder, header, self._journal.size > 0)
            rows = [
                VoteRow.from_json(line, f"{self._journal.path}:{number}")
                for number, line in enumerate(self._journal.lines(), start=1)
            ]
            self._rows = _by_index(rows, self.header, str(self._journal.path))
            self.right = sum(row.right for row in rows)
        except BaseException:
            self._journal.close()
            raise

    @property
    def done(self) -> Set[int]:
        """Indices of the images that have a row."""
        return self._rows.keys()

    @property
    def rows(self) -> list[VoteRow]:
        """All rows, sorted by index."""
        return [self._rows[index] for index in sorted(self._rows)]

    def write(self, row: VoteRow) -> None:
        """Append one row, down to the disk. Raises OutputError; rows before it stay readable."""
        try:
            self._journal.append(to_line(row))
        except OutputError as error:
            raise OutputError(f"image {row.index} ({len(self._rows)} kept): {error}") from error
        self._rows[row.index] = row
        self.right += row.right

    def state(self, certificate: PopulationCertificate) -> Path:
        """Write what the votes prove; returns the file."""
        path = self.folder / CERTIFICATE_NAME
        document = {"schema": SCHEMA_VERSION, "fingerprint": self.header.fingerprint}
        line = to_line({**document, "certificate": encode(certificate)})
        write_atomically(path, line.encode() + b"\n")
        return path

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._journal.close()


def is_population(path: Path | str) -> bool:
    """Whether the folder holds the votes of a population run."""
    return (Path(path) / VOTES_NAME).is_file()


def read_population(folder: Path | str) -> PopulationRecords:
    """The records of a population run; RecordError where they cannot be read or do not fit."""
    place = Path(folder)
    header = stored_header(place)
    if header is None:
        raise RecordError(f"{place} holds votes but no {HEADER_NAME}; it is no folder of a run")
    path = place / VOTES_NAME
    *lines, _ = _read(path).split(b"\n")
    found = [
        VoteRow.from_json(line, f"{path}:{number}") for number, line in enumerate(lines, start=1)
    ]
    rows = _by_index(found, header, str(path))
    kept = place / CERTIFICATE_NAME
    stated = _certificate(kept, header) if kept.exists() else None
    return PopulationRecords(header, [rows[index] for index in sorted(rows)], stated, place)


def _certificate(path: Path, header: RunHeader) -> PopulationCertificate:
    found = parse(_read(path), str(path))
    if not isinstance(found, Mapping) or set(found) != {"schema", "fingerprint", "certificate"}:
        raise RecordError(f"{path}: expected schema, fingerprint and certificate")
    if found["schema"] != SCHEMA_VERSION or found["fingerprint"] != header.fingerprint:
        raise RecordError(f"{path}: schema or fingerprint is not that of {HEADER_NAME} beside it")
    return decode(PopulationCertificate, found["certificate"], str(path))


def _by_index(rows: Sequence[VoteRow], header: RunHeader, where: str) -> dict[int, VoteRow]:
    found: dict[int, VoteRow] = {}
    for number, row in enumerate(rows, start=1):
        if row.fingerprint != header.fingerprint:
            raise RecordError(f"{where}:{number}: its fingerprint is not that of {HEADER_NAME}")
        if row.index in found:
            raise RecordError(f"{where}:{number}: index: image {row.index} is there already")
        found[row.index] = row
    return found


def _require_same_images(folder: Path, header: RunHeader) -> None:
    """RecordError where votes were seen and other images are asked for than were planned (S10).

    Alpha covers a number of images that is fixed before the first vote: neither more of them after
    the bound was seen, nor fewer because those so far were right.
    """
    old = stored_header(folder)
    if old is None or old.plan is None or header.plan is None:
        return
    before, now = set(old.plan), set(header.plan)
    if before == now or old.fingerprint != header.fingerprint:
        return  # ``kept_header`` refuses another fingerprint, and says what differs.
    if (folder / CERTIFICATE_NAME).exists():
        known = f"states a bound from {len(before)} images already"
    else:
        known = f"holds votes of a population of {len(before)} images"
    raise RecordError(
        f"{folder} {known}; {len(now - before)} more and {len(before - now)} fewer, after votes"
        " were seen, are not covered by alpha: go on with the images that were planned, or bound"
        " the other population in another folder, and decide on its size before"
    )


def _read(path: Path) -> bytes:
    try:
        with open_regular(path) as stream:
            return stream.read()
    except OSError as error:
        raise RecordError(f"{path} cannot be read ({error.strerror})") from error
