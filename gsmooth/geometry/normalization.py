"""Global contrast normalization of z, which commutes with every orthogonal action (T9)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

Floats = NDArray[np.float64]


@final
@dataclass(frozen=True)
class Normalization:
    """N(z) = level z / max(||z||, least): images of any contrast get the same length in z.

    N commutes with every map that keeps lengths (T9). Up to the factor level / least it is the
    projection on the ball with radius ``least``, so it lengthens no distance by more than that.

    Args:
        level: The length of N(z) for every z of at least the length ``least``.
        least: Shorter z are multiplied by level / least, and stay shorter than the others.

    Example:
        >>> import torch
        >>> z = torch.tensor([[3.0, 4.0], [0.3, 0.4]])
        >>> Normalization(level=10.0, least=1.0)(z).tolist()
        [[6.0, 8.0], [3.0, 4.0]]
    """

    level: float
    least: float

    def __call__(self, z: Tensor) -> Tensor:
        """N of every row of z (N, K)."""
        found: Tensor = z * (self.level / z.norm(dim=1, keepdim=True).clamp(min=self.least))
        return found

    def distance(self, apart: Floats, length: Floats) -> Floats:
        """Bound ||N(u) - N(v)|| for u within ``apart`` (n,) of v, which is ``length`` (n,) long.

        level / least times the distance always. Where u and v are both at least ``least`` long,
        both N are on a sphere, at most asin(apart / length) apart seen from 0. Rounded up.
        """
        known = length * (1.0 - 1e-12)
        whole = apart * (self.level / self.least)
        ratio = np.minimum(apart / np.maximum(known, self.least), 1.0)
        chord = 2.0 * self.level * np.sin(np.arcsin(ratio) / 2.0)
        # Nothing is known of the direction of a u that may be short.
        found = np.where(known - apart >= self.least, np.minimum(chord, whole), whole)
        return np.asarray(found * (1.0 + 1e-9) + self.level * 2.0**-40)

    def gain(self, length: float) -> float:
        """How much N lengthens small distances from a z of this length."""
        return self.level / max(length, self.least)
