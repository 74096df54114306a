"""The subject of a check: a transformation with a shape, a region and settings of the search."""

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
from gsmooth.theory.laws import GridUniformLaw, HaarLaw, Law, law_from_name
from gsmooth.transforms.base import Transformation
from gsmooth.transforms.options import fitting_laws
from gsmooth.transforms.region import Region

Theta = tuple[float, ...]
Act = Callable[..., Tensor]


class Reached(Exception):
    """A check reaches its search while only its applicability is being tested."""


class Falsified(AssertionError):
    """A counterexample after shrinking; ``values``: the arguments of the example."""

    def __init__(self, fault: Exception, values: Mapping[str, object]) -> None:
        kind = "" if isinstance(fault, AssertionError) else f"{type(fault).__name__}: "
        super().__init__(f"{kind}{fault}")
        self.values = dict(values)


@final
@dataclass(frozen=True)
class TransformationUnderTest:
    """A transformation under test, with the settings of its checks.

    Args:
        transformation: The transformation, bound to ``shape``.
        shape: Shape (C, H, W) of the images.
        region: The attacks for which covers are built.
        examples: Number of examples for each check.
        derandomize: True to try the same examples each time; None: as the current Hypothesis
            profile does.
        exact: An independent T_theta of higher precision, or None.
        given_laws: The smoothing laws to check; by default all that fit the parameters.
        seed: Seed of examples and votes; None: seed 0 for votes.
        only: A single example that replaces the search.
        spread: Std of the noise on theta, as a fraction of the region.
        asking: True if a search raises Reached instead, to find out whether a check applies.
        least: Least number of examples of slow checks.
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
    def input_shape(self) -> tuple[int, int, int]:
        """Shape (C, H, W) of the network's input."""
        return self.transformation.input_shape(self.shape)

    @property
    def reach(self) -> Theta:
        """By parameter, the range in which the action is checked; 1 unit without noise."""
        ends = zip(self.region.lower, self.region.upper, strict=True)
        return tuple(KIT.subject.beyond * max(-low, high) or 1.0 for low, high in ends)

    @property
    def one_sided(self) -> tuple[bool, ...]:
        """By parameter, True if only values >= 0 are valid."""
        named = self.transformation.one_sided
        return tuple(parameter.name in named for parameter in self.transformation.parameters)

    @property
    def one_way(self) -> tuple[bool, ...]:
        """By parameter, True if it is one-sided and has an action without T_(-theta)."""
        names = [parameter.name for parameter in self.transformation.parameters]
        unsmoothed = [name in self.transformation.unsmoothed for name in names]
        return tuple(a and not b for a, b in zip(self.one_sided, unsmoothed, strict=True))

    @property
    def laws(self) -> tuple[Law, ...]:
        """The laws to check, with ``spread`` times the region's width; the first is for covers.

        Unsmoothed parameters have the scale 0. If all parameters are unsmoothed, no law is left.
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
            if name == HaarLaw.name:
                found.append(self._haar_law(scales))
                continue
            if name == GridUniformLaw.name:
                found.append(self._grid_law(scales))
                continue
            law = law_from_name(
                name, scales, KIT.subject.sigma, operator.orthogonal, one_sided=axes
            )
            _, law = with_unsmoothed(operator, law) if names else (operator, law)
            found.append((law.one_sided() or law) if axes else law)
        return tuple(found)

    def _haar_law(self, scales: list[float]) -> Law:
        """Haar noise on every parameter with a period, beside Gaussian noise on the others."""
        operator, every = self.transformation, self.transformation.parameters
        axes = tuple(axis for axis, parameter in enumerate(every) if parameter.period)
        law = HaarLaw(axes, tuple(scales), KIT.subject.sigma, operator.orthogonal)
        steps = tuple(parameter.step for parameter in every)
        _, found = with_unsmoothed(operator, law.with_periods(operator.periods(self.shape), steps))
        return found

    def _grid_law(self, scales: list[float]) -> Law:
        """Whole steps of every parameter in steps of 1, beside Gaussian noise on the others."""
        every = enumerate(self.transformation.parameters)
        axes = tuple(axis for axis, p in every if p.step == 1.0 and scales[axis] > 0.0)
        sizes = [max(1.0, round(s)) if axis in axes else s for axis, s in enumerate(scales)]
        law = GridUniformLaw(tuple(map(float, sizes)), axes, KIT.subject.sigma)
        return with_unsmoothed(self.transformation, law)[1]

    @property
    def moves(self) -> bool:
        """True if noise on theta is possible: there is an action and a law that fits."""
        return self.transformation.has_action and bool(self.laws)

    def smoothed(
        self, identity_action: bool = False, network: Classifier | None = None
    ) -> SmoothedClassifier:
        """Return a smoothed classifier.

        Args:
            identity_action: True for no noise on theta (T = id).
            network: The network; by default a placeholder for covers, which do not call it.
        """
        law = (
            self.laws[0]
            if self.moves and not identity_action
            else law_from_name("gaussian", (), KIT.subject.sigma)
        )
        blank = network or Classifier(nn.Identity(), classes=2, shape=self.input_shape)
        # One batch for all votes of a check, so that the plugin gets many rows at once.
        return SmoothedClassifier(
            blank,
            self.transformation,
            law,
            image_shape=self.shape,
            seed=self.seed or 0,
            batch_size=4096,
        )

    def sample_images(self) -> st.SearchStrategy[SampleImage]:
        """Return a strategy for images of all kinds; only in [0, 1] if psi_0 clips others."""
        signed = SampleImage("signed", 1).tensor(self.shape)
        kept = self.lift(self.attack(signed, (0.0,) * self.dimensions))
        clean = self.lift(signed)
        unclipped = bool((kept - clean).norm() <= KIT.tolerance.action * (1.0 + clean.norm()))
        return sample_images(KINDS if unclipped else IN_RANGE)

    # Every call gets its own copies: a plugin that writes into its input fails only the check of
    # unchanged inputs.
    def act(self, z: Tensor, theta: Theta) -> Tensor:
        """Apply T_theta to every row of z."""
        return self.transformation.act(z.clone(), *columns(theta, z))

    def attack(self, x: Tensor, theta: Theta) -> Tensor:
        """Apply psi_theta to every row of x."""
        return self.transformation.attack(x.clone(), *columns(theta, x))

    def lift(self, x: Tensor) -> Tensor:
        """L x, row by row, normalized where the transformation says so (T9)."""
        return self.transformation.lift(x.clone())

    def linear_lift(self, x: Tensor) -> Tensor:
        """L x before normalization, on which bounds are."""
        return self.transformation.linear_lift(x.clone())

    def product(self, first: Theta, second: Theta) -> Theta:
        """theta with T_first T_second = T_theta, as the transformation says it."""
        pair = (tuple(_scalars(theta)) for theta in (first, second))
        return tuple(float(value) for value in self.transformation.product(*pair))

    def inverse(self, theta: Theta) -> Theta:
        """The parameters of T_theta^-1, as the transformation says them."""
        found = self.transformation.inverse(tuple(_scalars(theta)))
        return tuple(float(value) for value in found)

    def thetas(self, farther: float = 1.0) -> st.SearchStrategy[Theta]:
        """Return a strategy for parameters as far out as noise, times ``farther``."""
        near = self._around(self.reach)
        if farther == 1.0:
            return near
        return st.one_of(near, self._around(tuple(farther * reach for reach in self.reach)))

    def _around(self, reach: Theta) -> st.SearchStrategy[Theta]:
        axes = []
        every = zip(self.transformation.parameters, reach, self.one_sided, strict=True)
        for parameter, far, forward in every:
            low = 0.0 if forward else -far
            whole = parameter.whole and parameter.values(low, far)
            axes.append(st.sampled_from(whole) if whole else _between(low, far))
        box = st.tuples(*axes)
        return box.map(self.whole) if self.transformation.whole_steps else box

    def whole(self, theta: Theta) -> Theta:
        """Return theta with whole numbers for parameters whose action is there for these only."""
        named = self.transformation.whole_steps
        values = zip(theta, self.transformation.parameters, strict=True)
        return tuple(round(v) + 0.0 if p.name in named else v for v, p in values)

    def attacks(self) -> st.SearchStrategy[Theta]:
        """Return a strategy for parameters of the region."""
        ends = zip(self.region.lower, self.region.upper, strict=True)
        axes = []
        for parameter, (low, high) in zip(self.transformation.parameters, ends, strict=True):
            if parameter.step:
                axes.append(st.sampled_from(parameter.values(low, high)))
            else:
                axes.append(_between(low, high))
        return st.tuples(*axes)

    def possible(self, theta: Theta) -> Theta:
        """Return theta with every parameter that has a step moved towards 0 to a whole step."""
        steps = zip(theta, (p.step for p in self.transformation.parameters), strict=True)
        return tuple(math.trunc(v / step) * step if step else v for v, step in steps)

    def search(
        self,
        example: Callable[..., None],
        shrink: bool = True,
        first: Sequence[Mapping[str, object]] = (),
        **drawn: st.SearchStrategy[object],
    ) -> None:
        """Call ``example`` with generated arguments.

        SkipTest from an example ends the search. If ``only`` is set, it is the only example.

        Args:
            example: Function that raises AssertionError on a counterexample.
            shrink: Whether to shrink a counterexample.
            first: Examples that are tried first.
            **drawn: Strategies of the arguments.

        Raises:
            AssertionError: An example fails; it has the simplest arguments found.
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
        """Return the subject with ``share`` of the examples, but at least ``least``."""
        return replace(self, examples=max(self.least, round(share * self.examples)))


