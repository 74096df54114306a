"""Loading of timm models together with their normalization (extra ``timm``)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from torch import nn

from gsmooth.errors import ModelError
from gsmooth.models.hub_network import HubInputs, HubNetwork
from gsmooth.models.weights import load_weights

PREFIX: Final = "timm:"


def load_timm(
    name: str, weights: Path | None, classes: int | None, shape: tuple[int, int, int] | None
) -> HubNetwork:
    """Load a timm model, preceded by its normalization.

    Args:
        name: Name of the model in timm.
        weights: State dict of the network without normalization; None: timm's pretrained weights,
            which timm downloads.
        classes: Number of classes; None: that of the weights.
        shape: Input shape (C, H, W); None: that of the model in timm.

    Returns:
        The network, for images in [0, 1].

    Raises:
        ModelError: timm is not installed, or the model cannot be built or loaded.
    """
    try:
        import timm
    except Exception as error:  # An incompatible torchvision raises many types of errors.
        raise ModelError(
            f"model timm:{name}: timm cannot be imported ({error});"
            ' run: pip install "gsmooth[timm]"'
        ) from error
    try:
        extra = {} if classes is None else {"num_classes": classes}
        module: nn.Module = timm.create_model(name, pretrained=weights is None, **extra)
    except Exception as error:  # Unknown name, no network, no pretrained weights.
        raise ModelError(f"model timm:{name}: {error}") from error
    if weights is not None:
        load_weights(module, weights, f"timm:{name}")
    return HubNetwork(module, _inputs(timm.data.resolve_data_config({}, model=module), shape))


def _inputs(settings: dict[str, Any], shape: tuple[int, int, int] | None) -> HubInputs:
    """Return what a model of these settings takes; it was tested on the centre of larger images."""
    channels, height, width = settings["input_size"]
    side = None
    if height == width and settings.get("crop_mode", "center") == "center":
        side = int(height / float(settings.get("crop_pct") or 1.0))
    return HubInputs(
        shape or (channels, height, width),
        tuple(settings["mean"]),
        tuple(settings["std"]),
        resize=side or (height, width),
        crop=None if side in (None, height) else height,
    )
