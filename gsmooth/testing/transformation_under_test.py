"""What is checked: a transformation bound to a shape and a region, and how hard to search."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import wraps
from typing import final
from unittest import SkipTest

import torch
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st
from torch import Tensor, nn

from gsmooth.models.classifier import Classifier
from gsmooth.sampling.fitted_noise import with_unsmoothed
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.testing.images import IN_RANGE, KINDS, SampleImage, sample_images
from gsmooth.testing.settings import KIT
from gsmooth.theory.laws import Law, law_from_name
from gsmooth.transforms.base import Transformation
from gsmooth.transforms.options import fitting_laws
from gsmooth.transforms.region import Region

Theta = tuple[float, ...]
Act = Callable[..., Tensor]


class Reached(Exception):
    """A check that is only asked whether it applies has come to where it would search."""


class Falsified(AssertionError):
    """An example that a check fails on, after shrinking; ``values``: what it was drawn as."""

    def __init__(self, fault: Exception, values: Mapping[str, object]) -> None:
        kind = "" if isinstance(fault, AssertionError) else f"{type(fault).__name__}: "
        super().__init__(f"{kind}{fault}")
        self.values = dict(values)


@final
@dataclass(frozen=True)
class TransformationUnderTest:
    """A transformation under test.

    transformation: bound to ``shape`` (C, H, W). region: the attacks that covers are built for.
    examples: Hypothesis examples a check; derandomize: the same ones each time (None: as the
    current Hypothesis profile says). exact: an independent T_theta of higher precision, if any.
    given_laws: the smoothing laws to check; by default every one that the parameters admit. seed:
    of examples and votes; votes have seed 0 where it is None. only: one example, tried in place of
    a search. spread: std of the noise on theta, as a part of the region. asking: a search raises
    Reached instead, for whoever wants to know whether a check applies. least: examples of slow
    checks.
    """

    transformation: Transformation
    shape: tuple[int, int, int]
    region: Region
    examples: int
    derandomize: bool | None = None
    exact: Act | None = None
    given_laws: tuple[Law, ...] = ()
    seed: int | None = None
    only: Mapping[str, object] | None = None
    spread: float = KIT.subject.spread
    asking: bool = False
    least: int = 3

    @property
    def dimensions(self) -> int:
        """Number of parameters."""
        return len(self.transformation.parameters)

    @property
    def size(self) -> int:
        """K, the dimension of z-space."""
        blank = torch.zeros(1, *self.shape, dtype=torch.float64, device="cpu")
        return int(self.transformation.lift(blank).shape[1])

    @property
    def reach(self) -> Theta:
        """How far out, parameter by parameter, the action is checked; 1 unit if it rests."""
        ends = zip(self.region.lower, self.region.upper, strict=True)
        return tuple(KIT.subject.beyond * max(-low, high) or 1.0 for low, high in ends)

    @property
    def one_sided(self) -> tuple[bool, ...]:
        """Which parameters admit values >= 0 only."""
        named = self.transformation.one_sided
        return tuple(parameter.name in named for parameter in self.transformation.parameters)

    @property
    def one_way(self) -> tuple[bool, ...]:
        """Those of them that the action does not ignore: there is no T_(-theta)."""
        names = [parameter.name for parameter in self.transformation.parameters]
        unsmoothed = [name in self.transformation.unsmoothed for name in names]
        return tuple(a and not b for a, b in zip(self.one_sided, unsmoothed, strict=True))

    @property
    def laws(self) -> tuple[Law, ...]:
        """The laws to check, of ``spread`` times the region's width; the first is for covers.

        What rests has the scale 0; nothing is left to check where all parameters do.
        """
        if self.given_laws:
            return self.given_laws
        operator = self.transformation
        names = [parameter.name for parameter in operator.parameters]
        if names and all(name in operator.unsmoothed for name in names):
            return ()
        widths = zip(
            names, (self.spread * reach / KIT.subject.beyond for reach in self.reach), strict=True
        )
        scales = [0.0 if name in operator.unsmoothed else width for name, width in widths]
        axes = [axis for axis, one_way in enumerate(self.one_way) if one_way]
        found = []
        for name in fitting_laws(operator):
            law = law_from_name(
                name, scales, KIT.subject.sigma, operator.orthogonal, one_sided=axes
            )
            _, law = with_unsmoothed(operator, law) if names else (operator, law)
            found.append((law.one_sided() or law) if axes else law)
        return tuple(found)

    @property
    def moves(self) -> bool:
        """Whether noise on theta is possible: there is an action, and a law that fits."""
        return self.transformation.has_action and bool(self.laws)

    def smoothed(
        self, identity_action: bool = False, network: Classifier | None = None
    ) -> SmoothedClassifier:
        """A smoothed classifier, by default for covers: with a network that is never asked.

        identity_action: theta carries no noise (T = id).
        """
        law = (
            self.laws[0]
            if self.moves and not identity_action
            else law_from_name("gaussian", (), KIT.subject.sigma)
        )
        blank = network or Classifier(nn.Identity(), classes=2, shape=self.shape)
        # One batch for all votes of a check, and a plugin sees many rows at once.
        return SmoothedClassifier(
            blank, self.transformation, law, seed=self.seed or 0, batch_size=4096
        )

    def sample_images(self) -> st.SearchStrategy[SampleImage]:
        """Images of every kind; in [0, 1] only where the attack at 0 clips others."""
        signed = SampleImage("signed", 1).tensor(self.shape)
        kept = self.lift(self.attack(signed, (0.0,) * self.dimensions))
        clean = self.lift(signed)
        unclipped = bool((kept - clean).norm() <= KIT.tolerance.action * (1.0 + clean.norm()))
        return sample_images(KINDS if unclipped else IN_RANGE)

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

    def thetas(self, farther: float = 1.0) -> st.SearchStrategy[Theta]:
        """Parameters as far out as noise takes them; ``farther`` times that, too."""
        near = self._around(self.reach)
        if farther == 1.0:
            return near
        return st.one_of(near, self._around(tuple(farther * reach for reach in self.reach)))

    def _around(self, reach: Theta) -> st.SearchStrategy[Theta]:
        sides = zip(reach, self.one_sided, strict=True)
        return within(tuple(0.0 if forward else -far for far, forward in sides), reach)

    def attacks(self) -> st.SearchStrategy[Theta]:
        """Parameters of the region."""
        ends = zip(self.region.lower, self.region.upper, strict=True)
        axes = []
        for parameter, (low, high) in zip(self.transformation.parameters, ends, strict=True):
            if parameter.step:
                axes.append(st.sampled_from(parameter.values(low, high)))
            else:
                axes.append(_between(low, high))
        return st.tuples(*axes)

    def possible(self, theta: Theta) -> Theta:
        """theta with every parameter that has a step moved towards 0, to a value it can take."""
        steps = zip(theta, (p.step for p in self.transformation.parameters), strict=True)
        return tuple(math.trunc(v / step) * step if step else v for v, step in steps)

    def search(
        self,
        example: Callable[..., None],
        shrink: bool = True,
        first: Sequence[Mapping[str, object]] = (),
        **drawn: st.SearchStrategy[object],
    ) -> None:
        """Call ``example`` on drawn arguments; Falsified at the simplest that fails, if any does.

        first: examples that are tried before any is drawn. SkipTest from an example ends the
        search. With ``only``, that example is all.
        """
        if self.asking:
            raise Reached
        if self.only is not None:
            example(**self.only)
            return
        failing: dict[str, object] = {}

        @wraps(example)
        def tried(**values: object) -> None:
            nonlocal failing
            try:
                example(**values)
            except Exception:
                failing = values
                raise

        for values in first:
            try:
                example(**values)
            except Exception as fault:
                raise Falsified(fault, values) from fault
        search = self._settings(shrink)(given(**drawn)(tried))
        try:
            (search if self.seed is None else seeded(self.seed)(search))()
        except SkipTest:
            raise
        except Exception as fault:
            raise Falsified(fault, failing) from fault

    def _settings(self, shrink: bool) -> settings:
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
        if self.derandomize is None:
            return current
        return settings(current, derandomize=self.derandomize)

    def with_examples(self, share: float) -> TransformationUnderTest:
        """This subject with fewer examples, for checks that are slow; ``least`` of them anyway."""
        return replace(self, examples=max(self.least, round(share * self.examples)))


def columns(theta: Theta, like: Tensor) -> list[Tensor]:
    """One (N, 1) tensor a parameter, the same for every row of ``like``."""
    return [like.new_full((len(like), 1), value, dtype=torch.float64) for value in theta]


def within(lower: Theta, upper: Theta) -> st.SearchStrategy[Theta]:
    """Boxes of parameters, corners and 0 included."""
    return st.tuples(*(_between(low, high) for low, high in zip(lower, upper, strict=True)))


def _between(low: float, high: float) -> st.SearchStrategy[float]:
    # Adding 0.0 turns -0.0, which Hypothesis tells apart, into 0.0.
    return st.floats(low + 0.0, high + 0.0, allow_subnormal=False)


def no_claim(text: str) -> SkipTest:
    """Skips a check of a claim that is not made (pytest and unittest print the reason)."""
    return SkipTest(f"nothing is claimed: {text}")


def nothing(text: str) -> SkipTest:
    """Skips a check that has nothing to look at."""
    return SkipTest(f"nothing to check: {text}")


def near(found: Tensor, expected: Tensor, scale: float, what: str) -> None:
    """AssertionError unless the two agree to KIT.tolerance.action times ``scale``."""
    error = float((found - expected).norm())
    assert error <= KIT.tolerance.action * scale, (
        f"{what}: off by {error:.3g}, allowed {KIT.tolerance.action * scale:.3g}"
        f" (float64 rounding at norm {scale:.3g})"
    )
