"""Model specs give classifiers, or say what is wrong; pickled code never runs."""

from __future__ import annotations

import builtins
import os
import sys
import warnings
import zipfile
from collections.abc import Callable, Iterator
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from gsmooth.errors import ConfigurationError, ModelError
from gsmooth.models import cards, load_model, model_notices
from gsmooth.models.cards import Card, card, read_card, shipped_models
from gsmooth.models.checkpoint import read_checkpoint
from gsmooth.models.programs import _SWITCH, Exported, _weights_only

SHAPE = (1, 4, 4)
CODE = """
import torch
from torch import nn
def build():
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(16, 3))
def wide():
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 5))
def broken():
    raise RuntimeError("out of ideas")
class Fixed(nn.Module):
    def forward(self, x):
        return x.reshape(2, 16)
class Features(nn.Module):
    def forward(self, x):
        return {"logits": x}
class Elsewhere(nn.Module):
    def forward(self, x):
        return x.flatten(1)[:, :3]
network = build()
number = 3
"""
CARD = """
[model]
network = "nets:build"
classes = 3
shape = [1, 4, 4]
[smoothing]
transformation = "rotation"
sigma = 0.2
scales = [6.0]
[smoothing.options]
low_pass_px = 0.7
[region]
lower = [-30.0]
upper = [30.0]
[training]
seed = 0
[accuracy]
clean = 0.9
"""


