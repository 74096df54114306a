"""D1: how much of the images is left under noise, by the mutual information of Gaussians."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from gsmooth.errors import ConfigurationError

Floats = NDArray[np.float64]


def covariance_spectrum(z: Tensor, labels: NDArray[np.int64] | None = None) -> Floats:
    """Eigenvalues of the covariance of lifted images, from their Gram matrix (D1).

    The n images span at most n - 1 directions, so at most n - 1 eigenvalues are above 0; these are
    those of the Gram matrix of the centred images over n. With few images the smaller ones are
    missed, so the information is a low estimate that grows with n: compare lifts on the same
    images.

    Args:
        z: Lifted images (n, K), n >= 2.
        labels: Class of every image (n,): the covariance within classes; None: that of all.

    Returns:
        Eigenvalues (n,), ascending, at least 0, in squared units of the images.

    Raises:
        ConfigurationError: There are fewer than two images.
    """
    if len(z) < 2:
        raise ConfigurationError(f"a covariance of {len(z)} images: give at least two")
    centred = z.double() - z.double().mean(dim=0)
    for label in np.unique(labels) if labels is not None else ():
        rows = torch.from_numpy(np.flatnonzero(labels == label))
        centred[rows] -= centred[rows].mean(dim=0)
    gram = centred @ centred.T / len(z)
    found: Floats = torch.linalg.eigvalsh(gram).clamp(min=0.0).cpu().numpy()
    return found


def gaussian_information(spectrum: ArrayLike, sigma: float) -> float:
    """Mutual information of a Gaussian vector and itself plus noise N(0, sigma^2 I), in nats (D1).

    D1, a heuristic and no theorem: of two lifts with the same quotient of residual and sigma, the
    one that keeps more information is likely to allow the better network. Information about labels
    is that of all images less that within classes; noise on parameters has no part in it.

    Args:
        spectrum: Eigenvalues lambda_k of the covariance.
        sigma: Standard deviation of the noise, > 0.

    Returns:
        1/2 sum log(1 + lambda_k / sigma^2).

    Raises:
        ConfigurationError: sigma is not positive.

    Example:
        >>> round(gaussian_information([3.0, 0.0], sigma=1.0), 4)
        0.6931
    """
    if not sigma > 0.0:
        raise ConfigurationError(f"sigma={sigma}: expected a number above 0")
    return float(np.log1p(np.asarray(spectrum, dtype=np.float64) / sigma**2).sum() / 2.0)
