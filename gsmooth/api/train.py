"""train: make a network good under the noise of its own smoothing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from gsmooth.api.images import taken_images, taken_labels
from gsmooth.api.voting import fitting_region
from gsmooth.data.dataset import Dataset, interleaved
from gsmooth.data.item import Item
from gsmooth.errors import InputError
from gsmooth.models.digest import state_digest
from gsmooth.sampling.smoothed_classifier import GRID, SmoothedClassifier
from gsmooth.theory.parameter_noise import ParameterNoise
from gsmooth.training import (
    EpochReport,
    NoisyInputs,
    TrainPlan,
    TrainReport,
    Watching,
    train_source,
)
from gsmooth.training.estimate import CertifiedEstimate
from gsmooth.training.methods import Method, PlainNoise
from gsmooth.training.parts import split_off
from gsmooth.training.plan import Amp
from gsmooth.training.settings import TRAINING
from gsmooth.training.source import StreamedSource
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
    photometric: float = 0.0,
    label_smoothing: float = 0.0,
    balance: bool = False,
    body_rate: float = 1.0,
    amp: Amp | None = None,
    method: Method | None = None,
    validation: float = 0.0,
    groups: Sequence[object] | None = None,
    resume: str | Path | None = None,
    on_epoch: Callable[[EpochReport], None] = lambda report: None,
) -> TrainReport:
    """Train a network in place under the noise that it is smoothed with.

    Every input is attacked by random parameters of the region and then gets the noise, as votes of
    a certificate do. Build the :class:`SmoothedClassifier` afterwards, with the same transformation
    and noise. The network is trained on the device that it is on; its mode (training or evaluation)
    is kept, and so is the state of torch's random numbers. After Ctrl-C it has the best weights so
    far.

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
        photometric: Strength of random brightness, contrast, saturation and hue in [0, 1].
        label_smoothing: Of the cross-entropy, in [0, 1).
        balance: Draw images of all classes equally often.
        body_rate: Fine-tuning: the rate of all layers but the last linear one, as a part of
            ``learning_rate``; 0 trains that layer alone.
        amp: Precision of ``torch.autocast`` for the network, "bfloat16" or "float16"; by default
            float32.
        method: What is minimized: :class:`Consistency`, :class:`SmoothAdv` or :class:`Macer`; by
            default cross-entropy on noisy inputs.
        validation: Part of the images that is not trained on, in [0, 1). The weights with the best
            estimate of certified accuracy on it are kept. The estimate is from few votes, without
            confidence bounds. 0, or fewer than 50 images: the last weights are kept.
        groups: The group of each image, such as its track; groups are never divided between
            training and validation.
        resume: File of the state: it is written now and then, and a training that was interrupted
            goes on from it. Delete it to begin anew.
        on_epoch: Called after every epoch with loss, accuracy and seconds.

    Returns:
        Loss and accuracy on noisy inputs, epoch by epoch.

    Raises:
        InputError: Images and labels do not fit the network.
        ConfigurationError: An argument is out of range, or ``resume`` is of another training.
        ModelError: The network has nothing to train, fails, or its loss is not finite.
        KeyboardInterrupt: After Ctrl-C; its ``report`` has the finished epochs.

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
        photometric=photometric,
        label_smoothing=label_smoothing,
        balance=balance,
        body_rate=body_rate,
        amp=amp,
        method=method or PlainNoise(),
    )
    asked = fitting_region(smoothed, region)
    view = NoisyInputs(smoothed.transformation, smoothed.law, asked, plan.widen, GRID)
    part, held = split_off(truth, validation, seed, _groups(groups, len(kept)))
    estimate = None
    if len(held) >= TRAINING.estimate.least_images:
        estimate = _estimate(smoothed, kept, truth, held, asked)
    else:
        part = np.arange(len(kept))
    file = None if resume is None else Path(resume)
    identity = "" if file is None else _identity(net, kept, truth, part, view, plan)
    watching = Watching(on_epoch, estimate=estimate, resume=file, identity=identity)
    try:
        return train_source(
            net,
            [view],
            StreamedSource(kept, part, torch.from_numpy(truth[part])),
            plan,
            watching,
            channels=kept.shape[0],
            input_range=input_range,
            name=type(net).__name__,
        )
    finally:
        for module, training in modes.items():
            module.training = training


def _groups(groups: Sequence[object] | None, images: int) -> NDArray[np.int64] | None:
    """Numbers of the groups; InputError unless there is one an image."""
    if groups is None:
        return None
    if len(groups) != images:
        raise InputError(f"groups: {len(groups)} of them for {images} images; give one an image")
    numbers: dict[object, int] = {}
    return np.array([numbers.setdefault(group, len(numbers)) for group in groups], dtype=np.int64)


def _estimate(
    smoothed: SmoothedClassifier,
    images: Dataset,
    labels: NDArray[np.int64],
    held: NDArray[np.int64],
    region: Region,
) -> CertifiedEstimate:
    """The estimate on some of the validation images, classes in turn."""
    order = held[interleaved(labels[held])][: TRAINING.estimate.most_images].tolist()
    items = [Item(place, images.image(place)) for place in order]
    return CertifiedEstimate(smoothed, items, labels[order].tolist(), region)


def _identity(
    net: nn.Module,
    images: Dataset,
    labels: NDArray[np.int64],
    part: NDArray[np.int64],
    view: NoisyInputs,
    plan: TrainPlan,
) -> str:
    """A digest of all that the weights follow from."""
    state = hashlib.sha256(images.digest().encode())
    state.update(labels.tobytes() + part.tobytes())
    state.update(f"{state_digest(net.state_dict())} {view} {plan}".encode())
    return state.hexdigest()
