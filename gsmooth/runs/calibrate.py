"""Calibrate: bound the error of many images, and keep what holds for most images like them."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
import torch
from torch import Tensor

from gsmooth.cover.bounds.boxes import require_way_back
from gsmooth.cover.bounds.origin import Rule, origin_of
from gsmooth.cover.bounds.supremum import pulled_back_suprema
from gsmooth.cover.pulled_back import PulledBackImage
from gsmooth.cover.settings import COVER
from gsmooth.data.dataset import Dataset
from gsmooth.errors import ConfigurationError
from gsmooth.runs.calibration import Calibration, image_digest, options_of
from gsmooth.runs.config.resolution import resolved_task
from gsmooth.runs.config.run_config import RunConfig
from gsmooth.runs.inputs import data_notices, run_data
from gsmooth.runs.monitor.progress import Progress, RunProgress
from gsmooth.runs.records.codec import decode, parse, to_line
from gsmooth.runs.records.header import installed_versions
from gsmooth.runs.records.journal import Journal, make_folder, write_atomically
from gsmooth.runs.smoke_test import smoke_tested
from gsmooth.theory.tolerance import tolerance_rank
from gsmooth.transforms.base import Transformation
from gsmooth.transforms.region import Region


def run_calibrate(
    config: RunConfig,
    out: Path,
    progress: Progress,
    *,
    share: float = 0.99,
    alpha: float = 0.001,
    centre: Rule = "middle",
    tolerance: float = COVER.supremum.tolerance,
) -> Calibration:
    """Bound the error of the images of ``config`` and write a :class:`Calibration` to ``out``.

    Uses split "train" unless the configuration names another. Bounds are kept beside ``out`` as
    they are found, and a second run of the same command goes on from there. UnreachableError before
    the first one when so many images cannot show the share, ConfigurationError where the error is
    not bounded: no orthogonal action or no bound on the derivative.
    """
    run = resolved_task(config, needs_noise=False)
    settings = run.config
    if settings.engine.threads is not None:
        torch.set_num_threads(settings.engine.threads)
    settings, dataset = run_data(settings, "train")
    part = settings.data
    indices = dataset.indices(part.start, part.every, part.limit)
    rank = tolerance_rank(len(indices), share, alpha)
    operator = smoke_tested(run.transformation, dataset.shape)
    moved = Region(run.region.lower, run.region.upper)
    task = _Task(operator, moved, dataset.shape, centre, tolerance)
    task.check()
    make_folder(out.parent)
    partial = out.with_name(f"{out.name}.part")
    with progress:
        for notice in data_notices(settings, dataset):
            progress.say(notice)
        found = _bounds(task, _images(dataset, indices), len(indices), partial, progress)
    errors = tuple(error for _, error in found)
    calibration = Calibration(
        transformation=operator.name,
        options=options_of(operator),
        shape=dataset.shape,
        region=moved,
        centre=centre,
        error=sorted(errors)[rank - 1],
        share=share,
        alpha=alpha,
        rank=rank,
        tolerance=tolerance,
        errors=errors,
        input_range=dataset.input_range,
        digests=tuple(digest for digest, _ in found),
        versions=installed_versions(),
    )
    write_atomically(out, calibration.to_json().encode())
    partial.unlink()
    return calibration


def image_error(
    operator: Transformation,
    image: Tensor,
    region: Region,
    centre: Rule = "middle",
    tolerance: float = COVER.supremum.tolerance,
) -> float:
    """A proved bound on sup over ``region`` of ||T_(-theta) L psi_theta(x) - c||, rounded up.

    image (C, H, W). ConfigurationError where the transformation has no derivative bound.
    """
    pulled_back = PulledBackImage(operator, image[None].to(torch.float64))
    ends = np.array([region.lower]), np.array([region.upper])
    error, proved = pulled_back_suprema(
        pulled_back, origin_of(pulled_back, region, centre), *ends, tolerance
    )
    if not proved:
        raise ConfigurationError(_needs(operator, "has no derivative bound"))
    return float(error[0])


@final
@dataclass(frozen=True)
class _Task:
    """What an error is of: two tasks never share a file of partial results."""

    operator: Transformation
    region: Region
    shape: tuple[int, int, int]
    centre: Rule
    tolerance: float

    def error(self, image: Tensor) -> float:
        return image_error(self.operator, image, self.region, self.centre, self.tolerance)

    def check(self) -> None:
        if not self.operator.parameters:
            raise ConfigurationError(_needs(self.operator, "has no parameters"))
        require_way_back(self.operator, "the distributional guarantee")
        if not self.operator.orthogonal:
            raise ConfigurationError(_needs(self.operator, "has an action that is not"))

    def key(self) -> str:
        named = (self.operator.name, options_of(self.operator), installed_versions())
        whole = (*named, self.region, self.shape, self.centre, self.tolerance)
        return hashlib.sha256(to_line(whole).encode()).hexdigest()


@final
@dataclass(frozen=True)
class _Line:
    """One bound in the file of partial results."""

    task: str
    image: str
    error: float


def _bounds(
    task: _Task, images: Iterable[Tensor], total: int, partial: Path, progress: Progress
) -> list[tuple[str, float]]:
    """(digest, error) of every image, in order; those in ``partial`` are not computed again."""
    journal, key = Journal(partial), task.key()
    began, fresh = time.monotonic(), 0
    try:
        lines = [decode(_Line, parse(line, str(partial)), str(partial)) for line in journal.lines()]
        known = {line.image: line.error for line in lines if line.task == key}
        if known:
            progress.say(f"{len(known)} images are in {partial} already")
        found: list[tuple[str, float]] = []
        for image in images:
            digest = image_digest(image)
            if digest not in known:
                known[digest] = task.error(image)
                journal.append(to_line(_Line(key, digest, known[digest])))
                fresh += 1
            found.append((digest, known[digest]))
            seconds = time.monotonic() - began
            progress.update(RunProgress(len(found), total, 0, seconds, 0, fresh, ""))
        return found
    finally:
        journal.close()


def _images(dataset: Dataset, indices: range) -> Iterator[Tensor]:
    return (dataset.image(index) for index in indices)


def _needs(operator: Transformation, fault: str) -> str:
    return (
        f"calibrate: needs an orthogonal action with a derivative bound; {operator.name!r} {fault}"
    )
