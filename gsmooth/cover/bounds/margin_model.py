"""The margin that the votes at a centre must exceed: of shifts and residuals, with float errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gsmooth.cover.bounds.lipschitz import (
    ISOMETRY,
    Stretches,
    at_their_longest,
    lipschitz_bounds,
    lipschitz_of_region,
)
from gsmooth.cover.bounds.normalized import check_normalization, require_linear_lift
from gsmooth.cover.regions.one_sided import check_ends
from gsmooth.errors import ConfigurationError
from gsmooth.geometry.normalization import Normalization
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.theory.arguments import distances
from gsmooth.theory.laws import Law, ProductLaw
from gsmooth.theory.normal import raise_margin
from gsmooth.transforms.region import Region

Floats = NDArray[np.float64]


@final
@dataclass(frozen=True)
class MarginModel:
    """Turns shifts and residuals into margins, float errors included (F1).

    Args:
        law: The noise law.
        error: E_num, the l2 error of T_theta z. The centre and the attacked point both have it, so
            it is added twice.
        variation: tau, the total variation between float and real noise on the grid (F1).
        extra: How far an l2 ball of pixels moves z.
        proved: False if a float error or a norm is unproved.
        rounded: How far the attacker's rounding of pixels moves z (F2).
        recurring: How far C can be from where it is looked at, whole steps away (``recurring``).
        lipschitz_bounds: Pairs (rho0, S): outside an event of probability rho0, T lengthens all of
            these by at most the factor S. None if no Lipschitz bound is available.
        normalization: What the lift does after all this; None for nothing (T9).
    """

    law: Law
    error: float
    variation: float
    extra: float
    proved: bool
    rounded: float = 0.0
    recurring: float = 0.0
    lipschitz_bounds: Stretches | None = ISOMETRY
    normalization: Normalization | None = None

    @classmethod
    def at(
        cls, smoothed: SmoothedClassifier, region: Region, centres: Tensor, residual: float
    ) -> MarginModel:
        """The model for attacks that are pulled back to within ``residual`` of the centres.

        centres (K,) or (balls, K), before normalization. Float errors are taken at a point as
        long as the longest one whose votes are counted, attacked images included.
        """
        transformation, classifier = smoothed.transformation, smoothed.classifier
        extra = transformation.bounds.lift_norm(smoothed.image_shape) * region.l2
        # Rounding implies clipping to the range, which moves no pixel away from a psi_theta(x)
        # that lies in the range.
        half = region.half_level(classifier.input_range)
        in_range = half == 0.0 or transformation.keeps_range(*classifier.input_range)
        rounded = (
            transformation.bounds.rounding_norm(smoothed.image_shape) * half if half > 0.0 else 0.0
        )
        points = at_their_longest(smoothed, centres, region)
        lengths = points.norm(dim=-1)
        left = residual * lipschitz_of_region(smoothed, region) + extra + rounded
        longest, direction = float(lengths.max()) + left, points[int(lengths.argmax())]
        normalization = transformation.normalization(smoothed.image_shape)
        if normalization is not None:
            longest = normalization.level
        # Subnormal pixels have a norm of 0, by which no direction can be normalized.
        if not float(direction.norm()) > 1e-150:
            direction = torch.ones_like(direction)
        reference = direction * (longest / float(direction.norm()))
        error = smoothed.numerical_error(reference)
        needs_norm = region.l2 > 0.0 or half > 0.0
        return cls(
            law=smoothed.law,
            error=0.0 if error is None else error,
            variation=smoothed.total_variation(reference),
            extra=extra,
            proved=error is not None
            and in_range
            and (not needs_norm or transformation.knows_lift_norm),
            rounded=rounded,
            lipschitz_bounds=lipschitz_bounds(smoothed, region),
            normalization=normalization,
        )

    def margins(
        self, shift: Floats, residual: Floats, length: Floats | float | None = None
    ) -> Floats:
        """Margins (n,) for signed shifts (n, m) and residuals (n,), rounded up.

        length: of the centres before normalization, (n,), where there is one.

        The law's theorem at residual + E_num, raised by 2 E_num / sigma. tau is doubled because it
        is added before the raise, which shrinks a share by less than a half; so E_num is refused
        unless it is far below sigma. A product of laws adds residuals at right angles to other
        shifts, but the E_num of the attacked point adds linearly. If its uniform law only adds
        shares, that is 0.4 E_num / sigma of them, which a raised margin need not cover.
        """
        law = self.law
        if not 2.0 * self.error < 0.15 * law.sigma:
            raise ConfigurationError(
                f"smoothing: sigma={law.sigma:g} is not far above the float error"
                f" {self.error:.2g} of the action at such images; use more noise"
            )
        left = distances("residual", residual) + self.recurring + self.extra + self.rounded
        if self.normalization is not None:
            assert length is not None
            left = self.normalization.distance(left, np.asarray(length, dtype=np.float64))
        tv = 2.0 * self.variation
        margins = [
            law.margin(shift, lipschitz_bound * left + self.error, rho0=rho0, tv=tv)
            for rho0, lipschitz_bound in self.lipschitz_bounds or ISOMETRY
        ]
        least, error = np.minimum.reduce(margins), self.error / law.sigma
        if isinstance(law, ProductLaw):
            least = raise_margin(least, 0.4 * error)
        return distances("margin", least + 2.0 * error)

    @property
    def nothing_added(self) -> bool:
        """True if the attacked image is psi_theta(x) itself, without l2 part or rounding."""
        return self.extra == 0.0 and self.rounded == 0.0


def units_of(law: Law) -> Floats:
    """A unit of length on each axis (m,): theta at one normal std; inf where shifts are free."""
    one_sigma = 0.8413447460685429  # Phi(1)
    units = np.abs(law.theta_from_uniform(np.full((1, law.dimensions), one_sigma)))[0]
    # Without noise on a parameter no shift of it can be covered; any unit serves to cut by.
    units = np.where(units > 0.0, units, 1.0)
    units[list(law.free_axes)] = np.inf
    return np.asarray(units)


def check_region(smoothed: SmoothedClassifier, region: Region) -> None:
    """ConfigurationError unless the region has an interval for every parameter, from 0 on where
    the parameter is one-sided. Intervals that have names stand in the order of the parameters.
    """
    transformation = smoothed.transformation
    units = {parameter.name: parameter.unit for parameter in transformation.parameters}
    ordered = region.along(units, transformation.name)
    if ordered.names != region.names:
        raise ConfigurationError(
            f"region: {region} has its intervals in another order than {transformation.name}; call"
            " Region.along first"
        )
    check_normalization(transformation, smoothed.image_shape)
    if region.l2 > 0.0 or region.bits:
        require_linear_lift(smoothed, "an l2 ball or rounded pixels")
    check_ends(transformation, region)
