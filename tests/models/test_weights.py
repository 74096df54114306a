"""Files of weights: what load_state_dict(strict=True) takes fits, and nothing else does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gsmooth.errors import ModelError
from gsmooth.models import load_model
from gsmooth.models.checkpoint import read_checkpoint

SHAPE = (1, 4, 4)
LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 13\n"
HTML = "\n<!DOCTYPE html>\n<html><body>Sign in</body></html>"


def linear() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 3))


def normed() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 3))


def weight_normed() -> nn.Module:
    layer = torch.nn.utils.parametrizations.weight_norm(nn.Linear(16, 3))
    return nn.Sequential(nn.Flatten(), layer)


def lazy() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.LazyLinear(3))


def tied() -> nn.Module:
    """Two layers that share their weight."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(16, 16), nn.Linear(16, 16))
    network.get_submodule("2").weight = network.get_submodule("1").weight
    return network


class Counted(nn.Module):
    """A network that stores more than tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(16, 3)
        self.rounds = 0

    def get_extra_state(self) -> dict[str, int]:
        return {"rounds": self.rounds}

    def set_extra_state(self, state: dict[str, int]) -> None:
        self.rounds = state["rounds"]

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.layer(x.flatten(1))
        return scores


class Meta(nn.Module):
    """A network of shapes without values."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(16, 3, device="meta")


def filled(module: nn.Module, value: float = 0.5) -> dict[str, Any]:
    """Its state dict, with ``value`` in every tensor of floats."""
    state: dict[str, Any] = module.state_dict()
    with torch.no_grad():
        for tensor in state.values():
            if isinstance(tensor, Tensor) and tensor.is_floating_point():
                tensor.fill_(value)
    return state


def load(name: str, path: Path) -> nn.Module:
    return load_model(f"tests.models.test_weights:{name}", weights=path, shape=SHAPE).module


def refused(name: str, path: Path, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        load(name, path)


@pytest.mark.parametrize(
    "prefix", ["module.", "_orig_mod.", "model.", "module._orig_mod.", "backbone.net."]
)
def test_takes_a_prefix_off_that_all_names_share(tmp_path: Path, prefix: str) -> None:
    torch.save({prefix + key: t for key, t in filled(linear()).items()}, tmp_path / "w.pt")
    assert load("linear", tmp_path / "w.pt").state_dict()["1.weight"].unique() == 0.5


def test_keeps_a_prefix_that_the_model_has_itself(tmp_path: Path) -> None:
    torch.save(filled(Counted()), tmp_path / "w.pt")
    assert load("Counted", tmp_path / "w.pt").state_dict()["layer.bias"].unique() == 0.5


def test_names_the_keys_where_no_prefix_helps(tmp_path: Path) -> None:
    state = {"module.1.weight": torch.zeros(3, 16), "1.bias": torch.zeros(3)}
    torch.save(state, tmp_path / "w.pt")
    refused("linear", tmp_path / "w.pt", r"missing: 1.weight; unexpected: module.1.weight$")


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: {"state_dict": state, "epoch": 3},
        lambda state: {"model": state, "optimizer": {"state": {0: {"step": 1}}}},
        lambda state: {"net": state, "acc": 91.2},
        lambda state: {"ema": {"module": state}},
        lambda state: {"model": state, "model_copy": dict(state)},
    ],
)
def test_finds_the_state_dict_in_a_checkpoint(
    tmp_path: Path, wrap: Callable[[dict[str, Tensor]], dict[str, object]]
) -> None:
    torch.save(wrap(filled(linear())), tmp_path / "w.pt")
    assert load("linear", tmp_path / "w.pt").state_dict()["1.weight"].unique() == 0.5


def test_refuses_to_choose_between_two_that_fit(tmp_path: Path) -> None:
    both = {"state_dict": filled(linear()), "state_dict_ema": filled(linear(), 0.25)}
    torch.save(both, tmp_path / "w.pt")
    refused("linear", tmp_path / "w.pt", "under the keys 'state_dict', 'state_dict_ema'; save the")


def test_loads_the_one_that_fits_whatever_was_tried_after_it(tmp_path: Path) -> None:
    other = {"1.weight": torch.zeros(3, 16), "1.bias": torch.zeros(3), "more": torch.zeros(1)}
    torch.save({"model": filled(linear()), "teacher": other}, tmp_path / "w.pt")
    assert load("linear", tmp_path / "w.pt").state_dict()["1.weight"].unique() == 0.5


def test_names_where_the_nearest_lies_where_none_fits(tmp_path: Path) -> None:
    state = {f"module.{key}": t for key, t in filled(linear()).items()}
    state["module.1.bias"] = torch.zeros(5)
    torch.save({"net": state, "other": {"x": torch.zeros(1)}}, tmp_path / "w.pt")
    where = r"w.pt \(under the key 'net'\) \(without the prefix 'module.'\) do not fit model"
    refused("linear", tmp_path / "w.pt", rf"{where}.*of another shape: 1.bias has shape \(5,\)")


