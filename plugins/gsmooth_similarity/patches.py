"""How far a pulled-back image leaves the interpolation between the corners of a cell (C3b)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor


@final
@dataclass(frozen=True, eq=False)
class Patches:
    """Cells of one or two parameters, along which T multiplies coefficients by phases (C3b).

    Args:
        rates: |omega_i| of every coefficient, by axis, (m, K): the generator A_i multiplies by it.
        width: h_i of the cells, (n, m), in the units of ``rates``.
        strays: lambda_i, (n, m): ||L v|| <= lambda_i wherever |v| is at most half the interval that
            holds d psi / d theta_i, pixel by pixel, on all of the cell.
        corners: C at the corners, (n, 2^m, K), in the order of itertools.product.
    """

    rates: Tensor
    width: Tensor
    strays: Tensor
    corners: Tensor

    def bound(self, slack: float) -> Tensor:
        """b (n, m). Along axis i, wherever the other parameter is in the cell, C leaves its chord

        by at most 4 s (1 - s) b_i, b_i = h_i (lambda_i / 2 + X / 4 + h_i / 8 Y), with X >= ||A_i
        (C_b - C_a)|| and Y >= ||A_i^2 C||. Both are known at the ends of the other axis j and are
        looked at along its chord again: with t_i the largest rate,

            X = (1 + (h_j t_j)^2 / 8) max ||A_i D|| + h_j t_i (lambda_j + t_j ||D_1 - D_0|| / 4),
            Y = (1 + (h_j t_j)^2 / 8) max ||A_i^2 C|| + h_j t_i^2 (lambda_j / 2 + t_j E / 4),

        D the differences of C along i, and E the longest of those along j.
        """
        axes = range(len(self.rates))
        columns = [self._along(i, next((j for j in axes if j != i), None)) for i in axes]
        return torch.stack(columns, dim=1) * (1.0 + 1e-9) + slack * self.width

    def _along(self, i: int, j: int | None) -> Tensor:
        ends = self.corners.reshape(len(self.corners), *(2,) * len(self.rates), -1)
        moved = ends.diff(dim=1 + i).flatten(1, -2)
        turned = self._longest(moved, self.rates[i])
        twice = self._longest(self.corners, self.rates[i] ** 2)
        if j is not None:
            h, (here, there) = self.width[:, j], (float(self.rates[k].max()) for k in (i, j))
            grown, stray = 1.0 + (h * there) ** 2 / 8.0, self.strays[:, j]
            mixed = (moved[:, 1] - moved[:, 0]).norm(dim=1)
            edge = ends.diff(dim=1 + j).flatten(1, -2).norm(dim=2).amax(dim=1)
            turned = grown * turned + h * here * (stray + there * mixed / 4.0)
            twice = grown * twice + h * here**2 * (stray / 2.0 + there * edge / 4.0)
        h = self.width[:, i]
        return h * (self.strays[:, i] / 2.0 + turned / 4.0 + h / 8.0 * twice)

    def _longest(self, z: Tensor, rates: Tensor) -> Tensor:
        """The largest ||rates z|| of the rows z (n, rows, K), (n,)."""
        return (z.square() @ rates.square()).amax(dim=1).sqrt()
