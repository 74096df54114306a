"""The pulled-back image of an image: every attacked image pulled back to the clean one's frame."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
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
    centre: see ``one_sided``. ``law``: that of the noise, where it decides what votes can read
    (T8); by default they read everything.
    """

    transformation: Transformation
    x: Tensor
    identity_action: bool = False
    law: Law | None = None

    @cached_property
    def origin(self) -> Tensor | None:
        """L x (K,) if it is the only possible centre of the residuals; else None."""
        free = self.identity_action or not one_way_axes(self.transformation)
        return None if free else self.transformation.lift(self.x)[0]

    def points(self, theta: Tensor) -> Tensor:
        """C at the rows of theta (n, m): (n, K). PluginError where it is not finite."""
        return torch.cat([self._finite(part) for part in _parts(theta, self.x)])

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
        lifted = self.transformation.lift(attacked)
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
