"""``gsmooth report --html``: the page of runs, written and shown in the browser."""

from __future__ import annotations

import webbrowser
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

from gsmooth.cli.output import say
from gsmooth.cli.result import Result
from gsmooth.errors import ConfigurationError


@final
@dataclass(frozen=True)
class PageFile:
    """The page that is asked for.

    path: the file. data: the images of the runs, as certify was given them; None for a page without
    pictures. show: whether the browser is to open it.
    """

    path: Path
    data: str | None
    show: bool

    @staticmethod
    def of(
        html: Path | None, show: bool, out: Path | None, runs: Sequence[Path], data: str | None
    ) -> PageFile | None:
        """The page of these options; None without ``--html`` and ``--open``."""
        if html is None and not show:
            return None
        beside = out or (runs[0] if runs[0].is_dir() else runs[0].parent)
        return PageFile(html or beside / "report.html", data, show)

    def written(self, result: Result, runs: int) -> Result:
        """Write the page, show it, and return the result with its file.

        Args:
            result: The runs that have records.
            runs: Number of all runs.

        Raises:
            ConfigurationError: A run has no records.
        """
        from gsmooth.report.page.write import write_page
        from gsmooth.runs.inputs import recorded_data

        if len(result.runs) < runs:
            raise ConfigurationError(
                "--html: a TSV or a population has neither images nor votes of them; the page needs"
                " folders of records"
            )
        configs = [run.header.config for run in result.runs if self.data is not None]
        images = [recorded_data(config, self.data or "") for config in configs]
        write_page(result.totals, self.path, images)
        if self.show and not webbrowser.open(self.path.resolve().as_uri()):
            say(f"no browser was found; open {self.path} in one", stderr=True)
        return result.with_files(self.path)
