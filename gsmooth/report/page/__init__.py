"""The page: a report on runs as one HTML file, which needs no network and holds its own script."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gsmooth.lazy import lazy_names

if TYPE_CHECKING:
    from gsmooth.report.page.write import write_page

_HOMES = {"write_page": "write"}

__getattr__, __dir__ = lazy_names(__name__, _HOMES)

__all__ = ["write_page"]
