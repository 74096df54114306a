"""Training from a run file: the network, the images, the plan, and the state dict on disk."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import final

import numpy as np
import torch
from torch import Tensor, nn

from gsmooth.boundaries.factory import call_factory
from gsmooth.data.dataset import Dataset
from gsmooth.errors import ConfigurationError, ModelError
from gsmooth.models import load_model
from gsmooth.models.call import model_call
from gsmooth.models.cards import card
from gsmooth.models.programs import PROGRAM_SUFFIXES
from gsmooth.runs.config.resolution import resolved_task
from gsmooth.runs.config.run_config import RunConfig
from gsmooth.runs.inputs import (
    data_notices,
    require_labels,
    require_shape,
    run_classes,
    run_data,
)
from gsmooth.runs.monitor.progress import Progress
from gsmooth.runs.records.files import make_folder
from gsmooth.runs.smoke_test import smoke_tested
from gsmooth.runs.trained import NextStep, TrainedFiles, next_step, require_reproduced
from gsmooth.text.rounding import percent
from gsmooth.training import EpochReport, TrainPlan, TrainReport, train
from gsmooth.transforms.base import Transformation


@final
@dataclass(frozen=True)
class TrainSummary:
    """The trained state dict on disk, the run file beside it, and what every epoch gave.

    config: of the run file, which certifies the network on other images. trained_on: the split.
    """

    weights: Path
    run_file: Path
    config: RunConfig
    trained_on: str
    report: TrainReport

    @property
    def next_step(self) -> NextStep:
        """The command that certifies what was trained."""
        return next_step(self.config, self.run_file)


def run_train(
    config: RunConfig, out: Path, progress: Progress, *, force: bool = False
) -> TrainSummary:
    """Train the network of ``config``; write its state dict to ``out``, a run file beside it.

    Uses split "train" unless the configuration names another. Weights that the configuration gives
    are where training starts; a shipped model starts afresh. The same seed gives the same network
    on the same machine and number of threads. force: files that are there may be overwritten.

    Raises ConfigurationError for an ``out`` that cannot be used, ModelError for a network that
    cannot be trained or that its state dict does not reproduce, and what loading raises.
    """
    files = TrainedFiles(out)
    files.require_free(force)
    if config.model.device != "cpu":
        raise ConfigurationError(f"model.device={config.model.device}: training is on the cpu only")
    task = resolved_task(config, needs_ball=False)
    settings = task.config
    if settings.engine.threads is not None:
        torch.set_num_threads(settings.engine.threads)
    settings, dataset = run_data(settings, "train")
    require_labels(dataset)
    bound = smoke_tested(task.transformation, dataset.shape)
    settings = _with_shape(settings, dataset, bound)
    plan = TrainPlan(**settings.train.model_dump())
    module = _network(settings, plan.seed)
    # As it is seen without noise, for the network's number of outputs.
    seen = _inputs(bound, dataset)
    outputs = _outputs(module, seen, settings.model.spec)
    settings, dataset = run_classes(settings, dataset, outputs)
    images, labels = _tensors(dataset, settings)
    for notice in data_notices(settings, dataset):
        progress.say(notice)
    # Before hours of work, not after them.
    make_folder(out.parent)
    operator, law = task.noise_for(dataset.shape)
    report = train(
        module,
        operator,
        law,
        images,
        labels,
        task.region,
        plan,
        grid=settings.smoothing.grid or 0.0,
        on_epoch=lambda epoch: progress.say(_line(epoch, plan.epochs)),
        name=f"model {settings.model.spec!r}",
    )
    run = files.configuration(settings, outputs, dataset.digest())
    files.write(module, run)
    require_reproduced(module, seen, run)
    return TrainSummary(out, files.run_file, run, dataset.split, report)


def _with_shape(config: RunConfig, dataset: Dataset, bound: Transformation) -> RunConfig:
    """With the shape of what is read out; InputError where another one is asked for."""
    if config.model.shape is not None:
        require_shape(dataset, config.model.shape, config.model.spec, bound)
    model = config.model.model_copy(update={"shape": bound.input_shape(dataset.shape)})
    return config.model_copy(update={"model": model})


def _tensors(dataset: Dataset, config: RunConfig) -> tuple[Tensor, Tensor]:
    """Images (N, C, H, W) float32 and labels (N,) int64 of the asked part."""
    part = np.asarray(dataset.indices(config.data.start, config.data.every, config.data.limit))
    return torch.from_numpy(dataset.pixels(part, np.float32)), torch.from_numpy(
        dataset.labels[part]
    )


def _network(config: RunConfig, seed: int) -> nn.Module:
    """The module to train; its initial weights follow from ``seed``."""
    model = config.model
    if Path(model.spec).suffix.lower() in PROGRAM_SUFFIXES:
        raise ConfigurationError(
            f"train: model {model.spec!r} is a program, which holds its weights for good; give the"
            " network as module:factory, and its weights as model.weights"
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if (shipped := card(model.spec)) is not None and model.weights is None:
            made = call_factory(shipped.model.network, ModelError, **shipped.model.options)
            assert isinstance(made, nn.Module)
            return made
        module = load_model(
            model.spec,
            weights=model.weights,
            classes=model.classes,
            shape=model.shape,
            input_range=model.input_range or (0.0, 1.0),
        ).module
    return module.requires_grad_(True)


def _inputs(bound: Transformation, dataset: Dataset) -> Tensor:
    """Two images of the data as the network takes them, float32, without noise."""
    part = np.arange(2) % len(dataset)
    images = torch.from_numpy(dataset.pixels(part, np.float32))
    if bound.input_shape(dataset.shape) == dataset.shape:
        return images
    return bound.readout(bound.lift(images), dataset.shape)


def _outputs(module: nn.Module, inputs: Tensor, spec: str) -> int:
    """How many classes the network answers with, from a batch of inputs."""
    with torch.no_grad(), model_call(f"model {spec!r}", inputs):
        return int(module.eval()(inputs).shape[1])


def _line(epoch: EpochReport, epochs: int) -> str:
    return (
        f"epoch {epoch.epoch}/{epochs}: loss {epoch.loss:.3f}, accuracy under noise"
        f" {percent(epoch.accuracy)}, {epoch.seconds:.0f} s"
    )


def as_document(summary: TrainSummary) -> dict[str, object]:
    """For ``--json``."""
    step = summary.next_step
    return {
        "weights": str(summary.weights),
        "run_file": str(summary.run_file),
        "trained_on": summary.trained_on,
        "next": {"command": list(step.command), "note": step.note},
        "config": summary.config.model_dump(mode="json"),
        "epochs": [asdict(epoch) for epoch in summary.report.epochs],
    }
