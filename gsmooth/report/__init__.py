"""Tables, curves and contact sheets from records; no votes are cast here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gsmooth.lazy import lazy_names

if TYPE_CHECKING:
    from gsmooth.report.folders import draw_contact_sheet, draw_curve, summarize

_HOMES = {
    "draw_contact_sheet": "folders",
    "draw_curve": "folders",
    "summarize": "folders",
}


__getattr__, __dir__ = lazy_names(__name__, _HOMES)

__all__ = ["draw_contact_sheet", "draw_curve", "summarize"]
