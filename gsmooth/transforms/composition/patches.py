"""How far a composition's pulled-back image leaves the interpolation between corners (C2)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from gsmooth.transforms.composition.bounds import Timed
from gsmooth.transforms.composition.flows import UP, shift
from gsmooth.transforms.composition.frame import Frame


@final
@dataclass(frozen=True)
class ShiftedPatches:
    """Cells of C = C_0(theta) + s(p) T_(-theta) w, s linear in the times p of all flows (C2).

    frame: of one part, which acts. places: the columns of its parameters. flows: all of them,
    noisy, without growth.
    """

    frame: Frame
    places: Sequence[int]
    flows: tuple[Timed, ...]

    def bound(self, x: Tensor, lower: Tensor, upper: Tensor, corners: Tensor) -> Tensor | None:
        """b (n, m), 0 along flows; None where the part knows no such bound."""
        loose, bounds = self.frame.one - self.frame.fixed, self.frame.parts[0].bounds
        bent = bounds.action_curvature(loose)
        if bent is None:
            return None
        cell = lower[:, self.places], upper[:, self.places]
        bare = self._without_flows(loose, lower, cell, corners)
        own = bounds.patch_bound(x, *cell, bare)
        if own is None and len(self.places) == 1:
            own = bounds.chord_bound(x, *cell, bare[:, 0], bare[:, 1])
            own = None if own is None else own[:, None]
        if own is None:
            return None
        far, ends = lower.new_zeros(len(lower)), torch.maximum(lower.abs(), upper.abs())
        for flow, place in self.flows:
            far = far + abs(flow.drift) * ends[:, place]
        found = torch.zeros_like(lower)
        squares = (cell[1] - cell[0]).square()
        found[:, self.places] = (own + far[:, None] * squares / 8.0 * bent) * UP
        return found

    def _without_flows(
        self, loose: Tensor, lower: Tensor, cell: tuple[Tensor, Tensor], corners: Tensor
    ) -> Tensor:
        """C_0 at the corners of the part's cells, (n, 2^k, K): from C where flows are lowest."""
        kept = corners.reshape(len(corners), *(2,) * lower.shape[1], -1)
        for _, place in sorted(self.flows, key=lambda timed: -timed[1]):
            kept = kept.select(1 + place, 0)
        kept = kept.flatten(1, -2)
        ends, axes = torch.stack(cell, dim=1), list(range(len(self.places)))
        choices = itertools.product((0, 1), repeat=len(axes))
        theta = torch.stack([ends[:, list(choice), axes] for choice in choices], dim=1)
        columns = list(torch.split(theta.flatten(0, 1), 1, dim=1))
        rows = loose.expand(len(columns[0]), -1)
        moved = self.frame.act(rows, self.frame.inverse(columns)).view(kept.shape)
        bare: Tensor = kept - self._shift(lower)[:, :, None] * moved
        return bare

    def _shift(self, theta: Tensor) -> Tensor:
        """s, (n, 1), at the rows of theta (n, m)."""
        found = theta.new_zeros(len(theta), 1)
        for flow, place in self.flows:
            found = found + shift(flow, theta[:, place, None])
        return found
