"""What a z-space of translated images has to say, whatever its coordinates are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

import torch
from torch import Tensor

from gsmooth_translation.forms import Forms
from gsmooth_translation.shifts import Boxes, Padding, mixes

# Outward slack for the float64 arithmetic of lift and generators, per unit of image norm.
NUMERICAL: Final = 1e-9


class Space(Protocol):
    """Lift, readout and action for one image size, with the bounds that covers need.

    Images (N, C, H, W) and z (N, C * K), float64; shifts in pixels, cells of them (n, 2).
    """

    @property
    def norm(self) -> float:
        """Upper bound on ||L||; channels do not mix."""

    def lift(self, x: Tensor) -> Tensor:
        """L x."""

    def readout(self, z: Tensor) -> Tensor:
        """Q z, the adjoint of L: (N, C, H, W)."""

    def act(self, z: Tensor, dx: Tensor, dy: Tensor) -> Tensor:
        """T z for shifts (N, 1)."""

    def fixed_part(self, z: Tensor) -> Tensor:
        """The projection of z on what no shift moves."""

    def action_derivative(self, z: Tensor) -> Tensor | None:
        """sup over shifts of ||d T z / d theta_i||, (N, C * K) -> (N, 2) per pixel."""

    def action_error(self, z: Tensor, reach: tuple[float, ...], offset: tuple[float, ...]) -> float:
        """l2 bound on the float64 error of T z, for shifts up to ``reach`` off by ``offset``."""

    def carried_bounds(
        self, x: Tensor, lower: Tensor, upper: Tensor, padding: Padding
    ) -> tuple[Tensor, Tensor] | None:
        """sup ||dC / d theta_i|| and sup ||d2C / d theta_i^2||, C = T_(-theta) L psi."""


def z_space_of(low_pass_px: float, pad_px: int, frame_px: int, cutoff: float | None) -> str:
    """The name of the Fourier space that these options make."""
    return f"translation fourier {float(low_pass_px)} {pad_px} {frame_px} {cutoff}"


def attack_derivative(
    lift: Callable[[Tensor], Tensor], x: Tensor, lower: Tensor, upper: Tensor, padding: Padding
) -> Tensor:
    """sup ||d L psi / d theta_i|| over each cell, per pixel; (n, 2) -> (n, 2), rounded up.

    Exact: in an integer cell L psi = p + s q + t r + s t u (C4), so its derivatives q + t u and
    r + s u are affine in the other coordinate, and their norms largest at an end of it.
    """
    boxes, found = Boxes.within(lower, upper), torch.zeros_like(lower)
    channels, height, width = x.shape[1:]
    for places, part in boxes.parts(8 * channels * height * width):
        mix = mixes(x, part.corner, padding)
        forms = Forms.of(lift(mix.flatten(0, 1)).reshape(len(mix), 4, -1), part.owner)
        for s, t in part.corners():
            one, zero = torch.ones_like(s), torch.zeros_like(s)
            along_x = forms.norm(torch.stack([zero, one, zero, t], dim=1))
            along_y = forms.norm(torch.stack([zero, zero, one, s], dim=1))
            derivatives = torch.stack([along_x, along_y], dim=1)
            found[places] = torch.maximum(found[places], derivatives)
    return found + NUMERICAL * (1.0 + float(x.norm()))
