"""The parts of a composition that move pixels about: one z-space, and what they do in it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import final

import torch
from torch import Tensor

from gsmooth.errors import PluginError
from gsmooth.transforms.base import Transformation

Columns = Sequence[Tensor]


@final
@dataclass(frozen=True)
class Frame:
    """Transformations with one lift and readout, whose linear actions commute; none: the pixels.

    identity_action: for every part, whether its action is left out (T = id). Where there are
    several, all of them are ``exact``: with T their joint action, L psi_theta(x) = T_theta L x.
    """

    parts: tuple[Transformation, ...]
    identity_action: tuple[bool, ...]
    shape: tuple[int, int, int] | None = None

    @property
    def widths(self) -> tuple[int, ...]:
        """Number of parameters by part."""
        return tuple(len(part.parameters) for part in self.parts)

    @property
    def acting(self) -> tuple[Transformation, ...]:
        """The parts whose action is T."""
        return tuple(
            p
            for p, identity_action in zip(self.parts, self.identity_action, strict=True)
            if not identity_action
        )

    @property
    def exact(self) -> bool:
        """Whether every part is what its action says."""
        return all(part.exact for part in self.parts)

    @property
    def orthogonal(self) -> bool:
        """Whether T is."""
        return all(part.orthogonal for part in self.acting)

    def require_one_space(self) -> None:
        """PluginError where parts that name one z-space differ on a trial: it is a claim (T4)."""
        if len(self.parts) < 2 or self.shape is None:
            return
        draw = torch.Generator().manual_seed(0)
        x = torch.rand(1, *self.shape, generator=draw, dtype=torch.float64, device="cpu")
        z, first = self.lift(x), self.parts[0]
        for other in self.parts[1:]:
            lifted = other.lift(x)
            if lifted.shape != z.shape or not torch.allclose(lifted, z, atol=1e-9):
                raise _rivals(first, other, "their lifts differ")
            back, again = (part.readout(z, self.shape) for part in (first, other))
            if back.shape != again.shape or not torch.allclose(back, again, atol=1e-9):
                raise _rivals(first, other, "their readouts differ")
        for one, other in itertools.combinations(self.parts, 2):
            if one.has_action and other.has_action:
                here, there = (_moved(b, _moved(a, z)) for a, b in ((one, other), (other, one)))
                if not torch.allclose(here, there, atol=1e-9):
                    raise _rivals(one, other, "their actions do not commute")

    def lift(self, x: Tensor) -> Tensor:
        """L x, (N, C, H, W) -> (N, K)."""
        return self.parts[0].lift(x) if self.parts else x.flatten(1)

    def readout(self, z: Tensor, shape: tuple[int, int, int]) -> Tensor:
        """Q z, (N, K) -> (N, *input_shape(shape))."""
        return self.parts[0].readout(z, shape) if self.parts else z.reshape(-1, *shape)

    def input_shape(self, shape: tuple[int, int, int]) -> tuple[int, int, int]:
        """Shape of Q z for images of this shape."""
        return self.parts[0].input_shape(shape) if self.parts else shape

    def act(self, z: Tensor, columns: Columns) -> Tensor:
        """T_theta z; columns: one (N, 1) for every parameter of every part."""
        for part, identity_action, own in zip(
            self.parts, self.identity_action, self._shared(columns), strict=True
        ):
            if not identity_action:
                z = part.act(z, *own)
        return z

    def attacked(self, x: Tensor, theta: Tensor) -> Tensor:
        """L psi_theta(x) for one image (1, C, H, W) and theta (n, m), (n, K)."""
        images = x.expand(len(theta), -1, -1, -1)
        for part, own in zip(self.parts, self._split(theta), strict=True):
            images = part.attack(images, *_columns(own))
        return self.lift(images)

    def carried(self, x: Tensor, theta: Tensor) -> Tensor:
        """C_0(theta) = T_(-theta) L psi_theta(x), (n, K)."""
        lifted = self.attacked(x, theta)
        return self.act(lifted, self.inverse(_columns(theta))) if self.acting else lifted

    def carried_one(self, theta: Tensor) -> Tensor:
        """T_(-theta) L 1, (n, K)."""
        ones = self.one.expand(len(theta), -1)
        return self.act(ones, self.inverse(_columns(theta))) if self.acting else ones

    def inverse(self, columns: Columns) -> list[Tensor]:
        """The parameters that undo T_theta, part by part; the actions of the parts commute."""
        own = zip(self.parts, self._shared(columns), strict=True)
        return [column for part, theta in own for column in part.inverse(tuple(theta))]

    def derivative(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor | None:
        """sup ||d C_0 / d theta_i|| over each cell (n, m); where one-sided, that of L psi - T L x.

        Of several exact parts those that act move nothing, and the others what their action would:
        the rest neither lengthens it nor minds the order.
        """
        found = []
        cells = zip(self._split(lower), self._split(upper), strict=True)
        for part, identity_action, (low, high) in zip(
            self.parts, self.identity_action, cells, strict=True
        ):
            if len(self.parts) == 1:
                bound = (
                    part.bounds.attack_derivative_bound
                    if identity_action
                    else part.bounds.derivative_bound
                )
                own = bound(x, low, high)
            elif identity_action:
                reached = part.bounds.action_derivative(part.lift(x))
                own = None if reached is None else reached.expand(low.shape)
            else:
                own = torch.zeros_like(low)
            if own is None:
                return None
            found.append(own)
        return torch.cat([lower[:, :0], *found], dim=1)

    def constant_derivative(self) -> Tensor | None:
        """sup ||d T_theta L 1 / d theta_i|| (m,); 0 where the part does not act."""
        found = []
        for part, identity_action in zip(self.parts, self.identity_action, strict=True):
            derivative = part.bounds.action_derivative(self.one)
            if identity_action:
                found.append(self.one.new_zeros(len(part.parameters)))
            elif derivative is None and all(parameter.step for parameter in part.parameters):
                # No motion between whole steps: cells are points, or have an infinite derivative.
                found.append(self.one.new_zeros(len(part.parameters)))
            elif derivative is None:
                return None
            else:
                found.append(derivative[0])
        return torch.cat([self.one.new_zeros(0), *found]) * (1.0 + 1e-9)

    @cached_property
    def one(self) -> Tensor:
        """L 1, 1 being the image that is 1 in every pixel, (1, K) float64."""
        if self.shape is None:
            raise ValueError(
                "composition: the image size is not known yet; call for_shape((channels, height,"
                " width))"
            )
        return self.lift(torch.ones(1, *self.shape, dtype=torch.float64, device="cpu"))

    @cached_property
    def fixed(self) -> Tensor:
        """v, the part of L 1 that no T_theta moves, (1, K)."""
        found = self.one
        for part in self.acting:
            found = part.fixed_part(found)
        return found

    def moves_one(self, part: Transformation) -> bool:
        """Whether ``part`` is not known to leave L 1 alone, to what covers allow for rounding."""
        rest = float((self.one - part.fixed_part(self.one)).norm())
        return not rest <= 1e-12 * (1.0 + float(self.one.norm()))

    @cached_property
    def loose(self) -> float:
        """||L 1 - v||, rounded up."""
        rest = float((self.one - self.fixed).norm())
        return rest * (1.0 + 1e-9)

    def action_error(
        self, z: Tensor, reach: tuple[float, ...], offset: tuple[float, ...]
    ) -> float | None:
        """Float64 error of T_theta z: no part lengthens what the ones before it have lost."""
        total = 0.0
        ends = zip(self._split_tuple(reach), self._split_tuple(offset), strict=True)
        for part, identity_action, (far, off) in zip(
            self.parts, self.identity_action, ends, strict=True
        ):
            if identity_action:
                continue
            own = part.bounds.action_error(z, far, off)
            if own is None:
                return None
            total += own * (1.0 + 1e-9)
        return total

    def _split(self, theta: Tensor) -> tuple[Tensor, ...]:
        return torch.split(theta, list(self.widths), dim=1) if self.parts else ()

    def _shared(self, columns: Columns) -> list[Columns]:
        return [columns[start:end] for start, end in self._ends()]

    def _split_tuple(self, values: tuple[float, ...]) -> list[tuple[float, ...]]:
        return [values[start:end] for start, end in self._ends()]

    def _ends(self) -> list[tuple[int, int]]:
        ends, start = [], 0
        for width in self.widths:
            ends.append((start, start + width))
            start += width
        return ends


def _moved(part: Transformation, z: Tensor) -> Tensor:
    """T_theta z at one unit of every parameter."""
    return part.act(z, *(z.new_ones((1, 1)) for _ in part.parameters))


def _rivals(one: Transformation, other: Transformation, what: str) -> PluginError:
    return PluginError(
        f"{one.name} and {other.name} both name the z_space {one.z_space!r}, but {what}; one of"
        " them is wrong about itself: ask its author, or certify them one by one"
    )


def _columns(theta: Tensor) -> list[Tensor]:
    return list(torch.split(theta, 1, dim=1))
