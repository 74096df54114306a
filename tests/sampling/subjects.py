"""A smoothed classifier whose votes depend on every pixel, and networks with faults."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gsmooth.sampling.noise import SampleKey, Stream
from gsmooth.sampling.smoothed_classifier import SampleRequest, SmoothedClassifier
from gsmooth.theory.laws import GaussianLaw
from gsmooth_gaussian import Gaussian
from tests.engine_objects import classifier

SHAPE = (1, 4, 4)
CLASSES = 3


class Linear(nn.Module):
    """Three classes by sums in float64, equal in any batch; it records the sizes of batches."""

    def __init__(self) -> None:
        super().__init__()
        weights = torch.randn(CLASSES, 16, generator=torch.Generator().manual_seed(0)).double()
        self.weights = nn.Buffer(weights - weights.mean(dim=1, keepdim=True))
        self.sizes: list[int] = []

    def forward(self, x: Tensor) -> Tensor:
        self.sizes.append(len(x))
        return (x.flatten(1)[:, None].double() * self.weights).sum(dim=2)


class Greedy(Linear):
    """Raises the error of an allocator for more than ``most`` rows."""

    def __init__(self, most: int, error: Exception) -> None:
        super().__init__()
        self.most, self.error = most, error

    def forward(self, x: Tensor) -> Tensor:
        if len(x) > self.most:
            raise self.error
        return super().forward(x)


class Sized(Linear):
    """Gives other scores in batches of another size than 256: not a function of its input."""

    def forward(self, x: Tensor) -> Tensor:
        scores = super().forward(x)
        return scores if len(x) == 256 else scores.roll(1, dims=1)


def smoothed(
    module: nn.Module | None = None,
    batch_size: int = 256,
    *,
    fixed_batch: bool = False,
    devices: tuple[str, ...] = (),
) -> SmoothedClassifier:
    """Images of 16 pixels under Gaussian noise."""
    return SmoothedClassifier(
        classifier(module or Linear(), SHAPE, CLASSES),
        Gaussian(),
        GaussianLaw((), 0.5),
        batch_size=batch_size,
        fixed_batch=fixed_batch,
        devices=devices,
        seed=0,
    )


def requests(rows: list[int]) -> list[SampleRequest]:
    """Requests of these sizes around four points in turn."""
    points = torch.rand(4, 16, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return [
        SampleRequest(
            SampleKey(3, 10 + place % 4, Stream.ESTIMATION, 0, place), points[place % 4], size
        )
        for place, size in enumerate(rows)
    ]
