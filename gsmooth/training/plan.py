"""TrainPlan: the hyper-parameters of a training."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final, Literal, final

from gsmooth.errors import ConfigurationError
from gsmooth.theory.arguments import require_whole
from gsmooth.training.methods import Method, PlainNoise

Amp = Literal["bfloat16", "float16"]
_AMP: Final = ("bfloat16", "float16")


@final
@dataclass(frozen=True)
class TrainPlan:
    """Hyper-parameters of training by AdamW with a one-cycle schedule.

    Args:
        epochs: Number of epochs.
        batch_size: Images in a batch.
        learning_rate: Largest learning rate of the schedule.
        weight_decay: Weight decay of AdamW.
        warm_up: Fraction of the steps in which the learning rate rises.
        widen: Factor of the region from which attacks are drawn. Above 1, training also covers
            attacks just outside the region.
        variation: Strength, in [0, 1], of random shifts, scales and shears, the usual augmentation
            of small training sets; 0: none.
        average: Decay per step of the running average of weights (EMA) that training returns.
        seed: Seed of all random numbers.
        photometric: Strength, in [0, 1], of random brightness, contrast, saturation and hue.
        label_smoothing: Label smoothing of the cross-entropy, in [0, 1).
        balance: Draw images of all classes equally often, with replacement.
        body_rate: Learning rate of all layers but the head, as a fraction of ``learning_rate``; 0
            trains the head alone.
        amp: Precision of ``torch.autocast`` for the network; None for float32.
        method: What is minimized; by default cross-entropy on noisy inputs.
    """

    epochs: int = 80
    batch_size: int = 128
    learning_rate: float = 0.005
    weight_decay: float = 0.02
    warm_up: float = 0.15
    widen: float = 1.2
    variation: float = 1.0
    average: float = 0.998
    seed: int = 0
    photometric: float = 0.0
    label_smoothing: float = 0.0
    balance: bool = False
    body_rate: float = 1.0
    amp: Amp | None = None
    method: Method = field(default_factory=PlainNoise)

    def __post_init__(self) -> None:
        require_whole(**{"train.epochs": self.epochs, "train.batch_size": self.batch_size})
        for name in ("epochs", "batch_size"):
            if getattr(self, name) < 1:
                raise ConfigurationError(f"train.{name}={getattr(self, name)} must be at least 1")
        for name in ("learning_rate", "widen"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0.0):
                raise ConfigurationError(f"train.{name}={value} must be a positive number")
        if not (math.isfinite(self.weight_decay) and self.weight_decay >= 0.0):
            raise ConfigurationError(f"train.weight_decay={self.weight_decay} must be >= 0")
        for name in ("warm_up", "average", "label_smoothing"):
            if not 0.0 <= getattr(self, name) < 1.0:
                raise ConfigurationError(f"train.{name}={getattr(self, name)} must lie in [0, 1)")
        for name in ("variation", "photometric", "body_rate"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ConfigurationError(f"train.{name}={getattr(self, name)} must lie in [0, 1]")
        if self.amp not in (None, *_AMP):
            raise ConfigurationError(f"train.amp={self.amp!r}; expected {' or '.join(_AMP)}")
