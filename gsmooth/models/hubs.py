"""The hubs whose networks have a spec: timm, torchvision and Hugging Face."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from gsmooth.models import hf_models, timm_models, torchvision_models
from gsmooth.models.hub_network import HubNetwork

_Loader = Callable[
    [str, Path | None, int | None, tuple[int, int, int] | None],
    HubNetwork,
]
_LOADERS: Final[dict[str, _Loader]] = {
    timm_models.PREFIX: timm_models.load_timm,
    torchvision_models.PREFIX: torchvision_models.load_torchvision,
    hf_models.PREFIX: hf_models.load_hf,
}


def is_of_hub(spec: str) -> bool:
    """Return True for a spec of a hub, whose networks bring shape and normalization."""
    return spec.startswith(tuple(_LOADERS))


def load_of_hub(
    spec: str, weights: Path | None, classes: int | None, shape: tuple[int, int, int] | None
) -> HubNetwork:
    """Load the network that a spec of a hub names.

    Args:
        spec: ``timm:NAME``, ``torchvision:NAME`` or ``hf:NAME``.
        weights: State dict of the network without normalization; None: the hub's own.
        classes: Number of classes; None: that of the weights.
        shape: Input shape (C, H, W); None: that of the hub.

    Raises:
        ModelError: The package is missing, or the network cannot be built or loaded.
    """
    prefix = next(prefix for prefix in _LOADERS if spec.startswith(prefix))
    return _LOADERS[prefix](spec.removeprefix(prefix), weights, classes, shape)
