"""The hooks that plugins implement; version them together with API_VERSION."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pluggy

if TYPE_CHECKING:
    from gsmooth.transforms.base import Transformation

API_VERSION: Final = 1
"""Goes up when a transformation that was right becomes wrong: a hook, a method, what it promises.

A plugin's module may state the version that it was written for: ``GSMOOTH_API = 1``.
"""
STATED_VERSION: Final = "GSMOOTH_API"
PROJECT = "gsmooth"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
"""Decorator of the function by which a plugin's module names its transformations."""


@hookspec
def gsmooth_transformations() -> list[type[Transformation]]:
    """The transformation classes that this plugin offers."""
    return []
