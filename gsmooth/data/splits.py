"""Splits: which part of the data a run is about, and never one that the data do not have."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from gsmooth.errors import ConfigurationError
from gsmooth.text.spelling import did_you_mean

ALL: Final = "all"
"""The split of data without splits."""

SPLIT_NAMES: Final = ("train", "heldout", "test", "val", "valid", "validation")
"""How folders that hold a split are usually called."""

_ALSO: Final = {"heldout": ("heldout", "test")}
"""Under which names files keep the images that we call held out."""


def chosen_split(
    where: str, available: Collection[str], asked: str | None, usual: str = "heldout"
) -> str:
    """The name in ``available`` that is meant, or "all" for data without splits.

    asked: what the user named; None: ``usual`` where the data have splits. ConfigurationError that
    lists the splits for any other name.
    """
    if not available:
        if asked in (None, ALL):
            return ALL
        raise ConfigurationError(
            f"data {where}: it has no split {asked!r}, nor any other: all its images are one set;"
            f" leave data.split out, or give --set data.split={ALL}"
        )
    wanted = asked or usual
    for name in _ALSO.get(wanted, (wanted,)):
        if name in available:
            return name
    known = ", ".join(available)
    if asked is None:
        raise ConfigurationError(
            f"data {where}: it has the splits {known}, and none of them is {wanted!r}; say which"
            f" one is meant, e.g. --set data.split={next(iter(available))}"
        )
    raise ConfigurationError(
        f"data {where}: unknown split {asked!r}{did_you_mean(asked, available)}; it has {known}"
    )
