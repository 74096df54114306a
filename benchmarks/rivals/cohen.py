"""CERTIFY of Cohen, Rosenfeld and Kolter (2019), from its published pseudo-code.

Noise is float32 and is added in float32, without a grid, as theirs is: that is cheaper than noise
on a grid, and nothing is proved of it on a computer (F1). Votes are counted with NumPy a batch at a
time; the published script counts them in a Python loop, which is slower.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import special, stats
from torch import Tensor, nn

DEFAULT_BATCH: Final = 1000
"""Of the published script."""


@final
@dataclass(frozen=True)
class Cohen:
    """The smoothed classifier g(x) = argmax_c P(f(x + N(0, sigma^2 I)) = c)."""

    module: nn.Module
    classes: int
    sigma: float
    batch_size: int = DEFAULT_BATCH

    def certify(self, x: Tensor, n0: int, n: int, alpha: float) -> tuple[int | None, float]:
        """(label, l2 radius) of x (C, H, W), float32; (None, 0) for an abstention."""
        label = int(self.counts(x, n0).argmax())
        won = int(self.counts(x, n)[label])
        p_lower = float(special.betaincinv(won, n - won + 1, alpha)) if won else 0.0
        if p_lower < 0.5:
            return None, 0.0
        return label, self.sigma * float(stats.norm.ppf(p_lower))

    @torch.no_grad()
    def counts(self, x: Tensor, votes: int) -> NDArray[np.int64]:
        """Votes by class (classes,): SAMPLEUNDERNOISE."""
        found = np.zeros(self.classes, dtype=np.int64)
        left = votes
        while left:
            size = min(self.batch_size, left)
            left -= size
            copies = x.repeat((size, 1, 1, 1))
            noise = torch.randn_like(copies) * self.sigma
            labels = self.module(copies + noise).argmax(1).cpu().numpy()
            found += np.bincount(labels, minlength=self.classes)
        return found
