"""Training by cross-entropy on noisy inputs that are made like those of certification."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import final

import torch
from kornia.augmentation import RandomAffine
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from gsmooth.errors import ConfigurationError, InputError, ModelError
from gsmooth.models.call import model_call
from gsmooth.theory.arguments import require_whole
from gsmooth.theory.laws import Law
from gsmooth.training.noise import NoisyInputs, dealt
from gsmooth.transforms.base import Transformation
from gsmooth.transforms.region import Region


@final
@dataclass(frozen=True)
class TrainPlan:
    """Hyper-parameters of training by AdamW with a one-cycle schedule.

    Args:
        epochs: Number of epochs.
        batch_size: Images in a batch.
        learning_rate: Largest learning rate of the schedule.
        weight_decay: Weight decay of AdamW.
        warm_up: Fraction of the steps in which the learning rate rises.
        widen: Factor of the region from which attacks are drawn. Above 1, training also covers
            attacks just outside the region.
        variation: Strength, in [0, 1], of random shifts, scales and shears, the usual augmentation
            of small training sets; 0: none.
        average: Decay per step of the running average of weights that training returns.
        seed: Seed of all random numbers.
    """

    epochs: int = 80
    batch_size: int = 128
    learning_rate: float = 0.005
    weight_decay: float = 0.02
    warm_up: float = 0.15
    widen: float = 1.2
    variation: float = 1.0
    average: float = 0.998
    seed: int = 0

    def __post_init__(self) -> None:
        require_whole(**{"train.epochs": self.epochs, "train.batch_size": self.batch_size})
        for name in ("epochs", "batch_size"):
            if getattr(self, name) < 1:
                raise ConfigurationError(f"train.{name}={getattr(self, name)} must be at least 1")
        for name in ("learning_rate", "widen"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0.0):
                raise ConfigurationError(f"train.{name}={value} must be a positive number")
        if not (math.isfinite(self.weight_decay) and self.weight_decay >= 0.0):
            raise ConfigurationError(f"train.weight_decay={self.weight_decay} must be >= 0")
        for name in ("warm_up", "average"):
            if not 0.0 <= getattr(self, name) < 1.0:
                raise ConfigurationError(f"train.{name}={getattr(self, name)} must lie in [0, 1)")
        if not 0.0 <= self.variation <= 1.0:
            raise ConfigurationError(f"train.variation={self.variation} must lie in [0, 1]")


@final
@dataclass(frozen=True)
class EpochReport:
    """Results of one epoch.

    Args:
        epoch: Number of the epoch.
        loss: Mean loss on noisy inputs.
        accuracy: Accuracy on noisy inputs.
        seconds: Seconds since training began.
    """

    epoch: int
    loss: float
    accuracy: float
    seconds: float


@final
@dataclass(frozen=True)
class TrainReport:
    """Results of a training.

    Args:
        epochs: Results of each epoch.
    """

    epochs: tuple[EpochReport, ...]


def train(
    module: nn.Module,
    transformation: Transformation,
    law: Law,
    images: Tensor,
    labels: Tensor,
    region: Region,
    plan: TrainPlan | None = None,
    *,
    grid: float = 2.0**-8,
    on_epoch: Callable[[EpochReport], None] = lambda report: None,
    name: str = "the network",
) -> TrainReport:
    """Train ``module`` in place on noisy inputs.

    Each image is attacked at a random gamma and gets noise by the same steps as in certification;
    see :class:`NoisyInputs`.

    Args:
        module: The network, (N, C, H, W) -> scores (N, classes).
        transformation: The transformation.
        law: Law of the noise.
        images: Images (N, C, H, W), float32.
        labels: Labels (N,), int64.
        region: The region of attacks.
        plan: Hyper-parameters; by default ``TrainPlan()``.
        grid: Step of the grid to which noisy inputs are rounded.
        on_epoch: Called with the results of each epoch; by default nothing happens.
        name: Name of the network, in errors.

    Raises:
        ModelError: The network has no parameters to train or raises an error, or the loss is not
            finite.
    """
    plan = plan or TrainPlan()
    inputs = NoisyInputs(transformation, law, region, plan.widen, grid)
    return train_views(module, [inputs], images, labels, plan, on_epoch=on_epoch, name=name)


def train_views(
    module: nn.Module,
    views: Sequence[NoisyInputs],
    images: Tensor,
    labels: Tensor,
    plan: TrainPlan | None = None,
    *,
    on_epoch: Callable[[EpochReport], None] = lambda report: None,
    name: str = "the network",
) -> TrainReport:
    """Train ``module`` in place on several kinds of noisy inputs; each batch has equal parts.

    Args:
        module: The network, (N, C, H, W) -> scores (N, classes).
        views: Maps of training inputs. Each has its own ``widen``; that of the plan is not used.
        images: Images (N, C, H, W), float32.
        labels: Labels (N,), int64.
        plan: Hyper-parameters; by default ``TrainPlan()``.
        on_epoch: Called with the results of each epoch; by default nothing happens.
        name: Name of the network, in errors.

    Raises:
        InputError: There is no view.
        ModelError: As in :func:`train`.
    """
    plan = plan or TrainPlan()
    if not views:
        raise InputError("train: no views; expected at least one NoisyInputs")
    if len(images) == 0 or len(images) != len(labels):
        raise InputError(
            f"train: {len(images)} images and {len(labels)} labels; expected one label an image,"
            " and at least one image"
        )
    # Layers such as dropout use PyTorch's global generator; its state is restored afterwards.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(plan.seed)
        return _train(module, views, images, labels, plan, on_epoch, name)


def _train(
    module: nn.Module,
    views: Sequence[NoisyInputs],
    images: Tensor,
    labels: Tensor,
    plan: TrainPlan,
    on_epoch: Callable[[EpochReport], None],
    name: str,
) -> TrainReport:
    if not any(parameter.requires_grad for parameter in module.parameters()):
        raise ModelError(f"train: {name} has no parameters that can be trained")
    steps = len(
        _batches(torch.arange(len(images), dtype=torch.int64, device="cpu"), plan.batch_size)
    )
    optimizer = torch.optim.AdamW(
        module.parameters(), lr=plan.learning_rate, weight_decay=plan.weight_decay
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        plan.learning_rate,
        total_steps=plan.epochs * steps,
        pct_start=plan.warm_up,
    )
    averaged = AveragedModel(
        module,
        avg_fn=_warmed_average(plan.average),
        use_buffers=True,
    )
    vary = _variation(plan.variation)
    reports, began = [], perf_counter()
    module.train()
    for epoch in range(plan.epochs):
        order = torch.randperm(len(images), dtype=torch.int64, device="cpu")
        loss_sum, right = 0.0, 0
        for part in _batches(order, plan.batch_size):
            x, y = images[part], labels[part]
            seen = dealt(views, x if vary is None else vary(x))
            with model_call(f"train: {name}", seen, size="train.batch_size"):
                scores = module(seen)
                loss = nn.functional.cross_entropy(scores, y)
            if not bool(torch.isfinite(loss)):
                raise ModelError(
                    f"train: the loss became {loss.item()} in epoch {epoch + 1}; lower"
                    f" learning_rate={plan.learning_rate} or check the images"
                )
            optimizer.zero_grad()
            with model_call(f"train: the gradient of {name}", seen, size="train.batch_size"):
                loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
            averaged.update_parameters(module)
            loss_sum += float(loss.detach()) * len(part)
            right += int((scores.argmax(dim=1) == y).sum())
        count = len(images)
        report = EpochReport(epoch + 1, loss_sum / count, right / count, perf_counter() - began)
        reports.append(report)
        on_epoch(report)
    module.load_state_dict(averaged.module.state_dict())
    module.eval()
    return TrainReport(tuple(reports))


def _batches(order: Tensor, size: int) -> list[Tensor]:
    """Split ``order`` (N,) into batches of ``size``; a single last image joins the batch before.

    Batch normalization cannot be trained on one image.
    """
    batches = list(torch.split(order, size))
    if len(batches) > 1 and len(batches[-1]) == 1 < size:
        batches[-2:] = [torch.cat(batches[-2:])]
    return batches


def _warmed_average(decay: float) -> Callable[[Tensor, Tensor, Tensor | int], Tensor]:
    """Return a running average whose decay grows to ``decay``: early weights count little."""

    def average(mean: Tensor, value: Tensor, steps: Tensor | int) -> Tensor:
        if not mean.is_floating_point():
            return value
        count = int(steps)
        return torch.lerp(mean, value, 1.0 - min(decay, (1.0 + count) / (10.0 + count)))

    return average


def _variation(strength: float) -> nn.Module | None:
    """Return random shifts (up to 6% of the size), scales (12%) and shears (9 degrees)."""
    if strength == 0.0:
        return None
    affine: nn.Module = RandomAffine(
        degrees=0.0,
        translate=(0.06 * strength, 0.06 * strength),
        scale=(1.0 - 0.12 * strength, 1.0 + 0.12 * strength),
        shear=(-9.0 * strength, 9.0 * strength, -5.0 * strength, 5.0 * strength),
        p=1.0,
    )
    return affine
