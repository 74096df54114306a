"""Loading of timm models together with their normalization (extra ``timm``)."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from gsmooth.errors import ModelError
from gsmooth.models.weights import load_weights


def load_timm(
    name: str, weights: Path | None, classes: int | None, shape: tuple[int, int, int] | None
) -> tuple[nn.Module, tuple[int, int, int]]:
    """Load a timm model, preceded by its normalization.

    Args:
        name: Name of the model in timm.
        weights: State dict of the network without normalization; None: timm's pretrained weights,
            which timm downloads.
        classes: Number of classes; None: that of the weights.
        shape: Input shape (C, H, W); None: that of the model in timm.

    Returns:
        The module and its input shape.

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
    settings = timm.data.resolve_data_config({}, model=module)
    channels, height, width = settings["input_size"]
    normalized = nn.Sequential(_Normalize(settings["mean"], settings["std"]), module)
    return normalized, shape or (channels, height, width)


class _Normalize(nn.Module):
    """The map x -> (x - mean) / std by channel, for x (N, C, H, W)."""

    def __init__(self, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        super().__init__()
        self.register_buffer(
            "mean",
            torch.tensor(mean, dtype=torch.float32, device="cpu").view(1, -1, 1, 1),
            persistent=False,
        )
        self.register_buffer(
            "std",
            torch.tensor(std, dtype=torch.float32, device="cpu").view(1, -1, 1, 1),
            persistent=False,
        )

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.get_buffer("mean")) / self.get_buffer("std")
