"""Augmentation of training images before they are attacked: shapes and colours."""

from __future__ import annotations

from collections.abc import Callable

from kornia.augmentation import ColorJiggle, RandomAffine, RandomBrightness, RandomContrast
from torch import Tensor, nn

from gsmooth.training.plan import TrainPlan
from gsmooth.training.settings import TRAINING

Augmentation = Callable[[Tensor], Tensor]


def augmentation(
    plan: TrainPlan, channels: int, input_range: tuple[float, float] = (0.0, 1.0)
) -> Augmentation | None:
    """Return the augmentation of batches (N, C, H, W), or None without any.

    Shapes come first (``plan.variation``: shifts up to 6% of the size, scales 12%, shears 9
    degrees), then intensities (``plan.photometric``: brightness, contrast and, of three channels,
    saturation by up to 25%, hue by 2% of the circle), clipped to the input range.

    Args:
        plan: The hyper-parameters.
        channels: Channels of an image.
        input_range: Least and greatest value of a pixel.
    """
    parts = [_variation(plan.variation), _photometric(plan.photometric, channels, input_range)]
    used = [part for part in parts if part is not None]
    if not used:
        return None

    def augmented(x: Tensor) -> Tensor:
        for part in used:
            x = part(x)
        return x

    return augmented


def _variation(strength: float) -> nn.Module | None:
    if strength == 0.0:
        return None
    most = TRAINING.augment
    shift, scale = most.shift * strength, most.scale * strength
    first, second = (degrees * strength for degrees in most.shear_deg)
    affine: nn.Module = RandomAffine(
        degrees=0.0,
        translate=(shift, shift),
        scale=(1.0 - scale, 1.0 + scale),
        shear=(-first, first, -second, second),
        p=1.0,
    )
    return affine


def _photometric(
    strength: float, channels: int, input_range: tuple[float, float]
) -> Augmentation | None:
    if strength == 0.0:
        return None
    low, high = input_range
    most = TRAINING.augment
    bright, contrast = most.brightness * strength, most.contrast * strength
    if channels == 3:
        parts: list[nn.Module] = [
            ColorJiggle(bright, contrast, most.saturation * strength, most.hue * strength, p=1.0)
        ]
    else:
        parts = [
            RandomBrightness((1.0 - bright, 1.0 + bright), p=1.0),
            RandomContrast((1.0 - contrast, 1.0 + contrast), p=1.0),
        ]

    def jiggled(x: Tensor) -> Tensor:
        unit = (x - low) / (high - low)
        for part in parts:
            unit = part(unit)
        return unit.clamp(0.0, 1.0) * (high - low) + low

    return jiggled
