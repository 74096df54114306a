"""How others certify additive noise, to be timed beside gsmooth on the same network."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, final

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import special, stats
from torch import Tensor, nn

import gsmooth

COHEN_BATCH: Final = 1000
"""Of the published script."""
ART_BATCH: Final = 32
"""Of ART's ``certify``."""


@final
@dataclass(frozen=True)
class Cohen:
    """The smoothed classifier g(x) = argmax_c P(f(x + N(0, sigma^2 I)) = c)."""

    classifier: gsmooth.Classifier
    sigma: float
    n0: int
    alpha: float
    batch_size: int = COHEN_BATCH

    def certify(self, x: Tensor, n: int) -> tuple[int | None, float]:
        """(label, l2 radius) of x (C, H, W); (None, 0) for an abstention."""
        x = x.float()
        label = int(self.counts(x, self.n0).argmax())
        won = int(self.counts(x, n)[label])
        p_lower = float(special.betaincinv(won, n - won + 1, self.alpha)) if won else 0.0
        if p_lower < 0.5:
            return None, 0.0
        return label, self.sigma * float(stats.norm.ppf(p_lower))

    @torch.no_grad()
    def counts(self, x: Tensor, votes: int) -> NDArray[np.int64]:
        """Votes by class (classes,) of x, float32: SAMPLEUNDERNOISE."""
        found = np.zeros(self.classifier.classes, dtype=np.int64)
        left = votes
        while left:
            size = min(self.batch_size, left)
            left -= size
            copies = x.repeat((size, 1, 1, 1))
            noise = torch.randn_like(copies) * self.sigma
            labels = self.classifier.module(copies + noise).argmax(1).cpu().numpy()
            found += np.bincount(labels, minlength=self.classifier.classes)
        return found


@final
@dataclass(frozen=True)
class Toolbox:
    """``PyTorchRandomizedSmoothing`` around a classifier's module, on the CPU."""

    classifier: gsmooth.Classifier
    sigma: float
    n0: int
    alpha: float
    batch_size: int = ART_BATCH
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
