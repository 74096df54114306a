"""Pairs of coefficients that an action turns: cosine and sine, or real and imaginary part.

Along one axis a tensor is laid out as [what stands | first parts | second parts].
"""

from __future__ import annotations

from abc import abstractmethod
from functools import reduce
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from gsmooth.geometry.space import Size, Space


def split(z: Tensor, fixed: int, axis: int = -1) -> tuple[Tensor, Tensor, Tensor]:
    """The ``fixed`` coefficients that stand, first and second parts along an axis: views of z."""
    pairs = (z.shape[axis] - fixed) // 2
    found = z.split([fixed, pairs, pairs], dim=axis)  # type: ignore[no-untyped-call]
    return found[0], found[1], found[2]


def turned(z: Tensor, cos: Tensor, sin: Tensor, fixed: int, axis: int = -1) -> Tensor:
    """Every pair along an axis turned by its angle, by operations that gradients pass through."""
    rest, first, second = split(z, fixed, axis)
    return torch.cat([rest, first * cos - second * sin, first * sin + second * cos], dim=axis)


def turn_into(out: Tensor, z: Tensor, cos: Tensor, sin: Tensor, fixed: int, axis: int = -1) -> None:
    """Write what :func:`turned` gives over ``out``: the same products and sums, in fewer passes."""
    rest, first, second = split(z, fixed, axis)
    new_rest, new_first, new_second = split(out, fixed, axis)
    new_rest.copy_(rest)
    torch.mul(first, cos, out=new_first).addcmul_(second, sin, value=-1.0)
    torch.mul(first, sin, out=new_second).addcmul_(second, cos)


def generated(z: Tensor, order: Tensor, fixed: int, axis: int = -1) -> Tensor:
    """The derivative at 0 of turning every pair by its ``order`` times an angle."""
    rest, first, second = split(z, fixed, axis)
    return torch.cat([torch.zeros_like(rest), -order * second, order * first], dim=axis)


class Frame(Protocol):
    """A lift and a readout of one channel, as linear maps of flat images."""

    @property
    def size(self) -> int:
        """K of one channel."""

    def analyse(self, image: Tensor) -> Tensor:
        """L, row by row: (B, H * W) -> (B, K)."""

    def synthesise(self, z: Tensor) -> Tensor:
        """Q, row by row: (B, K) -> (B, H * W)."""


class Orders(NamedTuple):
    """How z of one channel turns.

    fixed: coefficients that stand, the first ones. orders: by parameter, how far every pair turns a
    unit of ``units`` backwards, (pairs,) float64. units: radians (or what else) in the parameter's
    unit.
    """

    fixed: int
    orders: tuple[Tensor, ...]
    units: tuple[float, ...]


class PairSpace(Space):
    """Channels lifted one by one to pairs, every one of which T turns by -(order * theta)."""

    @abstractmethod
    def frame(self, height: int, width: int) -> Frame:
        """The lift of (H, W) images, built once."""

    @abstractmethod
    def orders(self, device: torch.device) -> Orders:
        """How the coefficients turn; the same for all image sizes."""

    def lift(self, x: Tensor) -> Tensor:
        """Coefficients, channel by channel."""
        return (
            self.frame(x.shape[2], x.shape[3])
            .analyse(x.flatten(2).flatten(0, 1))
            .reshape(len(x), -1)
        )

    def readout(self, z: Tensor, shape: Size) -> Tensor:
        """The frame's own way back, channel by channel."""
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
        """Every pair turned, by operations that gradients pass through."""
        cos, sin = self.phases(theta, z)
        rest, first, second = split(self.channels(z), self.orders(z.device).fixed)
        parts = [rest, cos * first + sin * second, cos * second - sin * first]
        return torch.cat(parts, dim=2).reshape(z.shape)

    def fixed_part(self, z: Tensor) -> Tensor:
        """What stands, and the pairs of order 0 along all parameters."""
        fixed, orders, _ = self.orders(z.device)
        kept = torch.stack([order == 0.0 for order in orders]).all(dim=0).to(z.dtype)
        rest, first, second = split(self.channels(z), fixed)
        return torch.cat([rest, kept * first, kept * second], dim=2).reshape(z.shape)

    def action_derivative(self, z: Tensor) -> Tensor:
        """||A_i z||, (N, K) -> (N, m) per unit: T commutes with A_i and keeps lengths."""
        units = self.orders(z.device).units
        derivatives = [
            self.generated(z, i).norm(dim=1) * (unit * (1.0 + 1e-12))
            for i, unit in enumerate(units)
        ]
        return torch.stack(derivatives, dim=1)

    def action_error(self, z: Tensor, reach: tuple[float, ...], offset: tuple[float, ...]) -> float:
        """A phase is off by its orders times (offset + rounding of theta and of the products)."""
        _, orders, units = self.orders(z.device)
        # A disc so small that no order is kept does not move at all.
        tops = [
            float(o.abs().max()) * u if len(o) else 0.0 for o, u in zip(orders, units, strict=True)
        ]
        return turning_error(z, tops, reach, offset)

    def generated(self, z: Tensor, parameter: int = 0) -> Tensor:
        """A_i z, with T_theta = exp(sum_i theta_i A_i), theta in radians (or ln)."""
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
    """l2 bound on the float64 error of turning the pairs of z by angles of at most sum_i top_i
    |theta_i|, |theta_i| <= reach_i, where theta_i itself may be off by offset_i.
    """
    parts = zip(tops, reach, offset, strict=True)
    phase = sum(top * (far * 2.0**-51 + off) for top, far, off in parts)
    return float(z.norm(dim=1).max()) * (phase + 2.0**-48)
