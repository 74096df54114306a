"""Training from a run file: the network, the images, the plan, and what is left on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import final

import numpy as np
import torch
from torch import Tensor, nn

from gsmooth.data.dataset import Dataset
from gsmooth.models.classifier import Classifier
from gsmooth.models.digest import state_digest
from gsmooth.models.loading import check_device
from gsmooth.runs.config.resolution import resolved_task
from gsmooth.runs.config.run_config import RunConfig
from gsmooth.runs.config.train_section import TRAIN_ONLY, TrainSection
from gsmooth.runs.inputs import data_notices, require_shape, run_classes
from gsmooth.runs.monitor.interrupt import Interrupted
from gsmooth.runs.monitor.progress import Progress, RunProgress
from gsmooth.runs.records.files import make_folder
from gsmooth.runs.smoke_test import smoke_tested
from gsmooth.runs.task import RunTask
from gsmooth.runs.trained import NextStep, TrainedFiles, next_step, require_reproduced
from gsmooth.runs.training_data import TrainingData
from gsmooth.runs.training_network import new_network, outputs_of, with_classes
from gsmooth.sampling import devices_of
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.text.rounding import percent
from gsmooth.training import EpochReport, NoisyInputs, TrainPlan, TrainReport, Watching
from gsmooth.training import train_source as train
from gsmooth.training.estimate import CertifiedEstimate
from gsmooth.training.interrupt import TrainingInterrupted
from gsmooth.training.methods import Stability
from gsmooth.training.state import Place
from gsmooth.transforms.base import Transformation

Draw = Callable[[TrainReport, Path], None]


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
    config: RunConfig,
    out: Path,
    progress: Progress,
    *,
    force: bool = False,
    draw: Draw = lambda report, path: None,
) -> TrainSummary:
    """Train the network of ``config``; write its state dict to ``out``, a run file beside it.

    Uses split "train" unless the configuration names another. Weights that the configuration gives
    are where training starts; a shipped model starts afresh. The same seed gives the same network
    on the same machine and number of threads. An interrupted training leaves the best weights so
    far, and a file from which the same call goes on.

    Args:
        config: The configuration, not resolved.
        out: File of the state dict.
        progress: Where notices and epochs are reported.
        force: Files that are there may be overwritten; an interrupted training begins anew.
        draw: Draws the curve of a report into the file ``out`` with suffix ``.png``, after each
            epoch.

    Raises:
        ConfigurationError: ``out`` cannot be used.
        ModelError: The network cannot be trained, or its state dict does not reproduce it.
        Interrupted: Ctrl-C; the best weights so far are on disk.
    """
    files = TrainedFiles(out)
    files.require_free(force)
    training = _Training.of(config, files, progress, draw)
    for notice in (
        *data_notices(training.config, training.data.dataset),
        training.data.describe(),
    ):
        progress.say(notice)
    # Before hours of work, not after them.
    make_folder(out.parent)
    with progress:
        report = training.run()
    files.resume.unlink(missing_ok=True)
    dataset = training.data.dataset
    return TrainSummary(out, files.run_file, training.written, dataset.split, report)


@final
@dataclass(frozen=True)
class _Training:
    """The objects of one training."""

    config: RunConfig
    data: TrainingData
    task: RunTask
    bound: Transformation
    module: nn.Module
    files: TrainedFiles
    progress: Progress
    draw: Draw

    @staticmethod
    def of(config: RunConfig, files: TrainedFiles, progress: Progress, draw: Draw) -> _Training:
        """Load everything; errors come before the first step."""
        device = devices_of(config.model.device)[0]
        check_device(device)
        task = resolved_task(config, needs_ball=False)
        settings = task.config
        if settings.engine.threads is not None:
            torch.set_num_threads(settings.engine.threads)
        settings, data = TrainingData.of(settings)
        bound = smoke_tested(task.transformation, data.dataset.shape)
        settings = _with_shape(settings, data.dataset, bound)
        settings = with_classes(settings, len(data.dataset.classes))
        module = new_network(settings, device)
        # As they are seen without noise, for the network's number of outputs.
        seen = _inputs(bound, data.dataset).to(device)
        outputs = outputs_of(module, seen, settings.model.spec)
        settings, dataset = run_classes(settings, data.dataset, outputs)
        settings = settings.model_copy(
            update={"model": settings.model.model_copy(update={"classes": outputs})}
        )
        data = data.relabelled(dataset)
        return _Training(settings, data, task, bound, module, files, progress, draw)

    @property
    def written(self) -> RunConfig:
        """The configuration of the run file."""
        return self.files.configuration(
            self.config, self.data.digest, holdout=len(self.data.holdout) > 0
        )

    def run(self) -> TrainReport:
        """Train, and write the files; also after Ctrl-C."""
        operator, law = self.task.noise_for(self.data.dataset.shape)
        plan, grid = train_plan(self.config.train), self.config.smoothing.grid or 0.0
        views = [NoisyInputs(operator, law, self.task.region, plan.widen, grid)]
        device = next(self.module.parameters()).device
        name = f"model {self.config.model.spec!r}"
        try:
            report = train(
                self.module,
                views,
                self.data.source(pin=device.type == "cuda"),
                plan,
                self._watching(),
                channels=self.data.dataset.shape[0],
                input_range=self.data.dataset.input_range,
                name=name,
            )
        except TrainingInterrupted as stopped:
            self._write(stopped.report)
            raise Interrupted(
                f"{stopped}; the weights of {_best(stopped.report)} are in {self.files.weights};"
                " the same command resumes (--force begins anew)"
            ) from stopped
        self._write(report)
        return report

    def _write(self, report: TrainReport) -> None:
        config = self.written
        self.files.write(self.module, config, self.data.seen())
        inputs = _inputs(self.bound, self.data.dataset)
        require_reproduced(self.module, inputs, config)
        self.draw(report, self.files.curve)

    def _watching(self) -> Watching:
        epochs, history = self.config.train.epochs, list[EpochReport]()
        images = len(self.data.training)

        def on_epoch(epoch: EpochReport) -> None:
            history.append(epoch)
            self.progress.say(_line(epoch, epochs))
            self.draw(TrainReport(tuple(history)), self.files.curve)

        def on_step(place: Place, count: int) -> None:
            done = place.step * self.config.train.batch_size
            self.progress.update(_state(place, min(done, count), images, epochs))

        estimate = self._estimate() if len(self.data.validation) else None
        return Watching(on_epoch, on_step, estimate, self.files.resume, self._identity())

    def _estimate(self) -> CertifiedEstimate:
        """Estimates by votes like those of a certificate, on the validation images."""
        config, (items, labels) = self.config, self.data.validation_items()
        assert config.model.classes is not None
        assert config.model.shape is not None
        classifier = Classifier(
            self.module,
            classes=config.model.classes,
            shape=config.model.shape,
            input_range=config.model.input_range or (0.0, 1.0),
            name=config.model.spec,
            copy=False,
        )
        smoothed = SmoothedClassifier(
            classifier,
            self.task.transformation,
            self.task.law,
            image_shape=self.data.dataset.shape,
            grid=config.smoothing.grid or 0.0,
            seed=config.train.seed,
        )
        return CertifiedEstimate(smoothed, items, labels, self.task.region)

    def _identity(self) -> str:
        """A digest of all that the weights follow from."""
        free = {"engine", "output", "certify", "predict", "attack"}
        parts = (
            self.config.model_dump_json(exclude=free),
            self.data.identity(),
            state_digest(self.module.state_dict()),
        )
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def train_plan(recipe: TrainSection) -> TrainPlan:
    """The hyper-parameters of a recipe."""
    method = Stability() if recipe.denoiser else recipe.method.method()
    return TrainPlan(**recipe.model_dump(exclude=set(TRAIN_ONLY)), method=method)


def _with_shape(config: RunConfig, dataset: Dataset, bound: Transformation) -> RunConfig:
    """With the shape of what is read out; InputError where another one is asked for."""
    if config.model.shape is not None:
        require_shape(dataset, config.model.shape, config.model.spec, bound)
    model = config.model.model_copy(update={"shape": bound.input_shape(dataset.shape)})
    return config.model_copy(update={"model": model})


def _inputs(bound: Transformation, dataset: Dataset) -> Tensor:
    """Two images of the data as the network takes them, float32, without noise."""
    part = np.arange(2) % len(dataset)
    images = torch.from_numpy(dataset.pixels(part, np.float32))
    if bound.input_shape(dataset.shape) == dataset.shape:
        return images
    return bound.readout(bound.lift(images), dataset.shape)


def _state(place: Place, done: int, images: int, epochs: int) -> RunProgress:
    """Where a training stands, in images of all epochs; the accuracy is that of the present one."""
    all_done = place.epoch * images + done
    return RunProgress(
        done=all_done,
        total=epochs * images,
        votes=0,
        seconds=place.seconds,
        hits=round(all_done * place.right / max(1, done)),
        scored=all_done,
        merit=f"epoch {place.epoch + 1}/{epochs}, accuracy under noise",
    )


def _line(epoch: EpochReport, epochs: int) -> str:
    estimate = ""
    if epoch.estimate is not None:
        best = " (best so far)" if epoch.best else ""
        estimate = f", estimated certified accuracy {percent(epoch.estimate)}{best}"
    return (
        f"epoch {epoch.epoch}/{epochs}: loss {epoch.loss:.3f}, accuracy under noise"
        f" {percent(epoch.accuracy)}{estimate}, {epoch.seconds:.0f} s"
    )


def _best(report: TrainReport) -> str:
    kept = report.kept
    if kept is None or kept.estimate is None:
        return "its running average"
    return f"epoch {kept.epoch} (estimated certified accuracy {percent(kept.estimate)})"


def as_document(summary: TrainSummary) -> dict[str, object]:
    """For ``--json``."""
    step, kept = summary.next_step, summary.report.kept
    return {
        "weights": str(summary.weights),
        "run_file": str(summary.run_file),
        "trained_on": summary.trained_on,
        "kept_epoch": None if kept is None else kept.epoch,
        "next": {"command": list(step.command), "note": step.note},
        "config": summary.config.model_dump(mode="json"),
        "epochs": [asdict(epoch) for epoch in summary.report.epochs],
    }
