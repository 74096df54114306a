"""Predict: what the smoothed classifier answers at the images themselves, without a region."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import final

from gsmooth.certificate import Prediction
from gsmooth.certification.api import predict_many
from gsmooth.data.item import Item
from gsmooth.runs.config.resolution import resolved_task
from gsmooth.runs.config.run_config import RunConfig
from gsmooth.runs.context import RunContext, build_context
from gsmooth.runs.fixed_batch import examined
from gsmooth.runs.inputs import called
from gsmooth.runs.monitor.notices import input_notices
from gsmooth.runs.monitor.progress import Progress, RunProgress
from gsmooth.runs.seeds.choice import named_seed, public_notice
from gsmooth.sampling.noise import SecretSeed


@final
@dataclass(frozen=True)
class Answer:
    """PREDICT at one image (S3), its true label, and the class of f there without noise.

    label: None where it is not known.
    """

    index: int
    label: int | None
    prediction: Prediction
    clean_prediction: int | None


@final
@dataclass(frozen=True)
class PredictSummary:
    """The answers in the order of the data; an abstention counts as wrong."""

    config: RunConfig
    answers: tuple[Answer, ...]

    def called(self, label: int) -> str:
        """The name of a class, or its number where it has none."""
        return called(self.config, label)

    @property
    def labelled(self) -> bool:
        """Whether the true classes are known."""
        return all(a.label is not None for a in self.answers)

    @property
    def standard_accuracy(self) -> float | None:
        """Share of images that g gets right; None where the true classes are not known."""
        return self._share([a.prediction.label == a.label for a in self.answers])

    @property
    def clean_accuracy(self) -> float | None:
        """Share of images that f gets right, behind lift and readout, without noise, likewise."""
        return self._share([a.clean_prediction == a.label for a in self.answers])

    def _share(self, right: Sequence[bool]) -> float | None:
        return sum(right) / len(right) if self.labelled else None

    @property
    def abstentions(self) -> int:
        """Images without an answer."""
        return sum(a.prediction.label is None for a in self.answers)


def run_predict(config: RunConfig, progress: Progress) -> PredictSummary:
    """PREDICT at every image of ``config``; regions play no part.

    Without a seed a secret one is drawn and not kept, so that no image can be made for its votes.
    """
    task = resolved_task(config, needs_region=False)
    context = examined(build_context(task.config, named_seed(task.config), task))
    rule, total, began = context.config.predict, len(context.indices), time.monotonic()
    answers: list[Answer] = []
    merit = "standard accuracy" if context.dataset.labelled else ""
    hits = votes = 0
    with progress:
        for notice in (*public_notice(context.config), *input_notices(context)):
            progress.say(notice)
        found = predict_many(context.smoothed, _items(context), n=rule.n, alpha=rule.alpha)
        for index, (_, prediction) in zip(context.indices, found, strict=True):
            answers.append(answer := _answer(context, index, prediction))
            hits += prediction.label == answer.label
            votes += sum(prediction.counts)
            seconds, done = time.monotonic() - began, len(answers)
            progress.update(RunProgress(done, total, votes, seconds, hits, done, merit))
    return PredictSummary(context.config, tuple(sorted(answers, key=lambda a: a.index)))


def _items(context: RunContext) -> Iterator[Item]:
    """The images. Under a secret seed noise follows from their pixels, not from their places.

    A secret that is kept (``smoothing.seed_file``) serves for many data sets, and the first image
    of each must not have the noise of the first image of all others.
    """
    secret = isinstance(context.smoothed.seed, SecretSeed)
    for index in context.indices:
        image = context.dataset.image(index)
        context.smoothed.check_image(image, index)  # By its place, so that it is found.
        yield Item.of(image, None if secret else index)


def _answer(context: RunContext, index: int, prediction: Prediction) -> Answer:
    label = context.dataset.label(index) if context.dataset.labelled else None
    return Answer(index, label, prediction, context.clean_prediction(index))
