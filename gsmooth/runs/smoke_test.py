"""Smoke test: calls every method of a transformation once, on a blank image, before a run."""

from __future__ import annotations

from contextlib import AbstractContextManager

import torch

from gsmooth.boundaries.user_code import users_code
from gsmooth.errors import GsmoothError, PluginError
from gsmooth.transforms.base import Transformation

Shape = tuple[int, int, int]


@torch.no_grad()
def smoke_tested(transformation: Transformation, shape: Shape) -> Transformation:
    """The transformation for images (C, H, W), after for_shape, lift, act, readout and attack.

    At theta = 0, which every attack accepts. PluginError names the method that raises; errors of
    gsmooth that a plugin raises (ConfigurationError, say) pass through.
    """
    who = transformation.name
    with _called("for_shape", who, shape):
        bound = transformation.for_shape(shape)
    x = torch.zeros(1, *shape, dtype=torch.float64, device="cpu")
    theta = [x.new_zeros(1, 1) for _ in bound.parameters]
    with _called("lift", who, shape):
        z = bound.lift(x.clone())
    with _called("act", who, shape):
        if bound.has_action:
            bound.act(z.clone(), *theta)
    with _called("readout", who, shape):
        seen = tuple(bound.readout(z.to(torch.float32), shape).shape)
    if seen != (expected := (1, *bound.input_shape(shape))):
        raise PluginError(
            f"readout of {who} gives {seen} for one image {shape}; expected {expected}, the number"
            " of images and what its input_shape says"
        )
    with _called("attack", who, shape):
        bound.attack(x, *theta)
    return bound


def _called(method: str, who: str, shape: Shape) -> AbstractContextManager[None]:
    ours = (GsmoothError, MemoryError)
    return users_code(f"{method} of {who} fails on images {shape}:", PluginError, passing=ours)
