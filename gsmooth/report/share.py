"""Shares of images, and exact binomial intervals for them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import final

from gsmooth.errors import ConfigurationError
from gsmooth.text.rounding import exactly, percent
from gsmooth.theory.bounds import clopper_pearson_lower, clopper_pearson_upper


@final
@dataclass(frozen=True)
class Share:
    """A share of images: ``count`` of ``total``, with total >= 1."""

    count: int
    total: int

    @property
    def value(self) -> float:
        """The share as a number in [0, 1]."""
        return self.count / self.total

    def __str__(self) -> str:
        return f"{percent(self.value)} ({self.count}/{self.total})"

    def decimal(self, digits: int = 2) -> str:
        """Return the share as the field prints it, rounded to nearest; 1 only for all images.

        Args:
            digits: Decimal places.

        Example:
            >>> Share(143, 500).decimal(), Share(499, 500).decimal(), Share(500, 500).decimal()
            ('0.29', '0.99', '1.00')
        """
        with exactly():
            step = Decimal(1).scaleb(-digits)
            found = (Decimal(self.count) / self.total).quantize(step, rounding=ROUND_HALF_UP)
            return f"{found - step if found == 1 and self.count < self.total else found:f}"


@final
@dataclass(frozen=True)
class Interval:
    """A confidence interval for a proportion, in [0, 1]; confidence: its level, such as 0.95."""

    low: float
    high: float
    confidence: float


def exact_interval(share: Share, confidence: float = 0.95) -> Interval:
    """Compute the exact binomial interval of Clopper and Pearson (S1 at both ends).

    It is about the share among all images, of which those of the run are drawn independently. Each
    end is missed with probability at most (1 - confidence) / 2.

    Args:
        share: The share among the images of the run.
        confidence: Level of the interval, in (0, 1).

    Raises:
        ConfigurationError: ``confidence`` is outside (0, 1).

    Example:
        >>> found = exact_interval(Share(143, 500))
        >>> round(found.low, 4), round(found.high, 4)
        (0.2468, 0.3278)
    """
    if not 0.0 < confidence < 1.0:
        raise ConfigurationError(f"confidence={confidence!r}: expected a level in (0, 1)")
    # A smaller level can only make the interval longer.
    level = min(math.nextafter((1.0 - confidence) / 2.0, 0.0), 0.5)
    return Interval(
        clopper_pearson_lower(share.count, share.total, level),
        clopper_pearson_upper(share.count, share.total, level),
        confidence,
    )
