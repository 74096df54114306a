"""Actions that move every pixel by its value alone: counts of values, and gains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Self, final

from torch import Tensor


class PixelValues(NamedTuple):
    """The values that pixels of an image have, and how many pixels have each, (k,) float."""

    values: Tensor
    counts: Tensor

    @classmethod
    def of(cls, x: Tensor) -> Self:
        """The values of all pixels and channels of x."""
        values, counts = x.flatten().unique(return_counts=True)  # type: ignore[no-untyped-call]
        return cls(values, counts.to(x.dtype))

    def norm(self, derivative: Tensor, slack: float = 1e-12) -> Tensor:
        """Root of the sum of squares over all pixels, speed (n, k) -> (n, 1), rounded up."""
        squares = (derivative.square() * self.counts).sum(dim=1, keepdim=True)
        return squares.sqrt() * (1.0 + slack)


@final
@dataclass(frozen=True)
class Gain:
    """How fast images move whose distances from a grey ``about`` are multiplied by e^(rate t).

    With ``clip`` values end at low and high, and the attacked image pulled back is, with y = x -
    about and the ends measured from ``about``, C(t) = about + y held between e^(-rate t) low and
    e^(-rate t) high: a pixel stays where it is until it is clipped, and then moves towards
    ``about`` by rate |C - about| a unit of t. The larger t is the more is clipped, and |C - about|
    <= |y| always. Cells lower, upper (n, 1) -> (n, 1), rounded up.
    """

    about: float
    rate: float
    clip: bool
    low: float
    high: float

    def carried(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        """Root of the sum of (C - about)^2 over pixels clipped somewhere in the cell."""
        if not self.clip:
            return lower.new_zeros(lower.shape)
        pixels, size, end = self._sizes(x)
        clipped = size * self._factor(upper) > end
        # A clipped pixel is at end / factor, which is no more than it was and falls with t.
        return pixels.norm(clipped * size.minimum(end * self._factor(-lower))) * self.rate

    def attacked(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        """Root of the sum of (psi - about)^2 over pixels that are not clipped all over the cell."""
        pixels, size, end = self._sizes(x)
        derivative = size * self._factor(upper)
        if self.clip:
            derivative = (size * self._factor(lower) < end) * derivative.minimum(end)
        return pixels.norm(derivative) * self.rate

    def _factor(self, theta: Tensor) -> Tensor:
        return (theta * self.rate).exp()

    def _sizes(self, x: Tensor) -> tuple[PixelValues, Tensor, Tensor]:
        """The values of x, their distances from ``about``, and those of the ends, (k,) each."""
        pixels = PixelValues.of(x)
        away = pixels.values - self.about
        end = away.new_full(away.shape, self.high - self.about)
        end[away < 0.0] = self.about - self.low
        return pixels, away.abs(), end
