"""TrainingLoop: steps and epochs, the best weights, and the state on disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Final, final

import torch
from torch import Tensor, nn

from gsmooth.errors import ModelError
from gsmooth.models.call import model_call, plain_precision
from gsmooth.models.zoo.denoiser import Denoised, learnt_part
from gsmooth.training.augment import Augmentation
from gsmooth.training.interrupt import TrainingInterrupted, interrupt_flag
from gsmooth.training.methods import TrainedNetwork
from gsmooth.training.noise import NoisyInputs
from gsmooth.training.plan import TrainPlan
from gsmooth.training.report import EpochReport, TrainReport
from gsmooth.training.settings import TRAINING
from gsmooth.training.source import ImageSource
from gsmooth.training.state import Place, TrainingState, new_state

_TYPES: Final = {"bfloat16": torch.bfloat16, "float16": torch.float16}
Estimate = Callable[[nn.Module], float]
OnEpoch = Callable[[EpochReport], None]
OnStep = Callable[[Place, int], None]


@final
@dataclass(frozen=True)
class Watching:
    """What happens beside the steps of a training.

    Args:
        on_epoch: Called with the results of each epoch.
        on_step: Called after each step, with the place and the number of images of an epoch.
        estimate: Estimates the certified accuracy of a network; its best epoch is kept. None: the
            last epoch is kept.
        resume: File of the state, written now and then; a training continues from it. None: none.
        identity: What the training is of; a file of another one is refused.
    """

    on_epoch: OnEpoch = lambda report: None
    on_step: OnStep = lambda place, images: None
    estimate: Estimate | None = None
    resume: Path | None = None
    identity: str = ""


@final
@dataclass
class TrainingLoop:
    """One training of a network in place.

    Args:
        module: The network; it has the kept weights when :meth:`run` ends.
        views: Maps of training inputs.
        source: The images and labels.
        plan: The hyper-parameters.
        augment: Augmentation of the images before they are attacked; None without any.
        name: Name of the network, in errors.
        watching: What happens beside the steps.
    """

    module: nn.Module
    views: Sequence[NoisyInputs]
    source: ImageSource
    plan: TrainPlan
    augment: Augmentation | None
    name: str
    watching: Watching
    state: TrainingState = field(init=False)

    def run(self) -> TrainReport:
        """Train to the end, and load the kept weights into the network.

        Raises:
            TrainingInterrupted: After Ctrl-C; the network holds the best weights so far.
        """
        learnt = learnt_part(self.module)
        self.state = new_state(learnt, self.plan, len(self._parts(self._identity_order())))
        if self.watching.resume is not None and self.watching.resume.exists():
            self.state.load(self.watching.resume, self.watching.identity)
        self._network = TrainedNetwork(self.module, self._scores)
        self._saved_at = monotonic()
        self.module.train()
        with interrupt_flag() as asked:
            while self.state.place.epoch < self.plan.epochs:
                self._epoch(asked)
        self._keep()
        return TrainReport(tuple(self.state.history))

    def _epoch(self, asked: Callable[[], bool]) -> None:
        place, began = self.state.place, monotonic() - self.state.place.seconds
        parts = self._parts(self._order())[place.step :]
        batches = self.source.batches(parts)
        for part, x in zip(parts, batches, strict=True):
            self._step(x, self.source.labels[part])
            place.step += 1
            place.seconds = monotonic() - began
            self.watching.on_step(place, len(self.source))
            if asked():
                self._interrupted()
            self._save(TRAINING.resume.seconds)
        self._finish(began)

    def _order(self) -> Tensor:
        """The order of the present epoch. In a resumed epoch it is that of its beginning."""
        resumed = torch.get_rng_state() if self.state.place.step else None
        if resumed is not None:
            assert self.state.epoch_rng is not None
            torch.set_rng_state(self.state.epoch_rng)
        self.state.epoch_rng = torch.get_rng_state()
        if self.plan.balance:
            labels = self.source.labels
            weights = 1.0 / labels.bincount().double()[labels]
            order = torch.multinomial(weights, len(labels), replacement=True)
        else:
            order = torch.randperm(len(self.source), dtype=torch.int64, device="cpu")
        if resumed is not None:
            torch.set_rng_state(resumed)
        return order

    def _identity_order(self) -> Tensor:
        return torch.arange(len(self.source), dtype=torch.int64, device="cpu")

    def _parts(self, order: Tensor) -> list[Tensor]:
        return batches_of(order, self.plan.batch_size)

    def _step(self, x: Tensor, y: Tensor) -> None:
        state, device = self.state, self.state.device
        x, y = x.to(device, non_blocking=True), y.to(device, non_blocking=True)
        x = x if self.augment is None else self.augment(x)
        found = self.plan.method.loss(self._network, self.views, x, y, self.plan.label_smoothing)
        if not bool(torch.isfinite(found.loss)):
            raise ModelError(
                f"train: the loss became {found.loss.item()} in epoch {state.place.epoch + 1};"
                f" lower learning_rate={self.plan.learning_rate} or check the images"
            )
        state.optimizer.zero_grad()
        with model_call(f"train: the gradient of {self.name}", x, size="train.batch_size"):
            state.scaler.scale(found.loss).backward()  # type: ignore[no-untyped-call]
        state.scaler.step(state.optimizer)
        state.scaler.update()
        state.schedule.step()
        state.averaged.update_parameters(state.module)
        state.place.loss += float(found.loss.detach()) * len(y)
        state.place.right += int((found.scores.argmax(dim=1) == found.labels).sum())

    def _scores(self, x: Tensor) -> Tensor:
        """Scores (N, classes) as float32; the network alone runs in the precision of AMP."""
        with model_call(f"train: {self.name}", x, size="train.batch_size"), self._precision():
            scores: Tensor = self.module(x)
            return scores.float()

    @contextmanager
    def _precision(self) -> Iterator[None]:
        kind = self.state.device.type
        if self.plan.amp is None:
            with plain_precision(self.state.device):
                yield
        else:
            with torch.autocast(kind, dtype=_TYPES[self.plan.amp]):
                yield

    def _finish(self, began: float) -> None:
        """Report the epoch, keep its weights where they are the best, and go on to the next."""
        state, place, count = self.state, self.state.place, len(self.source)
        place.epoch += 1
        estimate, best = self._estimated()
        place.seconds = monotonic() - began
        report = EpochReport(
            place.epoch, place.loss / count, place.right / count, place.seconds, estimate, best
        )
        place.step, place.loss, place.right = 0, 0.0, 0
        state.history.append(report)
        self._save(TRAINING.resume.seconds)
        self.watching.on_epoch(report)

    def _estimated(self) -> tuple[float | None, bool]:
        """The estimate of the averaged weights where one is due, and whether it is the best."""
        epoch, epochs = self.state.place.epoch, self.plan.epochs
        every = max(1, round(epochs / TRAINING.estimate.evaluations))
        if self.watching.estimate is None or (epoch % every and epoch != epochs):
            return None, False
        # Its own random numbers, if any, are no part of the training.
        with torch.random.fork_rng(devices=[]):
            found = self.watching.estimate(self._whole(self.state.averaged.module))
        # Of equal estimates the later one: its average is over more steps.
        before = [e.estimate for e in self.state.history if e.estimate is not None]
        best = found >= max(before, default=0.0)
        if best:
            weights = self.state.averaged.module.state_dict()
            self.state.best = {name: value.detach().clone() for name, value in weights.items()}
        return found, best

    def _whole(self, learnt: nn.Module) -> nn.Module:
        """The network with other weights of what is learnt."""
        if isinstance(self.module, Denoised):
            return Denoised(learnt, self.module.network)
        return learnt

    def _keep(self) -> None:
        """Load the best weights into the network, or the average of all steps without estimates."""
        averaged = self.state.averaged.module.state_dict()
        self.state.module.load_state_dict(averaged if self.state.best is None else self.state.best)
        self.module.eval()

    def _interrupted(self) -> None:
        self._save(0.0)
        self._keep()
        report, place = TrainReport(tuple(self.state.history)), self.state.place
        raise TrainingInterrupted(
            report, f"interrupted in epoch {place.epoch + 1} of {self.plan.epochs}"
        )

    def _save(self, pause_s: float) -> None:
        """Write the state, if the last time was so many seconds ago."""
        if self.watching.resume is None or monotonic() - self._saved_at < pause_s:
            return
        self.state.save(self.watching.resume, self.watching.identity)
        self._saved_at = monotonic()


def batches_of(order: Tensor, size: int) -> list[Tensor]:
    """Split ``order`` (N,) into batches of ``size``; a single last image joins the batch before.

    Batch normalization cannot be trained on one image.
    """
    batches = list(torch.split(order, size))
    if len(batches) > 1 and len(batches[-1]) == 1 < size:
        batches[-2:] = [torch.cat(batches[-2:])]
    return batches
