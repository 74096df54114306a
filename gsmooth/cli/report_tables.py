"""The tables of ``gsmooth report``: which ones, of which numbers, in which format."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, final, get_args

from gsmooth.cli.output import console, say
from gsmooth.errors import ConfigurationError
from gsmooth.report.accuracy_table import AccuracyTable, accuracy_table, class_table
from gsmooth.report.confusion import Confusions, confusion_text, confusions
from gsmooth.report.figures import FIGURES, FigureKind
from gsmooth.report.source import Source, radii_of
from gsmooth.report.table_csv import accuracy_csv, confusion_csv, radius_csv
from gsmooth.report.table_text import TextTable, radius_table, text_table
from gsmooth.runs.records.codec import encode
from gsmooth.text.spelling import did_you_mean

if TYPE_CHECKING:
    from gsmooth.report.radius_against_n import RadiusAgainstN

Format = Literal["text", "markdown", "latex", "csv"]
TableKind = Literal["accuracy", "classes", "confusion", "radius"]
Numbers = AccuracyTable | list[Confusions] | list["RadiusAgainstN"]
TABLES: Final[tuple[TableKind, ...]] = get_args(TableKind)
FORMATS: Final[tuple[Format, ...]] = get_args(Format)


@final
@dataclass(frozen=True)
class TableChoice:
    """What is tabulated, and how it is printed.

    kinds: the tables. shape: the format. at, rows: columns and names of rows, as in
    ``accuracy_table``. intervals: whether intervals are printed. confidence: their level.
    """

    kinds: tuple[TableKind, ...]
    shape: Format
    at: tuple[str, ...] | None
    rows: tuple[str, ...] | None
    intervals: bool
    confidence: float

    def numbers(self, sources: Sequence[Source]) -> Mapping[TableKind, Numbers]:
        """Compute the tables; ConfigurationError where a run does not have what one shows."""
        if self.shape == "csv" and len(self.kinds) > 1:
            raise ConfigurationError(
                f"--format csv: one table a file, and {', '.join(self.kinds)} were asked for; give"
                " --table a single name"
            )
        return {kind: self._one(kind, sources) for kind in self.kinds}

    def _one(self, kind: TableKind, sources: Sequence[Source]) -> Numbers:
        runs = [source.counts for source in sources]
        match kind:
            case "accuracy":
                return accuracy_table(runs, self.at, self.rows, self.confidence)
            case "classes":
                return class_table(runs, self.at, self.confidence)
            case "confusion":
                return [confusions(run) for run in runs]
            case "radius":
                radii = radii_of(sources, [run.name for run in runs])
                for refused in radii.refused:
                    say(f"gsmooth: left out of the table: {refused}", stderr=True)
                return list(radii.found)

    def print(self, found: Mapping[TableKind, Numbers]) -> None:
        """Print the tables on stdout."""
        for place, (kind, numbers) in enumerate(found.items()):
            if self.shape == "csv":
                say(as_csv(kind, numbers).rstrip("\n"))
                continue
            for number, table in enumerate(_as_text(numbers, self.intervals)):
                if self.shape == "text":
                    console().print(table.to_rich())
                    continue
                text = table.to_markdown() if self.shape == "markdown" else table.to_latex()
                say(f"{'' if place + number == 0 else chr(10)}{text}".rstrip("\n"))


def chosen_tables(text: str) -> tuple[TableKind, ...]:
    """The kinds of tables named in ``--table``; ConfigurationError for an unknown one."""
    return tuple(kind for name in _names(text) for kind in TABLES if kind == _known(name, TABLES))


def chosen_figures(text: str) -> tuple[FigureKind, ...]:
    """The figures named in ``--draw``; ConfigurationError for an unknown one."""
    return tuple(kind for name in _names(text) for kind in FIGURES if kind == _known(name, FIGURES))


def chosen_format(text: str) -> Format:
    """The format named in ``--format``; ConfigurationError for an unknown one."""
    return next(shape for shape in FORMATS if shape == _known(text, FORMATS))


def listed(text: str | None) -> tuple[str, ...] | None:
    """The parts of a list with commas; None where the option was not given."""
    return None if text is None else tuple(_names(text))


def as_document(found: Mapping[TableKind, Numbers]) -> dict[str, object]:
    """Every number of the tables, for ``--json``."""
    return {kind: encode(numbers) for kind, numbers in found.items()}


def as_csv(kind: TableKind, numbers: Numbers) -> str:
    """One table as CSV."""
    if isinstance(numbers, AccuracyTable):
        return accuracy_csv(numbers)
    if kind == "confusion":
        return confusion_csv([one for one in numbers if isinstance(one, Confusions)])
    return radius_csv([one for one in numbers if not isinstance(one, Confusions)])


def _as_text(numbers: Numbers, intervals: bool) -> Iterator[TextTable]:
    if isinstance(numbers, AccuracyTable):
        yield text_table(numbers, intervals)
        return
    for one in numbers:
        yield confusion_text(one) if isinstance(one, Confusions) else radius_table(one)


def _names(text: str) -> Iterator[str]:
    yield from (name.strip() for name in text.split(",") if name.strip())


def _known(name: str, known: Sequence[str]) -> str:
    if name not in known:
        raise ConfigurationError(
            f"{name!r} is none of {', '.join(known)}{did_you_mean(name, known)}"
        )
    return name
