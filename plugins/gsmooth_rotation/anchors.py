"""Certified suprema of bilinear rotation around anchors: a cover without noise on the angle."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from gsmooth.geometry.pixels import disc, offsets
from gsmooth_rotation.attack import RADIANS
from gsmooth_rotation.bounds import NUMERICAL, derivative_chunks, widest_half
from gsmooth_rotation.settings import ROTATION


def anchor_angles(lower_deg: float, upper_deg: float, anchors: int) -> Tensor:
    """Return the middles of ``anchors`` equal arcs of [lower_deg, upper_deg], in degrees."""
    return _angle_grid(lower_deg, upper_deg, anchors)[1::2]


def anchor_suprema(
    x: Tensor, lower_deg: float, upper_deg: float, anchors: int, radius_px: float
) -> Tensor:
    """Bound sup over arc j of ||psi_theta(x) - psi_(anchor j)(x)||_2 over a disc, for every arc.

    The arcs are equal parts of [lower_deg, upper_deg], and the anchors are their middles
    (:func:`anchor_angles`). Every image of arc j is within the bound M_j of its anchor, which gives
    the margin M_j / sigma.

    Proof (C3, intervals of pixel derivatives, for T = id). Let f(t) = psi_(anchor +- t) -
    psi_anchor on a half arc of length h, and let f'_p lie in [low_p, high_p] there. f_p(t) / t is a
    mean of f'_p and lies in the same interval, so <f, f'> >= t sum_p m_p with m_p the least product
    of two of its numbers. With kappa = max(0, -sum_p m_p), ||f(t)||^2 <= ||f(h)||^2 + kappa h^2. If
    kappa = 0, the distance from the anchor only grows, and its value at the end of the arc is
    exact. Also ||f(t)|| <= h || sup|f'_p| ||.

    Args:
        x: Image (1, C, H, W), float64.
        lower_deg: Lower end of the angles, in degrees.
        upper_deg: Upper end, in degrees.
        anchors: Number of arcs.
        radius_px: Radius of the disc of pixels (TSS: (H - 1) / 2).

    Returns:
        M (anchors,), rounded up.

    Raises:
        ValueError: The arcs are too wide for C3, or the interval or the number of anchors is not
            valid.
    """
    _check(lower_deg, upper_deg, anchors)
    pixels = disc(x.shape[2], x.shape[3], radius_px).to(x.device)
    angles = _angle_grid(lower_deg, upper_deg, anchors).to(x.device) * RADIANS
    _check_width(x, pixels, angles)
    gaps = torch.cat(list(_gaps(x, pixels, angles))).reshape(-1, 2)
    bound = gaps.amax(dim=1)
    unsure = _returning(x, pixels, angles)
    if bool(unsure.any()):
        bound[unsure] = _curvature_bound(x, pixels, angles, gaps, unsure)
    return bound + NUMERICAL * (1.0 + float(x.norm()))


def _angle_grid(lower_deg: float, upper_deg: float, anchors: int) -> Tensor:
    """Return ends and middles of the arcs in turn, (2 anchors + 1,)."""
    return torch.linspace(lower_deg, upper_deg, 2 * anchors + 1, dtype=torch.float64, device="cpu")


def _check(lower_deg: float, upper_deg: float, anchors: int) -> None:
    if not (math.isfinite(lower_deg) and math.isfinite(upper_deg) and lower_deg <= upper_deg):
        raise ValueError(f"rotation: [{lower_deg}, {upper_deg}] is not an interval of degrees")
    if anchors < 1:
        raise ValueError(f"rotation: anchors={anchors} must be at least 1")


def _check_width(x: Tensor, pixels: Tensor, angles: Tensor) -> None:
    # Slightly below the limit, since the widths of equal arcs differ by rounding.
    widest = 2.0 * widest_half(x.shape[1:], pixels) * (1.0 - 1e-9)
    if float((angles[1:] - angles[:-1]).max()) > widest:
        least = math.ceil(float(angles[-1] - angles[0]) / (2.0 * widest) * (1.0 + 1e-9))
        raise ValueError(
            f"rotation: arcs of {float(angles[2] - angles[0]) / RADIANS:g} degrees are too wide for"
            f" a bound on this disc; give at least {least} anchors"
        )


def _gaps(x: Tensor, pixels: Tensor, theta: Tensor) -> Iterator[Tensor]:
    """Yield ||psi_(k + 1) - psi_k|| over the pixels for angles theta (n,) in radians, in chunks."""
    row, col = offsets((x.shape[2], x.shape[3]), pixels)
    step, last = max(1, ROTATION.anchors // len(pixels)), None
    for part in theta.split_with_sizes(_sizes(len(theta), step)):
        cos, sin = torch.cos(part)[:, None], torch.sin(part)[:, None]
        # grid_sample counts from -1 at the outer edge of the first pixel to 1 at the last one's.
        at = torch.stack(
            [
                (col * cos - row * sin) * (2.0 / x.shape[3]),
                (row * cos + col * sin) * (2.0 / x.shape[2]),
            ],
            dim=-1,
        )
        here = F.grid_sample(x, at[None], padding_mode="zeros", align_corners=False)[0]
        joined = here if last is None else torch.cat([last, here], dim=1)
        last = here[:, -1:]
        yield (joined[:, 1:] - joined[:, :-1]).square_().sum(dim=(0, 2)).sqrt_()


def _sizes(count: int, step: int) -> list[int]:
    return [min(step, count - start) for start in range(0, count, step)]


def _returning(x: Tensor, pixels: Tensor, angles: Tensor) -> Tensor:
    """Mask (n,) of arcs on which the distance from the anchor may decrease: kappa > 0."""
    anchors, arc = len(angles) // 2, float(angles[2] - angles[0])
    # Radians: the limit of C3 is reached where the rim moves by 0.9 px.
    wide = widest_half(x.shape[1:], pixels) * 2.0 * ROTATION.search.group_px / 0.9
    size = max(1, int(wide / arc)) if arc > 0.0 else anchors
    if arc > wide:
        return torch.ones(anchors, dtype=torch.bool, device=x.device)
    starts = torch.arange(0, anchors, size, device=x.device, dtype=torch.int64)
    low, high = angles[2 * starts], angles[2 * (starts + size).clamp(max=anchors)]
    parts = [_returns(*ends) for _, *ends in derivative_chunks(x[0], pixels, low, high)]
    return (torch.cat(parts) > 0.0).repeat_interleave(size)[:anchors]


def _curvature_bound(
    x: Tensor, pixels: Tensor, angles: Tensor, gaps: Tensor, chosen: Tensor
) -> Tensor:
    """Return the bound with kappa for the chosen arcs, half arc by half arc; gaps (n, 2).

    At angle 0 every pixel is at a kink. At the end of an interval this alone makes kappa > 0. So
    kappa is also computed without a part e = edge h at both ends. With g = f - f(e), ||f(e)|| <=
    e S and ||g(h - e)|| <= ||f(h)|| + 2 e S, hence ||f|| <= e S + sqrt((||f(h)|| + 2 e S)^2 +
    kappa h^2), where S >= || sup|f'_p| || on the whole half arc.
    """
    place = chosen.nonzero()[:, 0]
    first = torch.stack([2 * place, 2 * place + 1], dim=1).flatten()
    low, high = angles[first], angles[first + 1]
    half, ends = high - low, gaps[place].flatten()
    kappa, derivative = _curvatures(x, pixels, low, high)
    edge = ROTATION.search.edge * half
    inner, _ = _curvatures(x, pixels, low + edge, high - edge)
    rim = edge * derivative
    around = (ends.square() + kappa * half**2).sqrt()
    inside = ((ends + 2.0 * rim).square() + inner * half**2).sqrt() + rim
    bound = torch.minimum(torch.minimum(around, inside), derivative * half)
    return bound.reshape(-1, 2).amax(dim=1)


def _curvatures(x: Tensor, pixels: Tensor, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    """kappa and || sup|psi'_p| || of cells, (n,) each."""
    kappa, derivative = [], []
    for _, least, most in derivative_chunks(x[0], pixels, low, high):
        kappa.append(_returns(least, most))
        derivative.append(torch.maximum(least.neg(), most).square_().sum(dim=(0, 2)).sqrt_())
    return torch.cat(kappa), torch.cat(derivative)


def _returns(low: Tensor, high: Tensor) -> Tensor:
    """kappa (cells,) of intervals (C, cells, P): minus the sum of the least products, if positive.

    An interval on one side of 0 has the square of its nearer end, one around 0 has low * high.
    """
    nearer = torch.minimum(low.abs(), high.abs())
    least = torch.where(low * high > 0.0, nearer * nearer, low * high)
    return least.sum(dim=(0, 2)).neg_().clamp_(min=0.0)
