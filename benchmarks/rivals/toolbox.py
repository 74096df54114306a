"""Randomized smoothing of the Adversarial Robustness Toolbox (ART), from PyPI: extra ``bench``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, final

from torch import Tensor, nn

import gsmooth

DEFAULT_BATCH: Final = 32
"""Of ``certify``."""


@final
@dataclass(frozen=True)
class Toolbox:
    """``PyTorchRandomizedSmoothing`` around a classifier's module, on the CPU."""

    classifier: gsmooth.Classifier
    sigma: float
    n0: int
    alpha: float
    batch_size: int = DEFAULT_BATCH
    smoothing: Any = field(init=False, repr=False)

    def __post_init__(self) -> None:
        from art.estimators.certification.randomized_smoothing import PyTorchRandomizedSmoothing

        smoothing = PyTorchRandomizedSmoothing(
            model=self.classifier.module,
            loss=nn.CrossEntropyLoss(),
            input_shape=self.classifier.shape,
            nb_classes=self.classifier.classes,
            clip_values=None,
            device_type="cpu",
            sample_size=self.n0,
            scale=self.sigma,
            alpha=self.alpha,
        )
        object.__setattr__(self, "smoothing", smoothing)

    def certify(self, x: Tensor, n: int) -> tuple[int | None, float]:
        """(label, l2 radius) of x (C, H, W); (None, 0) for an abstention."""
        batch = x[None].float().numpy()
        labels, radii = self.smoothing.certify(batch, n=n, batch_size=self.batch_size)
        label = int(labels[0])
        return (None, 0.0) if label < 0 else (label, float(radii[0]))
