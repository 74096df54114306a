"""Descriptions of test images and points of z-space, short enough to print."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import torch
from hypothesis import strategies as st
from torch import Tensor

from gsmooth.testing.settings import KIT

IN_RANGE: Final = ("pixel", "checkerboard", "step", "blob", "noise", "levels")
"""Ways to make an image in [0, 1], simplest first: counterexamples shrink towards the left."""
KINDS: Final = (*IN_RANGE, "signed")
POINTS: Final = ("unit", "normal", "levels", "long")
LEVELS: Final = 255


@final
@dataclass(frozen=True)
class SampleImage:
    """A test image in [0, 1] (in [-1, 1] for kind "signed"), described by kind and seed.

    Kinds: pixel: one bright pixel. checkerboard: the steepest image, with a different brightness in
    each channel. step: an edge in a random direction. blob: smooth, without symmetry. noise:
    independent uniform pixels. levels: noise at whole multiples of 1/255, as in an 8-bit file.
    signed: uniform in [-1, 1].
    """

    kind: str
    seed: int

    def tensor(self, shape: tuple[int, int, int]) -> Tensor:
        """Return the image (1, C, H, W), float64."""
        channels, height, width = shape
        draw = torch.Generator().manual_seed(self.seed)
        if self.kind in ("noise", "signed", "levels"):
            uniform = torch.rand(1, *shape, generator=draw, dtype=torch.float64, device="cpu")
            if self.kind == "levels":
                return _levels(uniform)
            return 2.0 * uniform - 1.0 if self.kind == "signed" else uniform
        row = torch.arange(height, dtype=torch.float64, device="cpu")[:, None]
        col = torch.arange(width, dtype=torch.float64, device="cpu")[None, :]
        layers = [self._layer(row, col, draw) for _ in range(channels)]
        return torch.stack(layers)[None]

    def _layer(self, row: Tensor, col: Tensor, draw: torch.Generator) -> Tensor:
        height, width = len(row), col.shape[1]
        at = torch.rand(4, generator=draw, dtype=torch.float64, device="cpu")
        if self.kind == "pixel":
            here = (row == (at[0] * height).floor()) & (col == (at[1] * width).floor())
            return here.to(torch.float64)
        if self.kind == "checkerboard":
            return (row + col + (at[0] > 0.5)) % 2.0
        if self.kind == "step":
            across = (row - at[0] * height) * (at[2] - 0.5) + (col - at[1] * width) * (at[3] - 0.5)
            return (across > 0).to(torch.float64)
        down, right = (row / height - at[0]) / 0.2, (col / width - at[1]) / (0.1 + 0.4 * at[2])
        return torch.exp(-(down**2) - right**2)


@final
@dataclass(frozen=True)
class Point:
    """A point of z-space, described by kind and seed.

    Kinds: unit: one coordinate. normal: independent normals. levels: uniform among whole multiples
    of 1/255. long: normals, a thousand times as long.
    """

    kind: str
    seed: int

    def tensor(self, size: int, rows: int = 1) -> Tensor:
        """Return ``rows`` different points (rows, size), float64."""
        draw = torch.Generator().manual_seed(self.seed)
        if self.kind == "levels":
            uniform = torch.rand(rows, size, generator=draw, dtype=torch.float64, device="cpu")
            return _levels(uniform)
        if self.kind in ("normal", "long"):
            normal = torch.randn(rows, size, generator=draw, dtype=torch.float64, device="cpu")
            return KIT.images.long_point * normal if self.kind == "long" else normal
        place = torch.randint(size, (rows,), generator=draw, dtype=torch.int64, device="cpu")
        return torch.nn.functional.one_hot(place, size).to(torch.float64)


def _levels(uniform: Tensor) -> Tensor:
    """Round numbers in [0, 1) to the nearest level of an 8-bit file."""
    return (uniform * LEVELS).round() / LEVELS


def sample_images(kinds: tuple[str, ...] = KINDS) -> st.SearchStrategy[SampleImage]:
    """Return a strategy for images of the given kinds."""
    return st.builds(SampleImage, st.sampled_from(kinds), st.integers(0, KIT.images.seeds))


def points() -> st.SearchStrategy[Point]:
    """Return a strategy for points of z-space."""
    return st.builds(Point, st.sampled_from(POINTS), st.integers(0, KIT.images.seeds))
