"""What is reported on: folders of records and published TSVs, each read once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

from gsmooth.errors import ConfigurationError
from gsmooth.report.radius_against_n import RadiusAgainstN, radius_against_n
from gsmooth.report.run_counts import RunCounts, named_apart
from gsmooth.report.totals import Totals
from gsmooth.report.tsv import is_tsv, read_tsv
from gsmooth.runs.records.folder import open_records


@final
@dataclass(frozen=True)
class Source:
    """A run: its counts, and the totals of its records (None for a TSV)."""

    counts: RunCounts
    totals: Totals | None = None


@final
@dataclass(frozen=True)
class Radii:
    """Radii against n of the runs that have them, and why others have none.

    found: the radii. names: the name of each. left_out: names of the other runs. refused: why, a
    sentence for each of these.
    """

    found: tuple[RadiusAgainstN, ...]
    names: tuple[str, ...]
    left_out: tuple[str, ...]
    refused: tuple[str, ...]


def read_sources(paths: Sequence[Path]) -> tuple[Source, ...]:
    """Read folders of records and published TSV files, and name them apart.

    Raises:
        RecordError: One cannot be read, or has no finished image.
    """
    totals = [None if is_tsv(path) else Totals.of(open_records(path)) for path in paths]
    counts = [
        read_tsv(path) if total is None else RunCounts.of(total)
        for path, total in zip(paths, totals, strict=True)
    ]
    return tuple(map(Source, named_apart(counts), totals))


def radii_of(sources: Sequence[Source], names: Sequence[str]) -> Radii:
    """Compute the radius against n of each run that has one.

    Args:
        sources: The runs.
        names: What each is called.

    Raises:
        ConfigurationError: None of them has one; the message is that of the first.
    """
    found: dict[str, RadiusAgainstN] = {}
    refused: dict[str, str] = {}
    for source, name in zip(sources, names, strict=True):
        try:
            found[name] = _radius(source)
        except ConfigurationError as error:
            refused[name] = str(error)
    if not found:
        raise ConfigurationError(next(iter(refused.values()), "radius against n: no run"))
    return Radii(tuple(found.values()), tuple(found), tuple(refused), tuple(refused.values()))


def _radius(source: Source) -> RadiusAgainstN:
    if source.totals is None:
        raise ConfigurationError(
            f"radius against n: {source.counts.name} is a TSV, which does not tell votes; give the"
            " folder of records"
        )
    return radius_against_n(source.totals, name=source.counts.name)
