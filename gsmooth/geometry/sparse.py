"""Sparse linear maps of images, built by SciPy and applied by PyTorch."""

from __future__ import annotations

import warnings

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor


def torch_csr(matrix: csr_array) -> Tensor:
    """Convert a sparse matrix to PyTorch, float64 on the CPU.

    Indices are of 32 bits where they fit: MKL would convert others at every product, which takes as
    long as a product with some ten columns.
    """
    places = np.int32 if max(matrix.nnz, *matrix.shape) < 2**31 else np.int64
    with warnings.catch_warnings():
        # PyTorch warns that its CSR layout is beta; only products with dense matrices are used.
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        return torch.sparse_csr_tensor(
            torch.from_numpy(matrix.indptr.astype(places, copy=False)),
            torch.from_numpy(matrix.indices.astype(places, copy=False)),
            torch.from_numpy(matrix.data),
            size=matrix.shape,
            check_invariants=True,
            dtype=torch.float64,
            device="cpu",
        )
