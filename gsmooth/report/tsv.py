"""Certification records as Cohen et al. (2019) publish them: tab-separated, a line for each image.

The columns are idx, label, predict (-1: abstains), radius (l2), correct (0 or 1) and time.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from pathlib import Path
from typing import Final, final

from gsmooth.errors import ConfigurationError, RecordError
from gsmooth.report.reach import Axis, axis_of
from gsmooth.report.run_counts import ClassCounts, RunCounts
from gsmooth.runs.records.files import drafted, make_folder, open_regular
from gsmooth.runs.records.folder import Records
from gsmooth.runs.records.row import Row
from gsmooth.text.display import plain
from gsmooth.text.rounding import significant_down

COLUMNS: Final = ("idx", "label", "predict", "radius", "correct", "time")
ABSTAIN: Final = -1
_AXIS: Final = Axis("every l2 perturbation below", "", 1.0, kind="l2")
# A line of a published file has fewer than 100 characters.
_LONGEST: Final = 10_000


@final
@dataclass(frozen=True)
class TsvLine:
    """One image: its position, true class, certified class (-1: abstains) and certified radius."""

    index: int
    label: int
    predict: int
    radius: float

    @property
    def correct(self) -> bool:
        """Whether the true class is certified."""
        return self.predict == self.label


def is_tsv(path: Path) -> bool:
    """Return True for a file that begins with the header of certification records."""
    try:
        with open_regular(path) as stream:
            return stream.readline(_LONGEST).decode().split()[:2] == list(COLUMNS[:2])
    except (OSError, UnicodeDecodeError):
        return False


def read_tsv(path: Path) -> RunCounts:
    """Read published certification records as a run without votes, region or settings.

    Args:
        path: The file.

    Returns:
        The counts of the run, on the axis of l2 radii. Standard accuracy is not in such a file.

    Raises:
        RecordError: The file cannot be read, or a line contradicts itself.
    """
    lines = list(tsv_lines(path))
    if not lines:
        raise RecordError(f"{path}: no image; expected a line for each")
    by_class: dict[int, list[TsvLine]] = defaultdict(list)
    for line in lines:
        by_class[line.label].append(line)
    return RunCounts(
        name=_name(path),
        path=path.with_name(_name(path)),
        axis=_AXIS,
        bounded=False,
        total=_counts(None, lines),
        classes=tuple(_counts(label, own) for label, own in sorted(by_class.items())),
    )


def tsv_lines(path: Path) -> Iterator[TsvLine]:
    """Yield the images of a file; RecordError names the line that is wrong."""
    seen: set[int] = set()
    try:
        with open_regular(path) as stream:
            places = _places(stream.readline(_LONGEST), str(path))
            number = 1
            while raw := stream.readline(_LONGEST):
                number += 1
                if not raw.strip():
                    continue
                where = f"{path}:{number}"
                line = _line(raw, places, where)
                if line.index in seen:
                    raise RecordError(f"{where}: idx {line.index} is there already")
                seen.add(line.index)
                yield line
    except OSError as error:
        raise RecordError(f"{path} cannot be read ({error.strerror})") from error


def write_tsv(records: Records, path: Path) -> None:
    """Write the rows of an l2 run as published records; radii are rounded down.

    A radius is the largest decimal of 6 significant digits that is not larger than the certified
    one, so that it is certified too.

    Args:
        records: A run whose region is an l2 ball.
        path: The file.

    Raises:
        ConfigurationError: The run is about other attacks, for which the format has no column.
        OutputError: The file cannot be written.
    """
    axis = axis_of(records)
    if axis.kind != "l2" or axis.label != _AXIS.label:
        raise ConfigurationError(
            f"--tsv: {records.path.parent} is about {axis.label}, and these files hold l2 radii"
            " alone; use --format csv or --parquet"
        )
    make_folder(path.parent)
    with drafted(path) as stream:
        stream.write(("\t".join(COLUMNS) + "\n").encode())
        for row in records.rows:
            stream.write(_written(row, axis.end).encode())


def _written(row: Row, end: float) -> str:
    certified = row.decision.certified_label
    exact = Fraction(row.claim.fraction or 0.0) * Fraction(end)
    fields = (
        row.index,
        row.image.label,
        ABSTAIN if certified is None else certified,
        significant_down(exact),
        int(certified == row.image.label),
        timedelta(seconds=row.provenance.seconds),
    )
    return "\t".join(map(str, fields)) + "\n"


def _places(header: bytes, where: str) -> Mapping[str, int]:
    try:
        names = header.decode().strip("\r\n").split("\t")
    except UnicodeDecodeError:
        names = []
    places = {name.strip(): place for place, name in enumerate(names)}
    if missing := [name for name in COLUMNS[:5] if name not in places]:
        raise RecordError(
            f"{where}: no column {', '.join(missing)}; expected the tab-separated columns"
            f" {' '.join(COLUMNS)}"
        )
    return places


def _line(raw: bytes, places: Mapping[str, int], where: str) -> TsvLine:
    try:
        fields = raw.decode().strip("\r\n").split("\t")
        index, label, predict, correct = (
            int(fields[places[name]]) for name in ("idx", "label", "predict", "correct")
        )
        radius = float(fields[places["radius"]])
    except (ValueError, IndexError) as error:
        told = plain(raw[:80].decode(errors="replace"))
        raise RecordError(
            f"{where}: {told!r}; expected whole numbers in idx, label, predict and correct, and a"
            " number in radius"
        ) from error
    line = TsvLine(index, label, predict, radius)
    if fault := _fault(line, correct):
        raise RecordError(f"{where}: {fault}")
    return line


def _fault(line: TsvLine, correct: int) -> str:
    if line.index < 0 or line.label < 0 or line.predict < ABSTAIN:
        return "a negative number; expected idx and label of 0 or more, and predict of -1 or more"
    if not 0.0 <= line.radius < math.inf:
        return f"radius {line.radius}; expected a finite number of 0 or more"
    if line.predict == ABSTAIN and line.radius > 0.0:
        return f"predict -1 with radius {line.radius}; an abstention has radius 0"
    if correct != line.correct:
        return f"correct {correct}, but label {line.label} and predict {line.predict}"
    return ""


def _counts(label: int | None, lines: list[TsvLine]) -> ClassCounts:
    reached = Counter(line.radius for line in lines if line.correct)
    abstained = sum(line.predict == ABSTAIN for line in lines)
    return ClassCounts(label, len(lines), reached, abstained)


def _name(path: Path) -> str:
    return path.stem if path.suffix in {".tsv", ".txt"} else path.name