def test_takes_batch_norm_from_before_it_counted_batches(tmp_path: Path) -> None:
    state = {k: t for k, t in filled(normed()).items() if not k.endswith("num_batches_tracked")}
    torch.save(state, tmp_path / "w.pt")
    assert load("normed", tmp_path / "w.pt").state_dict()["1.running_mean"].unique() == 0.5


def test_misses_the_count_of_batches_where_the_file_is_of_its_time(tmp_path: Path) -> None:
    state = normed().state_dict()  # With the versions of its modules, unlike a plain dictionary.
    del state["1.num_batches_tracked"]
    torch.save({"net": state}, tmp_path / "w.pt")
    refused("normed", tmp_path / "w.pt", "missing: 1.num_batches_tracked$")


def test_keeps_the_versions_of_modules_where_a_prefix_is_taken_off(tmp_path: Path) -> None:
    state = nn.ModuleDict({"module": normed()}).state_dict()
    torch.save(state, tmp_path / "w.pt")
    (stored,) = read_checkpoint(tmp_path / "w.pt")
    _, bare = stored.unwrapped()
    assert getattr(bare.state, "_metadata", None) == normed().state_dict()._metadata  # type: ignore[attr-defined]


def test_takes_the_old_names_of_weight_norm(tmp_path: Path) -> None:
    now = weight_normed().state_dict()
    weight = "1.parametrizations.weight.original"
    old = {
        "1.weight_g": now[f"{weight}0"],
        "1.weight_v": now[f"{weight}1"],
        "1.bias": now["1.bias"],
    }
    torch.save(old, tmp_path / "w.pt")
    loaded = load("weight_normed", tmp_path / "w.pt").state_dict()
    assert torch.equal(loaded[f"{weight}1"], now[f"{weight}1"])


def test_takes_extra_state_of_plain_values(tmp_path: Path) -> None:
    network = Counted()
    network.rounds = 7
    torch.save(network.state_dict(), tmp_path / "w.pt")
    loaded = load("Counted", tmp_path / "w.pt")
    assert isinstance(loaded, Counted)
    assert loaded.rounds == 7


def test_weights_give_lazy_modules_their_shape(tmp_path: Path) -> None:
    torch.save(filled(linear()), tmp_path / "w.pt")
    assert load("lazy", tmp_path / "w.pt").state_dict()["1.weight"].shape == (3, 16)


def test_refuses_modules_without_values_by_key() -> None:
    with pytest.raises(ModelError, match=r"lazy modules without values yet: 1.weight, 1.bias; run"):
        load_model("tests.models.test_weights:lazy", shape=SHAPE)
    with pytest.raises(ModelError, match=r"device meta\): layer.weight, layer.bias; build the"):
        load_model("tests.models.test_weights:Meta", shape=SHAPE)


@pytest.mark.parametrize("suffix", [".safetensors", ".SAFETENSORS"])
def test_reads_safetensors(tmp_path: Path, suffix: str) -> None:
    safetensors = pytest.importorskip("safetensors.torch", reason="needs the extra 'safetensors'")
    path = tmp_path / f"w{suffix}"
    safetensors.save_file(filled(linear()), path)
    assert load("linear", path).state_dict()["1.weight"].unique() == 0.5
    path.write_bytes(path.read_bytes()[:-1])
    refused("linear", path, "cannot be read as safetensors")


def test_safetensors_names_a_shared_tensor_once(tmp_path: Path) -> None:
    safetensors = pytest.importorskip("safetensors.torch", reason="needs the extra 'safetensors'")
    network = tied()
    filled(network)
    safetensors.save_model(network, str(tmp_path / "w.safetensors"))
    assert load("tied", tmp_path / "w.safetensors").state_dict()["2.weight"].unique() == 0.5


@pytest.mark.parametrize("name", ["w.pt", "w.safetensors"])
@pytest.mark.parametrize(
    ("text", "message"),
    [(LFS, "this is a git-LFS pointer.*run git lfs pull"), (HTML, "this is an HTML page")],
)
def test_names_what_lies_in_place_of_weights(
    tmp_path: Path, name: str, text: str, message: str
) -> None:
    (tmp_path / name).write_text(text)
    refused("linear", tmp_path / name, f"weights .*{name}: {message}")


@pytest.mark.parametrize("name", ["m.pt", "m.pt2", "m.onnx", "M.ONNX", "M.PTH"])
def test_names_what_lies_in_place_of_a_model(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(LFS)
    with pytest.raises(ModelError, match=f"model .*{name}: this is a git-LFS pointer"):
        load_model(str(tmp_path / name), shape=SHAPE)
