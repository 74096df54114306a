"""Training from a run file: the network, the images, the plan, and the state dict on disk."""

from __future__ import annotations

import io
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import final

import numpy as np
import torch
from torch import Tensor, nn

from gsmooth.errors import ConfigurationError, InputError, ModelError
from gsmooth.run.assembly import noise_of, region_of
from gsmooth.run.card import card
from gsmooth.run.config import RunConfig, to_toml
from gsmooth.run.dataset import Dataset
from gsmooth.run.datasets import load_data
from gsmooth.run.factory import call_factory
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
    settings = resolved(_on_training_data(config))
    if settings.engine.threads is not None:
        torch.set_num_threads(settings.engine.threads)
    dataset = load_data(settings.data.spec, settings.data.split)
    images, labels = _tensors(dataset, settings)
    plan = TrainPlan(**settings.train.model_dump())
    module = _network(settings, plan.seed)
    _check_fit(dataset, images, module, settings)
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


def _on_training_data(config: RunConfig) -> RunConfig:
    if "split" in config.data.model_fields_set:
        return config
    return config.model_copy(update={"data": config.data.model_copy(update={"split": "train"})})


def _tensors(dataset: Dataset, config: RunConfig) -> tuple[Tensor, Tensor]:
    """Images (N, C, H, W) float32 and labels (N,) int64 of the asked part."""
    part = np.asarray(dataset.indices(config.data.start, config.data.every, config.data.limit))
    scale = 255.0 if dataset.images.dtype == np.uint8 else 1.0
    images = torch.from_numpy(dataset.images[part].astype(np.float32) / np.float32(scale))
    return images, torch.from_numpy(dataset.labels[part])


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


def _check_fit(dataset: Dataset, images: Tensor, module: nn.Module, config: RunConfig) -> None:
    if config.model.shape is not None and dataset.shape != config.model.shape:
        raise InputError(
            f"data {dataset.name}: images (C, H, W) = {dataset.shape}, but {config.model.spec}"
            f" takes {config.model.shape}"
        )
    with torch.no_grad():
        classes = module.eval()(images[:2]).shape[1]
    if (largest := int(dataset.labels.max())) >= classes:
        raise InputError(
            f"data {dataset.name}: label {largest} is out of range: {config.model.spec} has"
            f" {classes} outputs"
        )


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
