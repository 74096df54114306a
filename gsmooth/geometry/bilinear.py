"""Intervals of the derivative of bilinear interpolation while source points move a little (C3).

A warp reads output pixel p at a source point u(theta). While theta stays in a small cell, u stays
in a box that is less than a pixel wide, so it touches at most 2 x 2 interpolation cells. In each of
them the interpolant's partial derivatives are linear, with the ends of the clipped box as extremes;
the velocity du / dtheta lies in a box of its own. The interval of their products holds d psi_p /
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
"""Zeros around the image; source points farther out are moved to them, where nothing changes."""
SLACK: Final = 1e-9
"""Outward slack for the float64 arithmetic of a few hundred operations a pixel."""


class Slopes(NamedTuple):
    """Differences to the next pixel of a padded image by flat index, each (C, length)."""

    right: Tensor
    down: Tensor
    twist: Tensor
    width: int

    @classmethod
    def of(cls, x: Tensor) -> Self:
        """The slopes of x (C, H, W), with PAD zeros on every side."""
        padded = F.pad(x, (PAD, PAD, PAD, PAD))
        width, flat = padded.shape[2], padded.flatten(1)
        right, down = flat[:, 1:] - flat[:, :-1], flat[:, width:] - flat[:, :-width]
        return cls(right, down, right[:, width:] - right[:, :-width], width)


class Track(NamedTuple):
    """One coordinate of m source points, counted in the padded image, (m,) each.

    low, high: between which it stays, moved to the border where it lies outside. first: the first
    interpolation cell that it touches.
    """

    low: Tensor
    high: Tensor
    first: Tensor

    @classmethod
    def around(cls, from_centre: Tensor, reach: Tensor, size: int) -> Self:
        """Coordinates within ``reach`` of ``from_centre``, px, for ``size`` pixels along them."""
        at = from_centre + ((size - 1) / 2 + PAD)
        # Cells 0 and size + 2 PAD - 2 hold zeros only, and so do all beyond them.
        ends = (at - reach).flatten(), (at + reach).flatten()
        low, high = (end.clamp_(0.5, size + 2 * PAD - 1.5) for end in ends)
        return cls(low, high, low.floor())

    def take(self, place: Tensor) -> Track:
        """The chosen points."""
        return Track(*(part[place] for part in self))

    def crosses(self) -> Tensor:
        """Which points touch the next cell, too."""
        return self.high.floor() > self.first

    def within(self, step: int) -> tuple[Tensor, Tensor]:
        """Middle and half-width of the positions in the cell ``step`` on, from its start."""
        cell = self.first + step
        low, high = (self.low - cell).clamp_(0, 1), (self.high - cell).clamp_(0, 1)
        # The half-width is rounded outwards like everything else.
        return (low + high).div_(2), (high - low).div_(2).add_(SLACK)


class Velocity(NamedTuple):
    """du / dtheta_i of m source points: its middle and how far it strays from it, (m,) each."""

    row: Tensor
    col: Tensor
    spread_row: Tensor
    spread_col: Tensor

    def take(self, place: Tensor) -> Velocity:
        """The chosen points."""
        return Velocity(*(part[place] for part in self))


class _Visit(NamedTuple):
    """Source points in one interpolation cell each: what does not depend on the image, (m,).

    corner: flat index of the cell's first pixel. row, col: middle of where the source point can be
    in it; tall, wide: half-widths.
    """

    corner: Tensor
    row: Tensor
    col: Tensor
    tall: Tensor
    wide: Tensor

    @classmethod
    def of(cls, rows: Track, cols: Track, width: int, step: tuple[int, int]) -> Self:
        """Source points in the cell ``step`` away from their first one."""
        (row, tall), (col, wide) = rows.within(step[0]), cols.within(step[1])
        corner = (rows.first * width + cols.first).long().add_(step[0] * width + step[1])
        return cls(corner, row, col, tall, wide)


class _Product(NamedTuple):
    """A visit at a velocity.

    bend: how far a twist of 1 moves the derivative while the source point moves within the cell.
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
        """Ends (m,), (m,) of dB/drow u'_row + dB/dcol u'_col for one channel.

        dB/dcol = right + twist t with t the row in the cell, |t - row| <= h, and |u'_col -
        v_col| <= spread: the product is within |twist| h (|v_col| + spread) + |right + twist row|
        spread of its middle. Rows likewise; ``curvature`` holds both first factors.
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
    """Where the source points of pixels can be, and how fast, while theta stays within its cells.

    cells: how many. main: by axis of theta, a product for every (cell, pixel), row by row. others:
    (places, products by axis) for the interpolation cells that some points may be in as well.
    """

    cells: int
    main: tuple[_Product, ...]
    others: tuple[tuple[Tensor, tuple[_Product, ...]], ...]

    @classmethod
    def of(
        cls, cells: int, rows: Track, cols: Track, width: int, rates: Sequence[Velocity]
    ) -> Self:
        """Points with these coordinates in images of ``width`` px; rates: velocities by axis."""
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
        """Both ends of d psi_p / dtheta_axis, at every theta of a cell (C3), (C, cells, P) each."""
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
