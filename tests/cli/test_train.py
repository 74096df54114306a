"""``gsmooth train``, and the command that it prints: what was trained is what is certified."""

from __future__ import annotations

import json
import shlex
import sys
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from typer.testing import CliRunner, Result

from gsmooth.cli import app
from gsmooth.models import load_model, weights_digest

NETWORK = """
import torch
from torch import nn


def build():
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 2))


class Forgetful(nn.Module):
    def __init__(self):
        super().__init__()
        self.network = build()
        self.seen = [torch.zeros(())]

    def forward(self, x):
        if self.training:
            self.seen[0] = self.seen[0] + 1.0
        return self.network(x) + self.seen[0]  * torch.tensor([1.0, 0.0])


class Script(nn.Module):
    def forward(self, x):
        return x.flatten(1)[:, :2]
"""
TRAIN = (
    "train",
    "--model=trained_net:build",
    "--set=model.shape=[1,4,4]",
    "--data=split.npz",
    "--transformation=gaussian",
    "--sigma=0.25",
    "--epochs=1",
    "--set=train.variation=0",
)


@pytest.fixture(autouse=True)
def working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "trained_net", raising=False)
    Path("trained_net.py").write_text(NETWORK)
    context = {}
    for seed, part in enumerate(("train", "test")):
        labels = np.arange(24) % 2
        noise = 0.2 * np.random.default_rng(seed).random((24, 1, 4, 4))
        context[part] = (noise + 0.6 * labels[:, None, None, None], labels)
    np.savez(
        "split.npz",
        x_train=context["train"][0],
        y_train=context["train"][1],
        x_test=context["test"][0],
        y_test=context["test"][1],
    )
    np.savez("whole.npz", x=context["train"][0], y=context["train"][1])


