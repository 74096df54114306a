"""AttackPlan: how hard the adversary searches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from gsmooth.certification import check_level, check_votes
from gsmooth.errors import ConfigurationError
from gsmooth.sampling.noise import CHUNK


@final
@dataclass(frozen=True)
class AttackPlan:
    """How the adversary searches: candidates, gradient steps, and PREDICT at the worst.

    The worst candidates are the starts of gradient ascents on the smoothed loss, each step over one
    chunk of noise; an l2 part of the region is searched by as many steps. The worst points are
    screened again with a chunk of fresh votes each, and PREDICT is evaluated at the worst of them.

    Args:
        points: Grid points a parameter; 1,024 in all at most.
        random: Random points of the region.
        gradient_steps: Steps of each ascent; 0: none.
        screening_votes: Votes at each candidate, 1 to 64.
        n: Fresh votes of PREDICT.
        alpha: Level of PREDICT, in (0, 0.5].
    """

    points: int = 31
    random: int = 32
    gradient_steps: int = 10
    screening_votes: int = 16
    n: int = 1000
    alpha: float = 0.001

    def __post_init__(self) -> None:
        check_level("attack.alpha", self.alpha)
        check_votes(points=self.points, n=self.n)
        for name in ("random", "gradient_steps"):
            if getattr(self, name) < 0:
                raise ConfigurationError(f"attack.{name}={getattr(self, name)} must be at least 0")
        if not 1 <= self.screening_votes <= CHUNK:
            raise ConfigurationError(
                f"attack.screening_votes={self.screening_votes} must lie in 1..{CHUNK}"
            )
