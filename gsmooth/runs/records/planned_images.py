"""PlannedImages: which images of a data set a folder of records is to hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np

from gsmooth.errors import ConfigurationError

if TYPE_CHECKING:
    from gsmooth.data.dataset import Dataset

Span = tuple[int, int, int]
"""start, stop and step of a range of indices."""


@final
@dataclass(frozen=True)
class PlannedImages:
    """Which images of a data set are to have a row, as ranges of their positions.

    indices: (start, stop, step), as in ``range``. images: size of the data set. repeats: positions
    of images that are equal in every pixel, group by group; all other images differ. It is no part
    of a run's fingerprint: runs that share the work on one data set (shards) have one fingerprint.
    ConfigurationError for a range that is empty or leaves the data set.
    """

    indices: tuple[Span, ...]
    images: int
    repeats: tuple[tuple[int, ...], ...] = ()

    def __post_init__(self) -> None:
        for start, stop, step in self.indices:
            if not (0 <= start < stop <= self.images and step >= 1):
                raise ConfigurationError(
                    f"plan: the range [{start}, {stop}, {step}] is empty or leaves the data set of"
                    f" {self.images} images"
                )
        for group in self.repeats:
            if len(group) < 2 or not all(0 <= index < self.images for index in group):
                raise ConfigurationError(
                    f"plan: repeats {list(group)[:4]}...: expected two or more of"
                    f" {self.images} images"
                )

    @staticmethod
    def of(indices: range, dataset: Dataset) -> PlannedImages:
        """The plan of a run on these images of a data set."""
        span = (indices.start, indices[-1] + 1, indices.step)
        return PlannedImages((span,), len(dataset), repeated_images(dataset))

    def __contains__(self, index: object) -> bool:
        return any(index in planned for planned in self._ranges)

    def __iter__(self) -> Iterator[int]:
        for planned in self._ranges:
            yield from planned

    def __len__(self) -> int:
        return sum(map(len, self._ranges))

    def joined(self, other: PlannedImages) -> PlannedImages:
        """What either plan holds, each image once; both are of one data set."""
        if set(other.indices) <= set(self.indices):
            return self
        every = np.unique(np.concatenate([_numbers(self), _numbers(other)]))
        return PlannedImages(spans_of(every.tolist()), other.images, other.repeats)

    @property
    def _ranges(self) -> list[range]:
        return [range(*span) for span in self.indices]


def spans_of(indices: Iterable[int]) -> tuple[Span, ...]:
    """Ascending, distinct positions as few ranges (not always the fewest)."""
    found: list[Span] = []
    for index in indices:
        if found:
            start, stop, step = found[-1]
            last = stop - 1
            if last == start:
                found[-1] = (start, index + 1, index - start)
                continue
            if index - last == step:
                found[-1] = (start, index + 1, step)
                continue
        found.append((index, index + 1, 1))
    return tuple(found)


def repeated_images(dataset: Dataset) -> tuple[tuple[int, ...], ...]:
    """Positions of equal images, group by group, ascending."""
    digests = dataset.keys()
    order = np.lexsort((digests[:, 0], digests[:, 1]))
    same = (digests[order][1:] == digests[order][:-1]).all(axis=1)
    groups = np.split(order, np.flatnonzero(~same) + 1)
    return tuple(sorted(tuple(sorted(group.tolist())) for group in groups if len(group) > 1))


def _numbers(plan: PlannedImages) -> np.typing.NDArray[np.int64]:
    context = [np.arange(*span, dtype=np.int64) for span in plan.indices]
    return np.concatenate(context) if context else np.empty(0, dtype=np.int64)
