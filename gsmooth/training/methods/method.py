"""Method: what training minimizes on one batch."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, final

from torch import Tensor, nn

from gsmooth.errors import ConfigurationError
from gsmooth.training.noise import NoisyInputs

Scores = Callable[[Tensor], Tensor]


@final
@dataclass(frozen=True)
class TrainedNetwork:
    """The network in training, as methods call it.

    Args:
        module: The network itself.
        scores: Inputs (N, C, H, W) to scores (N, classes), float32; errors are explained, and AMP
            is used where it is asked for.
    """

    module: nn.Module
    scores: Scores


@final
@dataclass(frozen=True)
class BatchLoss:
    """What a method makes of one batch.

    Args:
        loss: What is minimized, a scalar.
        scores: Scores (N, classes) of one noisy input for each image, for the accuracy.
        labels: The classes (N,) that these are compared with.
    """

    loss: Tensor
    scores: Tensor
    labels: Tensor


class Method(ABC):
    """A loss on noisy inputs. Subclasses are frozen dataclasses of its hyper-parameters.

    Attributes:
        name: Name of the method in run files.
    """

    name: ClassVar[str]

    @abstractmethod
    def loss(
        self,
        network: TrainedNetwork,
        views: Sequence[NoisyInputs],
        x: Tensor,
        labels: Tensor,
        smoothing: float,
    ) -> BatchLoss:
        """The loss of one batch.

        Args:
            network: The network in training.
            views: Kinds of noisy inputs; each gets its part of the batch.
            x: Images (N, C, H, W), in the input range.
            labels: Classes (N,).
            smoothing: Label smoothing of cross-entropies, in [0, 1).
        """


def require_draws(method: str, draws: int, least: int = 1) -> None:
    """ConfigurationError for fewer than ``least`` draws of noise an image."""
    if draws < least:
        raise ConfigurationError(
            f"train.method: {method}: draws={draws}; expected at least {least} draws of noise"
        )


def require_positive(method: str, **values: float) -> None:
    """ConfigurationError for a value that is not a positive, finite number."""
    for name, value in values.items():
        if not (math.isfinite(value) and value > 0.0):
            raise ConfigurationError(
                f"train.method: {method}: {name}={value} must be a positive number"
            )
