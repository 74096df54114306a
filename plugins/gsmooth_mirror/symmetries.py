"""Mirror images, quarter turns, and both together: the symmetries of a rectangle and a square."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar, Final, Literal, Self, final

import torch
from torch import Tensor

from gsmooth import Parameter
from gsmooth.errors import ConfigurationError
from gsmooth_mirror.pixel_group import PixelGroup

if TYPE_CHECKING:
    Columns = tuple[Tensor, ...]

FLIP: Final = Parameter(
    "flip", "mirror images", "1: mirrored, 0: not", step=1.0, period=2.0, whole=True
)
TURNS: Final = Parameter(
    "turns", "quarter turns", "anticlockwise", usual=3.0, step=1.0, period=4.0, whole=True
)
Side = Literal["left-right", "up-down"]


@final
@dataclass(frozen=True)
class Mirror(PixelGroup):
    """Mirror images: pixels move exactly, and the residual is 0 (T7).

    The group has two elements. Not for labels that it tells apart, such as arrows to the left and
    to the right, or letters.

    direction: "left-right" exchanges left and right; "up-down" exchanges top and bottom.
    image_px: height and width; ``for_shape`` sets them.
    """

    direction: Side = "left-right"

    name: ClassVar[str] = "mirror"
    summary: ClassVar[str] = "mirror images, exact, with Haar noise"
    parameters: ClassVar[tuple[Parameter, ...]] = (FLIP,)

    def __post_init__(self) -> None:
        if self.direction not in ("left-right", "up-down"):
            raise ValueError(
                f"mirror: direction={self.direction!r} must be 'left-right' or 'up-down'"
            )

    def elements(self, height: int, width: int) -> Tensor:
        """The identity and the mirror image."""
        return _symmetries(height, width, 1, self.direction)

    def number(self, *theta: Tensor) -> Tensor:
        """1 where flip is odd."""
        return theta[0] % 2


@dataclass(frozen=True)
class _OfSquare(PixelGroup):
    """A group that needs square images."""

    def for_shape(self, shape: tuple[int, int, int]) -> Self:
        """The group for images (C, H, W); ConfigurationError where they are not square."""
        if shape[1] != shape[2]:
            raise ConfigurationError(
                f"{self.name}: a quarter turn of a {shape[1]} x {shape[2]} image has another shape;"
                " give square images, or take mirror"
            )
        return replace(self, image_px=(shape[1], shape[2]))


@final
@dataclass(frozen=True)
class QuarterTurn(_OfSquare):
    """Turns of square images by 0, 90, 180 and 270 degrees: pixels move exactly (T7).

    image_px: height and width; ``for_shape`` sets them.
    """

    name: ClassVar[str] = "quarter-turn"
    summary: ClassVar[str] = "quarter turns of square images, exact, with Haar noise"
    parameters: ClassVar[tuple[Parameter, ...]] = (TURNS,)

    def elements(self, height: int, width: int) -> Tensor:
        """The four turns."""
        return _symmetries(height, width, 4, None)

    def number(self, *theta: Tensor) -> Tensor:
        """The turns modulo 4."""
        return theta[0] % 4


@final
@dataclass(frozen=True)
class Dihedral(_OfSquare):
    """All eight symmetries of a square image: quarter turns of it and of its mirror image (T7).

    T_(turns, flip) = R^turns F^flip: F exchanges left and right first, then R turns anticlockwise.
    F R = R^-1 F, so the parameters do not add up: the product of (a, s) and (b, t) is (a + b, s +
    t) for even s and (a - b, s + t) for odd s.

    image_px: height and width; ``for_shape`` sets them.
    """

    name: ClassVar[str] = "dihedral"
    summary: ClassVar[str] = "quarter turns and mirror images of square images, exact"
    parameters: ClassVar[tuple[Parameter, ...]] = (TURNS, FLIP)

    def product(self, first: Columns, second: Columns) -> Columns:
        """theta with T_first T_second = T_theta."""
        way = 1.0 - 2.0 * (first[1] % 2.0)
        return first[0] + way * second[0], first[1] + second[1]

    def inverse(self, theta: Columns) -> Columns:
        """The element itself where it mirrors, else the turn back."""
        return -theta[0] * (1.0 - 2.0 * (theta[1] % 2.0)), -theta[1]

    def elements(self, height: int, width: int) -> Tensor:
        """The four turns, then those of the mirror image."""
        return _symmetries(height, width, 4, "left-right")

    def number(self, *theta: Tensor) -> Tensor:
        """The turns modulo 4, and 4 more for mirror images."""
        return theta[0] % 4 + 4 * (theta[1] % 2)


@lru_cache(maxsize=32)
def _symmetries(height: int, width: int, turns: int, mirrored: Side | None) -> Tensor:
    """Sources of pixels, (turns, H * W), then those of the mirror image if there is one."""
    places = torch.arange(height * width, dtype=torch.int64, device="cpu").reshape(height, width)
    views = [places]
    if mirrored is not None:
        views.append(places.flip(1 if mirrored == "left-right" else 0))
    turned = [torch.rot90(view, k).flatten() for view in views for k in range(turns)]
    return torch.stack(turned)
