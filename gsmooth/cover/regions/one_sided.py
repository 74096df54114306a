"""Parameters that admit no negative values, and laws that certify shifts >= 0 only (T3, T5).

*Semigroups.* An attack without an inverse has no T_(-theta), so an attacked image is not pulled
back. Every centre is then z_j = T_(theta_j) L x for some theta_j, and with
D(theta) = L psi_theta(x) - T_theta L x

    theta >= theta_j:  L psi_theta(x) = T_(theta - theta_j) z_j + D(theta),
    theta <  theta_j:  z_j = T_(theta_j - theta) L psi_theta(x) - T_(theta_j - theta) D(theta).

A nonexpansive T lengthens no difference, so the residual is at most ||D(theta)|| in both cases,
for every centre and all noise (T5 with rho0 = 0). L x + D takes the place of C, with the one centre
L x.

*Forward laws.* A centre is the lower end of its piece, because every shift has to be >= 0. The
centre of the residual is still free if the action has an inverse (C1: any centre is allowed).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gsmooth.cover.regions.arcs import Arcs
from gsmooth.cover.regions.grid import Piece
from gsmooth.cover.settings import COVER
from gsmooth.errors import ConfigurationError
from gsmooth.theory.laws import Law
from gsmooth.transforms.base import Transformation
from gsmooth.transforms.region import Region

Floats = NDArray[np.float64]


def one_sided_axes(transformation: Transformation) -> tuple[int, ...]:
    """The axes of the parameters that ``one_sided`` names; ConfigurationError for other names."""
    names = [parameter.name for parameter in transformation.parameters]
    for name in transformation.one_sided:
        if name not in names:
            raise ConfigurationError(
                f"{transformation.name}: one_sided names {name!r}, which is no parameter; it has"
                f" {', '.join(names) or 'none'}"
            )
    return tuple(names.index(name) for name in transformation.one_sided)


def one_way_axes(transformation: Transformation) -> tuple[int, ...]:
    """The one-sided axes that T does not ignore, so that there is no T_(-theta)."""
    names = [parameter.name for parameter in transformation.parameters]
    axes = one_sided_axes(transformation)
    return tuple(axis for axis in axes if names[axis] not in transformation.unsmoothed)


def check_ends(transformation: Transformation, region: Region) -> None:
    """ConfigurationError if the region has negative values of a one-sided parameter."""
    for axis in one_sided_axes(transformation):
        name, low = transformation.parameters[axis].name, region.lower[axis]
        if low < 0.0:
            raise ConfigurationError(
                f"region: {name} in [{low:g}, {region.upper[axis]:g}], but {transformation.name}"
                f" has no inverse: {name} is at least 0; use the interval"
                f" [0, {region.upper[axis]:g}]"
            )


def placed(law: Law, lower: Floats, middle: Floats) -> Floats:
    """theta_j of a centre: its piece's lower end along forward axes, the middle along the others.

    A whole number along axes on which noise moves by whole steps. lower, middle (..., m) ->
    (..., m).
    """
    place = np.array(middle)
    whole = list(law.whole_axes)
    place[..., whole] = np.rint(place[..., whole])
    forward = list(law.forward_axes)
    place[..., forward] = lower[..., forward]
    return place


def gap(
    transformation: Transformation, x: Tensor, clean: Tensor, columns: Sequence[Tensor]
) -> Tensor:
    """D(theta) = L psi_theta(x) - T_theta L x, whose norm is T5's error E where T is nonexpansive.

    x (1, C, H, W), clean = L x (K,), columns of theta (n, 1) -> (n, K).
    """
    attacked = transformation.attack(x.expand(len(columns[0]), -1, -1, -1), *columns)
    acted = transformation.act(clean.expand(len(attacked), -1), *columns)
    return transformation.lift(attacked) - acted


def forward_arcs(law: Law, theta: Floats, points: Tensor, origin: Tensor | None) -> Arcs:
    """Every arc of a chain, with its margin around its lower end under a forward law.

    theta (n, m): ascending; points (n, K): C there; origin (K,): the balls' centre, if it is not
    free. Margins are those at the grid points, as all radii by which centres are chosen.
    """
    if origin is not None:
        residuals = _running_maxima((points - origin).norm(dim=1).cpu().numpy())
    else:
        moved = (points - points.mean(dim=0)).cpu().numpy()
        residuals = Arcs.of(np.asarray(moved @ moved.T), np.inf).radii
    margins = np.full_like(residuals, np.inf)
    for cells in range(len(residuals)):
        reached = len(theta) - 1 - cells
        shift = theta[cells + 1 :] - theta[:reached]
        margins[cells, :reached] = law.margin(shift, residuals[cells, :reached])
    return Arcs(margins)


def place_of(law: Law, piece: Piece, theta: Floats, origin: Tensor | None) -> Floats:
    """theta_j (m,) of a piece's centre; theta (n, m): of all grid points."""
    own = theta[piece.nodes]
    lower, upper = own.min(axis=0), own.max(axis=0)
    middle, whole = (lower + upper) / 2.0, list(law.whole_axes)
    if origin is not None:
        # Residuals are measured from one point: the place of the centre changes only the shifts.
        return placed(law, lower, middle)
    mean = np.asarray(piece.weights @ own)
    mean[whole] = middle[whole]  # A margin of whole steps depends on the longest of them alone.
    return placed(law, lower, mean)


def priced_piece(
    law: Law,
    piece: Piece,
    theta: Floats,
    points: Tensor,
    origin: Tensor | None,
    added: float = 0.0,
) -> Piece:
    """The piece, with its margin at the grid points as its radius.

    theta (n, m), points (n, K): of all grid points. Used if the centre is not in the middle of its
    piece or residuals are measured from ``origin`` (K,), or the law is another than the Gaussian
    one: then the radius of a ball is no margin. added: to every residual.
    """
    own = points[torch.from_numpy(piece.nodes)]
    centre = torch.from_numpy(piece.weights) @ own if origin is None else origin
    shift = theta[piece.nodes] - place_of(law, piece, theta, origin)
    margins = law.margin(shift, (own - centre).norm(dim=1).cpu().numpy() + added)
    return replace(piece, radius=float(margins.max()))


def _running_maxima(lengths: Floats) -> Floats:
    """The largest of ``lengths`` (n,) on every arc, in the shape of ``Arcs.radii``."""
    cells = len(lengths) - 1
    found = np.full((min(cells, COVER.memory.one_sided_arcs // cells), cells), np.inf)
    reached = np.maximum(lengths[:-1], lengths[1:])
    for more in range(len(found)):
        found[more, : cells - more] = reached
        reached = np.maximum(reached[:-1], lengths[more + 2 :])
    return found
