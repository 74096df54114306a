"""HubNetwork: a network of a hub behind its own normalization, with what is known of its inputs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, final

import torch
from torch import Tensor, nn

ATOL: Final = 1e-6
"""A rescaling factor that is so near to 1/255 is 1/255."""


@final
@dataclass(frozen=True)
class HubInputs:
    """What a network of a hub takes, and how its images were brought to that.

    Args:
        shape: Shape (C, H, W) of one image.
        mean: Mean of a channel, in units of [0, 1]; () for no normalization.
        std: Standard deviation of a channel, likewise.
        resize: Shortest side, or (height, width), that its images were resized to, px; None where
            that is not known.
        crop: Side of the centre, or (height, width), that was cut out of them, px; or None.
        class_names: Names of the outputs in their order; () where they have none.
    """

    shape: tuple[int, int, int]
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    resize: int | tuple[int, int] | None = None
    crop: int | tuple[int, int] | None = None
    class_names: tuple[str, ...] = ()

    @property
    def preparation(self) -> str:
        """How images are brought to its size, as options of a command; "" where not known."""
        sizes = {"resize": self.resize, "crop": self.crop}
        return " ".join(
            f"--set data.{name}={list(size) if isinstance(size, tuple) else size}".replace(
                ", ", ","
            )
            for name, size in sizes.items()
            if size is not None
        )


@final
class HubNetwork(nn.Sequential):
    """A network for images in [0, 1], which normalizes them itself: noise is added before that.

    Args:
        network: The network as the hub has it: normalized images (N, C, H, W) -> (N, classes).
        inputs: What it takes.
    """

    def __init__(self, network: nn.Module, inputs: HubInputs) -> None:
        super().__init__(Normalize(inputs.mean, inputs.std), network)
        self.inputs = inputs


@final
class Normalize(nn.Module):
    """The map x -> (x - mean) / std by channel, for x (N, C, H, W).

    Args:
        mean: One number a channel, or one for all; () is 0.
        std: Likewise; () is 1.
    """

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        for name, values in {"mean": mean or (0.0,), "std": std or (1.0,)}.items():
            column = torch.tensor(tuple(values), dtype=torch.float32, device="cpu")
            self.register_buffer(name, column.view(1, -1, 1, 1), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return the normalized images."""
        return (x - self.get_buffer("mean")) / self.get_buffer("std")


def numbered_names(names: Sequence[str]) -> Mapping[str, int]:
    """Return the number of an output by name, for the names that belong to one output only.

    Args:
        names: Names of the outputs in their order; some hubs use one name twice.

    Example:
        >>> numbered_names(["crane", "heron", "crane"])
        {'heron': 1}
    """
    often = Counter(names)
    return {name: number for number, name in enumerate(names) if often[name] == 1}
