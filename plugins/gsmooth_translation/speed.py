"""How fast a translated image, carried back, moves with dx and dy: exact suprema over cells."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from gsmooth_translation.fourier import FourierFrame, generated

# Outward slack for the float64 arithmetic of lift and generators, per unit of image norm.
NUMERICAL = 1e-9
# Axis of z along which a parameter (dx, dy) turns phases.
DX_AXIS, DY_AXIS = -1, -2


def speed_and_bend(
    frame: FourierFrame, x: Tensor, lower: Tensor, upper: Tensor
) -> tuple[Tensor, Tensor]:
    """sup ||dC / d theta_i|| and sup ||d2C / d theta_i^2|| over each cell, both (n, 2).

    x (1, C, H, W) float64; lower, upper (n, 2): cells of (dx, dy) in pixels, none across an
    integer. Exact up to outward rounding:

    With s, t in [0, 1] the fractional parts of dx and dy, the attacked image is the bilinear mix
    of four integer shifts (C4), so P = L psi = p + s q + t r + s t u with fixed p, q, r, u. From
    C = T_(-theta) P follow T_theta dC/ddx = P_s - A P and T_theta d2C/ddx2 = -2 A P_s + A^2 P
    (A the generator along x; P_ss = 0), with P_s = q + t u: bilinear in (s, t) again. The norm of
    a bilinear map is convex in s and in t, so its supremum over a box is attained at a corner; and
    T is orthogonal. At an integer the derivatives are those from inside the cell.
    """
    corner = lower.floor()
    low, high = lower - corner, upper - corner
    if bool((high > 1.0).any()) or bool((high < low).any()):
        raise ValueError("cells must not reach across a whole number of pixels")
    grid, owner = torch.unique(corner, dim=0, return_inverse=True)
    mix = _mix(frame.analyse(_four_shifts(x, grid)))
    omega_y, omega_x = frame.frequencies(x.dtype, x.device)
    zero = torch.zeros_like(mix[:, 0])
    along_s = torch.stack([mix[:, 1], zero, mix[:, 3], zero], dim=1)
    along_t = torch.stack([mix[:, 2], mix[:, 3], zero, zero], dim=1)
    speeds, bends = [], []
    for slope, omega, axis in ((along_s, omega_x, DX_AXIS), (along_t, omega_y, DY_AXIS)):
        turned = generated(mix, omega, axis)
        bending = generated(turned - 2.0 * slope, omega, axis)
        speeds.append(_supremum(slope - turned, owner, low, high))
        bends.append(_supremum(bending, owner, low, high))
    slack = NUMERICAL * (1.0 + float(x.norm()))
    return torch.stack(speeds, dim=1) + slack, torch.stack(bends, dim=1) + slack


def _mix(corners: Tensor) -> Tensor:
    """p, q, r, u of p + s q + t r + s t u from its values at (s, t) in {0, 1}^2.

    (g, 2, 2, ...) -> (g, 4, ...).
    """
    origin, below = corners[:, 0, 0], corners[:, 0, 1]
    right, across = corners[:, 1, 0], corners[:, 1, 1]
    return torch.stack(
        [origin, right - origin, below - origin, across - right - below + origin], dim=1
    )


def _four_shifts(x: Tensor, grid: Tensor) -> Tensor:
    """x moved by (dx + i, dy + j), i, j in {0, 1}: (g, 2, 2, C, H, W) for grid (g, 2) of (dx, dy).

    Zero padding: what leaves the image is lost.
    """
    height, width = x.shape[2:]
    window = F.pad(x[0], (width + 1, width + 1, height + 1, height + 1))
    shifts = []
    for dx, dy in grid.long().tolist():
        for i, j in ((0, 0), (0, 1), (1, 0), (1, 1)):
            left = min(max(width + 1 - dx - i, 0), 2 * width + 2)
            top = min(max(height + 1 - dy - j, 0), 2 * height + 2)
            shifts.append(window[:, top : top + height, left : left + width])
    return torch.stack(shifts).reshape(len(grid), 2, 2, *x.shape[1:])


def _supremum(mix: Tensor, owner: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """max over the corners (s, t) of each box of ||p + s q + t r + s t u||, rounded up, (n,).

    mix (g, 4, ...): p, q, r, u; owner (n,): which of them a box uses; low, high (n, 2) in [0, 1].
    By the Gram matrix of p, q, r, u, whose float64 error is at most (K + 16) 2^-52 times the
    square of the sum of their norms: added before the root, where cancellation would hide it.
    """
    flat = mix.flatten(2)
    gram = flat @ flat.transpose(1, 2)
    lengths = flat.norm(dim=2).sum(dim=1)
    lost = (flat.shape[2] + 16) * 2.0**-52 * lengths.square()
    worst = low.new_zeros(len(low))
    for s in (low[:, 0], high[:, 0]):
        for t in (low[:, 1], high[:, 1]):
            weights = torch.stack([torch.ones_like(s), s, t, s * t], dim=1)
            squared = (weights[:, None] @ gram[owner] @ weights[:, :, None]).flatten()
            worst = torch.maximum(worst, squared)
    return torch.sqrt(worst + lost[owner])