def columns(theta: Theta, like: Tensor) -> list[Tensor]:
    """Return an (N, 1) tensor for each parameter, with equal values for all rows of ``like``."""
    return [like.new_full((len(like), 1), value, dtype=torch.float64) for value in theta]


def _scalars(theta: Theta) -> list[Tensor]:
    return [torch.full((1, 1), value, dtype=torch.float64, device="cpu") for value in theta]


def within(lower: Theta, upper: Theta) -> st.SearchStrategy[Theta]:
    """Return a strategy for parameters in a box, with corners and 0 included."""
    return st.tuples(*(_between(low, high) for low, high in zip(lower, upper, strict=True)))


def _between(low: float, high: float) -> st.SearchStrategy[float]:
    # Adding 0.0 turns -0.0, which Hypothesis distinguishes, into 0.0.
    return st.floats(low + 0.0, high + 0.0, allow_subnormal=False)


def no_claim(text: str) -> SkipTest:
    """Return the SkipTest for a claim that is not made; pytest and unittest print the reason."""
    return SkipTest(f"nothing is claimed: {text}")


def nothing(text: str) -> SkipTest:
    """Return the SkipTest for a check that does not apply."""
    return SkipTest(f"nothing to check: {text}")


def near(found: Tensor, expected: Tensor, scale: float, what: str) -> None:
    """Raise AssertionError unless both agree within KIT.tolerance.action times ``scale``."""
    error = float((found - expected).norm())
    assert error <= KIT.tolerance.action * scale, (
        f"{what}: off by {error:.3g}, allowed {KIT.tolerance.action * scale:.3g}"
        f" (float64 rounding at norm {scale:.3g})"
    )
