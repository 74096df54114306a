"""Training on noisy inputs that are made like those of certification."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from gsmooth.errors import InputError, ModelError
from gsmooth.theory.laws import Law
from gsmooth.training.augment import augmentation
from gsmooth.training.loop import TrainingLoop, Watching
from gsmooth.training.noise import NoisyInputs
from gsmooth.training.plan import TrainPlan
from gsmooth.training.report import EpochReport, TrainReport
from gsmooth.training.source import ImageSource, TensorSource
from gsmooth.transforms.base import Transformation
from gsmooth.transforms.region import Region


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
        images: Images (N, C, H, W), float32, in [0, 1].
        labels: Labels (N,), int64.
        plan: Hyper-parameters; by default ``TrainPlan()``.
        on_epoch: Called with the results of each epoch; by default nothing happens.
        name: Name of the network, in errors.

    Raises:
        InputError: There is no view.
        ModelError: As in :func:`train`.
    """
    source, watching = TensorSource(images, labels), Watching(on_epoch)
    channels = int(images.shape[1])
    return train_source(module, views, source, plan, watching, channels=channels, name=name)


def train_source(
    module: nn.Module,
    views: Sequence[NoisyInputs],
    source: ImageSource,
    plan: TrainPlan | None = None,
    watching: Watching | None = None,
    *,
    channels: int,
    input_range: tuple[float, float] = (0.0, 1.0),
    name: str = "the network",
) -> TrainReport:
    """Train ``module`` in place, on the device that it is on, with images from a source.

    Args:
        module: The network, (N, C, H, W) -> scores (N, classes).
        views: Maps of training inputs.
        source: The images and labels.
        plan: Hyper-parameters; by default ``TrainPlan()``.
        watching: Progress, estimates and the file to resume from; by default none of these.
        channels: Channels of an image.
        input_range: Least and greatest value of a pixel.
        name: Name of the network, in errors.

    Returns:
        The results of all epochs.

    Raises:
        InputError: There is no view.
        ModelError: The network has no parameters to train or raises an error, or the loss is not
            finite.
        ConfigurationError: The file to resume from is of another training.
        TrainingInterrupted: After Ctrl-C; the network holds the best weights so far.
    """
    plan, watching = plan or TrainPlan(), watching or Watching()
    if not views:
        raise InputError("train: no views; expected at least one NoisyInputs")
    free = [parameter for parameter in module.parameters() if parameter.requires_grad]
    if not free:
        raise ModelError(f"train: {name} has no parameters that can be trained")
    device = free[0].device
    augment = augmentation(plan, channels, input_range)
    loop = TrainingLoop(module, views, source, plan, augment, name, watching)
    # Layers such as dropout use PyTorch's global generators; their state is restored afterwards.
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(plan.seed)
        return loop.run()
