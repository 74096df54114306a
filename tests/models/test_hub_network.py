"""Networks of hubs: their normalization, and what they say of images and classes."""

from __future__ import annotations

import builtins
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from gsmooth.data.dataset import Dataset
from gsmooth.errors import ModelError
from gsmooth.models import load_model, model_notices
from gsmooth.models.classifier import Classifier
from gsmooth.models.digest import weights_digest
from gsmooth.models.hub_network import HubInputs, HubNetwork, Normalize
from gsmooth.models.hubs import is_of_hub
from gsmooth.runs.config.run_config import RunConfig
from gsmooth.runs.inputs import run_classes, with_input_shape

INPUTS = HubInputs((3, 4, 4), (0.1, 0.2, 0.3), (0.5, 0.6, 0.7))


def network(inputs: HubInputs = INPUTS) -> HubNetwork:
    torch.manual_seed(0)
    return HubNetwork(nn.Sequential(nn.Flatten(), nn.Linear(48, 3)), inputs)


def test_the_normalization_is_the_first_thing_that_is_done_to_an_image() -> None:
    module, x = network(), torch.rand(2, 3, 4, 4)
    mean, std = torch.tensor(INPUTS.mean), torch.tensor(INPUTS.std)
    normalized = (x - mean.view(3, 1, 1)) / std.view(3, 1, 1)
    assert torch.equal(module(x), module[1](normalized))


def test_no_normalization_leaves_images_as_they_are() -> None:
    x = torch.rand(2, 3, 4, 4)
    assert torch.equal(Normalize((), ())(x), x)


def test_another_normalization_is_another_network_in_records() -> None:
    digests = {
        weights_digest(Classifier(network(inputs), classes=3, shape=(3, 4, 4)))
        for inputs in (INPUTS, replace(INPUTS, mean=(0.1, 0.2, 0.4)))
    }
    assert len(digests) == 2


@pytest.mark.parametrize(
    ("sizes", "told"),
    [
        ((256, 224), "--set data.resize=256 --set data.crop=224"),
        (((16, 24), None), "--set data.resize=[16,24]"),
        ((None, None), ""),
    ],
)
def test_sizes_are_told_as_options_of_a_command(sizes: tuple[Any, Any], told: str) -> None:
    assert replace(INPUTS, resize=sizes[0], crop=sizes[1]).preparation == told


def test_a_network_of_a_hub_brings_its_own_shape() -> None:
    config = RunConfig.model_validate({"model": {"spec": "hf:some/network"}})
    assert with_input_shape(config, (1, 2, 2)).model.shape is None
    assert all(map(is_of_hub, ("timm:a", "torchvision:a", "hf:a/b")))
    assert not any(map(is_of_hub, ("zoo:a", "nets:hf", "hf.onnx")))


def data(*classes: str) -> Dataset:
    images = np.linspace(0, 1, len(classes) * 48).reshape(-1, 3, 4, 4)
    return Dataset("photos", images, np.arange(len(classes)), classes, named=True)


def test_classes_of_the_data_are_matched_with_the_names_that_the_hub_gives() -> None:
    module = network(replace(INPUTS, class_names=("heron", "crane", "ant")))
    config, fitted = run_classes(RunConfig(), data("ant", "heron"), 3, module)
    assert fitted.labels.tolist() == [2, 0]
    assert config.model.class_names == ("heron", "crane", "ant")


def test_names_that_the_hub_does_not_know_are_taken_in_their_own_order() -> None:
    module = network(replace(INPUTS, class_names=("heron", "crane", "ant")))
    _, fitted = run_classes(RunConfig(), data("n01", "n02", "n03"), 3, module)
    assert fitted.labels.tolist() == [0, 1, 2]


def test_a_name_of_two_outputs_stands_for_neither() -> None:
    module = network(replace(INPUTS, class_names=("crane", "heron", "crane")))
    _, fitted = run_classes(RunConfig(), data("crane", "heron", "ibis"), 3, module)
    assert fitted.classes == ("crane", "heron", "ibis")


@pytest.mark.parametrize(
    ("spec", "package", "extra"),
    [
        ("hf:owner/name", "transformers", "hf"),
        ("torchvision:resnet18", "torchvision", "torchvision"),
    ],
)
def test_a_missing_package_names_the_extra(
    spec: str, package: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def refuse(module: str, *arguments: Any, **named: Any) -> Any:
        if module.partition(".")[0] == package:
            raise ModuleNotFoundError(f"No module named {package!r}")
        return real(module, *arguments, **named)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(ModelError, match=rf'pip install "gsmooth\[{extra}\]"'):
        load_model(spec)


def test_a_folder_that_is_not_there_is_never_looked_for_on_a_hub() -> None:
    with pytest.raises(ModelError, match="there is no such folder"):
        load_model("hf:./not-there")


def test_a_network_of_a_hub_is_not_said_to_have_random_weights() -> None:
    found = Classifier(network(), classes=3, shape=(3, 4, 4), name="hf:owner/name")
    assert not list(model_notices(found))
