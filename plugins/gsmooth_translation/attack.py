"""The bilinear attack by shifts, and the four shifted images of which it is a mix."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal, final

import torch
import torch.nn.functional as F
from torch import Tensor

from gsmooth.geometry.settings import ChunkSettings

TRANSLATION: Final = ChunkSettings(images=2**22, acted=2**17, preimages=2**16)

Padding = Literal["zeros", "reflection"]


def shifted(x: Tensor, dx: Tensor, dy: Tensor, padding: Padding) -> Tensor:
    """psi: images (N, C, H, W) moved right by dx and down by dy pixels, both (N, 1)."""
    from kornia.geometry.transform import translate  # Its import takes a second.

    shift = torch.cat([dx.reshape(-1, 1), dy.reshape(-1, 1)], dim=1)
    return translate(x, shift, mode="bilinear", padding_mode=padding, align_corners=True)


@final
@dataclass(frozen=True)
class Boxes:
    """Cells of (dx, dy), each inside one integer cell.

    corner (g, 2): first corners of the integer cells that occur, in pixels. owner (n,): position of
    the integer cell of each box. low, high (n, 2): ends of the boxes in it, in [0, 1].
    """

    corner: Tensor
    owner: Tensor
    low: Tensor
    high: Tensor

    @classmethod
    def within(cls, lower: Tensor, upper: Tensor) -> Boxes:
        """Return boxes from their ends (n, 2) in pixels; ValueError if one contains an integer."""
        whole = lower.floor()
        low, high = lower - whole, upper - whole
        if bool((high > 1.0).any()) or bool((high < low).any()):
            raise ValueError("cells must not reach across a whole number of pixels")
        corner, owner = torch.unique(whole, dim=0, return_inverse=True)
        return cls(corner, owner, low, high)

    def corners(self) -> Iterator[tuple[Tensor, Tensor]]:
        """The four corners (s, t) of every box, each (n,)."""
        for s in (self.low[:, 0], self.high[:, 0]):
            for t in (self.low[:, 1], self.high[:, 1]):
                yield s, t

    def parts(self, each: int) -> Iterator[tuple[Tensor, Boxes]]:
        """Yield positions and boxes of groups of integer cells; ``each``: entries for a cell."""
        step = max(1, TRANSLATION.images // each)
        for start in range(0, len(self.corner), step):
            here = (self.owner >= start) & (self.owner < start + step)
            places = here.nonzero()[:, 0]
            part = self.corner[start : start + step]
            yield places, Boxes(part, self.owner[here] - start, self.low[here], self.high[here])


def mixes(x: Tensor, corner: Tensor, padding: Padding) -> Tensor:
    """p, q, r, u with psi = p + s q + t r + s t u on integer cells (C4): (g, 4, C, H, W).

    x (1, C, H, W); corner (g, 2): dx and dy at s = t = 0. With s, t in [0, 1] the fractional parts
    of dx and dy, every source point lies between the same 2 x 2 pixels all the time, at the same
    place between them for all pixels: psi is the bilinear mix of the images moved by whole pixels.
    """
    moved = _moved(x, corner, padding)
    origin, below = moved[:, 0, 0], moved[:, 0, 1]
    right, across = moved[:, 1, 0], moved[:, 1, 1]
    return torch.stack(
        [origin, right - origin, below - origin, across - right - below + origin], dim=1
    )


def _moved(x: Tensor, corner: Tensor, padding: Padding) -> Tensor:
    """x moved by (dx + i, dy + j), i, j in {0, 1}: (g, 2, 2, C, H, W)."""
    step = torch.arange(2, device=x.device, dtype=torch.int64)
    shift = corner.to(x.device).long()[:, :, None] + step
    cols = source(x.shape[3], shift[:, 0], padding)
    rows = source(x.shape[2], shift[:, 1], padding)
    # One more row and column of zeros is the source of pixels outside the image.
    image = F.pad(x[0], (0, 1, 0, 1))
    found = image[:, rows[:, None, :, :, None], cols[:, :, None, None, :]]
    return found.movedim(0, 3)


def source(size: int, shift: Tensor, padding: Padding) -> Tensor:
    """Return the source pixel of each position of an axis after a shift (...): (..., size).

    ``size`` itself means outside. Reflection is about the centres of the outermost pixels, so the
    image repeats after 2 (size - 1) pixels.
    """
    place = torch.arange(size, device=shift.device, dtype=torch.int64) - shift[..., None]
    if padding == "zeros":
        return torch.where((place < 0) | (place >= size), size, place)
    period = max(1, 2 * (size - 1))
    place = place.remainder(period)
    return torch.where(place < size, place, period - place)
