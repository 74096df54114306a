"""The digest of a network: the same for equal values, another for any changed bit."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from gsmooth.errors import ModelError
from gsmooth.models import load_model, weights_digest
from gsmooth.models.classifier import Classifier
from gsmooth.models.digest import encoded

TYPES = [
    torch.float32,
    torch.float64,
    torch.float16,
    torch.bfloat16,
    torch.float8_e4m3fn,
    torch.int64,
    torch.int8,
    torch.uint8,
    torch.complex64,
]


def digest(module: nn.Module, name: str = "model") -> str:
    return weights_digest(Classifier(module, classes=3, shape=(1, 4, 4), name=name))


def code(value: object) -> bytes:
    """What stands for a value under one key."""
    return b"".join(bytes(part) for part in encoded("key", value))


class Holding(nn.Module):
    """A module with one buffer, which its state dict may leave out."""

    def __init__(self, value: Tensor, persistent: bool = True) -> None:
        super().__init__()
        self.register_buffer("value", value, persistent=persistent)


class Remembering(nn.Module):
    """A module with state of its own making."""

    def __init__(self, state: object) -> None:
        super().__init__()
        self.state = state

    def get_extra_state(self) -> object:
        return self.state

    def set_extra_state(self, state: object) -> None:
        self.state = state


def ramp(module: nn.Module) -> nn.Module:
    with torch.no_grad():
        for number, tensor in enumerate(module.state_dict().values()):
            tensor.copy_(torch.arange(tensor.numel()).reshape(tensor.shape) / 7 + number)
    return module


def ordinary() -> Iterator[tuple[str, nn.Module]]:
    yield (
        "29fb35d7a25396eea1ca91759a24b85600cb2d41e477e51b33960115ae32e5ff",
        ramp(
            nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 3)),
        ),
    )
    tied = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    tied.get_submodule("1").weight = tied.get_submodule("0").weight
    yield "2b1ee2261af41823dce2ffcd5ab2d60d62d5486700b531434349ea91362cad34", ramp(tied)
    half = ramp(nn.Linear(4, 3)).to(torch.bfloat16)
    yield "bb92c2523c29b910496edadceeca6dd8883439bb72171f747a70cae334591445", half
    odd = nn.Module()
    odd.register_buffer("wide", torch.arange(3.0).expand(4, 3))
    odd.register_buffer("turned", torch.arange(12.0).reshape(3, 4).T)
    odd.register_buffer("complex", torch.complex(torch.arange(3.0), torch.ones(3)))
    odd.register_buffer("flag", torch.tensor(True))
    odd.register_buffer("none", torch.zeros(0, 2))
    odd.register_buffer("small", torch.arange(4.0).to(torch.float8_e4m3fn))
    yield "64818bc51340a61a7fb00f7c285f8d180ea0de5647176236484383146b568b71", odd


def test_keeps_the_digests_of_version_0_1_0() -> None:
    for stored, module in ordinary():
        assert digest(module) == stored
    shipped = "90061dfd1c38935be670b36c159bd1da90320fa94bebe27c4062377b971a5047"
    assert weights_digest(load_model("shipped:digits-rotation")) == shipped


@given(
    st.sampled_from(TYPES),
    st.lists(st.integers(1, 4), min_size=1, max_size=3),
    st.integers(0, 2**16),
    st.integers(0, 2**16),
)
def test_is_one_for_all_strides_and_another_for_each_bit(
    kind: torch.dtype, shape: list[int], seed: int, place: int
) -> None:
    count = int(np.prod(shape)) * kind.itemsize
    data = np.random.default_rng(seed).integers(0, 256, count, dtype=np.uint8)
    tensor = torch.from_numpy(data.copy()).view(kind).reshape(shape)
    turned = tensor.permute(*reversed(range(len(shape)))).contiguous()
    spaced = torch.empty((*shape, 2), dtype=kind)[..., 0].copy_(tensor)
    assert code(turned.permute(*reversed(range(len(shape))))) == code(tensor)
    assert code(spaced) == code(tensor)
    assert code(tensor.clone()) == code(tensor)
    data[place % count] ^= 1 << place % 8
    assert code(torch.from_numpy(data).view(kind).reshape(shape)) != code(tensor)


def test_sees_shape_and_type_besides_bytes() -> None:
    zeros = torch.zeros(4, dtype=torch.int32)
    assert len({code(zeros), code(zeros.view(2, 2)), code(zeros.view(torch.float32))}) == 3


def test_sees_through_conjugation_and_negation() -> None:
    number = torch.complex(torch.arange(3.0), torch.ones(3))
    assert code(number.conj()) == code(number.conj().resolve_conj())
    assert code(number.conj().imag) == code(-torch.ones(3)) != code(number.imag)


def by_tensor(levels: Tensor, scale: float, zero: int) -> Tensor:
    return torch._make_per_tensor_quantized_tensor(levels, scale, zero)


def by_channel(levels: Tensor, scale: float, zero: int) -> Tensor:
    return torch._make_per_channel_quantized_tensor(
        levels, torch.tensor([scale, 1.0]), torch.tensor([zero, 0]), 0
    )


@pytest.mark.parametrize("quantized", [by_tensor, by_channel])
@pytest.mark.filterwarnings("ignore:.*quantized tensor creation:UserWarning")
def test_a_quantized_tensor_is_its_levels_scales_and_zeros(
    quantized: Callable[[Tensor, float, int], Tensor],
) -> None:
    levels = torch.arange(6, dtype=torch.int8).reshape(2, 3)
    one = digest(Holding(quantized(levels, 0.5, 1)))
    assert digest(Holding(quantized(levels.T.contiguous().T, 0.5, 1))) == one
    others = [quantized(levels, 0.25, 1), quantized(levels, 0.5, 2), quantized(levels + 1, 0.5, 1)]
    assert one not in [digest(Holding(other)) for other in others]


def test_a_quantized_layer_has_a_digest() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torch.ao.nn.quantized import Linear

        layers = [Linear(4, 3), Linear(4, 3)]  # type: ignore[no-untyped-call]
        for layer, scale in zip(layers, (0.5, 0.25), strict=True):
            weight = torch.quantize_per_tensor(torch.ones(3, 4), scale, 0, torch.qint8)
            layer.set_weight_bias(weight, torch.zeros(3))
    first, second = (digest(layer) for layer in layers)
    assert first != second


def test_a_sparse_tensor_is_its_keys_and_values() -> None:
    places = torch.tensor([[1, 0, 0], [2, 1, 1]])
    twice = torch.sparse_coo_tensor(
        places, torch.tensor([5.0, 1.0, 2.0]), (2, 3), check_invariants=True
    )
    once = torch.tensor([[0.0, 3.0, 0.0], [0.0, 0.0, 5.0]])
    assert digest(Holding(twice)) == digest(Holding(once.to_sparse()))
    assert digest(Holding(twice)) != digest(Holding((once * 2).to_sparse()))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rows, columns = once.to_sparse_csr(), once.to_sparse_csc()
        others = [code((once * 2).to_sparse_csr()), code(once.to_sparse()), code(once)]
    assert len({code(rows), code(columns), *others}) == 5


@pytest.mark.parametrize(
    "state",
    [None, 3, 0.5, "text", b"bytes", (1, 2), [torch.zeros(2)], {"a": {"b": torch.zeros(1)}}],
)
def test_extra_state_of_plain_values_counts(state: object) -> None:
    assert digest(Remembering(state)) == digest(Remembering(state))
    assert digest(Remembering(state)) != digest(Remembering({"a": state}))


def test_the_order_of_extra_state_does_not_count() -> None:
    assert digest(Remembering({"a": 1, "b": 2})) == digest(Remembering({"b": 2, "a": 1}))


class Wrapped(Tensor):
    """A tensor whose values only its own code can read."""

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        raise NotImplementedError


@pytest.mark.parametrize(
    ("module", "key", "kind"),
    [
        (Remembering(object()), "_extra_state", "object"),
        (Remembering({"a": [1, np.zeros(2)]}), r"_extra_state\['a'\]\[1\]", "ndarray"),
        (Remembering({(1, 2): 3}), "_extra_state", "a key of type tuple"),
        (Remembering(torch.zeros(2).as_subclass(Wrapped)), "_extra_state", "Wrapped"),
        (nn.LazyLinear(3), "weight", "without values"),
        (nn.Linear(2, 3, device="meta"), "weight", "without values"),
    ],
)
def test_refuses_by_key_what_has_no_canonical_bytes(module: nn.Module, key: str, kind: str) -> None:
    classifier = Classifier(nn.Identity(), classes=3, shape=(1, 4, 4))
    classifier.module = module
    with pytest.raises(ModelError, match=rf"{key}.*{kind}"):
        weights_digest(classifier)


def test_an_extra_state_that_raises_is_an_error_of_the_model() -> None:
    class Broken(Remembering):
        def get_extra_state(self) -> object:
            raise RuntimeError("no state today")

    with pytest.raises(ModelError, match="raises RuntimeError: no state today"):
        digest(Broken(1))


def test_buffers_outside_the_state_dict_count() -> None:
    zeros, ones = torch.zeros(3), torch.ones(3)
    assert digest(Holding(zeros, persistent=False)) != digest(Holding(ones, persistent=False))
    assert digest(Holding(zeros, persistent=False)) != digest(Holding(zeros))


def test_buffers_of_a_program_count_by_its_file(tmp_path: Path) -> None:
    """As in version 0.1.0: there is nothing in them that the file does not say."""
    (tmp_path / "m.pt2").write_bytes(b"one")
    name = str(tmp_path / "m.pt2")
    held = digest(Holding(torch.zeros(3), persistent=False), name)
    assert held == digest(nn.Identity(), name)


def test_the_file_of_a_program_counts_and_has_to_be_there(tmp_path: Path) -> None:
    path = tmp_path / "m.pt"
    path.write_bytes(b"one")
    one = digest(nn.Identity(), str(path))
    path.write_bytes(b"two")
    assert digest(nn.Identity(), str(path)) != one
    path.unlink()
    with pytest.raises(ModelError, match="its file is gone since it was loaded"):
        digest(nn.Identity(), str(path))
