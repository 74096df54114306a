"""Rotation of pairs of coefficients, such as cosine and sine, or real and imaginary part.

Along one axis, a tensor is laid out as [fixed coefficients | first parts | second parts].
"""

from __future__ import annotations

from abc import abstractmethod
from functools import reduce
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from gsmooth.geometry.space import Size, Space


def split(z: Tensor, fixed: int, axis: int = -1) -> tuple[Tensor, Tensor, Tensor]:
    """Split z along an axis into ``fixed`` coefficients, first parts and second parts (views)."""
    pairs = (z.shape[axis] - fixed) // 2
    found = z.split([fixed, pairs, pairs], dim=axis)  # type: ignore[no-untyped-call]
    return found[0], found[1], found[2]


def turned(z: Tensor, cos: Tensor, sin: Tensor, fixed: int, axis: int = -1) -> Tensor:
    """Rotate every pair along an axis by its angle, given by cos and sin; differentiable."""
    rest, first, second = split(z, fixed, axis)
    return torch.cat([rest, first * cos - second * sin, first * sin + second * cos], dim=axis)


def turn_into(out: Tensor, z: Tensor, cos: Tensor, sin: Tensor, fixed: int, axis: int = -1) -> None:
    """Write the result of :func:`turned` into ``out``: the same arithmetic, in fewer passes."""
    rest, first, second = split(z, fixed, axis)
    new_rest, new_first, new_second = split(out, fixed, axis)
    new_rest.copy_(rest)
    torch.mul(first, cos, out=new_first).addcmul_(second, sin, value=-1.0)
    torch.mul(first, sin, out=new_second).addcmul_(second, cos)


def generated(z: Tensor, order: Tensor, fixed: int, axis: int = -1) -> Tensor:
    """Return the derivative at angle 0 of a rotation of every pair by ``order`` times an angle."""
    rest, first, second = split(z, fixed, axis)
    return torch.cat([torch.zeros_like(rest), -order * second, order * first], dim=axis)


class Frame(Protocol):
    """Lift and readout of one channel, as linear maps of flat images."""

    @property
    def size(self) -> int:
        """Number K of coefficients of one channel."""

    def analyse(self, image: Tensor) -> Tensor:
        """L, row by row: (B, H * W) -> (B, K)."""

    def synthesise(self, z: Tensor) -> Tensor:
        """Q, row by row: (B, K) -> (B, H * W)."""


class Orders(NamedTuple):
    """The action on z of one channel: every pair is rotated by -(sum_i order_i theta_i).

    fixed: number of coefficients, at the beginning, that do not move. orders: by parameter, the
    order of every pair, (pairs,), float64. units: by parameter, the factor from its unit to that of
    the order (such as radians for a degree).
    """

    fixed: int
    orders: tuple[Tensor, ...]
    units: tuple[float, ...]


class PairSpace(Space):
    """A z-space of pairs, channel by channel; T_theta rotates each pair by -(order * theta)."""

    @abstractmethod
    def frame(self, height: int, width: int) -> Frame:
        """The lift of (H, W) images, built once."""

    @abstractmethod
    def orders(self, device: torch.device) -> Orders:
        """Return the orders of the pairs, which are the same for all image sizes."""

    def lift(self, x: Tensor) -> Tensor:
        """Coefficients, channel by channel."""
        return (
            self.frame(x.shape[2], x.shape[3])
            .analyse(x.flatten(2).flatten(0, 1))
            .reshape(len(x), -1)
        )

    def readout(self, z: Tensor, shape: Size) -> Tensor:
        """Apply the frame's readout, channel by channel."""
        frame = self.frame(shape[1], shape[2])
        return frame.synthesise(z.reshape(-1, frame.size)).reshape(-1, *shape)

    def phases(self, theta: tuple[Tensor, ...], z: Tensor) -> tuple[Tensor, Tensor]:
        """Cosine and sine of order * theta for every pair, theta (N, 1) each, (N, 1, pairs)."""
        _, orders, units = self.orders(z.device)
        parts = zip(theta, units, orders, strict=True)
        phase = reduce(torch.add, (value * unit * order for value, unit, order in parts))
        # Training acts on float32, with the float64 phases of certificates.
        return torch.cos(phase)[:, None].to(z.dtype), torch.sin(phase)[:, None].to(z.dtype)

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        """Rotate every pair; differentiable."""
        cos, sin = self.phases(theta, z)
        rest, first, second = split(self.channels(z), self.orders(z.device).fixed)
        parts = [rest, cos * first + sin * second, cos * second - sin * first]
        return torch.cat(parts, dim=2).reshape(z.shape)

    def fixed_part(self, z: Tensor) -> Tensor:
        """Keep the fixed coefficients and the pairs of order 0; set the others to 0."""
        fixed, orders, _ = self.orders(z.device)
        kept = torch.stack([order == 0.0 for order in orders]).all(dim=0).to(z.dtype)
        rest, first, second = split(self.channels(z), fixed)
        return torch.cat([rest, kept * first, kept * second], dim=2).reshape(z.shape)

    def action_derivative(self, z: Tensor) -> Tensor:
        """Return ||A_i z||, (N, K) -> (N, m), per unit of theta_i; A_i is the generator of T.

        The derivative has this norm at every theta, since T commutes with A_i and keeps norms.
        """
        units = self.orders(z.device).units
        derivatives = [
            self.generated(z, i).norm(dim=1) * (unit * (1.0 + 1e-12))
            for i, unit in enumerate(units)
        ]
        return torch.stack(derivatives, dim=1)

    def action_curvature(self, z: Tensor) -> Tensor:
        """Return ||A_i^2 z||, (N, K) -> (N, m), per unit of theta_i squared."""
        units = self.orders(z.device).units
        twice = [self.generated(self.generated(z, i), i).norm(dim=1) for i in range(len(units))]
        return torch.stack(twice, dim=1) * (z.new_tensor(units).square() * (1.0 + 1e-12))

    def action_error(self, z: Tensor, reach: tuple[float, ...], offset: tuple[float, ...]) -> float:
        """Bound the error of T z by that of phases: orders times (offset + rounding errors)."""
        _, orders, units = self.orders(z.device)
        # In a very small disc no order is kept, and nothing moves.
        tops = [
            float(o.abs().max()) * u if len(o) else 0.0 for o, u in zip(orders, units, strict=True)
        ]
        return turning_error(z, tops, reach, offset)

    def generated(self, z: Tensor, parameter: int = 0) -> Tensor:
        """Return A_i z, where T_theta = exp(sum_i theta_i A_i), with theta in radians or ln."""
        fixed, orders, _ = self.orders(z.device)
        moved = generated(self.channels(z), -orders[parameter].to(z.dtype), fixed)
        return moved.reshape(z.shape)

    def channels(self, z: Tensor) -> Tensor:
        """z (N, C * K) as (N, C, K)."""
        fixed, orders, _ = self.orders(z.device)
        return z.reshape(len(z), -1, fixed + 2 * len(orders[0]))


def turning_error(
    z: Tensor, tops: list[float], reach: tuple[float, ...], offset: tuple[float, ...]
) -> float:
    """Bound the l2 norm of the float64 error of a rotation of pairs.

    Args:
        z: Points (N, K).
        tops: By parameter, the largest order; angles are at most sum_i top_i |theta_i|.
        reach: By parameter, the largest |theta_i|.
        offset: By parameter, the largest error of theta_i itself.
    """
    parts = zip(tops, reach, offset, strict=True)
    phase = sum(top * (far * 2.0**-51 + off) for top, far, off in parts)
    return float(z.norm(dim=1).max()) * (phase + 2.0**-48)
