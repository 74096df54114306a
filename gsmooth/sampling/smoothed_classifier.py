"""The smoothed classifier: noise on theta and z, rounding to the grid, and what that costs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from numbers import Integral
from typing import Final, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gsmooth.errors import ConfigurationError
from gsmooth.models.classifier import Classifier
from gsmooth.sampling import Counter, NoisyPoints, Pace, Readout, SampleRequest, measured_pace
from gsmooth.sampling.noise import (
    SecretSeed,
    Seed,
    ThetaAccuracy,
    grid_total_variation,
    theta_accuracy,
)
from gsmooth.theory.laws import GaussianLaw, Law, ProductLaw
from gsmooth.transforms.base import Transformation

__all__ = ["GRID", "SampleRequest", "SmoothedClassifier"]

GRID: Final = 2.0**-8
COARSE: Final = 0.01
"""Total variation from which a grid no longer hides what float64 noise betrays."""


@final
@dataclass(frozen=True)
class SmoothedClassifier:
    """g(z) = argmax_c P(f(Q round_h(T_theta z + delta)) = c).

    classifier: f. transformation: T, lift and readout Q. law: theta ~ law, delta ~ N(0, sigma^2 I)
    with sigma = law.sigma > 0; a law without scales leaves theta alone (T = id), and a parameter of
    scale 0 rests: T ignores it (``Transformation.without_noise``). grid: h, a power of two; 0
    switches the rounding off, and every certificate is then heuristic (F1). seed: what all noise
    follows from, drawn independently of the inputs (S2); by default a secret one, so that two
    classifiers differ; give a number for votes that anyone can repeat. batch_size: rows of one
    forward pass; never changes the counts of a classifier that is a function of its input. pinned:
    it is one only at that batch size, so every forward pass has exactly so many rows. devices:
    count on these, one replica of f each; by default where f is.
    """

    classifier: Classifier
    transformation: Transformation
    law: Law
    grid: float = GRID
    seed: Seed = field(default_factory=SecretSeed)
    batch_size: int = 256
    fixed_batch: bool = False
    devices: tuple[str, ...] = ()
    accuracy: ThetaAccuracy = field(init=False, repr=False)
    counter: Counter = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _check_seed(self.seed)
        operator = self.transformation
        if self.law.dimensions not in (0, len(operator.parameters)):
            raise ConfigurationError(
                f"smoothing: {self.law.dimensions} scales for the {len(operator.parameters)}"
                f" parameters of {operator.name}; give one std a parameter, or none for no noise on"
                " them"
            )
        if not self.identity_action:
            operator, law = with_unsmoothed(operator, self.law)
            object.__setattr__(self, "law", one_sided_law(law, operator))
        bound = operator.for_shape(self.classifier.shape)
        object.__setattr__(self, "transformation", bound)
        if isinstance(self.law, GaussianLaw) and self.law.orthogonal and not self.orthogonal:
            # T4 needs an orthogonal action; T5 bounds the error of any other for every theta.
            object.__setattr__(self, "law", replace(self.law, orthogonal=False))
        if not (self.identity_action or bound.has_action):
            raise ConfigurationError(
                f"smoothing: {bound.name}: {_why_no_action(bound)}; or give no scales (--scales"
                " none: T = id)"
            )
        if not (math.isfinite(self.law.sigma) and self.law.sigma > 0.0):
            raise ConfigurationError(
                f"smoothing: sigma={self.law.sigma} must be positive; without noise on every"
                " coordinate float rounding cannot be accounted for"
            )
        if self.grid != 0.0 and math.frexp(self.grid)[0] != 0.5:
            raise ConfigurationError(
                f"smoothing: grid={self.grid} must be a power of two such as {GRID}, or 0 (off)"
            )
        object.__setattr__(self, "accuracy", theta_accuracy(self.law))
        noisy = NoisyPoints(bound, self.law, self.grid)
        counter = Counter(
            self.classifier,
            noisy,
            self.batch_size,
            fixed_batch=self.fixed_batch,
            devices=self.devices,
        )
        object.__setattr__(self, "counter", counter)

    @property
    def identity_action(self) -> bool:
        """T = id: parameters carry no noise, and z gets nothing but delta."""
        return self.law.dimensions == 0

    @property
    def orthogonal(self) -> bool:
        """Whether every T_theta that noise applies is orthogonal, so that T4 holds (else T5)."""
        return self.identity_action or self.transformation.orthogonal

    def numerical_error(self, z: Tensor) -> float | None:
        """E_num at z (K,): l2 bound on the float64 error of T_theta z; None where unknown."""
        if self.identity_action:
            return 0.0
        accuracy = self.accuracy
        return self.transformation.action_error(z[None], accuracy.reach, accuracy.offset)

    def total_variation(self, z: Tensor) -> float:
        """tau at z (K,): what float noise and sums can change in any vote share (F1)."""
        if self.grid == 0.0:
            return 0.0
        noise = grid_total_variation(z.numel(), self.law.sigma, self.grid)
        if not noise < COARSE:
            fault = "fine" if self.grid < self.law.sigma else "coarse"
            raise ConfigurationError(
                f"smoothing: grid={self.grid} is too {fault} for sigma={self.law.sigma:g}: float64"
                f" noise could betray the input in a share {noise:.2g} of the votes; use {GRID}, or"
                " a power of two that is a hundredth of sigma or so"
            )
        return noise + self.accuracy.outside

    def count(self, requests: Sequence[SampleRequest]) -> NDArray[np.int64]:
        """Votes by class, (len(requests), classes + 1); the last column holds ties (F3).

        ModelError where scores are not finite, MemoryShortError where not even the smallest batch
        fits into memory; a larger one is halved, with a warning.
        """
        return self.counter.count(requests)

    def readout(self, z: Tensor) -> Tensor:
        """Q z in float32 on the classifier's device, as in votes: (N, K) -> (N, C, H, W)."""
        moved = z.to(device=self.classifier.device, dtype=torch.float32)
        return Readout(self.transformation, self.classifier.shape).images(moved)

    def pace(self) -> Pace:
        """Votes a second, and the batch size that gives the most; about a second's measurement.

        A pinned classifier is measured at its batch size only.
        """
        blank = torch.zeros(1, *self.classifier.shape, dtype=torch.float64, device="cpu")
        sizes = (self.batch_size,) if self.fixed_batch else None
        return measured_pace(self.counter, self.transformation.lift(blank)[0], sizes)


