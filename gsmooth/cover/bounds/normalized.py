"""Whether the lift is normalized as the transformation says, and what is refused then (T9)."""

from __future__ import annotations

import torch

from gsmooth.errors import ConfigurationError, PluginError
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.transforms.base import Transformation


def require_linear_lift(smoothed: SmoothedClassifier, what: str) -> None:
    """ConfigurationError if the lift is normalized: lengths there depend on the image (T9)."""
    transformation = smoothed.transformation
    if transformation.normalization(smoothed.image_shape) is not None:
        raise ConfigurationError(
            f"{transformation.name}: no bound is known for {what} where the contrast is normalized;"
            " leave out the contrast, or certify the parameters alone by the individual guarantee"
        )


def check_normalization(transformation: Transformation, shape: tuple[int, int, int]) -> None:
    """PluginError unless ``lift`` is ``normalization`` after ``linear_lift``, on a trial image.

    Bounds are those of the linear lift, votes are cast at the lift: if a plugin overrides one of
    the three and forgets another, margins would be those of another classifier.
    """
    own, base = type(transformation), Transformation
    if own.linear_lift is base.linear_lift and own.normalization is base.normalization:
        return
    draw = torch.Generator().manual_seed(0)
    x = torch.rand(1, *shape, generator=draw, dtype=torch.float64, device="cpu")
    linear, lifted = transformation.linear_lift(x), transformation.lift(x)
    normalization = transformation.normalization(shape)
    expected = linear if normalization is None else normalization(linear)
    slack = 1e-9 * (1.0 + float(expected.norm()))
    if not torch.allclose(lifted, expected, rtol=1e-9, atol=slack):
        raise PluginError(
            f"{transformation.name}: lift is not normalization after linear_lift; override all"
            " three together (gsmooth check shows more)"
        )
    if normalization is not None and not transformation.orthogonal:
        raise PluginError(
            f"{transformation.name}: a lift is normalized, and the action is not orthogonal; no"
            " margin is known for that"
        )
