"""Networks of torchvision and timm with random weights, against the packages' own transforms."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from gsmooth.data.preparation import Preparation
from gsmooth.errors import ModelError
from gsmooth.models import load_model
from gsmooth.models.hub_network import HubNetwork

pytestmark = pytest.mark.extras(group="timm")
torchvision = pytest.importorskip("torchvision", reason='needs the extra "torchvision"')


@pytest.fixture
def picture() -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 256, (300, 340, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def saved(network: Any, folder: Path) -> Path:
    torch.save(network.state_dict(), folder / "w.pt")
    return folder / "w.pt"


def pixels(picture: Image.Image) -> torch.Tensor:
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None] / 255


def test_images_reach_the_network_as_the_transforms_of_its_weights_make_them(
    tmp_path: Path, picture: Image.Image
) -> None:
    torch.manual_seed(0)
    network = torchvision.models.resnet18().eval()
    weights = torchvision.models.ResNet18_Weights.IMAGENET1K_V1
    classifier = load_model("torchvision:resnet18@IMAGENET1K_V1", weights=saved(network, tmp_path))
    assert (classifier.classes, classifier.shape) == (1000, (3, 224, 224))
    module = classifier.module
    assert isinstance(module, HubNetwork)
    assert module.inputs.preparation == "--set data.resize=256 --set data.crop=224"
    assert module.inputs.class_names[:2] == ("tench", "goldfish")
    ours = Preparation(resize=256, crop=224).picture(picture, "picture")
    with torch.no_grad():
        expected = network(weights.transforms()(picture)[None])
    assert torch.allclose(classifier.scores(pixels(ours)), expected, atol=1e-4)


def test_classes_of_ones_own_weights_are_counted(tmp_path: Path) -> None:
    network = torchvision.models.squeezenet1_1(num_classes=7)
    weights = saved(network, tmp_path)
    assert load_model("torchvision:squeezenet1_1", weights=weights, classes=7).classes == 7


@pytest.mark.parametrize("spec", ["resnet1", "resnet18@IMAGENET9K", "raft_large"])
def test_what_torchvision_does_not_have_or_is_no_classifier_is_refused(spec: str) -> None:
    with pytest.raises(ModelError, match=r"no classifier or weights of that name|expected the"):
        load_model(f"torchvision:{spec}")


def test_images_reach_a_timm_network_as_its_own_transforms_make_them(
    tmp_path: Path, picture: Image.Image
) -> None:
    timm = pytest.importorskip("timm")
    torch.manual_seed(0)
    network = timm.create_model("resnet18", pretrained=False).eval()
    classifier = load_model("timm:resnet18", weights=saved(network, tmp_path))
    settings = timm.data.resolve_data_config({}, model=network)
    module = classifier.module
    assert isinstance(module, HubNetwork)
    sized = picture.resize((224, 224))
    transform = timm.data.create_transform(**settings | {"crop_pct": 1.0})
    with torch.no_grad():
        expected = network(transform(sized)[None])
    assert torch.allclose(classifier.scores(pixels(sized)), expected, atol=1e-4)
    resize = int(224 / settings["crop_pct"])
    assert (module.inputs.resize, module.inputs.crop) == (resize, 224)
