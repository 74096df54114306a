"""Tables, curves and contact sheets from records; no votes are cast here."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gsmooth.report.folders import draw_contact_sheet, draw_curve, summarize

_HOMES = {
    "draw_contact_sheet": "folders",
    "draw_curve": "folders",
    "summarize": "folders",
}


def __getattr__(name: str) -> object:
    """Import a name on first use, so that torch is imported only if it is needed."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(_HOMES)


__all__ = ["draw_contact_sheet", "draw_curve", "summarize"]
