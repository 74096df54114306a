"""Residuals of images in a region: the smallest balls around their pulled-back attacks, sampled."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gsmooth.cover.pulled_back import PulledBackImage
from gsmooth.transforms.base import Transformation
from gsmooth.transforms.region import Region
from gsmooth.tuning.settings import TUNING

Floats = NDArray[np.float64]


@final
@dataclass(frozen=True)
class SampledRegion:
    """Points of a region on a grid, and how equal boxes share them.

    Args:
        operator: The transformation; a parameter with a step keeps to its values.
        region: The region.
    """

    operator: Transformation
    region: Region

    @property
    def moving(self) -> tuple[int, ...]:
        """Axes along which the region is not one point."""
        ends = zip(self.region.lower, self.region.upper, strict=True)
        return tuple(axis for axis, (low, high) in enumerate(ends) if high > low)

    @property
    def intervals(self) -> int:
        """Intervals along every moving axis."""
        given = TUNING.search.intervals
        return given[min(len(self.moving), len(given)) - 1] if self.moving else 1

    @property
    def cuts(self) -> tuple[int, ...]:
        """Numbers of equal parts of every moving axis whose ends are grid points."""
        return tuple(cut for cut in TUNING.search.cuts if self.intervals % cut == 0)

    @cached_property
    def values(self) -> tuple[Floats, ...]:
        """The grid's values along every axis, ascending."""
        part = torch.linspace(0.0, 1.0, self.intervals + 1, dtype=torch.float64, device="cpu")
        ends = zip(self.operator.parameters, self.region.lower, self.region.upper, strict=True)
        return tuple(
            np.unique(p.between(low, high, part).numpy()) if high > low else np.array([low])
            for p, low, high in ends
        )

    @cached_property
    def theta(self) -> Tensor:
        """The points (n, m), float64."""
        points = np.array(list(itertools.product(*self.values)), dtype=np.float64)
        return torch.from_numpy(points.reshape(len(points), len(self.values)))

    def boxes(self, cuts: Sequence[int]) -> list[NDArray[np.int64]]:
        """For every box of a region with ``cuts`` parts by axis: the points inside, ends included.

        Boxes without a point (of parameters with steps) are left out.
        """
        points, found = self.theta.numpy(), []
        ends = [self._edges(axis, cut) for axis, cut in enumerate(cuts)]
        for box in itertools.product(*ends):
            inside = np.ones(len(points), dtype=bool)
            for axis, (low, high) in enumerate(box):
                slack = 1e-9 * (1.0 + abs(high - low))
                inside &= (points[:, axis] >= low - slack) & (points[:, axis] <= high + slack)
            if inside.any():
                found.append(np.flatnonzero(inside))
        return found

    def _edges(self, axis: int, cut: int) -> list[tuple[float, float]]:
        low, high = self.region.lower[axis], self.region.upper[axis]
        if not high > low:
            return [(low, high)]
        edges = np.linspace(low, high, cut + 1)
        return list(itertools.pairwise(edges.tolist()))


@final
@dataclass(frozen=True)
class Paths:
    """The attacks on images, pulled back, at the points of a sampled region.

    Args:
        sampled: The points.
        products: Inner products of the points of every image, (N, points, points).
        lengths: Distances from L x (N, points), where that is the only possible centre (one-sided
            parameters); else None.
    """

    sampled: SampledRegion
    products: Floats
    lengths: Floats | None

    @staticmethod
    @torch.no_grad()
    def of(sampled: SampledRegion, images: Tensor, *, identity_action: bool = False) -> Paths:
        """Of images (N, C, H, W), float64.

        sampled: of a transformation that is bound to their shape. identity_action: the parameters
        carry no noise (T = id).
        """
        products, lengths = [], []
        for image in images:
            pulled_back = PulledBackImage(sampled.operator, image[None], identity_action)
            if not sampled.region.dimensions:
                products.append(np.zeros((1, 1)))
                continue
            points = pulled_back.points(sampled.theta)
            if pulled_back.origin is not None:
                lengths.append((points - pulled_back.origin).norm(dim=1).numpy())
            centred = points - points.mean(dim=0)
            products.append((centred @ centred.T).numpy())
        return Paths(sampled, np.stack(products), np.stack(lengths) if lengths else None)

    def residuals(self, cuts: Sequence[int]) -> Floats:
        """The largest residual in any of the equal boxes of a region, (N,), in units of z.

        A residual is the radius of the smallest ball around the points of a box; for one-sided
        parameters the largest distance from L x. Suprema over all of a box are a little larger.

        Args:
            cuts: Equal parts by axis.
        """
        boxes = self.sampled.boxes(cuts)
        if self.lengths is not None:
            found = [self.lengths[:, box].max(axis=1) for box in boxes]
        else:
            found = [ball_radii(self.products[:, box][:, :, box]) for box in boxes]
        return np.asarray(np.max(found, axis=0))


def ball_radii(gram: Floats) -> Floats:
    """Radii of the smallest balls around sets of points with these inner products, within about 1%.

    The centre moves towards the farthest point, by 1/2, 1/3, 1/4, ... of the way (Badoiu and
    Clarkson 2003); the smallest radius on the way is taken, so none is too small.

    Args:
        gram: Inner products of the points of every set, (sets, points, points).

    Returns:
        Radii (sets,).
    """
    count = gram.shape[1]
    weights = np.full(gram.shape[:2], 1.0 / count)
    squares = np.diagonal(gram, axis1=1, axis2=2)
    best, every = np.full(len(gram), np.inf), np.arange(len(gram))
    for step in range(TUNING.search.ball_steps):
        mixed = np.einsum("sij,sj->si", gram, weights)
        centre = np.einsum("si,si->s", weights, mixed)
        distances = squares - 2.0 * mixed + centre[:, None]
        farthest = distances.argmax(axis=1)
        best = np.minimum(best, distances[every, farthest])
        weights *= 1.0 - 1.0 / (step + 2)
        weights[every, farthest] += 1.0 / (step + 2)
    return np.asarray(np.sqrt(np.maximum(best, 0.0)))
