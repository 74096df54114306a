"""Pages for the tests: runs of many images, of every verdict, with hostile names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from gsmooth.data.dataset import Dataset
from gsmooth.runs.records.folder import Records
from gsmooth.runs.records.row import Row
from gsmooth.runs.records.row_parts import AttackRecord
from tests.runs.samples import make_abstention, make_header, make_row

HOSTILE = (
    "</script><script>document.title='owned'</script>",
    "<img src=x onerror=\"document.title='owned'\">",
    "' onmouseover='document.title=1' \"><b>",
    "abc\u202egnp.exe\u2066",
    "{{ 7 * 7 }} {% raw %}",
    "https://example.com/a?b=<c>&amp;d",
    "]]> --> <!-- \x00\x1b[31m",
)
CLASSES = (*HOSTILE, "seven", "eight", "nine")


def row_of(index: int) -> Row:
    """Every verdict in turn: right, wrong class, abstained, and wrong under attack."""
    votes = {"votes": 100 + index % 997, "label": index % 10}
    if index % 10 == 7:
        return make_row(index, **votes)
    if index % 3 == 0:
        return make_abstention(index, **votes)
    if index % 3 == 1:
        return make_row(
            index, attack=AttackRecord((12.5,), 1, (900, 100), False, 10, False), **votes
        )
    return make_row(index, selected_label=index % 10, certified_label=index % 10, **votes)


def records_of(images: int, name: str = "run") -> Records:
    """A run of rotations by up to 30 degrees."""
    names = CLASSES
    header = make_header(class_names=names)
    config = {**header.config, "transformation": {"name": "rotation", "options": {}}}
    header = replace(header, config=config, identity={**header.identity, "digests": {}})
    return Records(header, tuple(map(row_of, range(images))), Path("runs", name, "records.jsonl"))


def images_of(images: int, side: int = 28, channels: int = 1) -> Dataset:
    """Noise: no picture file is larger than that of noise."""
    drawn = np.random.default_rng(0).integers(0, 256, (images, channels, side, side), np.uint8)
    return Dataset("noise", drawn, np.arange(images) % 10, CLASSES)
