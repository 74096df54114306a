"""Traces one run: which types do the modules on the way of an image hand to one another?"""

from __future__ import annotations

import enum
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from types import FrameType

WAY = (
    "gsmooth.runs.execute",
    "gsmooth.runs.task",
    "gsmooth.runs.context",
    "gsmooth.runs.outcomes",
    "gsmooth.runs.records.row",
    "gsmooth.certification",
    "gsmooth.cover",
    "gsmooth.sampling",
    "gsmooth.attacks",
)
"""The modules on the way, and the rooms that it passes."""
ROOMS = ("gsmooth.cover", "gsmooth.sampling", "gsmooth.attacks")
"""Rooms whose inner hand-overs are not counted: what goes in and comes out is."""
NUMBERS = ("gsmooth.theory",)
"""Mathematics of one number at a time; its types count as numbers."""


class Handed:
    """The types that were handed from one module on the way to another, and where.

    Counted are arguments and results of functions and methods, but not ``self``, what is stored in
    an object that is made (a composed type counts once), and properties (parts of such an object).
    """

    def __init__(self) -> None:
        self.types: dict[str, set[str]] = defaultdict(set)

    def __call__(self, frame: FrameType, event: str, value: object) -> None:
        """A profile function for ``sys.setprofile``."""
        if event not in ("call", "return"):
            return
        here = place_of(frame)
        if here is None or frame.f_code.co_name == "__init__" or _is_property(frame):
            return
        caller = place_of(_caller(frame))
        if caller in (None, here):
            return
        where = f"{caller} -> {here}.{frame.f_code.co_qualname}"
        for handed in _arguments(frame) if event == "call" else [value]:
            for name in types_of(handed):
                self.types[name].add(where)


def traced(run: Callable[[], object]) -> Handed:
    """What is handed over while ``run`` runs."""
    handed, before = Handed(), sys.getprofile()
    sys.setprofile(handed)
    try:
        run()
    finally:
        sys.setprofile(before)
    return handed


def place_of(frame: FrameType | None) -> str | None:
    """The module of a frame, or its room; None where it is not on the way."""
    module = "" if frame is None else str(frame.f_globals.get("__name__", ""))
    if not any(module == part or module.startswith(f"{part}.") for part in WAY):
        return None
    return next((room for room in ROOMS if module.startswith(room)), module)


def types_of(value: object) -> Iterator[str]:
    """The types of gsmooth in a value and in what a container holds."""
    if isinstance(value, tuple | list):
        for part in value:
            yield from types_of(part)
    elif isinstance(value, dict):
        yield from types_of(list(value.values()))
    else:
        kind = type(value)
        name = f"{kind.__module__}.{kind.__qualname__}"
        counts = isinstance(value, enum.Enum) or name.startswith(NUMBERS)
        if name.startswith("gsmooth.") and not counts:
            yield name


def _caller(frame: FrameType) -> FrameType | None:
    """The next frame of gsmooth: what lies between (dataclasses, caches) hands nothing over."""
    caller = frame.f_back
    while caller is not None and not str(caller.f_globals.get("__name__")).startswith("gsmooth."):
        caller = caller.f_back
    return caller


def _is_property(frame: FrameType) -> bool:
    owner = type(frame.f_locals.get("self"))
    return (
        isinstance(getattr(owner, frame.f_code.co_name, None), property)
        or "cached_property" in type(getattr(owner, frame.f_code.co_name, None)).__name__
    )


def _arguments(frame: FrameType) -> list[object]:
    code = frame.f_code
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    return [frame.f_locals[name] for name in names if name not in ("self", "cls")]
