"""What a model makes of noisy, attacked images, and of images that are turned all the way round."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gsmooth.models.classifier import Classifier
from gsmooth.sampling import SampleRequest
from gsmooth.sampling.noise import SampleKey, Stream
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.theory.laws import GaussianLaw
from gsmooth.transforms.region import Region
from gsmooth.tuning.candidate import Candidate
from gsmooth.tuning.settings import TUNING

Labels = NDArray[np.int64]


@final
@dataclass(frozen=True)
class LabelledModel:
    """A model, and labelled images that it was trained on or like those.

    Args:
        classifier: f.
        images: (N, C, H, W), float64.
        labels: The outputs that are right (N,).
        names: Names of the outputs.
    """

    classifier: Classifier
    images: Tensor
    labels: Labels
    names: tuple[str, ...]

    def takes(self, one: Candidate) -> bool:
        """Whether the readout of the candidate gives what the model takes."""
        channels, height, width = self.images.shape[1:]
        shape = (channels, height, width)
        bound = one.transformation.for_shape(shape)
        return bound.input_shape(shape) == self.classifier.shape

    def smoothed(self, one: Candidate, *, resting: bool = False) -> SmoothedClassifier:
        """The model under the noise of a candidate; the noise is the same in every call.

        resting: without the noise on parameters.
        """
        channels, height, width = self.images.shape[1:]
        return SmoothedClassifier(
            self.classifier,
            one.transformation,
            GaussianLaw((), one.sigma) if resting else one.law(),
            image_shape=(channels, height, width),
            seed=0,
        )

    @torch.no_grad()
    def accuracy(self, one: Candidate, region: Region) -> float:
        """Part of noisy copies of attacked images that the model classifies rightly.

        The attack on an image is one at random, evenly in the region; the same for all candidates.
        """
        g, draws = self.smoothed(one), TUNING.model.draws
        part = torch.rand(
            len(self.images),
            region.dimensions,
            generator=torch.Generator().manual_seed(0),
            dtype=torch.float64,
            device="cpu",
        )
        ends = list(zip(g.transformation.parameters, region.lower, region.upper, strict=True))
        requests = []
        for index, image in enumerate(self.images):
            theta = [
                p.between(low, high, part[index, axis].reshape(1, 1))
                for axis, (p, low, high) in enumerate(ends)
            ]
            attacked = g.transformation.attack(image[None], *theta) if theta else image[None]
            z = g.transformation.lift(attacked)[0]
            requests.append(
                SampleRequest(SampleKey(0, index, Stream.SCREENING, 0, 0), z, rows=draws)
            )
        counts = g.count(requests)
        right = counts[np.arange(len(self.labels)), self.labels]
        return float(right.sum() / (draws * len(self.labels)))
