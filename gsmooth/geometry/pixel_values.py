"""Bounds for transformations that map each pixel by its value alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Self, final

from torch import Tensor


class PixelValues(NamedTuple):
    """The distinct pixel values of an image, and the number of pixels with each, (k,) each."""

    values: Tensor
    counts: Tensor

    @classmethod
    def of(cls, x: Tensor) -> Self:
        """The values of all pixels and channels of x."""
        values, counts = x.flatten().unique(return_counts=True)  # type: ignore[no-untyped-call]
        return cls(values, counts.to(x.dtype))

    def norm(self, derivative: Tensor, slack: float = 1e-12) -> Tensor:
        """Return the l2 norm over all pixels of derivatives (n, k) by value: (n, 1), rounded up."""
        squares = (derivative.square() * self.counts).sum(dim=1, keepdim=True)
        return squares.sqrt() * (1.0 + slack)


@final
@dataclass(frozen=True)
class Gain:
    """Derivative bounds of the attack that multiplies x - about by e^(rate t), pixel by pixel.

    With ``clip``, values are clipped to [low, high]. Let y = x - about, and measure low and high
    from ``about``, too. The attacked image pulled back is C(t) = about + y, clipped to [e^(-rate t)
    low, e^(-rate t) high]. So a pixel of C is constant until it is clipped, and then moves towards
    ``about`` by rate |C - about| per unit of t. For larger t more pixels are clipped, and always
    |C - about| <= |y|. Methods map cells lower, upper (n, 1) to bounds (n, 1), rounded up.

    about: the fixed grey. rate: exponent per unit of t. clip: True if values are clipped. low,
    high: the ends of the pixel range.
    """

    about: float
    rate: float
    clip: bool
    low: float
    high: float

    def carried(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        """Return the l2 norm of C - about over pixels that are clipped somewhere in the cell."""
        if not self.clip:
            return lower.new_zeros(lower.shape)
        pixels, size, end = self._sizes(x)
        clipped = size * self._factor(upper) > end
        # A clipped pixel is at end / factor, which is at most its original value and falls with t.
        return pixels.norm(clipped * size.minimum(end * self._factor(-lower))) * self.rate

    def attacked(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        """Return the l2 norm of psi - about over pixels not clipped on the whole cell."""
        pixels, size, end = self._sizes(x)
        derivative = size * self._factor(upper)
        if self.clip:
            derivative = (size * self._factor(lower) < end) * derivative.minimum(end)
        return pixels.norm(derivative) * self.rate

    def _factor(self, theta: Tensor) -> Tensor:
        return (theta * self.rate).exp()

    def _sizes(self, x: Tensor) -> tuple[PixelValues, Tensor, Tensor]:
        """Return the values of x, their distances from ``about``, and those of the ends, (k,)."""
        pixels = PixelValues.of(x)
        away = pixels.values - self.about
        end = away.new_full(away.shape, self.high - self.about)
        end[away < 0.0] = self.about - self.low
        return pixels, away.abs(), end
