"""Printing the bound of a population run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gsmooth.cli.output import console
from gsmooth.text.display import plain
from gsmooth.text.rounding import text_down, text_up

if TYPE_CHECKING:
    from gsmooth.certification.population import PopulationCertificate


def population_document(found: PopulationCertificate) -> dict[str, object]:
    """For ``--json``."""
    from gsmooth.runs.records.codec import encode

    return {"population": encode(found), "statement": found.describe()}


def print_population(found: PopulationCertificate, folder: Path) -> None:
    """A table, the statement, and where the votes are."""
    from rich.table import Table

    table = Table(caption=f"population: {found.describe()}.", caption_justify="left")
    table.add_column("")
    table.add_column(plain(folder.name), justify="right")
    how = found.bound
    method = f"{how.method}, margins up to {text_up(how.max_margin, 4)}"
    if how.method == "betting":
        method += f", tangents at {how.typical_p:g}"
    for name, value in (
        ("robust accuracy of one vote, at least", f"{text_down(100 * found.robust_accuracy, 4)}%"),
        ("its estimate, of which nothing is proved", _estimate(found.estimate)),
        ("images, one vote each", str(found.images)),
        ("votes that are right", f"{found.right / found.images:.2%}"),
        ("images with a proved margin in reach", f"{found.covered / found.images:.2%}"),
        ("bound by", method),
        ("guarantee", "population"),
        ("alpha (of the bound)", text_up(found.alpha)),
    ):
        table.add_row(name, plain(value))
    out = console()
    out.print(table)
    if found.covered == 0:
        out.print(
            "No image has a margin that is proved and small enough, so nothing is shown: use more"
            " noise, a smaller region, or haar noise on a parameter that has a period."
        )
    out.print(plain(str(folder)), soft_wrap=True)


def _estimate(value: float) -> str:
    """A percentage; an estimate by tangents falls below 0 where few votes are right."""
    return f"{value:.2%}" if value >= 0.0 else "below 0%"
