"""Notices: what is printed once, before the first vote."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gsmooth.data.digests import SeenImages, image_digests
from gsmooth.models import model_notices
from gsmooth.models.hub_network import HubNetwork
from gsmooth.runs.context import RunContext
from gsmooth.runs.inputs import called, data_notices
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier


def input_notices(context: RunContext) -> Iterator[str]:
    """How the images were read, and properties of the model; a sentence each."""
    yield from haar_notices(context.smoothed)
    yield from data_notices(context.config, context.dataset)
    yield from _one_class(context)
    yield from _seen_in_training(context)
    yield from model_notices(context.smoothed.classifier, context.config.model.weights)
    yield from _hub_preparation(context)


def haar_notices(smoothed: SmoothedClassifier) -> Iterator[str]:
    """What Haar noise asks of the labels (T7); nothing where there is none.

    T7: g has one answer for all values of the parameter, whatever the right answers are.
    """
    parameters = smoothed.transformation.parameters
    if names := [parameters[axis].name for axis in smoothed.law.periodic]:
        yield (
            f"smoothing: haar noise on {' and '.join(names)}, so g gives one answer for all values;"
            " labels that they tell apart (6 and 9, or the directions of arrows, under rotation)"
            " cannot all be right"
        )


def _hub_preparation(context: RunContext) -> Iterator[str]:
    """How a hub's network saw its images, where the run does not bring them to a size itself."""
    module, data = context.smoothed.classifier.module, context.config.data
    own = module.inputs.preparation if isinstance(module, HubNetwork) else ""
    if own and data.resize is None and data.crop is None:
        yield (
            f"{context.config.model.spec} was made for images that are brought to its size by"
            f" {own}; this run takes the images as they are"
        )


def _one_class(context: RunContext) -> Iterator[str]:
    """Where all images of the run are of one class, and the data hold others.

    Arrays are often sorted by class, so that a small ``data.limit`` takes the first class only.
    """
    labels, taken = context.dataset.labels, context.indices
    first, count = int(labels[taken[0]]), len(taken)
    if count < 2 or (labels == first).all() or (labels[np.array(taken)] != first).any():
        return
    yield (
        f"data {context.dataset.name}: all {count} images of this run are of class"
        f" {called(context.config, first)}; for images of other classes too give"
        f" --set data.every={max(2, len(labels) // count)}"
    )


def _seen_in_training(context: RunContext) -> Iterator[str]:
    """Where the data are those that the network was trained on."""
    yield from _seen_images(context)
    known = context.config.model.trained_on
    if known is not None and known == context.dataset.digest():
        yield (
            f"data {context.dataset.name}: the network was trained on these very images, so"
            f" accuracy"
            " on them says little of others; name other images with --data"
        )


def _seen_images(context: RunContext) -> Iterator[str]:
    """How many images of the run the network was trained on, by the digest of each image."""
    config, dataset = context.config, context.dataset
    path = config.model.trained_images
    if path is None or config.model.trained_on == dataset.digest():
        return
    if not path.exists():
        yield f"model.trained_images={path} is not there: the images cannot be compared with it"
        return
    seen = SeenImages.read(path).among(image_digests(dataset, context.indices))
    if count := int(seen.sum()):
        yield (
            f"data {dataset.name}: the network was trained on {count} of these {len(seen)} images,"
            " so accuracy on them says little of others; leave them out with --set data.unseen=true"
        )
