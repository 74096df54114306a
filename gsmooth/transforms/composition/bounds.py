"""How fast the image that is pulled back moves, for a frame and flows together (C2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from gsmooth.transforms.base import AffineIntensity
from gsmooth.transforms.composition.flows import UP, Chain, back
from gsmooth.transforms.composition.frame import Frame

Timed = tuple[AffineIntensity, int]
"""A flow, and the column of theta that is its time."""


@final
@dataclass(frozen=True)
class Bounds:
    """sup ||dC / dtheta_i|| for C as in ``composition``.

    places: the columns of the frame's parameters. With C_0 and a = T_(-theta) L 1, in turn,

        ||d_theta C|| <= g' ||d C_0|| + (|s'| + |s / g|) sup ||d T_theta L 1||,
        ||d_p C||     <= |drift| e^(|growth p|) ||w||             for a noisy flow,
        ||d_p C||      = ||A C_0 + B a||                          for one without noise,

    A and B as in ``flows.Chain``. The last is taken in the middle of the cell, with what C_0, a, A
    and B can change by within it.
    """

    frame: Frame
    places: list[int]
    noisy: tuple[Timed, ...]
    unsmoothed: tuple[Timed, ...]

    def derivative(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor | None:
        """x (1, C, H, W); lower, upper (n, m) -> (n, m), rounded up; None: no bound is known."""
        low, high = lower[:, self.places], upper[:, self.places]
        own, turned = self.frame.derivative(x, low, high), self.frame.constant_derivative()
        if own is None or turned is None:
            return None
        rest = [place for _, place in self.unsmoothed]
        flows = [affine_intensity for affine_intensity, _ in self.unsmoothed]
        chain = Chain.over(flows, lower[:, rest], upper[:, rest], len(lower))
        moved, size = torch.zeros_like(lower), chain.shift.size
        for affine_intensity, place in self.noisy:
            ends = torch.stack([lower[:, place], upper[:, place]])
            size = size + back(affine_intensity, ends).abs().amax(dim=0)[:, None] * UP
            grown = (abs(affine_intensity.growth) * ends.abs().amax(dim=0)).exp()
            moved[:, place] = abs(affine_intensity.drift) * grown * self.frame.loose * UP
        moved[:, self.places] = (chain.gain.size * own + size * turned) * UP
        if rest:
            at = (lower[:, rest] + upper[:, rest]) / 2.0
            exactly = Chain.over(flows, at, at, len(lower))
            moved[:, rest] = self._unsmoothed_derivatives(
                x, (low, high), own, turned, chain, exactly
            )
        return moved

    def _unsmoothed_derivatives(
        self,
        x: Tensor,
        cell: tuple[Tensor, Tensor],
        own: Tensor,
        turned: Tensor,
        chain: Chain,
        exactly: Chain,
    ) -> Tensor:
        """||A C_0 + B a|| over cells, from the middle, (n, flows without noise).

        own (n, m), turned (m,).

        chain: over the cells of the flows; exactly: at their middles.
        """
        low, high = cell
        middle, half = (low + high) / 2.0, (high - low) / 2.0
        carried = self.frame.carried(x, middle)
        ones = self.frame.carried_one(middle)
        reach = (half * own).sum(dim=1, keepdim=True)
        swing = (half * turned).sum(dim=1, keepdim=True)
        longest = carried.norm(dim=1, keepdim=True) + reach
        constant = float(self.frame.one.norm())
        found = []
        for (a, b), (a_there, b_there) in zip(chain.derivatives, exactly.derivatives, strict=True):
            first, second = a_there.low, b_there.low
            there = (first * carried + second * ones).norm(dim=1, keepdim=True)
            nearby = first.abs() * reach + second.abs() * swing
            beyond = a.away_from(first) * longest + b.away_from(second) * constant
            found.append((there + nearby + beyond) * UP)
        return torch.cat(found, dim=1)
