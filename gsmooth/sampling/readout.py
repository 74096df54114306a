"""The readout Q as a function of one row: its result does not depend on the other rows.

Certified is f Q, not f. For many transformations Q z is a product with a matrix, and float32
products are summed in another order at another number of rows. So Q is always evaluated in blocks
of one number of rows: for votes, predictions, attacks and the check of f.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, final

import torch
from torch import Tensor

from gsmooth.models.call import plain_precision
from gsmooth.transforms.base import Transformation

ROWS: Final = 32
"""Rows of a block: few enough for one look at a large image, enough for fast products."""
CUDA_ROWS: Final = 256
"""Rows of a block on a GPU, which small products leave idle."""
CUDA_NUMBERS: Final = 2**24
"""Numbers of such a block at most; larger rows come in blocks of ROWS there too."""


@final
@dataclass(frozen=True)
class Readout:
    """Q for images of one shape (C, H, W), in blocks of one size.

    shape: that of the images; Q z has the shape that the transformation's ``input_shape`` says.
    The certificate is of f Q at noisy points that are rounded to a grid (F1), so Q z must not
    depend on the batch.
    """

    transformation: Transformation
    shape: tuple[int, int, int]

    def images(self, z: Tensor) -> Tensor:
        """Q z: (N, K) -> (N, *input_shape), in z's dtype, on its device; differentiable where Q is.

        The last block is filled up with copies of its first row.
        """
        if type(self.transformation).readout is Transformation.readout:
            return z.reshape(-1, *self.shape)  # No arithmetic and no copy.
        with plain_precision(z.device):
            return torch.cat([self._block(part) for part in torch.split(z, self.rows(z))])

    def batches(self, z: Tensor, batch_size: int) -> Iterator[Tensor]:
        """The images of z (N, K) in batches of ``batch_size``; the last one may be smaller.

        Several small batches share a block.
        """
        together = batch_size * max(1, self.rows(z) // batch_size)
        for part in torch.split(z, together):
            yield from torch.split(self.images(part), batch_size)

    def rows(self, z: Tensor) -> int:
        """Rows of a block; a function of the device and of K alone."""
        wide = z.is_cuda and CUDA_ROWS * z.shape[1] <= CUDA_NUMBERS
        return CUDA_ROWS if wide else ROWS

    def _block(self, part: Tensor) -> Tensor:
        given = len(part)
        if (missing := self.rows(part) - given) > 0:
            part = torch.cat([part, part[:1].expand(missing, -1)])
        return self.transformation.readout(part, self.shape)[:given]
