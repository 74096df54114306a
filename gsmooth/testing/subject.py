"""What is checked: a transformation bound to a shape and a region, and how hard to search."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, final
from unittest import SkipTest

import torch
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from gsmooth.classifier import Classifier
from gsmooth.region import Region
from gsmooth.smoothing import SmoothedClassifier
from gsmooth.theory.laws import GaussianLaw
from gsmooth.transformation import Transformation

Theta = tuple[float, ...]
Act = Callable[..., Tensor]

BEYOND: Final = 4.0
"""The action is checked this many times further out than the region: noise on theta goes there."""
ROUNDING: Final = 1e-10
"""Relative float64 tolerance of exact laws: 2^-53 an operation, times phases of some 10^2 radians
and sums of some 10^3 terms; a slip to float32 (2^-24) is a thousand times larger."""


@final
@dataclass(frozen=True)
class Subject:
    """A transformation under test.

    transformation: bound to ``shape`` (C, H, W). region: the attacks that covers are built for.
    examples: Hypothesis examples a check; derandomize: the same ones each time (None: as the
    current Hypothesis profile says). exact: an independent T_theta of higher precision, if any.
    """

    transformation: Transformation
    shape: tuple[int, int, int]
    region: Region
    examples: int
    derandomize: bool | None = None
    exact: Act | None = None

    @property
    def dimensions(self) -> int:
        """Number of parameters."""
        return len(self.transformation.parameters)

    @property
    def size(self) -> int:
        """K, the dimension of z-space."""
        blank = torch.zeros(1, *self.shape, dtype=torch.float64)
        return int(self.transformation.lift(blank).shape[1])

    @property
    def reach(self) -> Theta:
        """How far out, parameter by parameter, the action is checked; 1 unit if it rests."""
        ends = zip(self.region.lower, self.region.upper, strict=True)
        return tuple(BEYOND * max(-low, high) or 1.0 for low, high in ends)

    def smoothed(self, still: bool = False) -> SmoothedClassifier:
        """A smoothed classifier for covers: its network is never asked.

        still: theta carries no noise (T = id).
        """
        scales = () if still else tuple(reach / (2.0 * BEYOND) for reach in self.reach)
        law = GaussianLaw(scales, 0.25, self.transformation.orthogonal)
        network = Classifier(nn.Identity(), classes=2, shape=self.shape)
        return SmoothedClassifier(network, self.transformation, law)

    # Every call gets copies of its own: a plugin that writes into its input is named by the check
    # for that, not by all the others.
    def act(self, z: Tensor, theta: Theta) -> Tensor:
        """T_theta on every row of z."""
        return self.transformation.act(z.clone(), *columns(theta, z))

    def attack(self, x: Tensor, theta: Theta) -> Tensor:
        """psi_theta on every row of x."""
        return self.transformation.attack(x.clone(), *columns(theta, x))

    def lift(self, x: Tensor) -> Tensor:
        """L x, row by row."""
        return self.transformation.lift(x.clone())

    def thetas(self) -> st.SearchStrategy[Theta]:
        """Parameters as far out as noise takes them."""
        return within(tuple(-reach for reach in self.reach), self.reach)

    def attacks(self) -> st.SearchStrategy[Theta]:
        """Parameters of the region."""
        return within(self.region.lower, self.region.upper)

    def search(
        self, example: Callable[..., None], shrink: bool = True, **drawn: st.SearchStrategy[object]
    ) -> None:
        """Call ``example`` on drawn arguments; the failing ones are shrunk and printed."""
        phases = [Phase.generate, Phase.target, *([Phase.shrink] if shrink else [])]
        current = settings(
            max_examples=self.examples,
            deadline=None,
            database=None,
            phases=phases,
            print_blob=False,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        )
        if self.derandomize is not None:
            current = settings(current, derandomize=self.derandomize)
        current(given(**drawn)(example))()

    def with_examples(self, share: float) -> Subject:
        """This subject with fewer examples, for checks that are slow; at least three."""
        return replace(self, examples=max(3, round(share * self.examples)))


def columns(theta: Theta, like: Tensor) -> list[Tensor]:
    """One (N, 1) tensor a parameter, the same for every row of ``like``."""
    return [like.new_full((len(like), 1), value, dtype=torch.float64) for value in theta]


def within(lower: Theta, upper: Theta) -> st.SearchStrategy[Theta]:
    """Boxes of parameters, corners and 0 included."""
    axes = (
        # Adding 0.0 turns -0.0, which Hypothesis tells apart, into 0.0.
        st.floats(low + 0.0, high + 0.0, allow_subnormal=False)
        for low, high in zip(lower, upper, strict=True)
    )
    return st.tuples(*axes)


def no_claim(text: str) -> SkipTest:
    """Skips a check of a claim that is not made (pytest and unittest print the reason)."""
    return SkipTest(f"nothing is claimed: {text}")


def near(found: Tensor, expected: Tensor, scale: float, what: str) -> None:
    """AssertionError unless the two agree to ROUNDING times ``scale``."""
    error = float((found - expected).norm())
    assert error <= ROUNDING * scale, (
        f"{what}: off by {error:.3g}, allowed {ROUNDING * scale:.3g}"
        f" (float64 rounding at norm {scale:.3g})"
    )
