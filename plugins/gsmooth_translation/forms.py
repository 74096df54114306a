"""Norms of bilinear maps into z-space, and their suprema over boxes: exact, rounded up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from gsmooth_translation.shifts import Boxes


def supremum(mix: Tensor, boxes: Boxes) -> Tensor:
    """max over each box of ||m_0 + s m_1 + t m_2 + s t m_3||, rounded up, (n,).

    mix (g, 4, ...): the four m by integer cell. The norm of a bilinear map is convex in s and in t,
    so it is largest at a corner.
    """
    forms = Forms.of(mix, boxes.owner)
    worst = boxes.low.new_zeros(len(boxes.low))
    for s, t in boxes.corners():
        weights = torch.stack([torch.ones_like(s), s, t, s * t], dim=1)
        worst = torch.maximum(worst, forms.norm(weights))
    return worst


@final
@dataclass(frozen=True)
class Forms:
    """Norms of weighted sums of four vectors, from their Gram matrices: one set of four a row.

    gram (n, 4, 4); lengths (n, 4): norms of the vectors; size: their dimension.
    """

    gram: Tensor
    lengths: Tensor
    size: int

    @classmethod
    def of(cls, vectors: Tensor, owner: Tensor) -> Forms:
        """vectors (g, 4, ...); owner (n,): which set of four a row uses."""
        flat = vectors.flatten(2)
        gram = flat @ flat.transpose(1, 2)
        return cls(gram[owner], flat.norm(dim=2)[owner], flat.shape[2])

    def norm(self, weights: Tensor) -> Tensor:
        """||sum_k w_k v_k|| for weights (n, 4) >= 0, rounded up, (n,).

        The float64 error of the quadratic form is at most (K + 16) 2^-52 times the square of
        sum_k w_k ||v_k||: added before the root, where cancellation would hide it.
        """
        squared = (weights[:, None] @ self.gram @ weights[:, :, None]).flatten()
        lost = (self.size + 16) * 2.0**-52 * (weights * self.lengths).sum(dim=1).square()
        return torch.sqrt(squared.clamp_min(0.0) + lost)
