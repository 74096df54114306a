"""What is timed of a case: raw forward passes, votes, and whole certificates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Final, final

import torch
from torch import Tensor

import gsmooth
from benchmarks.suite.case import Case, cases
from benchmarks.suite.timing import Timing, Work, best_size
from gsmooth.certification import CertifyTask, Mode
from gsmooth.certification.api import certify_many
from gsmooth.data.item import Item
from gsmooth.errors import ConfigurationError
from gsmooth.runs.context import load_classifier
from gsmooth.runs.task import RunTask
from gsmooth.sampling.noise import CHUNK, SampleKey, Stream
from gsmooth.sampling.smoothed_classifier import SampleRequest, SmoothedClassifier

TIMED: Final = {case.name: case for case in cases("timed")}


@final
@dataclass(frozen=True)
class Subject:
    """A case with its network and a few images in memory.

    images: float64 (C, H, W); votes are counted around the first, certificates made of all.
    """

    case: Case
    classifier: gsmooth.Classifier
    images: Sequence[Tensor]

    @classmethod
    def load(cls, name: str, **model: object) -> Subject:
        """A case of ``timed.toml``; ``model``: how its scores are calculated, as [model]."""
        case = TIMED[name]
        config = case.config()
        config = config.model_copy(update={"model": config.model.model_copy(update=model)})
        data = gsmooth.load_data(case.data.spec, case.data.split)
        places = data.indices(0, case.data.every, case.data.limit)
        return cls(case, load_classifier(config), [data.image(place) for place in places])

    @property
    def name(self) -> str:
        """The name of the case."""
        return self.case.name

    @property
    def region(self) -> gsmooth.Region:
        """What is certified."""
        return RunTask.of(self.case.config()).region

    @property
    def sigma(self) -> float:
        """Std of the noise on z."""
        assert self.case.smoothing.sigma is not None
        return self.case.smoothing.sigma

    def but(self, **fields: object) -> Subject:
        """The same with other fields of its case."""
        return replace(self, case=self.case.model_copy(update=fields))

    def off_grid(self) -> Subject:
        """The same with noise that is not rounded to a grid, of which nothing is proved."""
        return replace(self, case=self.case.but(smoothing={"grid": 0.0}))

    def smoothed(self, batch_size: int) -> SmoothedClassifier:
        """The smoothed classifier with batches of this size."""
        config = self.case.config()
        task, grid = RunTask.of(config), config.smoothing.grid
        assert grid is not None
        noise = task.transformation, task.law
        return SmoothedClassifier(self.classifier, *noise, grid=grid, batch_size=batch_size, seed=0)

    def forwards(self, size: int) -> Work:
        """Raw forward passes of a batch that is on the device of the network already."""
        batch = torch.rand(size, *self.classifier.shape, device=self.classifier.device)

        @torch.inference_mode()
        def forward() -> int:
            for _ in range(self._batches):
                self.classifier.scores(batch)
            if batch.is_cuda:
                torch.cuda.synchronize(batch.device)
            return self._batches * size

        return forward

    def votes(self, size: int) -> Work:
        """Counted votes of one image, a batch and at least a chunk at a time, never the same."""
        smoothed = self.smoothed(size)
        z = lifted(smoothed, self.images[0])
        chunks, each = count(), self._batches * max(1, size // CHUNK)

        def cast() -> int:
            places = [SampleKey(0, 0, Stream.ESTIMATION, 0, next(chunks)) for _ in range(each)]
            return int(smoothed.count([SampleRequest(place, z) for place in places]).sum())

        return cast

    def votes_at_once(self, size: int) -> Work:
        """The votes of the case around one point, all asked for at once."""
        smoothed, n = self.smoothed(max(size, CHUNK)), self.case.votes
        z = lifted(smoothed, self.images[0])

        def count() -> int:
            places = [SampleKey(0, 0, Stream.ESTIMATION, 0, first) for first in range(0, n, CHUNK)]
            asked = [SampleRequest(place, z, min(CHUNK, n - place.chunk)) for place in places]
            return int(smoothed.count(asked).sum())

        return count

    def certificates(self, size: int, mode: Mode) -> Work:
        """All votes of certifying the images, covers and decisions included."""
        task, turns = CertifyTask(self.smoothed(size), self.region, mode), count()

        def certify() -> int:
            # Other indices every time, so other votes.
            start = next(turns) * len(self.images)
            items = [Item(start + place, image) for place, image in enumerate(self.images)]
            return sum(found.votes for found in certify_many(task, items))

        return certify

    def best_vote_size(self, timing: Timing) -> int:
        """The batch size of the engine's best rate, of those that it takes."""
        return best_size(self.votes, [s for s in self.case.sizes if self._takes(s)], timing)

    @property
    def _batches(self) -> int:
        """Batches at a time: a GPU works ahead, and is waited for once for several."""
        return 8 if self.classifier.device.type == "cuda" else 1

    def _takes(self, size: int) -> bool:
        try:
            self.smoothed(size)
        except ConfigurationError:
            return False
        return True


def lifted(smoothed: SmoothedClassifier, image: Tensor) -> Tensor:
    """One image (C, H, W) in z-space."""
    return smoothed.transformation.lift(image[None])[0]
