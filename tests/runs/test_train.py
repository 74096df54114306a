"""``run_train``: from a run file to a state dict that certify can use."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from gsmooth.errors import ConfigurationError, InputError
from gsmooth.runs.config.run_config import RunConfig
from gsmooth.runs.config.run_file import load_config
from gsmooth.runs.config.train_section import TRAIN_ONLY, TrainSection
from gsmooth.runs.train import run_train, train_plan
from gsmooth.training import TrainPlan
from tests.runs.tmp_project import Notebook, enter, tmp_project_config

LINEAR = """
from torch import nn


def build():
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 2))
"""
SMALL = ("model.spec=trainable_net:build", "train.epochs=3", "train.variation=0", "train.seed=4")


@pytest.fixture(autouse=True)
def working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    enter(tmp_path, monkeypatch, "trainable_net")
    (tmp_path / "trainable_net.py").write_text(LINEAR)


def trained(out: str, *overrides: str) -> dict[str, torch.Tensor]:
    run_train(tmp_project_config(*SMALL, *overrides), Path(out), Notebook())
    state: dict[str, torch.Tensor] = torch.load(out, weights_only=True)
    return state


def test_the_sections_fields_and_defaults_are_those_of_the_plan() -> None:
    plan = vars(TrainPlan())
    assert train_plan(TrainSection()) == TrainPlan()
    assert set(TrainSection.model_fields) == {*plan, *TRAIN_ONLY}


def test_the_state_dict_and_its_run_file_are_written() -> None:
    progress = Notebook()
    summary = run_train(tmp_project_config(*SMALL), Path("out/net.pt"), progress)
    assert set(torch.load("out/net.pt", weights_only=True)) == {"1.weight", "1.bias"}
    assert summary.run_file == Path("out/net.toml")
    assert load_config(summary.run_file) == summary.config
    assert progress.lines[0] == "12 images to train on"
    epochs = [line.split(":")[0] for line in progress.lines[1:]]
    assert epochs == [f"epoch {i}/3" for i in (1, 2, 3)]


def test_the_same_seed_gives_the_same_network() -> None:
    first, again, other = trained("1.pt"), trained("2.pt"), trained("3.pt", "train.seed=5")
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not torch.equal(first["1.weight"], other["1.weight"])


def test_training_starts_from_given_weights() -> None:
    start = trained("start.pt")
    identity_action = trained("still.pt", "model.weights=start.pt", "train.learning_rate=1e-12")
    assert torch.allclose(start["1.weight"], identity_action["1.weight"], atol=1e-9)


def test_the_training_split_is_the_default() -> None:
    images = np.zeros((4, 1, 4, 4))
    np.savez("images.npz", x_train=images, y_train=np.array([0, 1, 0, 1]))
    summary = run_train(tmp_project_config(*SMALL), Path("net.pt"), Notebook())
    assert summary.trained_on == "train"
    with pytest.raises(ConfigurationError, match="unknown split 'heldout'; it has train"):
        run_train(tmp_project_config(*SMALL, "data.split=heldout"), Path("other.pt"), Notebook())


def test_labels_beyond_the_networks_outputs_are_refused() -> None:
    np.savez("images.npz", x=np.zeros((2, 1, 4, 4)), y=np.array([0, 2]))
    with pytest.raises(
        InputError, match="label 2 is out of range: trainable_net:build knows the classes 0 to 1"
    ):
        trained("net.pt")


def test_a_device_that_is_not_there_is_refused_before_anything_is_read() -> None:
    config = tmp_project_config(*SMALL, "model.device=cuda:99", "data.spec=missing.npz")
    with pytest.raises(ConfigurationError, match="device 'cuda:99' cannot be used here"):
        run_train(config, Path("net.pt"), Notebook())


def test_training_settings_are_no_part_of_a_certificates_identity() -> None:
    from gsmooth.runs.config.identity import fingerprint

    assert fingerprint(RunConfig(train=TrainSection(epochs=1))) == fingerprint(RunConfig())
