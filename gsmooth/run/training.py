"""Training from a run file: the network, the images, the plan, and the state dict on disk."""

from __future__ import annotations

import io
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import final

import numpy as np
import torch
from torch import Tensor, nn

from gsmooth.errors import ConfigurationError, ModelError
from gsmooth.run.assembly import noise_of, region_of
from gsmooth.run.card import card
from gsmooth.run.config import RunConfig, to_toml
from gsmooth.run.dataset import Dataset
from gsmooth.run.factory import call_factory
from gsmooth.run.inputs import data_notices, require_shape, run_classes, run_data
from gsmooth.run.journal import make_folder, write_atomically
from gsmooth.run.models import load_model
from gsmooth.run.progress import Progress
from gsmooth.run.rehearsal import rehearsed
from gsmooth.run.resolution import resolved
from gsmooth.training import EpochReport, TrainPlan, TrainReport, train


@final
@dataclass(frozen=True)
class TrainSummary:
    """The trained state dict on disk, the run file beside it, and what every epoch gave."""

    weights: Path
    run_file: Path
    config: RunConfig
    report: TrainReport


def run_train(config: RunConfig, out: Path, progress: Progress) -> TrainSummary:
    """Train the network of ``config`` and write its state dict to ``out``.

    Uses split "train" unless the configuration names another. Weights that the configuration gives
    are where training starts; a shipped model starts afresh. The same seed gives the same network
    on the same machine and number of threads.
    """
    if config.model.device != "cpu":
        raise ConfigurationError(f"model.device={config.model.device}: training is on the cpu only")
    settings = resolved(config)
    if settings.engine.threads is not None:
        torch.set_num_threads(settings.engine.threads)
    settings, dataset = run_data(settings, "train")
    if settings.model.shape is not None:
        require_shape(dataset, settings.model.shape, settings.model.spec)
    plan = TrainPlan(**settings.train.model_dump())
    module = _network(settings, plan.seed)
    settings, dataset = run_classes(settings, dataset, _outputs(module, dataset))
    images, labels = _tensors(dataset, settings)
    for notice in data_notices(settings, dataset):
        progress.say(notice)
    # Before hours of work, not after them.
    make_folder(out.parent)
    operator, law = noise_of(settings)
    rehearsed(operator, dataset.shape)
    report = train(
        module,
        operator,
        law,
        images,
        labels,
        region_of(settings),
        plan,
        grid=settings.smoothing.grid or 0.0,
        on_epoch=lambda epoch: progress.say(_line(epoch, plan.epochs)),
    )
    run_file = _save(module, settings, out)
    return TrainSummary(out, run_file, settings, report)


def _tensors(dataset: Dataset, config: RunConfig) -> tuple[Tensor, Tensor]:
    """Images (N, C, H, W) float32 and labels (N,) int64 of the asked part."""
    part = np.asarray(dataset.indices(config.data.start, config.data.every, config.data.limit))
    return torch.from_numpy(dataset.pixels(part, np.float32)), torch.from_numpy(
        dataset.labels[part]
    )


def _network(config: RunConfig, seed: int) -> nn.Module:
    """The module to train; its initial weights follow from ``seed``."""
    model = config.model
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
            layout=model.layout,
            output=model.output,
        ).module
    return module.requires_grad_(True)


def _outputs(module: nn.Module, dataset: Dataset) -> int:
    """How many classes the network answers with, from a batch of two images."""
    part = np.arange(2) % len(dataset)
    with torch.no_grad():
        scores = module.eval()(torch.from_numpy(dataset.pixels(part, np.float32)))
    return int(scores.shape[1])


def _save(module: nn.Module, config: RunConfig, out: Path) -> Path:
    """Write the state dict, and the resolved run file under the same name; the latter's path."""
    buffer = io.BytesIO()
    torch.save(module.state_dict(), buffer)
    write_atomically(out, buffer.getvalue())
    run_file = out.with_suffix(".toml")
    write_atomically(run_file, to_toml(config).encode())
    return run_file


def _line(epoch: EpochReport, epochs: int) -> str:
    return (
        f"epoch {epoch.epoch}/{epochs}: loss {epoch.loss:.3f}, accuracy under noise"
        f" {epoch.accuracy:.1%}, {epoch.seconds:.0f} s"
    )


def as_document(summary: TrainSummary) -> dict[str, object]:
    """For ``--json``."""
    return {
        "weights": str(summary.weights),
        "run_file": str(summary.run_file),
        "config": summary.config.model_dump(mode="json"),
        "epochs": [asdict(epoch) for epoch in summary.report.epochs],
    }
