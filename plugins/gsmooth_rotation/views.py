"""What the network sees of z: the adjoint, the blur undone, and the square inside the disc.

All of it acts on noisy z after rounding, so it belongs to the classifier that is smoothed, and no
bound depends on it.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final, Literal, get_args

import torch
from torch import Tensor

from gsmooth_rotation.lift import PolarFrame

ViewName = Literal["adjoint", "wiener", "crop", "wiener-crop"]
VIEWS: Final[tuple[str, ...]] = get_args(ViewName)
NOISE_RATIO: Final = 0.1
"""Variance of the noise over that of the images, as the Wiener filter takes it: details that blur
has brought below a tenth of their energy are not restored."""
PAD_STDS: Final = 4.0
"""Zeros around an image while it is filtered, in standard deviations of both blurs together."""


def restored(frame: PolarFrame, z: Tensor, seen: Tensor) -> Tensor:
    """m + W (L'z - m L'L 1) per channel: the second blur undone, and the mean outside the disc.

    W is the Wiener filter of the blur L'L, which is a convolution with a Gaussian away from the
    disc's edge: division by exp(-low_pass^2 |frequency|^2) + NOISE_RATIO, times 1 + NOISE_RATIO, so
    that a constant keeps its height. m = <z, L 1> / ||L 1||^2 is the mean level of the channel.

    Args:
        frame: The lift of one channel.
        z: Noisy coefficients (N, C * K).
        seen: Their adjoint readout L'z (N, C, H, W).

    Returns:
        Images (N, C, H, W).
    """
    ones, back, length = _constant(frame, z.dtype, z.device)
    level: Tensor = (z.reshape(*seen.shape[:2], -1) @ ones / length)[..., None, None]
    return level + _filtered(frame, seen - level * back)


def _filtered(frame: PolarFrame, images: Tensor) -> Tensor:
    pad = math.ceil(PAD_STDS * math.sqrt(2.0) * frame.low_pass_px)
    sides = (frame.height + pad, frame.width + pad)
    gain = _gain(*sides, frame.low_pass_px, images.dtype, images.device)
    whole: Tensor = torch.fft.irfft2(torch.fft.rfft2(images, s=sides) * gain, s=sides)
    return whole[..., : frame.height, : frame.width]


def cropped(images: Tensor, height: int, width: int) -> Tensor:
    """The middle (height, width) of images (N, C, H, W)."""
    down, right = (images.shape[2] - height) // 2, (images.shape[3] - width) // 2
    return images[:, :, down : down + height, right : right + width].contiguous()


def inscribed_side(radius_px: float, side: int) -> int:
    """Pixels along one side of the largest square whose pixel centres lie in the disc.

    As many as ``side`` or fewer by an even number, so that it has the same middle.

    Example:
        >>> inscribed_side(14.0, 32), inscribed_side(13.0, 28), inscribed_side(0.5, 3)
        (20, 18, 1)
    """
    most = min(side, int(math.sqrt(2.0) * radius_px + 1e-9) + 1)
    return max(most - (side - most) % 2, 2 - side % 2)


@lru_cache(maxsize=16)
def _constant(
    frame: PolarFrame, dtype: torch.dtype, device: torch.device
) -> tuple[Tensor, Tensor, Tensor]:
    """L 1 (K,), L'L 1 (H, W) and ||L 1||^2, each rounded once from float64."""
    blank = torch.ones(1, frame.height * frame.width, dtype=torch.float64, device="cpu")
    ones = frame.analyse(blank)
    back = frame.synthesise(ones).reshape(frame.height, frame.width)
    made = (ones[0], back, ones.square().sum())
    first, second, third = (part.to(dtype=dtype, device=device) for part in made)
    return first, second, third


@lru_cache(maxsize=16)
def _gain(
    height: int, width: int, low_pass_px: float, dtype: torch.dtype, device: torch.device
) -> Tensor:
    """The filter at the frequencies of rfft2, (height, width // 2 + 1)."""
    rows = 2.0 * math.pi * torch.fft.fftfreq(height, dtype=torch.float64, device="cpu")
    cols = 2.0 * math.pi * torch.fft.rfftfreq(width, dtype=torch.float64, device="cpu")
    squared = rows[:, None].square() + cols.square()
    blur = torch.exp(-(low_pass_px**2) * squared)
    return ((1.0 + NOISE_RATIO) / (blur + NOISE_RATIO)).to(dtype=dtype, device=device)
