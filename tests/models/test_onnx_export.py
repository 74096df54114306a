"""Networks written as ONNX files, which are compared with them before they are kept."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import gsmooth as gs
from gsmooth.errors import ConfigurationError, ModelError, OutputError
from gsmooth.models import load_model
from gsmooth.models.classifier import Classifier

pytest.importorskip("onnx", reason="needs the package onnx to write files")
pytest.importorskip("onnxruntime", reason="needs the extra 'onnx'")
SHAPE = (1, 6, 6)


@pytest.fixture(autouse=True)
def _the_older_exporter(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.node.get_closest_marker("extras") is None:
        monkeypatch.setitem(sys.modules, "onnxscript", None)


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3)
    ).eval()


def classifier(module: nn.Module) -> Classifier:
    return Classifier(module, classes=3, shape=SHAPE)


@pytest.mark.parametrize(
    "exporter", ["older", pytest.param("newer", marks=pytest.mark.extras(group="frameworks"))]
)
def test_the_file_votes_as_the_network_does(exporter: str, tmp_path: Path) -> None:
    if exporter == "newer":
        pytest.importorskip("onnxscript", reason='needs the extra "onnx-export"')
    g = gs.SmoothedClassifier(classifier(network()), "gaussian", sigma=0.25, seed=0)
    path = gs.export_onnx(g, tmp_path / "net.onnx")
    assert [file.name for file in tmp_path.iterdir()] == ["net.onnx"]
    file = load_model(str(path), shape=SHAPE)
    x = torch.rand(7, *SHAPE)
    assert torch.allclose(file.scores(x), g.classifier.scores(x), atol=1e-5)
    other = gs.SmoothedClassifier(file, "gaussian", sigma=0.25, seed=0)
    assert gs.predict(other, x, n=64) == gs.predict(g, x, n=64)


class Random(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1)[:, :3] + torch.rand(len(x), 3)


class Branching(nn.Module):
    """What tracing writes down holds for the images that it saw."""

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1)[:, :3] * (1.0 if len(x) == 2 else 3.0)


@pytest.mark.parametrize("module", [Random(), Branching()])
def test_a_file_that_gives_other_scores_is_not_kept(module: nn.Module, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="as ONNX it gives other scores"):
        gs.export_onnx(classifier(module), tmp_path / "net.onnx")
    assert not any(tmp_path.iterdir())


def test_another_precision_is_another_network(tmp_path: Path) -> None:
    half = Classifier(network(), classes=3, shape=SHAPE, autocast="bfloat16")
    with pytest.raises(ModelError, match="which is another network"):
        gs.export_onnx(half, tmp_path / "net.onnx")


def test_a_place_that_cannot_be_written_to_is_said(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        gs.export_onnx(classifier(network()), tmp_path / "missing" / "net.onnx")


def test_a_provider_is_one_that_onnxruntime_has(tmp_path: Path) -> None:
    path = str(gs.export_onnx(classifier(network()), tmp_path / "net.onnx"))
    assert load_model(path, shape=SHAPE, providers=["CPUExecutionProvider"]).classes == 3
    with pytest.raises(
        ModelError, match=r"no 'CPUExecutionProvidr' here \(did you mean 'CPUExecutionProvider'"
    ):
        load_model(path, shape=SHAPE, providers=["CPUExecutionProvidr"])
    with pytest.raises(ConfigurationError, match="providers are for ONNX files"):
        load_model("shipped:digits-l2", providers=["CPUExecutionProvider"])
