"""The check that f is a function of its input, and the batch size where it is one at that only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from gsmooth.runs.config.run_config import RunConfig
from gsmooth.runs.context import RunContext
from gsmooth.runs.records.folder import stored_header
from gsmooth.runs.settings import RUN
from gsmooth.sampling import FunctionCheck, NoisyPoints, Readout, SampleRequest, checked_function
from gsmooth.sampling.noise import CHUNK, SampleKey, Stream
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier

_NO_IMAGE: Final = -2
"""The image of this noise: no image of a run has it, so no vote that counts is used."""


def examined(context: RunContext, fixed_batch: bool = False) -> RunContext:
    """The run with the result of the check of f; its batch size is fixed where labels depend on it.

    It is fixed as well with ``fixed_batch``: where records that the run goes on with have a fixed
    one, their batch size is part of the run's identity. ModelError where the model is no function
    at any batch size.
    """
    smoothed = context.smoothed
    found = checked_on(smoothed, _first_images(context))
    if found.kind != "batch_dependent" and not fixed_batch:
        return replace(context, function=found)
    engine = context.config.engine.model_copy(update={"batch_size": smoothed.batch_size})
    config = context.config.model_copy(update={"engine": engine})
    smoothed = replace(smoothed, fixed_batch=True)
    return replace(context, config=config, smoothed=smoothed, function=found)


def with_fixed_batch_size(config: RunConfig, folder: Path) -> RunConfig:
    """With batch_size "auto": the fixed one of the records in ``folder``, if they have one."""
    kept = fixed_batch_size(folder)
    if kept is None or config.engine.batch_size != "auto":
        return config
    engine = config.engine.model_copy(update={"batch_size": kept})
    return config.model_copy(update={"engine": engine})


def fixed_batch_size(folder: Path | None) -> int | None:
    """The batch size that the labels of the records in ``folder`` depend on; None for none."""
    header = None if folder is None else stored_header(folder)
    engine = header.identity.get("engine") if header else None
    size = engine.get("batch_size") if isinstance(engine, dict) else None
    return size if isinstance(size, int) else None


def checked_on(smoothed: SmoothedClassifier, images: Sequence[Tensor]) -> FunctionCheck:
    """Whether f is a function of its input, from these images (C, H, W) under noise.

    Raises:
        ModelError: It is none at any batch size.
    """
    readout = Readout(smoothed.transformation, smoothed.image_shape)
    z = noisy_points(smoothed, images)
    return checked_function(smoothed.classifier, z, smoothed.batch_size, readout)


def _first_images(context: RunContext) -> list[Tensor]:
    return [context.dataset.image(index) for index in context.indices[: RUN.function.images]]


@torch.no_grad()
def noisy_points(smoothed: SmoothedClassifier, images: Sequence[Tensor]) -> Tensor:
    """A batch of images (C, H, W) under noise, z (N, K) float32, as votes have them.

    N: the batch size, or as many times it as make 16 rows or more.
    """
    size = smoothed.batch_size
    rows = -(-RUN.function.least_rows // size) * size
    points = [smoothed.transformation.lift(image[None])[0] for image in images]
    requests = [
        SampleRequest(
            SampleKey(0, _NO_IMAGE, Stream.SCREENING, 0, chunk),
            points[chunk % len(points)],
            min(CHUNK // RUN.function.images, rows - start),
        )
        for chunk, start in enumerate(range(0, rows, CHUNK // RUN.function.images))
    ]
    noisy = NoisyPoints(smoothed.transformation, smoothed.law, smoothed.grid)
    return noisy.batch(requests, smoothed.classifier.device)
