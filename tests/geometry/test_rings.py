"""Samples on rings, against sums over all pixels."""

from __future__ import annotations

import math

import numpy as np

from gsmooth.geometry.rings import Floats, Rings
from gsmooth.geometry.sparse import torch_csr


def cone(down: Floats, right: Floats, radius: float) -> Floats:
    """Weights that fall linearly, and reach farther on outer rings."""
    distance = np.hypot(down[:, :, None], right[:, None, :])
    return np.asarray(np.maximum(0.0, 1.0 + radius - distance))


def test_every_sample_is_the_weighted_sum_around_its_point() -> None:
    rings = Rings(5, 6, np.array([0.5, 1.5]), np.array([3, 4]))
    matrix = rings.sampling(cone, np.array([1.5, 2.5])).toarray()
    rows, cols = np.indices((5, 6))
    sample = 0
    for radius, angles in ((0.5, 3), (1.5, 4)):
        for k in range(angles):
            phi = 2.0 * math.pi * k / angles
            row, col = 2.0 - radius * math.sin(phi), 2.5 + radius * math.cos(phi)
            expected = np.maximum(0.0, 1.0 + radius - np.hypot(rows - row, cols - col))
            assert np.abs(matrix[sample] - expected.ravel()).max() <= 1e-12
            sample += 1
    assert sample == len(matrix)


def test_a_sparse_matrix_is_the_same_in_torch() -> None:
    rings = Rings(4, 4, np.array([1.0]), np.array([5]))
    matrix = rings.sampling(cone, np.array([2.0]))
    assert np.array_equal(torch_csr(matrix).to_dense().numpy(), matrix.toarray())
