"""Intervals of the derivative of bilinear interpolation on small cells of parameters.

C3: the derivative of a warped pixel on a cell lies in the interval computed here. A warp reads
output pixel p at a source point u(theta). While theta stays in a small cell, u stays in a box that
is less than a pixel wide, so that the box touches at most 2 x 2 interpolation cells. In each of
these, the partial derivatives of the interpolant are linear and extreme at the ends of the clipped
box. The velocity du / dtheta lies in another box. The interval of the products contains d psi_p /
dtheta wherever it exists, and both one-sided derivatives at kinks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Self, final

import torch
import torch.nn.functional as F
from torch import Tensor

PAD: Final = 4
"""Width of the border of zeros; source points farther out are moved into it, where psi is 0."""
SLACK: Final = 1e-9
"""Outward slack for the rounding errors of a few hundred float64 operations for each pixel."""


class Slopes(NamedTuple):
    """Differences of neighbouring pixels of a padded image by flat index, each (C, length).

    right, down: to the next pixel of the row and of the column. twist: the mixed difference. width:
    of the padded image.
    """

    right: Tensor
    down: Tensor
    twist: Tensor
    width: int

    @classmethod
    def of(cls, x: Tensor) -> Self:
        """Return the differences of x (C, H, W), with PAD zeros on every side."""
        padded = F.pad(x, (PAD, PAD, PAD, PAD))
        width, flat = padded.shape[2], padded.flatten(1)
        right, down = flat[:, 1:] - flat[:, :-1], flat[:, width:] - flat[:, :-width]
        return cls(right, down, right[:, width:] - right[:, :-width], width)


class Track(NamedTuple):
    """The range of one coordinate of m source points in the padded image, (m,) each.

    low, high: ends of the range, clipped to the padded image. first: the first interpolation cell
    that it touches.
    """

    low: Tensor
    high: Tensor
    first: Tensor

    @classmethod
    def around(cls, from_centre: Tensor, reach: Tensor, size: int) -> Self:
        """Return the ranges within ``reach`` of ``from_centre``, px, for ``size`` pixels.

        ``from_centre`` is counted from the centre of the image.
        """
        at = from_centre + ((size - 1) / 2 + PAD)
        # Cells 0 and size + 2 PAD - 2, and all beyond these, contain zeros only.
        ends = (at - reach).flatten(), (at + reach).flatten()
        low, high = (end.clamp_(0.5, size + 2 * PAD - 1.5) for end in ends)
        return cls(low, high, low.floor())

    def take(self, place: Tensor) -> Track:
        """The chosen points."""
        return Track(*(part[place] for part in self))

    def crosses(self) -> Tensor:
        """Mask of the points that touch the next cell, too."""
        return self.high.floor() > self.first

    def within(self, step: int) -> tuple[Tensor, Tensor]:
        """Return middle and half-width of the range in the cell ``step`` after the first one."""
        cell = self.first + step
        low, high = (self.low - cell).clamp_(0, 1), (self.high - cell).clamp_(0, 1)
        # The half-width is rounded outwards.
        return (low + high).div_(2), (high - low).div_(2).add_(SLACK)


class Velocity(NamedTuple):
    """Velocity du / dtheta_i of m source points, (m,) each.

    row, col: middle of its range. spread_row, spread_col: half-widths.
    """

    row: Tensor
    col: Tensor
    spread_row: Tensor
    spread_col: Tensor

    def take(self, place: Tensor) -> Velocity:
        """The chosen points."""
        return Velocity(*(part[place] for part in self))


class _Visit(NamedTuple):
    """Positions of m source points, each in one interpolation cell, (m,) each.

    corner: flat index of the cell's first pixel. row, col: middle of the range of positions in the
    cell; tall, wide: half-widths.
    """

    corner: Tensor
    row: Tensor
    col: Tensor
    tall: Tensor
    wide: Tensor

    @classmethod
    def of(cls, rows: Track, cols: Track, width: int, step: tuple[int, int]) -> Self:
        """Return the positions in the cell ``step`` away from the first one."""
        (row, tall), (col, wide) = rows.within(step[0]), cols.within(step[1])
        corner = (rows.first * width + cols.first).long().add_(step[0] * width + step[1])
        return cls(corner, row, col, tall, wide)


class _Product(NamedTuple):
    """Positions and velocities of source points in one cell each.

    curvature: change of the derivative, for a twist of 1, while the source point moves in the cell.
    """

    visit: _Visit
    velocity: Velocity
    curvature: Tensor

    @classmethod
    def of(cls, visit: _Visit, velocity: Velocity) -> Self:
        curvature = (velocity.col.abs() + velocity.spread_col).mul_(visit.tall)
        curvature = curvature.add_((velocity.row.abs() + velocity.spread_row).mul_(visit.wide))
        return cls(visit, velocity, curvature)

    def interval(self, slopes: Slopes, channel: int) -> tuple[Tensor, Tensor]:
        """Return both ends (m,) of the interval of dB/drow u'_row + dB/dcol u'_col in a channel.

        B is the interpolant. dB/dcol = right + twist t, where t is the row in the cell and
        |t - row| <= h. With |u'_col - v_col| <= spread, the product is within |twist| h (|v_col| +
        spread) + |right + twist row| spread of its middle. The same holds for rows. ``curvature``
        is the sum of h (|v| + spread) over both.
        """
        visit, v = self.visit, self.velocity
        twist = slopes.twist[channel].take(visit.corner)
        across = slopes.right[channel].take(visit.corner).addcmul_(twist, visit.row)
        along = slopes.down[channel].take(visit.corner).addcmul_(twist, visit.col)
        middle = (across * v.col).addcmul_(along, v.row)
        reach = across.abs_().mul_(v.spread_col).addcmul_(along.abs_(), v.spread_row)
        reach = reach.addcmul_(twist.abs_(), self.curvature).add_(SLACK)
        return middle - reach, middle + reach


@final
@dataclass(frozen=True, eq=False)
class MovingPoints:
    """Ranges of source points of pixels, and of their velocities, for theta in given cells.

    cells: number of cells. main: by axis of theta, a product for every (cell, pixel), row by row.
    others: (places, products by axis) for further interpolation cells that some points can reach.
    """

    cells: int
    main: tuple[_Product, ...]
    others: tuple[tuple[Tensor, tuple[_Product, ...]], ...]

    @classmethod
    def of(
        cls, cells: int, rows: Track, cols: Track, width: int, rates: Sequence[Velocity]
    ) -> Self:
        """Return the points with ranges ``rows`` and ``cols`` in images of ``width`` px.

        rates: velocities by axis of theta.
        """
        across = width + 2 * PAD
        visit = _Visit.of(rows, cols, across, (0, 0))
        main = tuple(_Product.of(visit, rate) for rate in rates)
        down, right, others = rows.crosses(), cols.crosses(), []
        for moved, step in ((down, (1, 0)), (right, (0, 1)), (down & right, (1, 1))):
            if len(place := moved.nonzero()[:, 0]):
                visit = _Visit.of(rows.take(place), cols.take(place), across, step)
                others.append((place, tuple(_Product.of(visit, r.take(place)) for r in rates)))
        return cls(cells, main, tuple(others))

    def derivatives(self, slopes: Slopes, axis: int = 0) -> tuple[Tensor, Tensor]:
        """Both ends of the interval of d psi_p / dtheta_axis on cells (C3), (C, cells, P) each."""
        channels = [self._channel(slopes, c, axis) for c in range(len(slopes.right))]
        low, high = (torch.stack(part) for part in zip(*channels, strict=True))
        return low, high

    def _channel(self, slopes: Slopes, channel: int, axis: int) -> tuple[Tensor, Tensor]:
        low, high = self.main[axis].interval(slopes, channel)
        for place, products in self.others:
            least, most = products[axis].interval(slopes, channel)
            low[place] = torch.minimum(low[place], least)
            high[place] = torch.maximum(high[place], most)
        return low.view(self.cells, -1), high.view(self.cells, -1)
