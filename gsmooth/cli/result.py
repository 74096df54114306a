"""Result: what runs end with, for people and for machines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, final

from gsmooth.cli.output import console
from gsmooth.report.summary import Summary, summarize
from gsmooth.report.totals import Totals
from gsmooth.runs.records.codec import encode
from gsmooth.runs.records.folder import Records, open_records
from gsmooth.text.display import plain

if TYPE_CHECKING:
    from gsmooth.data.dataset import Dataset
    from gsmooth.runs.open_run import RunSummary


@final
@dataclass(frozen=True)
class Result:
    """The records of one run or several, and the files made from them."""

    runs: tuple[Records, ...]
    totals: tuple[Totals, ...]
    summaries: tuple[Summary, ...]
    files: tuple[Path, ...] = ()

    @staticmethod
    def of(run: RunSummary) -> Result:
        """The records that a finished run left."""
        return Result.read([run.folder])

    @staticmethod
    def read(paths: Sequence[Path]) -> Result:
        """The records in these folders; RecordError when one of them holds no finished image."""
        runs = tuple(open_records(path) for path in paths)
        totals = tuple(map(Totals.of, runs))
        return Result(runs, totals, tuple(map(summarize, totals)))

    def with_files(self, *paths: Path) -> Result:
        """The same runs with further files."""
        return replace(self, files=(*self.files, *paths))

    def drawn(self, folder: Path, images: Dataset | None = None) -> Result:
        """With the curve of certified accuracy, and of a single run's ``images`` a contact sheet.

        Records do not say where images come from; the caller does.
        """
        from gsmooth.report.contact_sheet import draw_contact_sheet
        from gsmooth.report.curves import draw_curves

        result = self.with_files(*draw_curves(self.totals, folder / "curve"))
        if images is None:
            return result
        return result.with_files(draw_contact_sheet(self.totals[0], folder, images))

    def as_document(self) -> dict[str, object]:
        """For ``--json``."""
        return {
            "runs": [
                {
                    "records": str(run.path),
                    "fingerprint": run.header.fingerprint,
                    "config": run.header.config,
                    "summary": encode(summary),
                }
                for run, summary in zip(self.runs, self.summaries, strict=True)
            ],
            "files": [str(path) for path in self.files],
        }

    def print(self) -> None:
        """The table, and where everything is."""
        from gsmooth.report.tables import render

        out = console()
        if self.summaries:
            out.print(render(*self.summaries))
        for path in (*(run.path for run in self.runs), *self.files):
            out.print(plain(str(path)), soft_wrap=True)
