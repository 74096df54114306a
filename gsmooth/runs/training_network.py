"""The network of a training: new, given, with a new head, or behind a denoiser."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from gsmooth.boundaries.factory import call_factory
from gsmooth.errors import ConfigurationError, ModelError
from gsmooth.models import load_model
from gsmooth.models.call import model_call
from gsmooth.models.cards import card
from gsmooth.models.head import replace_head
from gsmooth.models.programs import PROGRAM_SUFFIXES
from gsmooth.models.zoo.denoiser import Denoised
from gsmooth.models.zoo.specs import DENOISER, PREFIX, zoo_network
from gsmooth.runs.config.run_config import RunConfig


def new_network(config: RunConfig, device: str) -> nn.Module:
    """The module to train, on its device; its initial weights follow from ``train.seed``.

    Args:
        config: A resolved configuration with shape, and with classes where the network is built for
            them.
        device: Where it is trained.

    Raises:
        ConfigurationError: The network cannot be trained in this way.
        ModelError: It cannot be loaded.
    """
    _check(config)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.train.seed)
        module = _network(config, device)
        if config.train.denoiser:
            assert config.model.shape is not None
            front = zoo_network(DENOISER, shape=config.model.shape)
            return Denoised(front.to(device), module)
    return module.requires_grad_(True)


def outputs_of(module: nn.Module, inputs: Tensor, spec: str) -> int:
    """How many classes the network answers with, from a batch of inputs on its device."""
    with torch.no_grad(), model_call(f"model {spec!r}", inputs):
        return int(module.eval()(inputs).shape[1])


def with_classes(config: RunConfig, classes: int) -> RunConfig:
    """With the number of classes, where the network is built for those of the data."""
    model = config.model
    if model.classes is not None or not (model.spec.startswith(PREFIX) or model.new_head):
        return config
    if classes < 2:
        raise ConfigurationError(
            f"data {config.data.spec}: all images are of one class; a classifier needs two"
        )
    return config.model_copy(update={"model": model.model_copy(update={"classes": classes})})


def _network(config: RunConfig, device: str) -> nn.Module:
    model = config.model
    shipped = card(model.spec)
    if shipped is not None and model.weights is None and not config.train.denoiser:
        made = call_factory(shipped.model.network, ModelError, shipped.model.options)
        assert isinstance(made, nn.Module)
        return made.to(device)
    module = load_model(
        model.spec,
        weights=model.weights,
        classes=None if model.new_head else model.classes,
        shape=model.shape,
        input_range=model.input_range or (0.0, 1.0),
        device=device,
        options=model.options,
        layout=model.layout,
        output=model.output,
        providers=model.providers,
        denoiser=None if config.train.denoiser else model.denoiser,
    ).module
    if model.new_head:
        assert model.classes is not None
        replace_head(module, model.classes)
    return module


def _check(config: RunConfig) -> None:
    """ConfigurationError for networks that cannot be trained as it is asked for."""
    model, denoiser = config.model, config.train.denoiser
    program = Path(model.spec).suffix.lower() in PROGRAM_SUFFIXES
    if program and not denoiser:
        raise ConfigurationError(
            f"train: model {model.spec!r} is a program, which holds its weights for good; give the"
            " network as module:factory, and its weights as model.weights, or train a denoiser in"
            " front of it: --denoiser"
        )
    if program and Path(model.spec).suffix.lower() == ".onnx":
        raise ConfigurationError(
            f"train: model {model.spec!r}: ONNX has no gradients, which a denoiser needs; give the"
            " network as module:factory, TorchScript or torch.export file"
        )
    if model.new_head and (denoiser or model.spec.startswith(("shipped:", PREFIX))):
        raise ConfigurationError(
            f"train: model.new_head does not go with {'--denoiser' if denoiser else model.spec};"
            " give the network as module:factory or timm:NAME"
        )
    if denoiser and model.spec.startswith(PREFIX) and model.weights is None:
        raise ConfigurationError(
            f"train: a denoiser needs a trained network, and {model.spec} is a new one; give its"
            " weights as model.weights"
        )
    if not denoiser and model.denoiser is not None:
        raise ConfigurationError(
            "train: model.denoiser is given, but not --denoiser; leave it out to train the network"
            " alone"
        )
