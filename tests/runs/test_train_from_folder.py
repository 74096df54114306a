"""From a folder of images to weights that certify takes: zoo, parts, fine-tuning, denoisers."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from gsmooth.errors import ConfigurationError, ModelError
from gsmooth.models import load_model
from gsmooth.runs.config.resolution import resolved
from gsmooth.runs.config.run_config import RunConfig
from gsmooth.runs.config.run_file import load_config
from gsmooth.runs.context import build_context
from gsmooth.runs.monitor.interrupt import Interrupted
from gsmooth.runs.monitor.notices import input_notices
from gsmooth.runs.monitor.progress import RunProgress
from gsmooth.runs.train import TrainSummary, run_train
from tests.runs.tmp_project import Notebook

NETWORK = """
from torch import nn


def build(classes=5):
    return nn.Sequential(
        nn.Flatten(), nn.Linear(192, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, classes)
    )
"""
FAST = (
    "data.spec=tiles",
    "transformation.name=rotation",
    "smoothing.sigma=0.1",
    "smoothing.scales=[5.0]",
    "region.lower=[-5.0]",
    "region.upper=[5.0]",
    "model.spec=folder_net:build",
    "model.shape=[3,8,8]",
    "model.options.classes=2",
    "train.epochs=2",
    "train.batch_size=64",
    "train.variation=0",
    "engine.threads=1",
)


@pytest.fixture(autouse=True)
def working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "folder_net", raising=False)
    Path("folder_net.py").write_text(NETWORK)
    random = np.random.default_rng(0)
    for label, name in enumerate(("dark", "light")):
        Path("tiles", name).mkdir(parents=True)
        for number in range(40):
            pixels = random.integers(0, 100, (8, 8, 3)) + 140 * label
            Image.fromarray(pixels.astype(np.uint8)).save(f"tiles/{name}/{number}.png")


def config(*overrides: str) -> RunConfig:
    return load_config(None, [*FAST, *overrides])


def trained(out: str, *overrides: str, progress: Any = None, **options: Any) -> TrainSummary:
    return run_train(config(*overrides), Path(out), progress or Notebook(), **options)


@pytest.mark.parametrize("name", ["resnet-small", "polar-resnet"])
def test_a_network_of_the_zoo_is_built_for_the_images_and_classes(name: str) -> None:
    summary = trained(
        "net.pt", f"model.spec=zoo:{name}", "model.options={width=2}", "train.epochs=1"
    )
    assert summary.config.model.classes == 2
    assert summary.config.model.shape == (3, 8, 8)
    assert summary.config.model.class_names == ("dark", "light")
    again = load_config(summary.run_file)
    assert again.model.options == {"width": 2}
    context = build_context(resolved(again))
    assert context.smoothed.classifier.name == f"zoo:{name}"


def test_images_that_were_held_out_are_what_is_certified() -> None:
    summary = trained("net.pt", "train.holdout=0.25")
    assert summary.next_step.note == ""
    context = build_context(resolved(load_config(summary.run_file)))
    assert len(context.dataset) == 20
    assert "trained on" not in " ".join(input_notices(context))
    everything = summary.config.model_copy(
        update={"data": summary.config.data.model_copy(update={"unseen": False})}
    )
    (said,) = [n for n in input_notices(build_context(resolved(everything))) if "trained on" in n]
    # All images of the folder are those of the training's split, held out ones included.
    assert "the network was trained on" in said


def test_the_best_estimate_is_reported_and_kept() -> None:
    notebook = Notebook()
    drawn: list[Path] = []
    summary = trained(
        "net.pt",
        "train.validation=0.65",
        "train.epochs=3",
        progress=notebook,
        draw=lambda report, path: drawn.append(path),
    )
    assert notebook.lines[0] == "28 images to train on, 52 to choose the weights by"
    assert "estimated certified accuracy" in notebook.lines[1]
    best = max(epoch.estimate or 0.0 for epoch in summary.report.epochs)
    assert summary.report.kept is not None
    assert summary.report.kept.estimate == best
    assert drawn == [Path("net.png")] * 4


class Stopping(Notebook):
    """Ctrl-C at the first step of an epoch."""

    def __init__(self, epoch: int) -> None:
        super().__init__()
        self.epoch = epoch

    def update(self, state: RunProgress) -> None:
        if state.merit.startswith(f"epoch {self.epoch}/"):
            os.kill(os.getpid(), signal.SIGINT)


def weights(path: str) -> dict[str, torch.Tensor]:
    state: dict[str, torch.Tensor] = torch.load(path, weights_only=True)
    return state


def test_ctrl_c_leaves_weights_to_certify_and_the_same_command_goes_on() -> None:
    trained("whole.pt", "train.epochs=3")
    with pytest.raises(Interrupted, match=r"in epoch 2 of 3; .* the same command resumes"):
        trained("net.pt", "train.epochs=3", progress=Stopping(2))
    assert Path("net.resume.pt").exists()
    build_context(resolved(load_config(Path("net.toml"))))
    with pytest.raises(ConfigurationError, match="is of another training"):
        trained("net.pt", "train.epochs=3", "train.seed=1")
    trained("net.pt", "train.epochs=3")
    assert not Path("net.resume.pt").exists()
    whole, parts = weights("whole.pt"), weights("net.pt")
    assert all(torch.equal(whole[name], parts[name]) for name in whole)


def test_force_begins_an_interrupted_training_anew() -> None:
    with pytest.raises(Interrupted):
        trained("net.pt", progress=Stopping(1))
    notebook = Notebook()
    trained("net.pt", "train.seed=1", progress=notebook, force=True)
    assert [line.split(":")[0] for line in notebook.lines[1:]] == ["epoch 1/2", "epoch 2/2"]


def test_a_new_head_answers_with_the_classes_of_the_data() -> None:
    module = load_model("folder_net:build", shape=(3, 8, 8)).module
    torch.save(module.state_dict(), "pretrained.pt")
    start = ("model.options={}", "model.weights=pretrained.pt", "model.new_head=true")
    summary = trained("tuned.pt", *start, "train.body_rate=0.0")
    assert summary.config.model.classes == 2
    before, after = weights("pretrained.pt"), weights("tuned.pt")
    assert after["4.weight"].shape == (2, 8)
    assert torch.equal(before["1.weight"], after["1.weight"])
    context = build_context(resolved(load_config(summary.run_file)))
    assert context.smoothed.classifier.classes == 2


def test_a_denoiser_leaves_the_network_untouched_and_is_certified_with_it() -> None:
    trained("net.pt", "train.epochs=1")
    before = Path("net.pt").read_bytes()
    notebook = Notebook()
    summary = trained(
        "denoiser.pt",
        "model.weights=net.pt",
        "train.denoiser=true",
        progress=notebook,
    )
    assert Path("net.pt").read_bytes() == before
    assert summary.config.model.weights == Path("net.pt").absolute()
    assert summary.config.model.denoiser == Path("denoiser.pt").absolute()
    context = build_context(resolved(load_config(summary.run_file)))
    loaded = context.smoothed.classifier.module.network
    assert isinstance(loaded, nn.Module)
    assert all(torch.equal(v, loaded.state_dict()[k]) for k, v in weights("net.pt").items())
    assert set(weights("denoiser.pt")) == set(
        context.smoothed.classifier.module.denoiser.state_dict()  # type: ignore[union-attr]
    )


def test_a_program_gets_a_denoiser() -> None:
    module = nn.Sequential(nn.Flatten(), nn.Linear(192, 2)).eval()
    batch = ({0: torch.export.Dim("batch", min=1, max=4096)},)
    program = torch.export.export(module, (torch.zeros(2, 3, 8, 8),), dynamic_shapes=batch)
    torch.export.save(program, "program.pt2")
    model = ("model.spec=program.pt2", "model.options={}", "train.denoiser=true")
    summary = trained("front.pt", *model, "train.epochs=1")
    assert summary.config.model.weights is None
    build_context(resolved(load_config(summary.run_file)))


@pytest.mark.parametrize(
    ("overrides", "error", "said"),
    [
        (["model.spec=zoo:resnet", "model.options={}"], ModelError, "did you mean .*resnet-small"),
        (["model.spec=zoo:denoiser"], ModelError, "makes images of images, not scores"),
        (
            ["model.spec=net.onnx", "train.denoiser=true"],
            ConfigurationError,
            "ONNX has no",
        ),
        (
            ["model.spec=zoo:resnet-small", "train.denoiser=true"],
            ConfigurationError,
            "a new one",
        ),
        (["model.denoiser=d.pt"], ConfigurationError, "but not --denoiser"),
        (["model.spec=zoo:resnet-small", "model.new_head=true"], ConfigurationError, "new_head"),
        (["model.options.depth=3"], ModelError, "depth"),
        (["train.method=mixup"], ConfigurationError, "method"),
        (["train.method.draws=3"], ConfigurationError, "draws"),
    ],
)
def test_what_cannot_be_trained_says_why(
    overrides: list[str], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        trained("net.pt", *overrides)


def test_a_method_is_named_with_its_settings() -> None:
    made = config('train.method={name="consistency", weight=2.0}').train.method.method()
    assert vars(made) == {"weight": 2.0, "entropy": 0.5, "draws": 2}
