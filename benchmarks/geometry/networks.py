"""The networks of the benchmark, as factories for ``model.spec``: inference form, norms folded."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn

from gsmooth.models.zoo.networks import fused, small_cnn


def digits() -> nn.Sequential:
    """(N, 1, 28, 28) -> (N, 10), to be filled with weights that :mod:`training` saved."""
    return fused(digits_to_train())


def signs() -> nn.Sequential:
    """(N, 3, 32, 32) -> (N, 43), to be filled with weights that :mod:`training` saved."""
    return fused(signs_to_train())


def digits_to_train() -> nn.Sequential:
    """The digit network with its batch norms."""
    return small_cnn((32, 64, 64, 96), classes=10, channels=1, size=28)


def signs_to_train() -> nn.Sequential:
    """The traffic sign network with its batch norms; it begins with :class:`Standardize`."""
    return nn.Sequential(
        Standardize(), *small_cnn((32, 64, 96, 128), classes=43, channels=3, size=32)
    )


@final
class Standardize(nn.Module):
    """(x - mean) / sqrt(variance + floor^2), over all pixels and channels of each image.

    Signs are photographed in sun and in shade; the mean and contrast of a noisy, low-passed image
    are still those of the photograph. x (N, C, H, W).
    """

    floor = 0.1

    def forward(self, x: Tensor) -> Tensor:
        variance, mean = torch.var_mean(x, dim=(1, 2, 3), correction=0, keepdim=True)
        return (x - mean) * torch.rsqrt(variance + self.floor**2)
