"""Centres of the nested method (T6): what each of its two levels of votes must show."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from gsmooth.certificate import Guarantee, Step
from gsmooth.cover.bounds.boxes import box_margin, box_profile, equal_boxes, pulled_back_centres
from gsmooth.cover.bounds.margin_model import MarginModel
from gsmooth.cover.bounds.supremum import pulled_back_suprema
from gsmooth.cover.pulled_back import PulledBackImage
from gsmooth.cover.regions.one_sided import placed
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.theory.laws import GaussianLaw
from gsmooth.theory.normal import required_p_of_margin
from gsmooth.transforms.region import Region

Floats = NDArray[np.float64]


@final
@dataclass(frozen=True)
class NestedCentre:
    """One centre, and what its two levels of votes require.

    Args:
        theta: theta_j.
        z: T_(theta_j) L x (K,).
        inner_margin: Margin of the noise votes of a draw of theta, for the error of the whole box.
        inner_required_p: The share of noise votes that this margin requires.
        margin: Margin of the draws that pass, for the whole box.
        required_p: The share of draws that this margin requires.
        profile: What nested parts of the box require.
    """

    theta: tuple[float, ...]
    z: Tensor
    inner_margin: float
    inner_required_p: float
    margin: float
    required_p: float
    profile: tuple[Step, ...]

    @property
    def start(self) -> float:
        """The fraction below which the region does not meet this centre's box."""
        return self.profile[0].fraction if self.profile[0].required_p == 0.0 else 0.0

    @property
    def first_required_p(self) -> float:
        """The share of draws that the smallest region requires that meets the box."""
        return next(step.required_p for step in self.profile if step.required_p > 0.0)


@final
@dataclass(frozen=True)
class NestedCover:
    """The centres, those near the clean image first, and the guarantee of their suprema."""

    nested_centres: tuple[NestedCentre, ...]
    guarantee: Guarantee


def build_nested_cover(
    smoothed: SmoothedClassifier, x: Tensor, region: Region, centres: int, error: float | None
) -> NestedCover:
    """At most ``centres`` equal boxes of the region, the carried clean image in the middle of each.

    x (1, C, H, W) float64; error: as in ``distributional_cover``, or None to bound it box by box.
    The inner margins include the float errors of T_theta z and of the noise; the outer ones include
    the tails of theta, which no l2 bound covers.
    """
    law = smoothed.law
    clean = smoothed.transformation.lift(x)[0]
    lower, upper = equal_boxes(region, law, centres)
    errors, bounded = np.full(len(lower), error or 0.0), True
    if error is None:
        pulled_back = PulledBackImage(smoothed.transformation, x)
        errors, bounded = pulled_back_suprema(pulled_back, clean, lower, upper)
    margin_model = MarginModel.at(smoothed, region, clean[None], float(errors.max()))
    noise_only = replace(margin_model, law=GaussianLaw((), law.sigma))
    inner = noise_only.margins(np.zeros((len(errors), 0)), errors)

    def margin_of(shift: Floats) -> Floats:
        return law.margin(shift, np.zeros(len(shift)), tv=smoothed.accuracy.outside)

    theta = placed(law, lower, (lower + upper) / 2)
    z = pulled_back_centres(smoothed, clean, theta)
    nested_centres = []
    for place, centre in enumerate(theta):
        box = lower[place], upper[place]
        profile = box_profile(region, margin_of, centre, *box)
        nested_centres.append(
            NestedCentre(
                theta=tuple(centre.tolist()),
                z=z[place],
                inner_margin=float(inner[place]),
                inner_required_p=float(required_p_of_margin(inner[place])),
                margin=box_margin(margin_of, centre, *box),
                required_p=profile[-1].required_p,
                profile=profile,
            )
        )
    proved = bounded and margin_model.proved and smoothed.grid > 0.0
    exact = Guarantee.INDIVIDUAL if error is None else Guarantee.DISTRIBUTIONAL
    return NestedCover(
        tuple(sorted(nested_centres, key=lambda nested_centre: nested_centre.start)),
        exact if proved else Guarantee.HEURISTIC,
    )
