"""The online cover: it is built from the attacked image and contains each of its preimages.

Every preimage x of a cell of parameters around m has ||L x - a|| <= r (``PreimageCells``), and
L x = T_(-m) C with C = T_m L x, ||C - T_m a|| <= r. So by T4 it lies at shift -m - theta_j and
residual at most ||T_m a - c_j|| + r from the centre z_j = T_(theta_j) c_j, as attacked images do in
the cover of a clean one. m may be any parameter of the cell: a preimage does not depend on the
parameter that it is written with, so nothing has to be added for the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gsmooth.certificate import Guarantee
from gsmooth.cover.bounds.cells import ROUNDING
from gsmooth.cover.bounds.margin_model import MarginModel, check_region, units_of
from gsmooth.cover.bounds.normalized import require_linear_lift
from gsmooth.cover.build import Ball, Cover, profile_of, start_fractions
from gsmooth.cover.planning.clusters import Clustering
from gsmooth.cover.preimages import PreimageCells, enclose_preimages
from gsmooth.cover.regions.grid import Piece
from gsmooth.cover.regions.one_sided import one_way_axes, placed
from gsmooth.cover.settings import COVER
from gsmooth.errors import ConfigurationError
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.transforms.bounds import TransformationBounds
from gsmooth.transforms.region import Region

Floats = NDArray[np.float64]


def build_online_cover(
    smoothed: SmoothedClassifier,
    attacked: Tensor,
    region: Region,
    centres: int | None = None,
    *,
    seconds: float | None = None,
) -> Cover:
    """A cover of every preimage x with attacked = psi_theta(x), theta in region, up to rounding.

    No clean image is needed. No vote is used either, so every centre is tested at the full alpha
    (C5: a false certificate needs one particular test to err).

    Args:
        smoothed: The smoothed classifier whose votes will be counted.
        attacked: The attacked image (C, H, W).
        region: The attacks that may have been made; with ``bits`` the image was rounded after it.
        centres: At most so many; by default the transformation's default number.
        seconds: Refinement ends then, with larger balls; by default when it gains nothing.

    Returns:
        The cover; its ``clean`` is L attacked.

    Raises:
        ConfigurationError: Preimages cannot be enclosed.
        ImpossibleError: No attack in the region can have given this image.
    """
    check_online(smoothed, region)
    region = region.staying(smoothed.law.periodic)
    operator, classifier = smoothed.transformation, smoothed.classifier
    x = attacked[None].to(torch.float64)
    rounding = region.half_level(classifier.input_range) + beside_levels(x, region.bits)
    tolerance = COVER.online.tolerance * smoothed.law.sigma
    preimage_cells = enclose_preimages(
        operator, x, region, rounding, tolerance=tolerance, seconds=seconds
    )
    count = centres if centres is not None else operator.default_centres
    layout = _Layout.of(smoothed, region, preimage_cells)
    balls = sorted(layout.balls(count), key=lambda ball: -ball.margin)
    proved = layout.margin_model.proved and smoothed.grid > 0.0
    guarantee = Guarantee.ONLINE if proved else Guarantee.HEURISTIC
    return Cover(region, operator.lift(x)[0], tuple(balls), guarantee)


def beside_levels(x: Tensor, bits: int) -> float:
    """How far pixels lie from the nearest of 2^bits levels in [0, 1]; 0 where bits is 0.

    An image that was rounded, and then held in float32, lies beside its levels, so its preimages
    lie farther from it than half a level. 0 as well where a pixel lies more than a quarter of a
    step from all levels: such an image was never rounded to them, so no attack gives it.
    """
    if bits == 0:
        return 0.0
    steps = 2.0**bits - 1.0
    beside = float((x - (x * steps).round() / steps).abs().max())
    return beside if beside <= 0.25 / steps else 0.0


def check_online(smoothed: SmoothedClassifier, region: Region) -> None:
    """ConfigurationError if preimages cannot be enclosed, whatever the attacked image is.

    If only the options of the transformation prevent it, ``enclose_preimages`` raises the error.
    """
    check_region(smoothed, region)
    require_linear_lift(smoothed, "images that have been attacked already")
    operator, given = smoothed.transformation, smoothed.classifier.input_range
    if operator.bounds_class.preimages is TransformationBounds.preimages or region.dimensions == 0:
        raise ConfigurationError(
            f"online: {operator.name} has no method that encloses the preimages of an image;"
            " certify the clean image instead"
        )
    if smoothed.law.whole_axes:
        raise ConfigurationError(
            "online: preimages are enclosed in cells of any value, and grid-uniform noise certifies"
            " whole steps only; certify the clean image instead"
        )
    if one_way_axes(operator):
        raise ConfigurationError(
            f"online: {operator.name} has no inverse ({', '.join(operator.one_sided)} >= 0), so its"
            " preimages cannot be enclosed; certify the clean image instead"
        )
    if not smoothed.orthogonal:
        raise ConfigurationError(
            f"online: the action of {operator.name} is not orthogonal, so the distance of a"
            " preimage would change with theta; certify the clean image instead"
        )
    if region.l2 > 0.0:
        raise ConfigurationError(
            f"online: l2={region.l2:g} on top of the transformation makes the enclosure of the"
            " preimages too large; set region.l2 = 0, and declare rounding as region.bits"
        )
    if given != (0.0, 1.0):
        raise ConfigurationError(
            f"online: preimages are sought among pixels in [0, 1], but input_range={given}; rescale"
            " the images, and undo that in the model"
        )


@final
@dataclass(frozen=True)
class _Layout:
    """Preimage cells as points in one frame, to be covered by balls.

    carried (n, K): T_m of every cell's centre; the centre itself where theta carries no noise.
    """

    smoothed: SmoothedClassifier
    region: Region
    preimage_cells: PreimageCells
    carried: Tensor
    margin_model: MarginModel

    @classmethod
    def of(
        cls, smoothed: SmoothedClassifier, region: Region, preimage_cells: PreimageCells
    ) -> _Layout:
        carried = preimage_cells.centre
        if not smoothed.identity_action:
            carried = smoothed.transformation.act(carried, *_columns(preimage_cells.middle))
        finite = preimage_cells.radius[np.isfinite(preimage_cells.radius)]
        # Centres are means of the carried points, so no longer than the longest. The preimage is
        # not rounded, even if the attacked image was.
        margin_model = MarginModel.at(
            smoothed,
            Region(region.lower, region.upper),
            carried,
            float(finite.max(initial=0.0)),
        )
        return cls(smoothed, region, preimage_cells, carried, margin_model)

    def balls(self, count: int) -> list[Ball]:
        """At most ``count``; fewer where more would hardly reduce the worst margin."""
        points = self._joint
        clustering = Clustering(points @ points.T, np.arange(len(points))[:, None])
        tried = sorted({min(c, count, len(points)) for c in (*COVER.online.counts, count)})
        covers = []
        for wanted in tried:
            covers.append([self._ball(piece) for piece in clustering.at(wanted)])
            if _worst(covers[-1]) <= self._floor + COVER.online.spare_margin:
                break
        least = min(_worst(balls) for balls in covers)
        return next(balls for balls in covers if _worst(balls) <= least + COVER.online.spare_margin)

    @property
    def _joint(self) -> Floats:
        residual = self.carried.cpu().numpy() / self.smoothed.law.sigma
        if not self.smoothed.identity_action:
            shift = -self.preimage_cells.middle / units_of(self.smoothed.law)
            residual = np.concatenate([shift, residual], axis=1)
        return np.asarray(residual - residual.mean(axis=0))

    @property
    def _floor(self) -> float:
        """The largest margin if every cell had its own ball."""
        return float(self.preimage_cells.radius.max()) / self.smoothed.law.sigma

    def _ball(self, piece: Piece) -> Ball:
        nodes, weights = piece.nodes, piece.weights
        lower, upper = self.preimage_cells.lower[nodes], self.preimage_cells.upper[nodes]
        place = self.carried[torch.from_numpy(nodes)]
        centre, back = torch.from_numpy(weights) @ place, -self.preimage_cells.middle[nodes]
        theta = placed(self.smoothed.law, back.min(axis=0), weights @ back)
        shift = back - theta
        slack = ROUNDING * (1.0 + float(place.norm(dim=1).max()))
        residual = (
            (place - centre).norm(dim=1).cpu().numpy() + self.preimage_cells.radius[nodes] + slack
        )
        margins = self.margin_model.margins(shift[:, : self.smoothed.law.dimensions], residual)
        z = centre
        if not self.smoothed.identity_action:
            z = self.smoothed.transformation.act(centre[None], *_columns(theta[None]))[0]
        parameters = self.smoothed.transformation.parameters
        profile = profile_of(start_fractions(self.region, lower, upper, parameters), margins)
        return Ball(tuple(theta.tolist()), z, float(margins.max()), profile[-1].required_p, profile)


def _columns(theta: Floats) -> tuple[Tensor, ...]:
    return torch.from_numpy(np.ascontiguousarray(theta)).tensor_split(theta.shape[1], dim=1)


def _worst(balls: list[Ball]) -> float:
    return max(ball.margin for ball in balls)
