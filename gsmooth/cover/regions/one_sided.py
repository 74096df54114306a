"""Parameters that admit no negative values, and laws that certify shifts >= 0 only (T3, T5).

*Semigroups.* Where nothing undoes the attack there is no T_(-theta), and an attacked image is not
pulled back. Every centre is then a point of the clean image's own orbit, z_j = T_(theta_j) L x,
and with D(theta) = L psi_theta(x) - T_theta L x

    theta >= theta_j:  L psi_theta(x) = T_(theta - theta_j) z_j + D(theta),
    theta <  theta_j:  z_j = T_(theta_j - theta) L psi_theta(x) - T_(theta_j - theta) D(theta).

A contraction lengthens nothing, so the residual is at most ||D(theta)|| either way, whatever the
centre and whatever the noise (T5 with rho0 = 0). L x + D plays the part of C, around the one
centre L x.

*Forward laws.* A centre is the lower end of its piece, for every shift has to be >= 0; the
residual's centre is as free as ever where the action has an inverse (C1).
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
    """Those of them that T does not ignore, so that there is no T_(-theta)."""
    names = [parameter.name for parameter in transformation.parameters]
    axes = one_sided_axes(transformation)
    return tuple(axis for axis in axes if names[axis] not in transformation.unsmoothed)


def check_ends(transformation: Transformation, region: Region) -> None:
    """ConfigurationError where the region asks a one-sided parameter for negative values."""
    for axis in one_sided_axes(transformation):
        name, low = transformation.parameters[axis].name, region.lower[axis]
        if low < 0.0:
            raise ConfigurationError(
                f"region: {name} in [{low:g}, {region.upper[axis]:g}], but nothing undoes"
                f" {transformation.name}: {name} is at least 0; use the interval"
                f" [0, {region.upper[axis]:g}]"
            )


def placed(law: Law, lower: Floats, middle: Floats) -> Floats:
    """Where a centre stands: at its piece's lower end along forward axes, else in the middle.

    lower, middle (..., m) -> (..., m). Parameters without noise have no place at all.
    """
    place = np.array(middle)
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
    """Every arc of a chain with the margin that a forward law asks for around its lower end.

    theta (n, m): ascending; points (n, K): C there; origin (K,): the balls' centre, where it is not
    free. At the points only, like all radii that centres are chosen by.
    """
    if origin is not None:
        residuals = _running_maxima((points - origin).norm(dim=1).numpy())
    else:
        moved = (points - points.mean(dim=0)).numpy()
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
    # Where residuals are measured from one point only shifts are left to be halved.
    return placed(law, lower, piece.weights @ own if origin is None else (lower + upper) / 2.0)


def priced_piece(
    law: Law, piece: Piece, theta: Floats, points: Tensor, origin: Tensor | None
) -> Piece:
    """The piece with the margin that its law asks for as its radius, at the grid points.

    theta (n, m), points (n, K): of all grid points. Needed where the centre is not in the middle of
    its piece, or residuals are measured from ``origin`` (K,): no ball says what that costs.
    """
    own = points[torch.from_numpy(piece.nodes)]
    centre = torch.from_numpy(piece.weights) @ own if origin is None else origin
    shift = theta[piece.nodes] - place_of(law, piece, theta, origin)
    margins = law.margin(shift, (own - centre).norm(dim=1).numpy())
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