def gsmooth(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def trained(out: str, *arguments: str) -> Result:
    result = gsmooth(*TRAIN, f"--out={out}", *arguments)
    assert result.exit_code == 0, result.output
    return result


def printed_command(result: Result) -> list[str]:
    """The arguments behind ``gsmooth`` that train printed."""
    (line,) = [part for part in result.stderr.splitlines() if part.startswith("then: ")]
    program, *arguments = shlex.split(line.removeprefix("then: ").partition("  (")[0])
    assert program == "gsmooth"
    return arguments


def run_header(folder: str) -> dict[str, Any]:
    header: dict[str, Any] = json.loads(Path(folder, "run.json").read_text())
    return header


def digest(spec: str, weights: str) -> str:
    return weights_digest(load_model(spec, weights=weights, shape=(1, 4, 4)))


def test_the_printed_command_certifies_what_was_trained_on_the_other_split() -> None:
    command = printed_command(trained("out/net.pt", "--set=region.l2=0.05"))
    assert command == ["certify", "--config", "out/net.toml"]
    result = gsmooth(*command)
    assert result.exit_code == 0, result.output
    assert "random" not in result.stderr
    header = run_header("runs/net")
    assert header["identity"]["digests"]["weights"] == digest("trained_net:build", "out/net.pt")
    assert header["config"]["data"]["split"] == "test"
    assert header["config"]["model"]["classes"] == 2
    assert header["config"]["model"]["shape"] == [1, 4, 4]


def test_the_run_file_holds_from_any_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained("net.pt", "--set=region.l2=0.05")
    expected = digest("trained_net:build", "net.pt")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    result = gsmooth("certify", "-c", "../net.toml", "--limit=2")
    assert result.exit_code == 0, result.output
    assert run_header("runs/net")["identity"]["digests"]["weights"] == expected


def test_weights_that_training_began_with_are_not_those_of_the_run_file() -> None:
    trained("first.pt", "--set=region.l2=0.05")
    trained("second.pt", "--set=region.l2=0.05", "--set=model.weights=first.pt", "--limit=10")
    tree = tomllib.loads(Path("second.toml").read_text())
    assert tree["model"]["weights"] == str(Path("second.pt").absolute())
    assert "limit" not in tree["data"]


def test_a_ball_is_asked_for_where_training_needed_none() -> None:
    command = printed_command(trained("net.pt"))
    assert command == ["certify", "--config", "net.toml", "--mode", "radius", "--l2", "0.25"]
    result = gsmooth(*command, "--limit=2")
    assert result.exit_code == 0, result.output


def test_data_without_splits_ask_for_other_images() -> None:
    result = trained("net.pt", "--data=whole.npz", "--set=region.l2=0.05")
    assert "trained on all that there is of" in result.stderr
    assert printed_command(result)[-2:] == ["--data", "OTHER"]
    assert "split" not in tomllib.loads(Path("net.toml").read_text())["data"]


def test_a_run_on_the_images_of_the_training_says_so() -> None:
    trained("net.pt", "--data=whole.npz", "--set=region.l2=0.05")
    same = gsmooth("certify", "-c", "net.toml", "--limit=1")
    assert same.exit_code == 0
    assert "the network was trained on these very images" in same.stderr
    whole = np.load("whole.npz")
    mixed = np.concatenate([whole["x"][:1], np.load("split.npz")["x_test"][:3]])
    np.savez("mixed.npz", x=mixed, y=np.array([0, 0, 1, 0]))
    other = gsmooth("certify", "-c", "net.toml", "--data=mixed.npz", "--out=mixed")
    assert other.exit_code == 0
    assert "the network was trained on 1 of these 4 images" in other.stderr
    fresh = ("--data=mixed.npz", "--set=data.unseen=true", "--out=fresh")
    unseen = gsmooth("certify", "-c", "net.toml", *fresh)
    assert unseen.exit_code == 0, unseen.output
    assert "trained on" not in unseen.stderr
    assert len(Path("fresh/records.jsonl").read_text().splitlines()) == 3


def test_names_of_classes_are_kept_beside_the_weights() -> None:
    whole = np.load("whole.npz")
    np.savez("named.npz", x=whole["x"], y=whole["y"], class_names=np.array(["dark", "bright"]))
    trained("net.pt", "--data=named.npz", "--set=region.l2=0.05")
    tree = tomllib.loads(Path("net.toml").read_text())
    assert tree["model"]["class_names"] == ["dark", "bright"]
    assert tree["model"]["input_range"] == [0.0, 1.0]


def test_training_on_the_images_held_out_leaves_the_others() -> None:
    trained("net.pt", "--set=region.l2=0.05", "--set=data.split=test")
    assert tomllib.loads(Path("net.toml").read_text())["data"]["split"] == "train"


def test_a_folder_of_records_that_is_taken_is_not_named_again() -> None:
    trained("net.pt", "--set=region.l2=0.05", "--set=output.folder=mine")
    assert tomllib.loads(Path("net.toml").read_text())["output"]["folder"] == "mine"
    assert gsmooth("certify", "-c", "net.toml", "--limit=1").exit_code == 0
    trained("new.pt", "--set=region.l2=0.05", "--set=output.folder=mine")
    assert tomllib.loads(Path("new.toml").read_text())["output"]["folder"] == "runs/new"


@pytest.mark.slow
def test_a_shipped_model_that_is_trained_again_is_what_is_certified() -> None:
    result = gsmooth("train", "--limit=64", "--epochs=1", "--out=rot.pt")
    assert result.exit_code == 0, result.output
    result = gsmooth(*printed_command(result), "--limit=1", "--no-attack")
    assert result.exit_code == 0, result.output
    spec = "shipped:digits-rotation"
    found = run_header("runs/rot")["identity"]["digests"]["weights"]
    assert found == weights_digest(load_model(spec, weights="rot.pt"))
    assert found != weights_digest(load_model(spec))


def refused(*arguments: str, code: int = 2) -> str:
    result = gsmooth(*TRAIN, *arguments)
    assert result.exit_code == code, result.output
    (line,) = result.stderr.splitlines()
    return line


def test_files_that_are_there_are_not_overwritten_unless_forced() -> None:
    Path("net.pt").write_bytes(b"precious")
    assert "net.pt would be overwritten; choose another name, or give --force" in refused(
        "--out=net.pt"
    )
    Path("other.toml").write_text("# mine")
    assert "other.toml would be overwritten" in refused("--out=other.pt")
    assert Path("net.pt").read_bytes() == b"precious"
    trained("net.pt", "--force")
    assert torch.load("net.pt", weights_only=True).keys() == {"1.weight", "1.bias"}


@pytest.mark.parametrize(
    ("out", "said"),
    [
        ("folder", "--out folder: it is a folder; name the file"),
        (".", "it is a folder"),
        ("net.toml", "the run file beside them is called net.toml"),
        ("NET.TOML", "choose another suffix, e.g. NET.pt"),
        ("link.pt", "link.pt would be overwritten"),
    ],
)
def test_a_place_that_cannot_be_written_to_is_refused_before_training(out: str, said: str) -> None:
    Path("folder").mkdir()
    Path("link.pt").symlink_to("nowhere.pt")
    assert said in refused(f"--out={out}")


def test_a_program_cannot_be_trained() -> None:
    assert "is a program, which holds its weights for good" in refused(
        "--model=net.ONNX", "--out=net.pt"
    )


def test_a_network_that_learns_outside_its_state_dict_is_refused() -> None:
    line = gsmooth(*TRAIN, "--model=trained_net:Forgetful", "--out=net.pt").stderr.splitlines()[-1]
    assert "gives other scores than the trained network" in line


def test_machines_get_the_next_command_too() -> None:
    document = json.loads(gsmooth(*TRAIN, "--set=region.l2=0.05", "--out=net.pt", "--json").stdout)
    assert document["next"] == {
        "command": ["gsmooth", "certify", "--config", "net.toml"],
        "note": "",
    }
    assert document["trained_on"] == "train"


@pytest.mark.parametrize(
    "command",
    [("certify", "--l2=0.05"), ("certify", "--l2=0.05", "--dry-run"), ("predict", "--n=100")],
)
def test_a_factory_without_weights_is_warned_of_by_name(command: tuple[str, ...]) -> None:
    run = (*command, *(flag for flag in TRAIN[1:] if flag != "--epochs=1"), "--limit=1")
    result = gsmooth(*run)
    assert result.exit_code == 0, result.output
    warning = "warning: trained_net:build is used with the weights that it makes itself"
    assert result.stderr.count(warning) == 1
    trained("net.pt")
    assert (
        warning not in gsmooth(*run, "--set=model.weights=net.pt", "--set=output.folder=b").stderr
    )


def test_flags_of_the_recipe_are_in_the_run_file_and_the_curve_beside_it() -> None:
    recipe = ("--method=smoothadv", "--balance", "--photometric=0.2", "--batch-size=8")
    parts = ("--validation=0.2", "--holdout=0.25", "--amp=bfloat16", "--learning-rate=0.01")
    result = trained("net.pt", "--set=region.l2=0.05", *recipe, *parts, "--data=whole.npz")
    assert "18 images to train on, 6 held out for certificates" in result.stderr
    tree = tomllib.loads(Path("net.toml").read_text())
    expected = {"photometric": 0.2, "balance": True, "batch_size": 8, "amp": "bfloat16"}
    assert expected.items() <= tree["train"].items()
    method = {"name": "smoothadv", "radius": 0.25, "steps": 2, "draws": 1}
    assert tree["train"]["method"] == method
    assert tree["data"]["unseen"] is True
    assert Path("net.png").read_bytes().startswith(b"\x89PNG")
    assert printed_command(result) == ["certify", "--config", "net.toml"]
    certified = gsmooth("certify", "-c", "net.toml")
    assert certified.exit_code == 0, certified.output
    assert "trained on" not in certified.stderr
    assert len(Path("runs/net/records.jsonl").read_text().splitlines()) == 6


def test_an_unknown_method_lists_those_that_there_are() -> None:
    line = refused("--out=net.pt", "--method=mixup")
    assert all(name in line for name in ("noise", "consistency", "smoothadv", "macer"))
