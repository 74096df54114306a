"""Inputs: where the data of a run meet its model: split, range, preparation and classes."""

from __future__ import annotations

import json
from collections.abc import Mapping

from pydantic import ValidationError
from torch import nn

from gsmooth.data.class_names import class_label, with_outputs
from gsmooth.data.dataset import Dataset
from gsmooth.data.digests import SeenImages, image_digests
from gsmooth.data.loading import load_data
from gsmooth.data.preparation import Preparation
from gsmooth.data.settings import DATA
from gsmooth.data.splits import ALL
from gsmooth.errors import ConfigurationError, InputError, RecordError
from gsmooth.models.hub_network import HubNetwork, numbered_names
from gsmooth.models.hubs import is_of_hub
from gsmooth.runs.config.run_config import RunConfig
from gsmooth.transforms.base import Transformation


def run_data(
    config: RunConfig,
    usual: str = "heldout",
    *,
    streamed: bool = False,
    in_memory: int | None = DATA.in_memory_bytes,
) -> tuple[RunConfig, Dataset]:
    """The images of a resolved configuration, in the range of its model; and the split they are of.

    certify, predict, train and calibrate load their data here.

    Args:
        config: The configuration.
        usual: The split that is meant where none is named.
        streamed: Leave the images of a folder on disk whatever their size, and do not look at all
            of them now. Otherwise every image is read once.
        in_memory: Bytes of all images from which they are left on disk; None: they are not.

    Raises:
        InputError: As :func:`gsmooth.data.loading.load_data`; or floating-point images lie outside
            ``model.input_range``; or ``data.unseen`` leaves no image.
        ConfigurationError: As :func:`gsmooth.data.loading.load_data`.
    """
    data = config.data
    prepared = preparation_of(config)
    dataset = load_data(
        data.spec, data.split, prepared, usual=usual, streamed=streamed, in_memory=in_memory
    )
    dataset = dataset if streamed else dataset.surveyed()
    dataset = dataset.for_range(config.model.input_range or (0.0, 1.0))
    named = data.model_copy(update={"split": dataset.split})
    dataset = _unseen(config, dataset) if data.unseen else dataset
    return config.model_copy(update={"data": named}), dataset


def _unseen(config: RunConfig, dataset: Dataset) -> Dataset:
    """The images that the network was neither trained nor validated on."""
    path = config.model.trained_images
    if path is None:
        raise ConfigurationError(
            "data.unseen needs model.trained_images, the list of images that gsmooth train writes"
        )
    fresh = ~SeenImages.read(path).among(image_digests(dataset, range(len(dataset))))
    if not fresh.any():
        raise InputError(
            f"data {dataset.name}: the network was trained on every one of these images; name other"
            " images with --data"
        )
    return dataset.taken(fresh)


def run_classes(
    config: RunConfig, dataset: Dataset, outputs: int, module: nn.Module | None = None
) -> tuple[RunConfig, Dataset]:
    """Labels that are outputs of the model, and ``model.class_names`` with a name for each.

    The data come with shape and range checked (:func:`run_data`). Where no names are given, those
    of a hub's network (``module``) are taken if every class of the data is among them. Raises what
    :func:`gsmooth.data.class_names.with_outputs` does.
    """
    given = config.model.class_names
    if given is None and isinstance(module, HubNetwork) and dataset.has_names:
        known = numbered_names(module.inputs.class_names)
        given = dict(known) if set(dataset.classes) <= set(known) else None
    fitted = with_outputs(dataset, given, outputs, config.model.spec)
    names = fitted.classes if fitted.has_names else None
    model = config.model.model_copy(update={"class_names": names})
    return config.model_copy(update={"model": model}), fitted


def require_shape(
    dataset: Dataset, shape: tuple[int, int, int], model: str, bound: Transformation
) -> None:
    """InputError unless the images, as they are read out, are (C, H, W) = ``shape``.

    bound: the transformation for images of the data's shape.
    """
    seen = bound.input_shape(dataset.shape)
    if seen == shape:
        return
    images = f"images (C, H, W) = {dataset.shape}"
    if seen != dataset.shape:
        raise InputError(
            f"data {dataset.name}: {bound.name} reads {images} out as {seen}, but {model} takes"
            f" {shape}; bring the images to another size (--set data.resize=[H,W]), change the"
            " readout in the options of the transformation, or give a network for that input"
        )
    hint = ""
    if dataset.shape[0] == shape[0]:
        hint = f"; bring them to that size, e.g. by --set data.resize={list(shape[1:])}"
    raise InputError(f"data {dataset.name}: {images}, but {model} takes {shape}{hint}")


def with_input_shape(config: RunConfig, shape: tuple[int, int, int]) -> RunConfig:
    """With ``model.shape`` as the readout gives it, where a model of the user's leaves it open.

    A model of a hub has a shape of its own.
    """
    if config.model.shape is not None or is_of_hub(config.model.spec):
        return config
    model = config.model.model_copy(update={"shape": shape})
    return config.model_copy(update={"model": model})


def require_labels(dataset: Dataset) -> None:
    """InputError for an image alone, whose class is not known."""
    if not dataset.labelled:
        raise InputError(
            f"data {dataset.name}: an image alone has no class, which is needed here; put it into a"
            " folder of its class and name the folder above that one (gsmooth predict takes the"
            " image as it is)"
        )


def recorded_data(config: Mapping[str, object], spec: str) -> Dataset:
    """The images that ``spec`` names, as the run with this configuration read its own.

    A record states how: split, preparation, range and class names; never where they come from.

    Records of 0.1.0 name a split of data without splits too, and mean all images.
    """
    settings = _recorded(config)
    named = settings.data.model_copy(update={"spec": spec})
    settings = settings.model_copy(update={"data": named})
    try:
        settings, dataset = run_data(settings)
    except ConfigurationError:
        whole = settings.data.model_copy(update={"split": ALL})
        settings, dataset = run_data(settings.model_copy(update={"data": whole}))
    names = settings.model.class_names
    if names is None:
        return dataset
    return with_outputs(dataset, names, len(names), settings.model.spec)


def prepared(config: Mapping[str, object]) -> str:
    """What was done to the images of a run, by the configuration that it wrote down."""
    return preparation_of(_recorded(config)).describe()


def data_notices(config: RunConfig, dataset: Dataset) -> tuple[str, ...]:
    """Notices about how the images were read, a sentence each."""
    done = preparation_of(config).describe()
    about = (f"the images are {done}: certificates are about those",) if done else ()
    return tuple(f"data {dataset.name}: {notice}" for notice in (*dataset.notices, *about))


def called(config: RunConfig, label: int) -> str:
    """How a class of the model is called in print: by name, or by number where it has none."""
    names = config.model.class_names
    return class_label(names if isinstance(names, tuple) else None, label)


def preparation_of(config: RunConfig) -> Preparation:
    """What [data] does to images before anything is certified about them."""
    return Preparation(config.data.resize, config.data.crop, config.data.background)


def _recorded(config: Mapping[str, object]) -> RunConfig:
    """The sections on data and model; those of older records lack fields, and get the usual."""
    sections = {name: config.get(name, {}) for name in ("data", "model")}
    try:
        return RunConfig.model_validate_json(json.dumps(sections))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise RecordError(f"records: config.{where}: {first['msg']}") from error
