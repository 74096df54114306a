"""Tune: a run file with a lift and a noise that suit the training images, found without votes."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

import numpy as np
import tomli_w
import torch

from gsmooth.certification import RegionMode
from gsmooth.data.dataset import Dataset
from gsmooth.errors import ConfigurationError
from gsmooth.runs.config.resolution import resolved_task
from gsmooth.runs.config.run_config import RunConfig
from gsmooth.runs.config.run_file import load_config
from gsmooth.runs.context import load_classifier
from gsmooth.runs.inputs import (
    data_notices,
    require_labels,
    run_classes,
    run_data,
    with_input_shape,
)
from gsmooth.runs.monitor.progress import Progress, RunProgress
from gsmooth.runs.records.files import make_folder, write_atomically
from gsmooth.runs.task import RunTask
from gsmooth.transforms.options import recorded_options
from gsmooth.tuning import LabelledModel, Tuning, tuned
from gsmooth.tuning.settings import TUNING

NO_MODEL: Final = "none"
"""Stands for the model where none is given: it has no card, and nothing loads it."""


@final
@dataclass(frozen=True)
class TuneSummary:
    """What was compared, and the run file with the recommendation.

    Args:
        tuning: The candidates, the recommended one first.
        run_file: The run file that was written.
        config: What it says.
        trained: Whether it names a model.
        split: The part of the data whose images were looked at.
        seconds: How long it took.
    """

    tuning: Tuning
    run_file: Path
    config: RunConfig
    trained: bool
    split: str
    seconds: float

    @property
    def next_step(self) -> tuple[str, ...]:
        """The command that trains a network under what was recommended."""
        model = () if self.trained else ("-m", "MODULE:FACTORY")
        return ("gsmooth", "train", "-c", str(self.run_file), *model, "--out", "net.pt")


def run_tune(
    config: RunConfig,
    out: Path,
    progress: Progress,
    *,
    force: bool = False,
    limit: int | None = None,
) -> TuneSummary:
    """Compare lifts and noises on images of ``config``, and write a run file to ``out``.

    Uses split "train" unless the configuration names another. What the configuration sets stays:
    options of the transformation, the law, the region, everything about model and data. The
    recommendation is about sigma, the scales, and the options that are left open. At most ``limit``
    of the configuration's images are looked at; the run file that is written names all of them.

    Raises:
        ConfigurationError: Transformation or region are not given, or ``out`` is there already.
        ModelError: The model cannot be loaded, or fails.
        InputError: The data cannot be read, or do not fit the model.
    """
    began = time.monotonic()
    require_free(out, force)
    with_model = "spec" in config.model.model_fields_set
    task = tuning_task(config, with_model)
    settings, dataset = run_data(task.config, "train")
    chosen = _chosen(dataset, settings, limit)
    images = torch.stack([dataset.image(index) for index in chosen])
    labels = dataset.labels[np.array(chosen)] if dataset.labelled else None
    mode = task.rule if isinstance(task.rule, RegionMode) else RegionMode(task.config.certify.alpha)
    model = _model(settings, dataset, chosen) if with_model else None

    def step(done: int, total: int) -> None:
        seconds = time.monotonic() - began
        progress.update(RunProgress(done, total, 0, seconds, 0, done, "", unit="lifts"))

    with progress:
        for notice in data_notices(settings, dataset):
            progress.say(notice)
        found = tuned(
            task.loaded,
            images,
            task.region,
            mode,
            given=config.transformation.options,
            laws=config.smoothing.law,
            labels=labels,
            input_range=settings.model.input_range or (0.0, 1.0),
            model=model,
            on_step=step,
        )
    text = run_file_text(config, task, found, dataset.split)
    make_folder(out.parent)
    write_atomically(out, text.encode())
    written = load_config(out)
    return TuneSummary(found, out, written, with_model, dataset.split, time.monotonic() - began)


def run_file_text(config: RunConfig, task: RunTask, found: Tuning, split: str) -> str:
    """The run file of the recommendation: what was given, and what was found."""
    best = found.best
    names = [parameter.name for parameter in best.transformation.parameters]
    tree = config.model_dump(mode="json", exclude_unset=True, exclude_none=True)
    smoothing = {**tree.get("smoothing", {}), "sigma": best.sigma}
    smoothing["law"] = dict(zip(names, best.choice.laws, strict=False)) or "gaussian"
    smoothing["scales"] = dict(zip(names, best.choice.sizes, strict=False)) or []
    region: dict[str, object] = {
        "lower": dict(zip(names, task.region.lower, strict=True)) or [],
        "upper": dict(zip(names, task.region.upper, strict=True)) or [],
        "l2": task.region.l2,
        "bits": task.region.bits,
    }
    tree |= {
        "transformation": {
            "name": task.config.transformation.name,
            "options": _without_none(recorded_options(best.transformation)),
        },
        "smoothing": smoothing,
        "region": region,
    }
    _make_absolute(tree, "data", "spec")
    _make_absolute(tree, "model", "weights")
    told = (
        f"# Written by gsmooth tune from {found.images} images (split {split}). A heuristic chose"
        " lift and noise;\n# no certificate depends on it. Train a network under it, then certify"
        " with the run file beside its weights.\n\n"
    )
    return told + tomli_w.dumps(tree)


def tuning_task(config: RunConfig, with_model: bool) -> RunTask:
    """The task of the configuration; without a model no card fills in what is left open."""
    if not with_model:
        if config.transformation.name is None:
            raise ConfigurationError(
                "tune: no transformation is given; name one, e.g. -t rotation (gsmooth plugins"
                " lists them)"
            )
        model = config.model.model_copy(update={"spec": NO_MODEL})
        config = config.model_copy(update={"model": model})
    return resolved_task(config, needs_noise=False)


def _model(config: RunConfig, dataset: Dataset, chosen: list[int]) -> LabelledModel:
    """The model of the configuration, with the labels of some of the chosen images."""
    require_labels(dataset)
    config = with_input_shape(config, dataset.shape)
    classifier = load_classifier(config)
    config, fitted = run_classes(config, dataset, classifier.classes, classifier.module)
    part = chosen[:: max(1, len(chosen) // TUNING.model.images)][: TUNING.model.images]
    images = torch.stack([fitted.image(index) for index in part])
    return LabelledModel(classifier, images, fitted.labels[np.array(part)], fitted.classes)


def _chosen(dataset: Dataset, config: RunConfig, limit: int | None) -> list[int]:
    """Positions of at most ``TUNING.search.images`` of the run's first images, ascending.

    Drawn at random, the same in every call: files are often sorted by class, or in a cycle.
    """
    data = config.data
    every = np.array(dataset.indices(data.start, data.every, data.limit)[:limit])
    drawn = np.random.default_rng(0).permutation(len(every))[: TUNING.search.images]
    found: list[int] = every[np.sort(drawn)].tolist()
    return found


def require_free(out: Path, force: bool) -> None:
    """ConfigurationError where ``out`` is there already, unless it may be overwritten."""
    if out.is_dir():
        raise ConfigurationError(
            f"--out {out}: it is a folder; name a file, e.g. {out / 'run.toml'}"
        )
    if os.path.lexists(out) and not force:
        raise ConfigurationError(
            f"--out {out}: it is there already; choose another name, or give --force"
        )


def _make_absolute(tree: dict[str, object], section: str, field: str) -> None:
    """A path that exists, from any working directory."""
    table = tree.get(section)
    if isinstance(table, dict) and isinstance(table.get(field), str):
        place = Path(table[field]).expanduser()
        if place.exists():
            table[field] = os.path.abspath(place)


def _without_none(tree: Mapping[str, object]) -> dict[str, object]:
    return {
        key: _without_none(value) if isinstance(value, dict) else value
        for key, value in tree.items()
        if value is not None
    }
