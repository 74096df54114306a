"""TrainingData: the images of a training, and the parts that it does not train on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray

from gsmooth.data.dataset import Dataset, interleaved
from gsmooth.data.digests import Keys, image_digests
from gsmooth.data.groups import image_groups
from gsmooth.data.item import Item
from gsmooth.errors import InputError
from gsmooth.runs.config.run_config import RunConfig
from gsmooth.runs.inputs import require_labels, run_data
from gsmooth.training.parts import Positions, joined, split_off
from gsmooth.training.settings import TRAINING
from gsmooth.training.source import ImageSource, StreamedSource


@final
@dataclass(frozen=True)
class TrainingData:
    """Labelled images, and which of them are for what.

    Args:
        dataset: All images of the split.
        training: Positions of the images that are trained on.
        validation: Positions of those that choose the weights; may be empty.
        holdout: Positions of those that are kept for certificates; may be empty.
        keys: Digest of every image of these parts, by its position in ``dataset``; 0 for others.
        workers: Processes that read images ahead.
    """

    dataset: Dataset
    training: Positions
    validation: Positions
    holdout: Positions
    keys: Keys
    workers: int = 0

    @staticmethod
    def of(config: RunConfig) -> tuple[RunConfig, TrainingData]:
        """Load the images of a resolved configuration and divide them.

        Images of one group, and equal images, are never divided. With fewer than 50 images for
        validation there is none.

        Raises:
            InputError: The images have no labels, or nothing is left to train on.
            ConfigurationError: The groups do not go with the data.
        """
        recipe = config.train
        config, dataset = run_data(config, "train", streamed=recipe.workers > 0, in_memory=None)
        require_labels(dataset)
        data = config.data
        part = np.asarray(dataset.indices(data.start, data.every, data.limit), dtype=np.int64)
        # One pass over the files: they may be many, and an image of another size is found here.
        keys = np.zeros(len(dataset), dtype=np.uint64)
        keys[part] = image_digests(dataset, part.tolist(), recipe.workers)
        groups = _groups(config, len(dataset), part, keys[part])
        labels = dataset.labels[part]
        kept, holdout = split_off(labels, recipe.holdout, recipe.seed, groups)
        share = recipe.validation / (1.0 - recipe.holdout)
        share, own = min(share, 0.99), groups[kept]
        training, validation = split_off(labels[kept], share, recipe.seed + 1, own)
        if len(validation) < TRAINING.estimate.least_images:
            training, validation = np.arange(len(kept)), kept[:0]
        if not len(training):
            raise InputError(f"data {dataset.name}: no image is left to train on")
        found = TrainingData(
            dataset,
            part[kept[training]],
            part[kept[validation]] if len(validation) else validation,
            part[holdout],
            keys,
            recipe.workers,
        )
        return config, found

    def relabelled(self, dataset: Dataset) -> TrainingData:
        """The same parts with labels that are outputs of the network."""
        return replace(self, dataset=dataset)

    def source(self, pin: bool) -> ImageSource:
        """The images that are trained on; ``pin``: for a GPU."""
        labels = torch.from_numpy(self.dataset.labels[self.training])
        return StreamedSource(self.dataset, self.training, labels, self.workers, pin)

    def validation_items(self) -> tuple[list[Item], list[int]]:
        """Images for estimates, classes in turn, and their labels."""
        order = interleaved(self.dataset.labels[self.validation])
        chosen = self.validation[order][: TRAINING.estimate.most_images].tolist()
        items = [Item(place, self.dataset.image(place)) for place in chosen]
        return items, [self.dataset.label(place) for place in chosen]

    def seen(self) -> Keys:
        """Digests of the images that are trained or validated on, ascending."""
        return np.unique(self.keys[np.concatenate([self.training, self.validation])])

    def identity(self) -> str:
        """A digest of the parts, for the file from which a training is resumed."""
        state = hashlib.sha256(self.dataset.labels.tobytes())
        for part in (self.training, self.validation):
            state.update(part.tobytes() + self.keys[part].tobytes() + b"|")
        return state.hexdigest()

    @cached_property
    def digest(self) -> str:
        """That of all images and labels, which a run file names; another pass over the files."""
        return self.dataset.digest()

    def describe(self) -> str:
        """How many images each part has."""
        said = [f"{len(self.training):,} images to train on"]
        if len(self.validation):
            said.append(f"{len(self.validation):,} to choose the weights by")
        if len(self.holdout):
            said.append(f"{len(self.holdout):,} held out for certificates")
        return ", ".join(said)


def _groups(config: RunConfig, images: int, part: Positions, keys: Keys) -> NDArray[np.int64]:
    """The group of each image of the part, (N,); equal images are in one group."""
    equal = np.unique(keys, return_inverse=True)[1].astype(np.int64)
    recipe = config.train
    if recipe.groups is None or not (recipe.validation or recipe.holdout):
        return equal
    assert config.data.split is not None
    found = image_groups(config.data.spec, config.data.split, recipe.groups)
    if len(found) != images:
        raise InputError(
            f"train.groups={recipe.groups}: {len(found)} groups for {images} images; expected one"
            " an image"
        )
    return joined(equal, found[part])
