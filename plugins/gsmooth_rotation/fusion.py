"""Balls around the lifted originals of an image, from all equations of a cell together.

Without saturated pixels, the equations of a rotated image leave wide intervals. But the originals
differ mainly by fine checkerboards, which bilinear interpolation damps and the lift's low-pass
removes. Let B be the bilinear rotation at the middle of a cell, s the slack of its equations, and
m, r the middle and half-widths of the box. Every original x obeys, for any weights w_i > 0,

    Q(x) = ||B x - x'||^2 + sum_i w_i (x_i - m_i)^2 <= ||s||^2 + sum_i w_i r_i^2 = q

Q is a quadratic form with matrix G = B'B + diag(w) around its minimum at y, so with ||L v||^2 <=
lam v'Gv for every v, ||L (x - y)||^2 <= lam (q - Q(y)); and q < Q(y) proves that there is no
original. lam does not depend on the image. It is near 1 even for w = 1e-4, since B damps little of
what L keeps.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final, final

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array
from scipy.sparse.linalg import splu

from gsmooth_rotation.action import PolarSpace
from gsmooth_rotation.settings import ROTATION

Floats = NDArray[np.float64]

WEIGHT: Final = 1e-4
"""Weight w of a pixel that contributes to the attacked image."""
# Outward slack for the float64 arithmetic: G's condition is about 1 / WEIGHT.
NUMERICAL: Final = 1e-7


@final
@dataclass(frozen=True, eq=False)
class Fusion:
    """The quadratic form Q of one cell; see the docstring of the module.

    warp: B, (P, P); lift: L, (K, P); overlap: L'L, (P, P).
    """

    warp: csr_array
    lift: Floats
    overlap: Floats

    @cached_property
    def weights(self) -> Floats:
        """w: small for pixels in the attacked image; for others so large that lam is near 1."""
        diagonal = np.asarray((self.warp.multiply(self.warp)).sum(axis=0)).ravel()
        shown = diagonal > ROTATION.search.shown
        return np.asarray(np.where(shown, WEIGHT, WEIGHT + 2.0 * self.overlap.diagonal()))

    @cached_property
    def _matrix(self) -> csr_array:
        return csr_array(self.warp.T @ self.warp + diags_array(self.weights))

    @cached_property
    def lipschitz_bound(self) -> float:
        """lam >= ||L v||^2 / v'Gv for every v.

        A guess is proved by a Cholesky factor; otherwise lam is the eigenvalue. If lam G - L'L has
        a Cholesky factor in float64, it is positive definite: the backward error is far below the
        slack that is subtracted from its diagonal.
        """
        whole = self._matrix.toarray()
        for guess in ROTATION.search.guesses:
            try:
                np.linalg.cholesky(
                    guess * whole - self.overlap - NUMERICAL * 1e-2 * np.eye(len(whole))
                )
            except np.linalg.LinAlgError:
                continue
            return guess
        inner = self.lift @ np.linalg.solve(whole, self.lift.T)
        return float(np.linalg.eigvalsh((inner + inner.T) / 2)[-1]) * (1.0 + NUMERICAL) + NUMERICAL

    def ball(
        self, sent: Floats, slack: Floats, middle: Floats, half: Floats
    ) -> tuple[Floats, float]:
        """Return y and q - Q(y), a bound on (x - y)'G(x - y), by channel; negative: no original."""
        right = self.warp.T @ sent + self.weights * middle
        y = splu(self._matrix.tocsc()).solve(right)
        missed = np.square(self.warp @ y - sent).sum()
        missed += (self.weights * np.square(y - middle)).sum()
        allowed = np.square(slack).sum() + (self.weights * np.square(half)).sum()
        # The gradient of Q at y is 2 off, not exactly 0; pixels are in [0, 1].
        off = float(np.linalg.norm(right - self._matrix @ y))
        reach = math.sqrt(len(y)) + float(np.linalg.norm(y))
        return y, float(allowed - missed) + 2.0 * off * reach + NUMERICAL * 1e-3


@lru_cache(maxsize=8)
def lift_matrix(space: PolarSpace, height: int, width: int) -> tuple[Floats, Floats]:
    """L of one channel, (K, P), and L'L."""
    unit = torch.eye(height * width, dtype=torch.float64, device="cpu").view(-1, 1, height, width)
    lift = np.ascontiguousarray(space.lift(unit).numpy().T)
    return lift, lift.T @ lift
