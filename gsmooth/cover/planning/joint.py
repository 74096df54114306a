"""Grid points in the joint metric of T4, a block of coefficients at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from gsmooth.cover.settings import COVER

Floats = NDArray[np.float64]


@final
@dataclass(frozen=True, eq=False)
class JointPoints:
    """Shifts and pulled-back images in standard deviations: T4's margin is a Euclidean distance.

    They are never copied as a whole: with large images they take more memory than all else.

    Args:
        shift: Shifts in standard deviations, (n, m), or (n, 0) if theta carries no noise.
        points: C at the grid points, (n, K).
        sigma: The standard deviation of the noise on z.
    """

    shift: Floats
    points: Tensor
    sigma: float

    def along(self, axes: Sequence[int], factor: float) -> JointPoints:
        """The points with the shifts along some axes longer by a factor."""
        shift = self.shift.copy()
        shift[:, list(axes)] *= factor
        return replace(self, shift=shift)

    def without_residuals(self) -> JointPoints:
        """The shifts alone."""
        return replace(self, points=self.points[:, :0])

    def gram(self) -> Floats:
        """Inner products (n, n) of the points around their mean."""
        found = np.zeros((len(self.shift), len(self.shift)))
        for block in self._blocks():
            centred = block - block.mean(axis=0)
            found += centred @ centred.T
        return found

    def length(self) -> float:
        """The length of the curve through all points, in their order."""
        squares = np.zeros(len(self.shift) - 1)
        for block in self._blocks():
            squares += np.square(np.diff(block, axis=0)).sum(axis=1)
        return float(np.sqrt(squares).sum())

    def _blocks(self) -> Iterator[Floats]:
        """Columns, (n, columns) each."""
        if self.shift.shape[1]:
            yield self.shift
        step = max(1, COVER.memory.numbers // (8 * len(self.shift)))
        for start in range(0, self.points.shape[1], step):
            yield self.points[:, start : start + step].cpu().numpy() / self.sigma
