"""Tables, curves and contact sheets from records; no votes are cast here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gsmooth.lazy import lazy_names

if TYPE_CHECKING:
    from gsmooth.report.folders import (
        draw_attack,
        draw_contact_sheet,
        draw_curve,
        draw_radius,
        draw_votes,
        summarize,
        table,
        write_page,
    )
    from gsmooth.report.printable import Table

_HOMES = {
    "Table": "printable",
    "draw_attack": "folders",
    "draw_contact_sheet": "folders",
    "draw_curve": "folders",
    "draw_radius": "folders",
    "draw_votes": "folders",
    "summarize": "folders",
    "table": "folders",
    "write_page": "folders",
}


__getattr__, __dir__ = lazy_names(__name__, _HOMES)

__all__ = [
    "Table",
    "draw_attack",
    "draw_contact_sheet",
    "draw_curve",
    "draw_radius",
    "draw_votes",
    "summarize",
    "table",
    "write_page",
]
