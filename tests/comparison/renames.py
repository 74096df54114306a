"""What is called otherwise in this tree than in the commit that it is compared with.

Both tables are empty as long as nothing has been renamed. Names are dotted, without positions of
lists: ``evidence.required_p`` is that field of every centre.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

SETTINGS: Final[Mapping[str, str]] = {}
"""Keys of run files: ``"smoothing.scales": "smoothing.noise"``. Runs are given in the old names."""
FIELDS: Final[Mapping[str, str]] = {}
"""Fields of rows and run.json: ``"evidence.margin": "evidence.radius"``.

A name stands for all below it, too: ``"noise"`` also renames ``noise.sigma``.
"""
UNCOMPARED: Final = frozenset({"created", "seconds"})
"""Fields that differ from run to run: dates and times."""


def renamed(name: str, names: Mapping[str, str]) -> str:
    """The name today of what was called ``name``; the longest fitting entry counts."""
    fitting = [old for old in names if name == old or name.startswith(f"{old}.")]
    if not fitting:
        return name
    old = max(fitting, key=len)
    return names[old] + name.removeprefix(old)