class Evil:
    """A pickle that would leave a file behind."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return os.mkdir, (str(self.trace),)


@pytest.fixture(autouse=True)
def nets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The working directory, with a module ``nets`` in it."""
    (tmp_path / "nets.py").write_text(CODE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.delitem(sys.modules, "nets", raising=False)
    import nets  # type: ignore[import-not-found]

    yield nets
    sys.modules.pop("nets", None)


def agree(spec: str, module: nn.Module, **arguments: Any) -> None:
    """The classifier of ``spec`` votes as ``module`` does."""
    classifier = load_model(spec, shape=SHAPE, **arguments)
    images = torch.rand(7, *SHAPE)
    assert classifier.labels(images).tolist() == module.eval()(images).argmax(1).tolist()
    assert (classifier.classes, classifier.shape, classifier.name) == (3, SHAPE, spec)


def test_a_factory_with_weights_gives_a_frozen_classifier(nets: Any, tmp_path: Path) -> None:
    module = nets.build()
    nn.init.normal_(module[2].weight)
    torch.save(module.state_dict(), tmp_path / "w.pt")
    agree("nets:build", module, weights=tmp_path / "w.pt")
    loaded = load_model("nets:build", weights=str(tmp_path / "w.pt"), shape=SHAPE).module
    assert not any(m.training for m in loaded.modules())
    assert not any(p.requires_grad for p in loaded.parameters())


def test_a_module_may_stand_in_place_of_a_factory(nets: Any) -> None:
    agree("nets:network", nets.network, classes=3, input_range=(-1.0, 1.0))


def test_a_checkpoint_with_the_state_dict_inside_is_understood(nets: Any, tmp_path: Path) -> None:
    state = nets.build().state_dict()
    torch.save({"epoch": 3, "state_dict": state}, tmp_path / "w.pt")
    (found,) = read_checkpoint(tmp_path / "w.pt")
    assert (set(found.state), found.keys) == (set(state), ("state_dict",))


def test_a_pickle_with_code_is_refused_and_never_run(nets: Any, tmp_path: Path) -> None:
    trace = tmp_path / "was_here"
    torch.save({"2.weight": Evil(trace)}, tmp_path / "w.pt")
    with pytest.raises(ModelError, match=r"refused: it holds pickled Python objects") as caught:
        load_model("nets:build", weights=tmp_path / "w.pt", shape=SHAPE)
    assert "torch.save(model.state_dict(), path)" in str(caught.value)
    assert not trace.exists()


def test_a_pickled_module_is_refused_by_name(nets: Any, tmp_path: Path) -> None:
    torch.save(nets.build(), tmp_path / "w.pt")
    with pytest.raises(ModelError, match=r"torch\.nn\.modules\.container\.Sequential"):
        read_checkpoint(tmp_path / "w.pt")


@pytest.mark.parametrize(
    ("saved", "message"),
    [
        ({}, "missing: 2.weight, 2.bias"),
        ({"2.weight": torch.zeros(3, 16), "2.bias": torch.zeros(3), "x": torch.zeros(1)},
         "do not fit model 'nets:build': unexpected: x"),
        ({"2.weight": torch.zeros(5, 16), "2.bias": torch.zeros(3)},
         r"of another shape: 2.weight has shape \(5, 16\) instead of \(3, 16\)"),
        ({"module.2.weight": torch.zeros(3, 16)},
         r"w.pt \(without the prefix 'module.'\) do not fit model 'nets:build': missing: 2.bias"),
        ({f"{i}": torch.zeros(1) for i in range(9)}, "unexpected: 0, 1, 2, 3, 4 and 4 more"),
        ([1, 2], "holds list, not tensors by name"),
        ({"a": 1}, "holds dict, not tensors by name"),
    ],
)  # fmt: skip
def test_weights_that_do_not_fit_name_the_keys(tmp_path: Path, saved: Any, message: str) -> None:
    torch.save(saved, tmp_path / "w.pt")
    with pytest.raises(ModelError, match=message):
        load_model("nets:build", weights=tmp_path / "w.pt", shape=SHAPE)


def test_weights_that_are_no_checkpoint_are_explained(tmp_path: Path) -> None:
    (tmp_path / "w.pt").write_bytes(b"not a checkpoint")
    with pytest.raises(ModelError, match=r"w\.pt"):
        read_checkpoint(tmp_path / "w.pt")
    with pytest.raises(ModelError, match="there is no such file"):
        read_checkpoint(tmp_path / "gone.pt")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("nots:build", "cannot import 'nots'"),
        ("nets:biuld", "did you mean 'build'"),
        ("nets:broken", "raised RuntimeError: out of ideas"),
        ("nets:number", "is int, not a function"),
        ("resnet", "expected shipped:NAME"),
        ("w.safetensors", "is a file of weights.*--set model.weights=w.safetensors"),
        ("shipped:digit-rotation", "not shipped"),
        ("nets:Features", r"returns dict for 2 images; expected scores of shape \(2, classes\)"),
        ("nets:Fixed", r"fails on a batch of shape \(3, 1, 4, 4\).*fix the batch size"),
        ("gone.pt", "gone.pt: there is no such file"),
        ("gone.pt2", "gone.pt2: there is no such file"),
        ("gone.onnx", "gone.onnx: there is no such file"),
    ],
)
def test_a_model_that_cannot_be_loaded_is_explained(spec: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        load_model(spec, shape=SHAPE)


def test_a_wrong_number_of_classes_is_named() -> None:
    with pytest.raises(ModelError, match="5 outputs, but classes=3 was given"):
        load_model("nets:wide", classes=3, shape=SHAPE)


def test_a_wrong_input_shape_is_named() -> None:
    with pytest.raises(
        ModelError, match=r"fails on a batch of shape \(2, 1, 5, 5\), torch.float32: RuntimeError"
    ):
        load_model("nets:build", shape=(1, 5, 5))


def test_a_missing_input_shape_is_asked_for() -> None:
    with pytest.raises(ConfigurationError, match=r"--set model\.shape=\[1,28,28\]"):
        load_model("nets:build")


@pytest.mark.parametrize("device", ["cuda:9", "gpu"])
def test_a_device_that_is_not_there_is_named(device: str) -> None:
    with pytest.raises(ConfigurationError, match=f"device '{device}' cannot be used here"):
        load_model("nets:build", shape=SHAPE, device=device)


def scripted(module: nn.Module, path: Path) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.trace(module.eval(), torch.zeros(2, *SHAPE)).save(str(path))  # type: ignore[no-untyped-call]
    return str(path)


def exported(module: nn.Module, path: Path, *, fixed: bool = False) -> str:
    batch = None if fixed else ({0: torch.export.Dim("batch", min=1, max=4096)},)
    images = (torch.zeros(2, *SHAPE),)
    program = torch.export.export(module.eval(), images, dynamic_shapes=batch)
    torch.export.save(program, path)
    return str(path)


def test_a_torchscript_file_votes_as_its_module(nets: Any, tmp_path: Path) -> None:
    agree(scripted(nets.network, tmp_path / "m.pt"), nets.network)


def test_a_state_dict_given_as_torchscript_is_explained(nets: Any, tmp_path: Path) -> None:
    torch.save(nets.network.state_dict(), tmp_path / "m.pt")
    with pytest.raises(ModelError, match=r"not a TorchScript file .* give the network as module"):
        load_model(str(tmp_path / "m.pt"), shape=SHAPE)


def test_a_program_takes_no_further_weights(nets: Any, tmp_path: Path) -> None:
    spec = scripted(nets.network, tmp_path / "m.pt")
    with pytest.raises(ConfigurationError, match="holds its own weights"):
        load_model(spec, weights=spec, shape=SHAPE)


def test_an_exported_file_votes_as_its_module(nets: Any, tmp_path: Path) -> None:
    spec = exported(nets.network, tmp_path / "m.pt2")
    agree(spec, nets.network)
    loaded = load_model(spec, shape=SHAPE).module
    assert isinstance(loaded, Exported)
    assert not any(p.requires_grad for p in loaded.parameters())


def test_an_exported_file_with_a_fixed_batch_is_explained(nets: Any, tmp_path: Path) -> None:
    spec = exported(nets.network, tmp_path / "m.pt2", fixed=True)
    with pytest.raises(ModelError, match="does the file fix the batch size"):
        load_model(spec, shape=SHAPE)


def test_an_exported_file_that_is_damaged_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "m.pt2"
    path.write_bytes(b"not an archive")
    with pytest.raises(ModelError, match=r"not a torch\.export file .*dynamic batch axis"):
        load_model(str(path), shape=SHAPE)


@pytest.mark.parametrize("name", ["data/sample_inputs/model.pt", "data/constants/opaque_obj_0"])
def test_code_pickled_inside_an_exported_file_never_runs(
    nets: Any, tmp_path: Path, name: str
) -> None:
    honest = Path(exported(nets.network, tmp_path / "m.pt2"))
    trace, evil = tmp_path / "was_here", tmp_path / "e.pt2"
    torch.save(Evil(trace), tmp_path / "payload")
    with zipfile.ZipFile(honest) as old, zipfile.ZipFile(evil, "w") as new:
        root = old.namelist()[0].partition("/")[0]
        for entry in old.namelist():
            if entry != f"{root}/{name}":
                new.writestr(entry, old.read(entry))
        new.write(tmp_path / "payload", f"{root}/{name}")
    with pytest.raises(ModelError):
        load_model(str(evil), shape=SHAPE)
    assert not trace.exists()
    assert "TORCH_FORCE_WEIGHTS_ONLY_LOAD" not in os.environ


def test_compiled_code_inside_an_exported_file_is_refused(nets: Any, tmp_path: Path) -> None:
    honest, evil = Path(exported(nets.network, tmp_path / "m.pt2")), tmp_path / "e.pt2"
    with zipfile.ZipFile(honest) as old, zipfile.ZipFile(evil, "w") as new:
        root = old.namelist()[0].partition("/")[0]
        for entry in old.namelist():
            new.writestr(entry, old.read(entry))
        new.writestr(f"{root}/data/aotinductor/model/model.wrapper.so", b"\x7fELF")
    with pytest.raises(ModelError, match=r"e\.pt2 is refused: it holds compiled code"):
        load_model(str(evil), shape=SHAPE)


def test_threads_take_turns_at_the_switch_of_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_FORCE_WEIGHTS_ONLY_LOAD", "0")
    with _weights_only():
        assert not _SWITCH.acquire(blocking=False)
        assert os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"] == "1"
    assert not _SWITCH.locked()
    assert os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"] == "0"


def test_suffixes_may_be_capitals(nets: Any, tmp_path: Path) -> None:
    agree(scripted(nets.network, tmp_path / "M.PT"), nets.network)
    path = Path(exported(nets.network, tmp_path / "m.pt2"))
    agree(str(path.rename(tmp_path / "M.PT2")), nets.network)


def test_a_program_is_called_one(nets: Any, tmp_path: Path) -> None:
    for spec in (
        scripted(nets.network, tmp_path / "m.pt"),
        exported(nets.network, tmp_path / "m.pt2"),
    ):
        (notice,) = model_notices(load_model(spec, shape=SHAPE))
        assert notice.startswith(f"{spec} is a program")
    assert not list(model_notices(load_model("nets:network", shape=SHAPE), Path("net.pt")))


def test_a_network_whose_numbers_are_elsewhere_is_called_one() -> None:
    (notice,) = model_notices(load_model("nets:Elsewhere", shape=SHAPE))
    assert "records cannot tell it from another network" in notice


def without(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make ``import name`` fail as where it is not installed."""
    real = builtins.__import__

    def refuse(module: str, *arguments: Any, **named: Any) -> Any:
        if module.partition(".")[0] == name:
            raise ModuleNotFoundError(f"No module named {name!r}")
        return real(module, *arguments, **named)

    monkeypatch.setattr(builtins, "__import__", refuse)


def test_missing_onnxruntime_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "m.onnx").write_bytes(b"")
    without("onnxruntime", monkeypatch)
    with pytest.raises(ModelError, match=r'pip install "gsmooth\[onnx\]"'):
        load_model(str(tmp_path / "m.onnx"), shape=SHAPE)


def test_missing_timm_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    without("timm", monkeypatch)
    with pytest.raises(ModelError, match=r'pip install "gsmooth\[timm\]"'):
        load_model("timm:resnet18")


@pytest.mark.extras(group="timm")
@pytest.mark.skipif(
    find_spec("timm") is None or find_spec("torchvision") is None,
    reason="timm needs torchvision, for which there is no build beside a CPU-only torch here",
)
def test_a_timm_model_brings_shape_classes_and_normalization(tmp_path: Path) -> None:
    import timm

    plain = timm.create_model("resnet18", pretrained=False)
    torch.save(plain.state_dict(), tmp_path / "w.pt")
    with pytest.raises(ModelError, match="do not fit"):
        load_model("timm:resnet34", weights=tmp_path / "w.pt")
    classifier = load_model("timm:resnet18", weights=tmp_path / "w.pt")
    assert (classifier.classes, classifier.shape) == (1000, (3, 224, 224))


def test_a_card_is_read_field_by_field() -> None:
    found = read_card("net", CARD)
    assert found.model.shape == (1, 4, 4)
    assert found.model.input_range == (0.0, 1.0)
    assert found.smoothing.options == {"low_pass_px": 0.7}
    assert found.smoothing.law == "gaussian"
    assert (found.region.lower, found.region.l2) == ((-30.0,), 0.0)
    assert found.accuracy == {"clean": 0.9}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("classes = 3", "clases = 3", "card of 'net': model.classes: Field required"),
        ("seed = 0", "seed = ", "not TOML"),
        ("sigma = 0.2", 'sigma = "much"', "smoothing.sigma"),
    ],
)
def test_a_card_that_does_not_fit_names_the_field(old: str, new: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        read_card("net", CARD.replace(old, new))


def test_other_specs_have_no_card() -> None:
    assert card("nets:build") is None


def test_every_shipped_model_loads_and_is_small() -> None:
    for name in shipped_models():
        found = card(f"shipped:{name}")
        assert isinstance(found, Card)
        assert len((files("gsmooth") / "models" / "zoo" / f"{name}.pt").read_bytes()) <= 2**20
        classifier = load_model(f"shipped:{name}")
        assert (classifier.classes, classifier.shape) == (found.model.classes, found.model.shape)


def test_a_shipped_model_is_its_network_with_its_weights(
    nets: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "package" / "models" / "zoo"
    home.mkdir(parents=True)
    (home / "net.toml").write_text(CARD)
    module = nets.build()
    nn.init.normal_(module[2].weight)
    torch.save(module.state_dict(), home / "net.pt")
    monkeypatch.setattr(cards, "files", lambda package: tmp_path / "package")
    monkeypatch.setattr("gsmooth.models.loading.files", lambda package: tmp_path / "package")
    classifier = load_model("shipped:net")
    images = torch.rand(5, *SHAPE)
    assert classifier.labels(images).tolist() == module.eval()(images).argmax(1).tolist()
    (home / "net.toml").write_text(
        CARD.replace("classes = 3", "classes = 3\noptions = { width = 5 }")
    )
    with pytest.raises(ModelError, match=r"nets:build' raised TypeError: .*'width'"):
        load_model("shipped:net")
    with pytest.raises(ModelError, match=r"not shipped .did you mean 'net'.*; shipped: net"):
        card("shipped:nett")
