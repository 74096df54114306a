"""Norms of bilinear maps into z-space and their exact suprema over boxes, rounded up."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, final

import torch
from torch import Tensor

from gsmooth.transforms.bounds import Enclosure
from gsmooth.transforms.in_space import AttackInSpaceBounds
from gsmooth_translation.attack import Boxes, Padding, mixes
from gsmooth_translation.preimages import enclose

if TYPE_CHECKING:
    from gsmooth_translation.translation import Translation as Translation

NUMERICAL: Final = 1e-9
"""Outward slack for the float64 arithmetic of lift and generators, per unit of image norm."""


def attack_derivative(
    lift: Callable[[Tensor], Tensor], x: Tensor, lower: Tensor, upper: Tensor, padding: Padding
) -> Tensor:
    """sup ||d L psi / d theta_i|| over each cell, per pixel; (n, 2) -> (n, 2), rounded up.

    Exact: in an integer cell L psi = p + s q + t r + s t u (C4), so its derivatives q + t u and
    r + s u are affine in the other coordinate, and their norms largest at an end of it.
    """
    boxes, found = Boxes.within(lower, upper), torch.zeros_like(lower)
    channels, height, width = x.shape[1:]
    for places, part in boxes.parts(8 * channels * height * width):
        mix = mixes(x, part.corner, padding)
        forms = Forms.of(lift(mix.flatten(0, 1)).reshape(len(mix), 4, -1), part.owner)
        for s, t in part.corners():
            one, zero = torch.ones_like(s), torch.zeros_like(s)
            along_x = forms.norm(torch.stack([zero, one, zero, t], dim=1))
            along_y = forms.norm(torch.stack([zero, zero, one, s], dim=1))
            derivatives = torch.stack([along_x, along_y], dim=1)
            found[places] = torch.maximum(found[places], derivatives)
    return found + NUMERICAL * (1.0 + float(x.norm()))


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
    """Norms of weighted sums of four vectors, from their Gram matrices; each row has its own four.

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


class TranslationBounds(AttackInSpaceBounds["Translation"]):
    def rounding_norm(self, shape: tuple[int, int, int]) -> float:
        """sup ||L r|| for |pixels| <= 1, rounded up; pixels that the mask removes do not count."""
        height, width = (side - 2 * self.of.frame_px for side in shape[1:])
        return self.lift_norm(shape) * math.sqrt(shape[0] * height * width) * (1.0 + 1e-12)

    def breakpoints(self, axis: int, lower: float, upper: float) -> tuple[float, ...]:
        """The integers: between them a shifted image is a mix of integer shifts."""
        return tuple(float(v) for v in range(math.ceil(lower), math.floor(upper) + 1))

    def attack_curvature_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        """0: along each axis of an integer cell L psi is affine, so corners are farthest (C4)."""
        Boxes.within(lower, upper)
        return lower.new_zeros(lower.shape)

    def preimages(self, x: Tensor, lower: Tensor, upper: Tensor, rounding: float) -> Enclosure:
        """Balls around L of every original; see ``preimages``."""
        return enclose(self.of.coordinates, x, lower, upper, rounding, self.of.padding)
