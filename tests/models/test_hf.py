"""Folders that transformers wrote: a tiny random ViT and ResNet, loaded without a network."""

from __future__ import annotations

import json
import socket
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import gsmooth as gs
from gsmooth.errors import ModelError
from gsmooth.models import load_model
from gsmooth.models.hub_network import HubNetwork

pytestmark = pytest.mark.extras(group="frameworks")
transformers = pytest.importorskip("transformers", reason='needs the extra "hf"')
MEAN, STD = (0.1, 0.2, 0.3), (0.4, 0.5, 0.6)
NAMES = {0: "heron", 1: "crane", 2: "ant"}


@pytest.fixture(autouse=True)
def _nobody_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("a test asked for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def vit(folder: Path, **processor: Any) -> Any:
    torch.manual_seed(0)
    config = transformers.ViTConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        image_size=16,
        patch_size=8,
        id2label=NAMES,
    )
    network = transformers.ViTForImageClassification(config).eval()
    size = {"height": 16, "width": 16}
    asked = {"size": size, "image_mean": list(MEAN), "image_std": list(STD)} | processor
    return saved(folder, network, transformers.ViTImageProcessorPil(**asked))


def resnet(folder: Path) -> Any:
    torch.manual_seed(0)
    config = transformers.ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic", id2label=NAMES
    )
    network = transformers.ResNetForImageClassification(config).eval()
    processor = transformers.ConvNextImageProcessorPil(size={"shortest_edge": 28}, crop_pct=0.875)
    return saved(folder, network, processor)


def saved(folder: Path, network: Any, processor: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network.save_pretrained(folder)
        processor.save_pretrained(folder)
    return network


def logits(folder: Path, network: Any, pixels: np.ndarray[Any, Any]) -> Tensor:
    """As transformers computes them of 8-bit images (N, H, W, C) that have the right size."""
    processor = transformers.AutoImageProcessor.from_pretrained(folder)
    made = processor(list(pixels), do_resize=False, do_center_crop=False, return_tensors="pt")
    with torch.no_grad():
        found: Tensor = network(**made).logits
    return found


@pytest.mark.parametrize(("make", "side"), [(vit, 16), (resnet, 28)])
def test_scores_are_those_of_processor_and_network(make: Any, side: int, tmp_path: Path) -> None:
    network = make(tmp_path)
    classifier = load_model(f"hf:{tmp_path}")
    assert (classifier.classes, classifier.shape) == (3, (3, side, side))
    pixels = np.random.default_rng(0).integers(0, 256, (4, side, side, 3), dtype=np.uint8)
    ours = classifier.votes(torch.from_numpy(pixels).permute(0, 3, 1, 2) / 255)
    expected = logits(tmp_path, network, pixels)
    scores = classifier.scores(torch.from_numpy(pixels).permute(0, 3, 1, 2) / 255)
    assert torch.allclose(scores, expected, atol=1e-5)
    assert ours.tolist() == expected.argmax(1).tolist()


def test_it_certifies_and_its_normalization_comes_after_the_noise(tmp_path: Path) -> None:
    vit(tmp_path)
    classifier = load_model(f"hf:{tmp_path}")
    assert torch.allclose(classifier.module.get_buffer("0.mean").flatten(), torch.tensor(MEAN))
    g = gs.SmoothedClassifier(classifier, "gaussian", sigma=0.25, seed=0)
    image = np.random.default_rng(1).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    (result,) = gs.certify(g, image, gs.Region(l2=0.01), max_votes=2000)
    assert result.votes > 0


def test_sizes_and_names_of_classes_come_with_the_folder(tmp_path: Path) -> None:
    resnet(tmp_path)
    module = load_model(f"hf:{tmp_path}").module
    assert isinstance(module, HubNetwork)
    inputs = module.inputs
    assert inputs.preparation == "--set data.resize=32 --set data.crop=28"
    assert inputs.class_names == ("heron", "crane", "ant")


@pytest.mark.parametrize(
    "steps", [{"rescale_factor": 1 / 127.5}, {"do_rescale": False}, {"do_normalize": False}]
)
def test_whatever_the_processor_scales_to_is_undone(steps: dict[str, Any], tmp_path: Path) -> None:
    network = vit(tmp_path, **steps)
    pixels = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)
    scores = load_model(f"hf:{tmp_path}").scores(torch.from_numpy(pixels).permute(0, 3, 1, 2) / 255)
    assert torch.allclose(scores, logits(tmp_path, network, pixels), rtol=1e-4, atol=1e-4)


def test_a_processor_that_swaps_colours_is_refused(tmp_path: Path) -> None:
    vit(tmp_path)
    made = transformers.MobileViTImageProcessorPil(
        size={"shortest_edge": 16}, crop_size={"height": 16, "width": 16}
    )
    made.save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="does more than resize, crop and normalize"):
        load_model(f"hf:{tmp_path}")


def test_pickled_weights_are_refused_and_taken_as_tensors(tmp_path: Path) -> None:
    network = vit(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    torch.save(network.state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(ModelError, match="pickled weights are refused"):
        load_model(f"hf:{tmp_path}")
    classifier = load_model(f"hf:{tmp_path}", weights=tmp_path / "pytorch_model.bin")
    x = torch.rand(2, 3, 16, 16)
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (MEAN, STD))
    with torch.no_grad():
        expected = network((x - mean) / std).logits
    assert torch.allclose(classifier.scores(x), expected, atol=1e-5)


def test_a_network_without_a_trained_head_is_refused(tmp_path: Path) -> None:
    network = vit(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network.vit.save_pretrained(tmp_path)
    with pytest.raises(ModelError, match=r"no weights for classifier\.bias, classifier\.weight"):
        load_model(f"hf:{tmp_path}")


def test_half_precision_on_disk_is_computed_in_float32(tmp_path: Path) -> None:
    network = vit(tmp_path)
    saved_half = network.to(torch.float16)
    saved_half.save_pretrained(tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["dtype"] == "float16"
    assert load_model(f"hf:{tmp_path}").scores(torch.rand(2, 3, 16, 16)).dtype == torch.float32


def test_loading_a_folder_shows_no_progress_bar(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    vit(tmp_path)
    capfd.readouterr()
    load_model(f"hf:{tmp_path}")
    assert "Loading weights" not in capfd.readouterr().err
    assert transformers.utils.logging.is_progress_bar_enabled()


def test_loading_leaves_the_random_numbers_of_torch_alone(tmp_path: Path) -> None:
    network = vit(tmp_path)
    torch.save(network.state_dict(), tmp_path / "w.pt")
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    load_model(f"hf:{tmp_path}")
    load_model(f"hf:{tmp_path}", weights=tmp_path / "w.pt")
    assert torch.equal(torch.random.get_rng_state(), before)
