"""The rings of the polar frame, their angular orders, and their low-pass sampling."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from gsmooth.geometry.rings import Floats, Rings

REACH: Final = 4.0
"""Gaussian low-pass kernels are cut off at this many standard deviations. The cut is part of the
linear map L; it changes the covariance by exp(-8), and certificates remain sound."""


def ring_radii(radius_px: float, ring_step_px: float) -> Floats:
    """Radii (k + 1/2) ring_step of the rings inside the disc, in pixels."""
    inner = np.arange(max(1, int(radius_px / ring_step_px)), dtype=np.float64)
    return (inner + 0.5) * ring_step_px


def kept_orders(
    radius_px: float, ring_step_px: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Ring and angular order of every kept pair, 1 <= m <= pi r_k; both (pairs,)."""
    radii = ring_radii(radius_px, ring_step_px)
    pairs = [(k, m) for k, r in enumerate(radii) for m in range(1, int(math.pi * r) + 1)]
    ring, order = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    return ring, order


def edge_weights(radii: Floats, radius_px: float, edge_px: float) -> Floats:
    """Weights of the rings: 1, and in the outer ``edge_px`` of the disc a cosine that falls to 0.

    Every angular order of a ring has the weight of the ring, so the lift stays linear, and a
    rotation remains a change of phase.
    """
    inside = np.clip((radius_px - radii) / edge_px, 0.0, 1.0) if edge_px > 0.0 else 1.0
    return np.asarray(np.sin(inside * (np.pi / 2.0)) * np.ones_like(radii))


def weighted_sampling(
    rings: Rings, ring_step_px: float, std_px: float, cut_px: float | None = None
) -> tuple[csr_array, Floats]:
    """Build W S as a sparse (samples, H * W) matrix, and W = sqrt(r dr dphi) of every sample.

    Args:
        rings: Sample points.
        ring_step_px: Distance of the rings, dr.
        std_px: Std of the Gaussian low-pass.
        cut_px: Radius of the kernels, which are scaled to sum to 1. By default kernels cover a
            square of REACH standard deviations, without scaling.
    """

    def low_pass(down: Floats, right: Floats, radius: float) -> Floats:
        squared, spread = down[:, :, None] ** 2 + right[:, None, :] ** 2, std_px**2
        value = np.exp(-squared / (2.0 * spread)) / (2.0 * math.pi * spread)
        if cut_px is not None:
            value = np.where(squared <= cut_px**2, value, 0.0)
            # A kernel far narrower than a pixel may underflow to 0.
            value /= np.maximum(value.sum(axis=(1, 2), keepdims=True), 1e-300)
        return np.asarray(value)

    reach_px = np.full(len(rings.radii), REACH * std_px if cut_px is None else cut_px)
    cell = ring_step_px * 2.0 * math.pi / rings.angles
    weight = np.sqrt(np.repeat(rings.radii, rings.angles) * np.repeat(cell, rings.angles))
    return csr_array(rings.sampling(low_pass, reach_px) * weight[:, None]), weight
