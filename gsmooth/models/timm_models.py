"""timm models behind their own normalization (extra ``timm``)."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from gsmooth.errors import ModelError
from gsmooth.models.weights import load_weights


def load_timm(
    name: str, weights: Path | None, classes: int | None, shape: tuple[int, int, int] | None
) -> tuple[nn.Module, tuple[int, int, int]]:
    """The timm model ``name`` behind its own normalization, and its input (C, H, W).

    weights: timm's own state dict, of the network alone; None: the pretrained ones, which timm
    downloads. shape: of the input; None: timm's own. Raises ModelError.
    """
    try:
        import timm
    except Exception as error:  # An ill-fitting torchvision fails in several ways.
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
    """(x - mean) / std by channel: x (N, C, H, W)."""

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
