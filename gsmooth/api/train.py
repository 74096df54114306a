"""train: make a network good under the noise of its own smoothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from gsmooth.api.images import taken_images, taken_labels
from gsmooth.api.voting import fitting_region
from gsmooth.errors import ConfigurationError
from gsmooth.sampling.smoothed_classifier import GRID, SmoothedClassifier
from gsmooth.theory.parameter_noise import ParameterNoise
from gsmooth.training import EpochReport, TrainPlan, TrainReport
from gsmooth.training import train as train_module
from gsmooth.transforms.base import Transformation
from gsmooth.transforms.region import Region

if TYPE_CHECKING:
    from gsmooth.api.images import ImagesLike, LabelsLike


def train(
    net: nn.Module,
    transformation: Transformation | str,
    images: ImagesLike,
    labels: LabelsLike,
    region: Region,
    *,
    std: Mapping[str, float] | None = None,
    noise: Mapping[str, ParameterNoise] | None = None,
    sigma: float,
    num_classes: int,
    input_shape: tuple[int, int, int] | None = None,
    image_shape: tuple[int, int, int] | None = None,
    input_range: tuple[float, float] = (0.0, 1.0),
    epochs: int = 80,
    batch_size: int = 128,
    learning_rate: float = 0.005,
    weight_decay: float = 0.02,
    warm_up: float = 0.15,
    widen: float = 1.2,
    variation: float = 1.0,
    average: float = 0.998,
    seed: int = 0,
    on_epoch: Callable[[EpochReport], None] = lambda report: None,
) -> TrainReport:
    """Train a network in place under the noise that it is smoothed with.

    Every input is attacked by random parameters of the region and then gets the noise, as votes of
    a certificate do. Build the :class:`SmoothedClassifier` afterwards, with the same transformation
    and noise. The network is trained on the CPU; its mode (training or evaluation) is kept, and so
    is the state of torch's random numbers.

    Args:
        net: The network: float32 (N, C, H, W) to (N, classes) scores.
        transformation, std, noise, sigma, num_classes, input_shape, image_shape, input_range: As
            for :class:`SmoothedClassifier`.
        images: A batch of training images, as for :func:`certify`.
        labels: Their classes, one integer an image.
        region: The attacks of training, usually what will be certified.
        epochs: Passes over the images.
        batch_size: Images of one step.
        learning_rate: The largest one, of a one-cycle schedule for AdamW.
        weight_decay: Of AdamW.
        warm_up: Part of the steps in which the learning rate grows, in [0, 1).
        widen: Attacks are drawn from the region times this.
        variation: Strength of random shifts, scales and shears in [0, 1]; 0: none.
        average: Decay of the running average of the weights that is kept, in [0, 1).
        seed: Of everything random; the same seed gives the same network on the same machine.
        on_epoch: Called after every epoch with loss, accuracy and seconds.

    Returns:
        Loss and accuracy on noisy inputs, epoch by epoch.

    Raises:
        InputError: Images and labels do not fit the network.
        ConfigurationError: An argument is out of range, or the network is not on the CPU.
        ModelError: The network has nothing to train, fails, or its loss is not finite.

    Example:
        >>> import gsmooth as gs
        >>> import torch
        >>> net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 2))
        >>> images, labels = torch.rand(8, 1, 8, 8), torch.tensor([0, 1] * 4)
        >>> report = train(
        ...     net, "rotation", images, labels, gs.Region(angle=(-5, 5)), std={"angle": 4.0},
        ...     sigma=0.25, num_classes=2, input_shape=(1, 8, 8), epochs=1,
        ... )
        >>> len(report.epochs)
        1
    """
    modes = {part: part.training for part in net.modules()}
    smoothed = SmoothedClassifier(
        net,
        transformation,
        std=std,
        noise=noise,
        sigma=sigma,
        num_classes=num_classes,
        input_shape=input_shape,
        image_shape=image_shape,
        input_range=input_range,
        seed=seed,
    )
    if smoothed.classifier.device.type != "cpu":
        raise ConfigurationError(
            f"train: the network is on {smoothed.classifier.device}; training is on the CPU only:"
            " net.cpu()"
        )
    kept = taken_images(images, smoothed.classifier, smoothed.image_shape)
    truth = taken_labels(labels, len(kept), num_classes)
    plan = TrainPlan(
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        weight_decay=weight_decay,
        warm_up=warm_up,
        widen=widen,
        variation=variation,
        average=average,
        seed=seed,
    )
    try:
        return train_module(
            net,
            smoothed.transformation,
            smoothed.law,
            torch.from_numpy(kept.pixels(np.arange(len(kept)), np.float32)),
            torch.from_numpy(truth),
            fitting_region(smoothed, region),
            plan,
            grid=GRID,
            on_epoch=on_epoch,
            name=type(net).__name__,
        )
    finally:
        for part, training in modes.items():
            part.training = training