def _check_seed(seed: object) -> None:
    # None would be a seed like any other to a stream: the same one for everybody.
    if not isinstance(seed, SecretSeed | Integral):
        raise ConfigurationError(
            f"smoothing: seed={seed!r} must be an integer or a SecretSeed; leave it out for a"
            " secret one"
        )


def _why_no_action(transformation: Transformation) -> str:
    plain = "it has no exact action with these options, so its parameters can carry no noise"
    return transformation.no_action_because or plain


def with_unsmoothed(transformation: Transformation, law: Law) -> tuple[Transformation, Law]:
    """Both with the parameters that have no noise at rest: T ignores them, and the law knows.

    ConfigurationError where no parameter has noise, where the transformation has no such action,
    and where it ignores a parameter that has noise.
    """
    names = [parameter.name for parameter in transformation.parameters]
    wanted = tuple(names[axis] for axis in law.without_parameter_noise)
    if wanted and len(wanted) == len(names):
        raise ConfigurationError(
            f"smoothing: every parameter of {transformation.name} has the std 0; for no noise on"
            " any of them give no scales at all (--scales none, T = id)"
        )
    fresh = tuple(name for name in wanted if name not in transformation.unsmoothed)
    rested = transformation.without_noise(fresh) if fresh else transformation
    if noisy := [name for name in rested.unsmoothed if name not in wanted]:
        raise ConfigurationError(
            f"smoothing: the action of {rested.name} ignores {' and '.join(noisy)}, so noise on it"
            " is lost; give it the std 0"
        )
    if missing := [name for name in wanted if name not in rested.unsmoothed]:
        raise ConfigurationError(
            f"smoothing: {rested.name} says that it can do without noise on"
            f" {' and '.join(missing)}, but does not list it as resting: ask its author"
        )
    if isinstance(law, GaussianLaw | ProductLaw) and law.without_parameter_noise != law.unsmoothed:
        law = replace(law, unsmoothed=law.without_parameter_noise)
    return rested, law


def one_sided_law(law: Law, transformation: Transformation) -> Law:
    """``law`` on theta >= 0 where the action needs that (semigroups); else as it is.

    ConfigurationError where it cannot be had.
    """
    every = [parameter.name for parameter in transformation.parameters]
    moved = [name for name in transformation.one_sided if name not in transformation.unsmoothed]
    if not moved:
        return law
    found = law.one_sided()
    if isinstance(found, ProductLaw) and moved != [every[found.axis]]:
        raise ConfigurationError(
            f"smoothing: the law of {every[found.axis]} draws no negative value, and it has to be"
            f" that of {', '.join(moved)} alone: nothing else undoes {transformation.name}"
        )
    if found is None:
        names = ", ".join(moved)
        raise ConfigurationError(
            f"smoothing: the {law.name} law draws negative values, and nothing undoes"
            f" {transformation.name}, so {names} is at least 0; use the law exponential,"
            " folded-normal or uniform (for one such parameter), or no scales (T = id)"
        )
    return found
