"""ONNX files: their layouts, batches and outputs, and the files beside them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from gsmooth.errors import ConfigurationError, ModelError, RecordError
from gsmooth.models import load_model, model_notices, weights_digest
from gsmooth.models.external import external_names
from gsmooth.models.onnx import Onnx
from gsmooth.runs.config.run_config import RunConfig
from gsmooth.runs.execute import run_certify
from gsmooth.runs.monitor.progress import LineProgress
from gsmooth.runs.records.folder import read_records

onnx = pytest.importorskip("onnx", reason="needs the package onnx to write files")
pytest.importorskip("onnxruntime", reason="needs the extra 'onnx'")
SHAPE = (1, 4, 4)
WEIGHT = torch.linspace(-1, 1, 48).reshape(16, 3)
FLOAT = onnx.TensorProto.FLOAT
Dim = int | str | None


def write(
    path: Path,
    *,
    dims: Sequence[Dim] = ("batch", *SHAPE),
    inputs: int = 1,
    weight: torch.Tensor = WEIGHT,
    outputs: Sequence[tuple[str, int, Sequence[Dim]]] = (("scores", FLOAT, ("batch", 3)),),
    turned: bool = False,
) -> str:
    """A linear layer on 16 pixels; ``turned``: on (N, H, W, C), which it brings to (N, C, H, W)."""
    helper = onnx.helper
    turn = helper.make_node("Transpose", ["x"], ["turned"], perm=[0, 3, 1, 2])
    nodes = [turn] * turned + [
        helper.make_node("Flatten", ["turned" if turned else "x"], ["flat"]),
        helper.make_node("MatMul", ["flat", "w"], ["scores"]),
        helper.make_node("ArgMax", ["scores"], ["label"], axis=1, keepdims=0),
        helper.make_node("Neg", ["scores"], ["negative"]),
    ]
    tensor = helper.make_tensor("w", FLOAT, list(weight.shape), weight.flatten().tolist())
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info(n, FLOAT, dims) for n in ["x", "unused"][:inputs]],
        [helper.make_tensor_value_info(*output) for output in outputs],
        [tensor],
    )
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), str(path))
    return str(path)


def reference(x: torch.Tensor, weight: torch.Tensor = WEIGHT) -> torch.Tensor:
    return x.flatten(1) @ weight


def agrees(path: Path | str, **given: Any) -> Onnx:
    """The model in ``path`` gives the scores of the linear layer, in batches of any size."""
    classifier = load_model(str(path), shape=SHAPE, **given)
    for size in (1, 4, 7):
        x = torch.rand(size, *SHAPE, generator=torch.Generator().manual_seed(size))
        assert torch.allclose(classifier.scores(x), reference(x), atol=1e-6)
    assert isinstance(classifier.module, Onnx)
    return classifier.module


def outside(path: Path, weight: torch.Tensor = WEIGHT, location: str = "w.bin") -> Path:
    """The same network with its weights in a file beside it."""
    write(path, weight=weight)
    model = onnx.load(str(path))
    (tensor,) = model.graph.initializer
    data = weight.numpy().tobytes()
    tensor.ClearField("float_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    for key, value in {"location": location, "offset": "0", "length": str(len(data))}.items():
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value
    path.write_bytes(model.SerializeToString())
    place = path.parent / location
    if place.resolve().is_relative_to(path.parent.resolve()):
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(data)
    return path


def test_votes_as_its_network_and_holds_its_file(tmp_path: Path) -> None:
    module = agrees(write(tmp_path / "m.onnx"))
    assert set(module.state_dict()) == {"file"}
    stored = bytes(module.get_buffer("file").tolist())
    assert stored == (tmp_path / "m.onnx").read_bytes()


def test_reads_suffixes_in_capitals(tmp_path: Path) -> None:
    agrees(write(tmp_path / "M.ONNX"))


def test_finds_its_weights_beside_it_from_any_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "elsewhere").mkdir()
    path = outside(tmp_path / "model" / "m.onnx")
    monkeypatch.chdir(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "w.bin").write_bytes(np.zeros(48, np.float32).tobytes())
    agrees(path)


def test_finds_weights_in_a_folder_beside_it(tmp_path: Path) -> None:
    agrees(outside(tmp_path / "m.onnx", location="parts/w.bin"))


@pytest.mark.parametrize("location", ["../w.bin", "/etc/hostname", "a/../../w.bin", "C:\\w", ""])
def test_refuses_weights_outside_the_folder_of_the_model(tmp_path: Path, location: str) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "w.bin").write_bytes(WEIGHT.numpy().tobytes())
    path = outside(tmp_path / "model" / "m.onnx", location=location or "w.bin")
    if not location:
        path.write_bytes(path.read_bytes().replace(b"w.bin", b"/////"))
    with pytest.raises(ModelError, match="outside its own folder"):
        load_model(str(path), shape=SHAPE)


def test_says_which_file_of_weights_is_missing(tmp_path: Path) -> None:
    path = outside(tmp_path / "m.onnx")
    (tmp_path / "w.bin").unlink()
    with pytest.raises(ModelError, match=r"in a file that is not there: .*w\.bin"):
        load_model(str(path), shape=SHAPE)


def test_the_digest_covers_the_file_of_weights(tmp_path: Path) -> None:
    path = outside(tmp_path / "m.onnx")
    first = weights_digest(load_model(str(path), shape=SHAPE))
    assert weights_digest(load_model(str(path), shape=SHAPE)) == first
    (tmp_path / "w.bin").write_bytes((-WEIGHT).numpy().tobytes())
    assert weights_digest(load_model(str(path), shape=SHAPE)) != first


def test_a_model_that_is_loaded_no_longer_reads_its_files(tmp_path: Path) -> None:
    classifier = load_model(str(outside(tmp_path / "m.onnx")), shape=SHAPE)
    with (tmp_path / "w.bin").open("r+b") as file:  # In place, as cp does.
        file.write(np.zeros(48, np.float32).tobytes())
    x = torch.rand(3, *SHAPE, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(classifier.replica("cpu").scores(x), reference(x), atol=1e-6)


def test_a_second_run_with_other_weights_beside_the_model_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    labels = np.arange(3) % 3
    np.savez("d.npz", x=rng.random((3, *SHAPE), dtype=np.float32), y=labels)
    outside(Path("m.onnx"))
    run_certify(config(limit=2), LineProgress())
    Path("w.bin").write_bytes((-WEIGHT).numpy().tobytes())
    with pytest.raises(RecordError, match="weights"):
        run_certify(config(limit=3), LineProgress())
    assert len(read_records(Path("run")).rows) == 2


def config(limit: int) -> RunConfig:
    """A short run of m.onnx on d.npz."""
    return RunConfig.model_validate(
        {
            "model": {"spec": "m.onnx", "shape": SHAPE},
            "data": {"spec": "d.npz", "limit": limit, "split": "all"},
            "transformation": {"name": "gaussian"},
            "smoothing": {"sigma": 0.1, "seed": 0},
            "region": {"l2": 0.01},
            "certify": {"max_votes": 128, "n0": 16},
            "engine": {"batch_size": 64, "in_flight": 1},
            "attack": {"enabled": False},
            "output": {"folder": "run"},
        }
    )


def test_finds_every_tensor_that_is_outside() -> None:
    """By the package onnx, in every place that a tensor can have."""
    names = iter(f"f{number}.bin" for number in itertools.count())

    def tensor() -> Any:
        made = onnx.TensorProto(data_location=onnx.TensorProto.EXTERNAL, raw_data=b"x" * 300)
        made.external_data.add(key="location", value=next(names))
        made.external_data.add(key="offset", value="0")
        return made

    def attribute(**given: Any) -> Any:
        return onnx.AttributeProto(name="a", f=1.5, **given)

    def sparse() -> Any:
        return onnx.SparseTensorProto(values=tensor(), indices=tensor(), dims=[1])

    def graph(depth: int) -> Any:
        inner = [graph(depth - 1), graph(depth - 1)] if depth else [onnx.GraphProto()] * 2
        nodes = [
            attribute(t=tensor(), tensors=[tensor(), tensor()]),
            attribute(sparse_tensor=sparse(), sparse_tensors=[sparse()]),
            attribute(g=inner[0], graphs=[inner[1]]),
        ]
        return onnx.GraphProto(
            node=[onnx.NodeProto(attribute=[one]) for one in nodes],
            initializer=[tensor(), onnx.TensorProto(raw_data=b"inside")],
            sparse_initializer=[sparse()],
        )

    function = onnx.FunctionProto(
        node=[onnx.NodeProto(attribute=[attribute(t=tensor())])],
        attribute_proto=[attribute(t=tensor())],
    )
    training = onnx.TrainingInfoProto(initialization=graph(0), algorithm=graph(0))
    model = onnx.ModelProto(
        ir_version=8, graph=graph(1), functions=[function], training_info=[training]
    )
    expected = int(next(names).removeprefix("f").removesuffix(".bin"))
    assert len(external_names(model.SerializeToString())) == expected > 40


def test_a_tensor_that_is_inside_names_no_file() -> None:
    inside = onnx.TensorProto(data_location=onnx.TensorProto.DEFAULT)
    inside.external_data.add(key="location", value="w.bin")
    model = onnx.ModelProto(graph=onnx.GraphProto(initializer=[inside]))
    assert external_names(model.SerializeToString()) == ()


def test_the_way_to_tensors_is_that_of_the_package_onnx() -> None:
    """No field of a later version of the format may lead to tensors that we do not see."""
    ours = {
        "ModelProto": {7, 20, 25},
        "TrainingInfoProto": {1, 2},
        "FunctionProto": {7, 11},
        "GraphProto": {1, 5, 15},
        "NodeProto": {5},
        "AttributeProto": {5, 6, 10, 11, 22, 23},
        "SparseTensorProto": {1, 2},
        "TensorProto": set(),
    }
    for name, known in ours.items():
        fields = getattr(onnx, name).DESCRIPTOR.fields
        assert {f.number for f in fields if f.message_type and f.message_type.name in ours} == known


@pytest.mark.parametrize("content", [b"not a graph", b"\x08", b"\x3a\x05ab", b"\x0b", b"\x0d\x00"])
def test_what_is_no_graph_is_explained(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "m.onnx").write_bytes(content)
    with pytest.raises(ModelError, match=r"m\.onnx cannot be read as ONNX"):
        load_model(str(tmp_path / "m.onnx"), shape=SHAPE)


def test_refuses_two_inputs(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="expected one of type tensor"):
        load_model(write(tmp_path / "m.onnx", inputs=2), shape=SHAPE)


def test_turns_images_for_a_network_with_channels_last(tmp_path: Path) -> None:
    weight = torch.linspace(-1, 1, 72).reshape(24, 3)
    spec = write(tmp_path / "m.onnx", dims=("n", 3, 4, 2), weight=weight, turned=True)
    classifier = load_model(spec, shape=(2, 3, 4))
    x = torch.rand(5, 2, 3, 4, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(classifier.scores(x), reference(x, weight), atol=1e-6)


def test_asks_for_the_layout_where_the_file_leaves_it_open(tmp_path: Path) -> None:
    spec = write(tmp_path / "m.onnx", dims=("n", "c", None, "w"))
    with pytest.raises(ModelError, match=r"takes \(n, c, \?, w\).*--set model\.layout=nchw, or n"):
        load_model(spec, shape=SHAPE)
    agrees(spec, layout="nchw")
    turned = write(tmp_path / "t.onnx", dims=("n", "h", "w", "c"), turned=True)
    agrees(turned, layout="nhwc")


@pytest.mark.parametrize("dims", [("n", 1, 2, 8), ("n", 3, "h", "w"), ("n", 4, 4)])
def test_says_what_a_file_takes_where_images_do_not_fit(
    tmp_path: Path, dims: Sequence[Dim]
) -> None:
    with pytest.raises(ModelError, match=r"m\.onnx: takes \(n, "):
        load_model(write(tmp_path / "m.onnx", dims=dims), shape=SHAPE)


@pytest.mark.parametrize("size", [1, 2, 5])
def test_runs_a_fixed_batch_size_in_parts_of_it(tmp_path: Path, size: int) -> None:
    outputs = [("scores", FLOAT, (size, 3))]
    spec = write(tmp_path / "m.onnx", dims=(size, *SHAPE), outputs=outputs)
    assert agrees(spec).fixed_batch_size == size
    (notice,) = model_notices(load_model(spec, shape=SHAPE))
    assert ("image by image" if size == 1 else f"{size} images at a time") in notice


def test_a_free_batch_size_needs_no_notice(tmp_path: Path) -> None:
    assert not list(model_notices(load_model(write(tmp_path / "m.onnx"), shape=SHAPE)))


LABEL = ("label", onnx.TensorProto.INT64, ("n",))
SCORES = ("scores", FLOAT, ("n", 3))
NEGATIVE = ("negative", FLOAT, ("n", 3))


def test_takes_the_only_output_that_can_be_scores(tmp_path: Path) -> None:
    agrees(write(tmp_path / "m.onnx", outputs=[LABEL, SCORES]))


def test_asks_for_the_output_where_several_can_be_scores(tmp_path: Path) -> None:
    spec = write(tmp_path / "m.onnx", outputs=[NEGATIVE, LABEL, SCORES])
    with pytest.raises(ModelError, match=r"2 of its outputs can be scores .*negative: .*, label: "):
        load_model(spec, shape=SHAPE)
    agrees(spec, output="scores")
    with pytest.raises(ModelError, match="no output 'score'; it has negative: "):
        load_model(spec, shape=SHAPE, output="score")


def test_the_number_of_classes_tells_outputs_apart(tmp_path: Path) -> None:
    wide = ("flat", FLOAT, ("n", 16))
    spec = write(tmp_path / "m.onnx", outputs=[wide, SCORES])
    with pytest.raises(ModelError, match="2 of its outputs"):
        load_model(spec, shape=SHAPE)
    agrees(spec, classes=3)


def test_layout_and_output_are_for_onnx_files_only() -> None:
    with pytest.raises(ConfigurationError, match="layout, output and providers are for ONNX files"):
        load_model("shipped:digits-l2", layout="nhwc")


def test_layout_and_output_belong_to_a_run_where_they_are_given() -> None:
    from gsmooth.runs.config.identity import fingerprint

    plain = RunConfig()
    named = plain.model_copy(update={"model": plain.model.model_copy(update={"output": "a"})})
    assert fingerprint(plain) != fingerprint(named)


def test_a_copy_keeps_the_digest(tmp_path: Path) -> None:
    classifier = load_model(str(outside(tmp_path / "m.onnx")), shape=SHAPE)
    assert weights_digest(classifier.replica("cpu")) == weights_digest(classifier)
    assert isinstance(classifier.module, nn.Module)
