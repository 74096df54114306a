"""Presence: whether the rows of a folder are those of the images that were planned."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import final

from gsmooth.certificate import Premise
from gsmooth.runs.records.header import RunHeader
from gsmooth.runs.records.row import Row
from gsmooth.runs.settings import RUN

Message = tuple[str, str]


@final
class Presence:
    """Checks one row after another, in any order, and stores a few bytes of each.

    What schema 2 does not record (plan, digests of images) is not checked there.
    """

    def __init__(self, header: RunHeader) -> None:
        self._plan = header.plan
        self._seen: set[int] = set()
        self._images: dict[bytes, int] = {}
        self._groups = {
            index: number
            for number, group in enumerate(self._plan.repeats if self._plan else ())
            for index in group
        }
        self._of_group: dict[int, bytes] = {}
        self._common: tuple[int, Premise | None] | None = None

    @property
    def planned(self) -> int | None:
        """Images that are to have a row; None where that was not recorded."""
        return None if self._plan is None else len(self._plan)

    @property
    def missing(self) -> int:
        """Planned images without a row."""
        return 0 if self._plan is None else len(self._plan) - len(self._seen)

    def first_missing(self) -> tuple[int, ...]:
        """A few of them."""
        absent = (index for index in self._plan or () if index not in self._seen)
        return tuple(islice(absent, RUN.verify.missing_shown if self.missing else 0))

    def faults_of(self, row: Row) -> Iterator[Message]:
        """(field, message) for a row that no image of the plan can have, or not this one."""
        if row.index < 0:
            yield "index", f"{row.index}; expected a position in the data set"
        elif self._plan is not None and row.index not in self._plan:
            yield "index", f"{row.index}, which is none of the {self.planned} images planned"
        else:
            self._seen.add(row.index)
        yield from self._image(row)
        yield from self._others(row)

    def _image(self, row: Row) -> Iterator[Message]:
        """Two rows have one digest just where the data set has the same image twice."""
        if row.image.image_digest is None or self._plan is None:
            return
        try:
            digest = bytes.fromhex(row.image.image_digest)
        except ValueError:
            digest = b""
        if len(digest) != 32:
            yield "image_digest", f"{row.image.image_digest!r}; expected 64 hexadecimal digits"
            return
        # Half of a sha256: two images that share it are not found by chance.
        half, group = digest[:16], self._group(row.index)
        first = self._images.setdefault(half, row.index)
        if self._group(first) != group:
            yield (
                "image_digest",
                f"that of image {first} too, but the data set does not hold the same image at both",
            )
        elif self._of_group.setdefault(group, half) != half:
            yield "image_digest", "not that of the images that the data set holds equal to it"

    def _group(self, index: int) -> int:
        """A number for all images equal to this one; where there are none, one of its own."""
        return self._groups.get(index, -1 - index)

    def _others(self, row: Row) -> Iterator[Message]:
        """What all rows of a run have in common: the number of classes, and the premise."""
        here = (len(row.image.prediction_counts), row.claim.premise)
        there = self._common = self._common or here
        if here[0] != there[0]:
            yield (
                "prediction_counts",
                f"{here[0]} counts, but other rows have {there[0]}",
            )
        if here[1] != there[1]:
            yield "premise", f"{here[1]}, but other rows have {there[1]}"
