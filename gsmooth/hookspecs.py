"""The hooks that plugins implement; version them together with API_VERSION."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from gsmooth.transformation import Transformation

PROJECT = "gsmooth"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def gsmooth_transformations() -> list[type[Transformation]]:
    """The transformation classes that this plugin offers."""
    return []
