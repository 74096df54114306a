"""A lift with a noise, and what covers of the training images are expected to need under it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gsmooth.certification import RegionMode
from gsmooth.sampling.fitted_noise import fitted_noise
from gsmooth.theory.laws import Law
from gsmooth.theory.normal import required_p_of_margin
from gsmooth.transforms.base import Transformation
from gsmooth.transforms.region import Region
from gsmooth.tuning.information import covariance_spectrum, gaussian_information
from gsmooth.tuning.noises import NoiseChoice, rounded_up
from gsmooth.tuning.residuals import Paths, SampledRegion
from gsmooth.tuning.settings import TUNING

Floats = NDArray[np.float64]


@final
@dataclass(frozen=True)
class Spread:
    """A figure of the training images: its median, and what 80% of them do not exceed."""

    median: float
    most: float

    @staticmethod
    def of(values: Floats) -> Spread:
        """Of one value an image."""
        median, most = np.quantile(values, [0.5, TUNING.noise.quantile])
        return Spread(float(median), float(most))


@final
@dataclass(frozen=True)
class Figures:
    """What was found of a candidate, without a vote.

    Args:
        residual: Radius of the smallest balls around pulled-back attacks, sampled; in units of z.
        information: Mutual information of lifted images and themselves under sigma, in nats (D1).
        about_labels: The part of it that tells classes apart; None without labels.
        centres: Centres of a cover that is expected to cost least.
        required_p: Share of the votes that a centre needs.
        votes: Expected votes of an image that gets a typical share of them.
        reachable: Part of the images whose centres need less than a typical share.
        accuracy: Part of the noisy, attacked images that the model classifies rightly; None without
            a model.
    """

    residual: Spread
    information: float
    centres: int
    required_p: Spread
    votes: Spread
    reachable: float
    about_labels: float | None = None
    accuracy: float | None = None

    @property
    def merit(self) -> float:
        """What lifts are ranked by: information about labels, else about images (D1)."""
        return self.information if self.about_labels is None else self.about_labels


@final
@dataclass(frozen=True)
class Candidate:
    """One way to smooth: a transformation with its lift, and the noise.

    Args:
        transformation: The transformation, with the options of its lift, for any image size.
        choice: The noise on the parameters.
        sigma: Std of the noise on z.
        figures: What was found of it.
    """

    transformation: Transformation
    choice: NoiseChoice
    sigma: float
    figures: Figures

    def law(self) -> Law:
        """The law of all noise."""
        return self.choice.joint(self.transformation, self.sigma)


@final
@dataclass(frozen=True)
class MeasuredLift:
    """The residuals and the covariance of the training images in one lift.

    Args:
        transformation: The transformation as it was given, before ``for_shape``.
        bound: The transformation for the images' shape.
        shape: Shape (C, H, W) of the images.
        paths: Attacks on some of the images, pulled back.
        spectrum: Eigenvalues of the covariance of lifted images.
        within: Those of the covariance within classes; None without labels.
    """

    transformation: Transformation
    bound: Transformation
    shape: tuple[int, int, int]
    paths: Paths
    spectrum: Floats
    within: Floats | None = None

    @staticmethod
    @torch.no_grad()
    def of(
        operator: Transformation,
        images: Tensor,
        region: Region,
        *,
        acting: bool,
        labels: NDArray[np.int64] | None = None,
    ) -> MeasuredLift:
        """Measure a lift on images (N, C, H, W), float64.

        acting: parameters carry noise. labels: class of every image (N,).
        """
        channels, height, width = images.shape[1:]
        shape = (channels, height, width)
        bound = operator.for_shape(shape)
        sampled = SampledRegion(bound, region)
        few = images[: TUNING.search.residual_images]
        paths = Paths.of(sampled, few, identity_action=not acting)
        lifted = torch.cat([bound.lift(part) for part in torch.split(images, 32)])
        spectrum = covariance_spectrum(lifted)
        within = None if labels is None else covariance_spectrum(lifted, labels)
        return MeasuredLift(operator, bound, shape, paths, spectrum, within)

    def information(self, sigma: float) -> float:
        """About the images, in nats (D1)."""
        return gaussian_information(self.spectrum, sigma)

    def about_labels(self, sigma: float) -> float | None:
        """About their classes, in nats; None without labels (D1)."""
        if self.within is None:
            return None
        return self.information(sigma) - gaussian_information(self.within, sigma)


def candidate(
    lift: MeasuredLift,
    choice: NoiseChoice,
    region: Region,
    mode: RegionMode,
    input_range: tuple[float, float],
) -> Candidate:
    """The noise whose std on z follows from the residuals of a lift, and its figures.

    sigma is the residual of the image at ``TUNING.noise.quantile``, l2 part included, over
    ``TUNING.noise.ratio``. The number of centres is the cheapest one at that quotient.
    """
    unit = _fitted(lift, choice, 1.0)
    sampled = lift.paths.sampled
    cuts = _cheapest_cuts(unit, sampled, mode)
    lengths = lift.paths.residuals(cuts) + _beside(lift.bound, lift.shape, region)
    settings, span = TUNING.noise, input_range[1] - input_range[0]
    asked = float(np.quantile(lengths, settings.quantile)) / settings.ratio
    sigma = rounded_up(max(asked, settings.least_sigma * span))
    law = _fitted(lift, choice, sigma)
    shifts = np.broadcast_to(_shift(law, sampled, cuts), (len(lengths), law.dimensions))
    required_p = required_p_of_margin(law.margin(shifts, lengths))
    centres = math.prod(cuts)
    typical = np.full(len(lengths), settings.typical_p)
    votes = centres * mode.price.votes(required_p, typical)
    figures = Figures(
        residual=Spread.of(lengths),
        information=lift.information(sigma),
        about_labels=lift.about_labels(sigma),
        centres=centres,
        required_p=Spread.of(required_p),
        votes=Spread.of(np.minimum(votes, 1e9)),
        reachable=float((required_p < settings.typical_p).mean()),
    )
    return Candidate(lift.transformation, choice, sigma, figures)


def _fitted(lift: MeasuredLift, choice: NoiseChoice, sigma: float) -> Law:
    law = choice.joint(lift.transformation, sigma)
    return fitted_noise(lift.transformation, law, lift.shape)[1]


def _cheapest_cuts(law: Law, sampled: SampledRegion, mode: RegionMode) -> tuple[int, ...]:
    """The numbers of equal parts by axis whose centres are expected to need the fewest votes.

    law: with sigma = 1. Without noise on parameters as many as the budget pays for: more centres
    then leave smaller residuals, and all that the noise has to hide is residual.
    """
    settings = TUNING.noise
    axes = range(len(sampled.values))
    cut = [axis for axis in sampled.moving if axis not in law.free_axes]
    tried = [sampled.cuts if axis in cut else (1,) for axis in axes]
    costs = {}
    for cuts in itertools.product(*tried):
        margin = law.margin(_shift(law, sampled, cuts), settings.ratio)
        required_p = required_p_of_margin(np.atleast_1d(margin))
        price = float(mode.price.votes(required_p, np.array([settings.typical_p]))[0])
        costs[cuts] = math.prod(cuts) * price
    if not law.dimensions:
        affordable = [cuts for cuts, cost in costs.items() if cost <= mode.price.budget]
        return max(affordable, key=math.prod, default=(1,) * len(axes))
    return min(costs, key=lambda cuts: costs[cuts])


def _shift(law: Law, sampled: SampledRegion, cuts: Sequence[int]) -> Floats:
    """The largest shift from the centre of a box (m,): half of its width, or all of it forwards."""
    if not law.dimensions:
        return np.zeros(0)
    spans = np.array(sampled.region.upper) - np.array(sampled.region.lower)
    halves = np.full(len(spans), 2.0)
    halves[list(law.forward_axes)] = 1.0
    shift = spans / np.array(cuts) / halves
    shift[list(law.free_axes)] = 0.0
    return np.asarray(shift)


def _beside(bound: Transformation, shape: tuple[int, int, int], region: Region) -> float:
    """What an l2 ball adds to every residual."""
    return bound.bounds.lift_norm(shape) * region.l2 if region.l2 > 0.0 else 0.0
