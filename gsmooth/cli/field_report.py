"""FieldReport: tables, figures and exports of several runs, for people and for machines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

from gsmooth.cli.output import emit, say
from gsmooth.cli.report_tables import Numbers, TableChoice, TableKind, as_document
from gsmooth.cli.result import Result
from gsmooth.errors import ConfigurationError
from gsmooth.report.figure_style import save_both
from gsmooth.report.figures import FigureKind, figure_of
from gsmooth.report.source import Source, read_sources
from gsmooth.report.summary import summarize
from gsmooth.report.totals import Totals


@final
@dataclass(frozen=True)
class ReportFiles:
    """What is written besides the tables.

    figures: the figures. width: their width in inches; None: the usual one. out: their folder;
    None: that of the first run. data: the images of the run, for a contact sheet. parquet, tsv:
    files that its rows are exported to.
    """

    figures: tuple[FigureKind, ...]
    width: float | None
    out: Path | None
    data: str | None
    parquet: Path | None
    tsv: Path | None

    def require_fitting(self, runs: int) -> None:
        """ConfigurationError where something that is about one run is asked of several."""
        about_one = {
            "--parquet exports one run": self.parquet,
            "--tsv exports one run": self.tsv,
            "--data is for the pictures of one run": self.data,
        }
        for what, given in about_one.items():
            if given is not None and runs > 1:
                raise ConfigurationError(f"{what}; name a single folder")

    def written(
        self, sources: Sequence[Source], runs: Sequence[Path], confidence: float
    ) -> Iterator[Path]:
        """Write figures, contact sheet and exports; yield their paths."""
        folder = self.out or _home(runs[0])
        for kind in self.figures:
            figure = figure_of(kind, sources, confidence=confidence, width=self.width)
            yield from save_both(figure, folder / kind)
        if self.data is None and self.parquet is None and self.tsv is None:
            return
        totals = sources[0].totals
        if totals is None:
            raise ConfigurationError(
                f"{runs[0]}: a TSV has neither images nor counts; --data, --parquet and --tsv need"
                " the folder of records"
            )
        yield from self._of_one(totals, folder)

    def _of_one(self, totals: Totals, folder: Path) -> Iterator[Path]:
        from gsmooth.report.contact_sheet import draw_contact_sheet
        from gsmooth.report.tsv import write_tsv
        from gsmooth.runs.inputs import recorded_data
        from gsmooth.runs.records.export import export_parquet

        if self.data is not None:
            images = recorded_data(totals.run.header.config, self.data)
            yield draw_contact_sheet(totals, folder, images)
        if self.parquet is not None:
            export_parquet(totals.run, self.parquet)
            yield self.parquet
        if self.tsv is not None:
            write_tsv(totals.run, self.tsv)
            yield self.tsv


@final
@dataclass(frozen=True)
class FieldReport:
    """Everything that ``gsmooth report`` found and wrote."""

    choice: TableChoice
    tables: Mapping[TableKind, Numbers]
    result: Result

    @staticmethod
    def of(runs: Sequence[Path], choice: TableChoice, files: ReportFiles) -> FieldReport:
        """Read the runs once, compute the tables and write the files."""
        sources = read_sources(runs)
        tables = choice.numbers(sources)
        totals = tuple(source.totals for source in sources if source.totals is not None)
        written = tuple(files.written(sources, runs, choice.confidence))
        records = tuple(total.run for total in totals)
        result = Result(records, totals, tuple(map(summarize, totals)), written)
        return FieldReport(choice, tables, result)

    def emit(self, as_json: bool) -> None:
        """Print it all, or with ``as_json`` one document."""
        if as_json:
            emit({**self.result.as_document(), "tables": as_document(self.tables)})
            return
        self.choice.print(self.tables)
        if self.choice.shape == "text":
            self.result.print()
            return
        for path in self.result.files:
            say(str(path), stderr=True)


def _home(run: Path) -> Path:
    return run if run.is_dir() else run.parent
