"""Choice of the split of data; a split that does not exist is refused."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from gsmooth.errors import ConfigurationError
from gsmooth.text.spelling import did_you_mean

ALL: Final = "all"
"""Name of the split of data without splits."""

SPLIT_NAMES: Final = ("train", "heldout", "test", "val", "valid", "validation")
"""Usual names of folders that are splits."""

_ALSO: Final = {"heldout": ("heldout", "test")}
"""Names in files of the split "heldout"."""


def chosen_split(
    where: str, available: Collection[str], asked: str | None, usual: str = "heldout"
) -> str:
    """Return the name of the chosen split.

    Args:
        where: Name of the data, for errors.
        available: Names of the splits; empty for data without splits.
        asked: Name that the user gave; None for the default.
        usual: Default split of data with splits.

    Returns:
        A name in ``available``, or "all" for data without splits.

    Raises:
        ConfigurationError: There is no such split; the message lists the splits.
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
