"""The pulled-back image of an image: every attacked image pulled back to the clean one's frame."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import final

import torch
from torch import Tensor

from gsmooth.cover.regions.one_sided import gap, one_way_axes
from gsmooth.cover.settings import COVER
from gsmooth.errors import PluginError
from gsmooth.theory.laws import Law
from gsmooth.transforms.base import Transformation


@final
@dataclass(frozen=True)
class PulledBackImage:
    """C(theta) = T_(-theta) L psi_theta(x) for one image x (1, C, H, W), float64.

    Where parameters do not add up, T_(-theta) is the inverse of T_theta that the plugin gives (T7).

    T4 measures an attack at theta from a centre (theta_j, c) by theta - theta_j and
    ||C(theta) - c||: with z_j = T_(theta_j) c, L psi_theta(x) = T_(theta - theta_j)(z_j + e) and
    ||e|| = ||C(theta) - c|| because T is orthogonal. ``identity_action``: theta carries no noise,
    nothing is pulled back (T = id) and C(theta) = L psi_theta(x). One-sided parameters have no
    inverse, so there C(theta) = L x + L psi_theta(x) - T_theta L x, and only ``origin`` can be a
    centre: see ``one_sided``. Where the lift is normalized, L is what comes before that (T9): all
    bounds are of it, and margins account for the rest. ``law``: that of the noise, where it decides
    what votes can read (T8); by default they read everything. ``recurring``: where covers look at a
    part of a region only, how far C elsewhere can be from C there. ``kept``: see :meth:`keeping`.
    """

    transformation: Transformation
    x: Tensor
    identity_action: bool = False
    law: Law | None = None
    recurring: float = 0.0
    kept: dict[bytes, Tensor] | None = field(default=None, compare=False, repr=False)

    @cached_property
    def origin(self) -> Tensor | None:
        """L x (K,) if it is the only possible centre of the residuals; else None."""
        free = self.identity_action or not one_way_axes(self.transformation)
        return None if free else self.transformation.linear_lift(self.x)[0]

    def keeping(self, theta: Tensor, points: Tensor) -> PulledBackImage:
        """The same, that knows C at theta (n, m) and keeps what it computes from now on.

        Parts of cells have corners in common, and so have cells of several balls. What is kept is
        bounded (``COVER.memory.numbers``), and it lives as long as the returned object.
        """
        return replace(self, kept=dict(zip(_keys(theta), points, strict=True)))

    def points(self, theta: Tensor) -> Tensor:
        """C at the rows of theta (n, m): (n, K). PluginError where it is not finite."""
        if self.kept is None:
            return torch.cat([self._finite(part) for part in _parts(theta, self.x)])
        keys = _keys(theta)
        fresh = [row for row, key in enumerate(keys) if key not in self.kept]
        if len(fresh) == len(theta):
            return self._also_kept(keys, theta)
        known = dict(self.kept)
        if fresh:
            lacking = [keys[row] for row in fresh]
            known |= dict(zip(lacking, self._also_kept(lacking, theta[fresh]), strict=True))
        return torch.stack([known[key] for key in keys])

    def _also_kept(self, keys: list[bytes], theta: Tensor) -> Tensor:
        """C at theta, computed; the first rows of it are kept as long as there is room."""
        assert self.kept is not None
        found = torch.cat([self._finite(part) for part in _parts(theta, self.x)])
        room = COVER.memory.numbers // found.shape[1] - len(self.kept)
        # A row of a batch would keep all of the batch in memory.
        some = found if room >= len(found) else found[: max(0, room)].clone()
        self.kept.update(zip(keys, some, strict=False))
        return found

    def _finite(self, theta: Tensor) -> Tensor:
        found = self._points(theta)
        # Comparisons with a NaN are false, so a NaN would pass for a small distance.
        if bad := (~torch.isfinite(found)).any(dim=1).nonzero().flatten().tolist():
            raise PluginError(
                f"{self.transformation.name}: the attacked image, pulled back, has NaN or infinite"
                f" numbers at theta={tuple(theta[bad[0]].tolist())}, from attack, lift or act;"
                " nothing can be certified there: narrow the region, or report it to the plugin's"
                " author"
            )
        return found

    def _points(self, theta: Tensor) -> Tensor:
        columns = theta.tensor_split(theta.shape[1], dim=1)
        if self.origin is not None:
            return self.origin + gap(self.transformation, self.x, self.origin, columns)
        attacked = self.transformation.attack(self.x.expand(len(theta), -1, -1, -1), *columns)
        lifted = self.transformation.linear_lift(attacked)
        if self.identity_action:
            return lifted
        return self.transformation.act(lifted, *self.transformation.inverse(tuple(columns)))

    @property
    def hides(self) -> bool:
        """Whether there may be something that no vote reads: noise has a bounded support."""
        if self.identity_action:
            return True
        return self.law is not None and not all(math.isinf(far) for far in self.law.reach)

    def visible(self, apart: Tensor, theta: Tensor, centre: Tensor) -> Tensor:
        """The part of differences C(theta) - c (n, K) that votes can read; (n, K).

        T8: of a residual only what votes read that are common to the attack at theta (n, m) and to
        the centre c with the parameters ``centre`` (n, m) can change a class.
        """
        if not self.hides:
            return apart
        if self.identity_action:
            none = torch.zeros_like(theta)
            reach = (0.0,) * theta.shape[1]
            return self.transformation.bounds.visible(apart, none, none, reach)
        assert self.law is not None
        moving = torch.ones(theta.shape[1], dtype=theta.dtype, device=theta.device)
        moving[list(self.law.unsmoothed)] = 0.0  # T ignores these.
        place, shift = centre * moving, (theta - centre) * moving
        return self.transformation.bounds.visible(apart, place, shift, self.law.reach)

    def derivative(self, lower: Tensor, upper: Tensor) -> Tensor | None:
        """sup ||dC/dtheta_i|| over each cell, (n, m); None if the plugin has no such bound."""
        operator = self.transformation
        bound = (
            operator.bounds.attack_derivative_bound
            if self.identity_action
            else operator.bounds.derivative_bound
        )
        return _in_parts(bound, self.x, lower, upper)

    def curvature(self, lower: Tensor, upper: Tensor) -> Tensor | None:
        """sup ||d2C/dtheta_i2|| over each cell, (n, m); None if C is not smooth in cells."""
        operator = self.transformation
        bound = (
            operator.bounds.attack_curvature_bound
            if self.identity_action
            else operator.bounds.curvature_bound
        )
        return _in_parts(bound, self.x, lower, upper)

    def chord(self, lower: Tensor, upper: Tensor) -> Tensor | None:
        """Bounds b (n,) with ||C - its chord|| <= 4 s (1 - s) b in each cell (C2).

        The chord of a cell is the straight line between C at its ends, and s the part of the cell.
        None where cells move along several axes, or where the plugin has no such bound.
        """
        moving = (upper > lower).any(dim=0)
        if self.identity_action or self.origin is not None or int(moving.sum()) != 1:
            return None
        found, bounds = [], self.transformation.bounds
        most = max(1, min(COVER.memory.images, COVER.memory.numbers // (8 * self.size)))
        for start in range(0, len(lower), most):
            ends = lower[start : start + most], upper[start : start + most]
            part = bounds.chord_bound(self.x, *ends, *map(self.points, ends))
            if part is None:
                return None
            found.append(part)
        return torch.cat(found)

    def patch(self, lower: Tensor, upper: Tensor) -> Tensor | None:
        """Bounds b (n, m): C leaves the interpolation P between the corners of a cell by at most

        ||C - P|| <= sum_i 4 s_i (1 - s_i) b_i, s_i the part of the cell along axis i (C2). None
        where the plugin has no such bound. The bound by the chord is taken where there is one.
        """
        moving = (upper > lower).any(dim=0)
        if self.identity_action or self.origin is not None or not bool(moving.any()):
            return None
        if int(moving.sum()) == 1 and (chord := self.chord(lower, upper)) is not None:
            return chord[:, None] * moving.to(chord.dtype)
        found, bound = [], self.transformation.bounds.patch_bound
        most = max(1, COVER.memory.numbers // (2 ** (2 + lower.shape[1]) * self.size))
        # The first cell tells whether there is a bound, before all corners are looked up.
        marks = [0, 1, *range(1 + most, len(lower), most), len(lower)]
        for start, end in itertools.pairwise(marks):
            ends = lower[start:end], upper[start:end]
            part = bound(self.x, *ends, self.corners(*ends)) if end > start else ends[0]
            if part is None:
                return None
            found.append(part)
        return torch.cat(found)

    def corners(self, lower: Tensor, upper: Tensor) -> Tensor:
        """C at the corners of cells (n, m), (n, 2^m, K), in the order of itertools.product."""
        ends = torch.stack([lower, upper], dim=1)
        axes = range(lower.shape[1])
        theta = torch.stack(
            [
                torch.stack([ends[:, choice[axis], axis] for axis in axes], dim=1)
                for choice in itertools.product((0, 1), repeat=len(axes))
            ],
            dim=1,
        )
        flat, place = torch.unique(theta.flatten(0, 1), dim=0, return_inverse=True)
        return self.points(flat)[place].view(*theta.shape[:2], -1)

    @cached_property
    def size(self) -> int:
        """K, the length of C."""
        return int(self.transformation.linear_lift(self.x).shape[1])


def _keys(theta: Tensor) -> list[bytes]:
    return [row.tobytes() for row in theta.cpu().numpy()]


def _in_parts(
    bound: Callable[[Tensor, Tensor, Tensor], Tensor | None],
    x: Tensor,
    lower: Tensor,
    upper: Tensor,
) -> Tensor | None:
    found = []
    for low, high in zip(_parts(lower, x), _parts(upper, x), strict=True):
        part = bound(x, low, high)
        if part is None:
            return None
        found.append(part)
    return torch.cat(found)


def _parts(rows: Tensor, x: Tensor) -> list[Tensor]:
    """``rows`` in slices that bound the memory of their images (``COVER.memory``)."""
    most = max(1, min(COVER.memory.images, COVER.memory.numbers // x.numel()))
    return [rows[start : start + most] for start in range(0, len(rows), most)]
