"""A hash of all stored values (parameters, buffers, program files) that a network uses."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from gsmooth.errors import ModelError
from gsmooth.models.classifier import Classifier
from gsmooth.models.programs import PROGRAM_SUFFIXES

_PLAIN: Final = (type(None), bool, int, float, complex, str, bytes, torch.dtype, torch.Size)


def weights_digest(classifier: Classifier) -> str:
    """Compute the sha256 (hex) of a model's state dict and other buffers, or of its program file.

    Strides, device and order in memory do not change the digest; every bit of a value does. Python
    code, and state outside parameters and buffers, are not covered.

    Args:
        classifier: The model.

    Raises:
        ModelError: A value has no canonical bytes; the message names its key.
    """
    state, path = hashlib.sha256(), Path(classifier.name)
    for name, value in state_of(classifier.module, classifier.name).items():
        for part in encoded(name, value):
            state.update(part)
    for name, buffer in () if path.is_file() else unsaved_buffers(classifier.module):
        for part in encoded(f"{name} (not in the state dict)", buffer):
            state.update(part)
    for block in _program(path):
        state.update(block)
    return state.hexdigest()


def state_of(module: nn.Module, name: str) -> Mapping[str, object]:
    """Return the state dict of a module; ModelError if code of the module raises."""
    try:
        found: Mapping[str, object] = module.state_dict()
    except Exception as error:  # get_extra_state and hooks are the user's own code.
        raise ModelError(
            f"model {name!r}: its state_dict() raises {type(error).__name__}: {error}"
        ) from error
    return found


def holds_nothing(classifier: Classifier) -> bool:
    """Return True if the digest covers no value, so that different networks can share it."""
    if Path(classifier.name).is_file():
        return False
    return not state_of(classifier.module, classifier.name) and not any(
        unsaved_buffers(classifier.module)
    )


def state_digest(state: Mapping[str, object]) -> str:
    """Compute the sha256 (hex) of a state dict; the order of its names does not matter."""
    found = hashlib.sha256()
    for key in sorted(state):
        for part in encoded(key, state[key]):
            found.update(part)
    return found.hexdigest()


def encoded(name: str, value: object) -> Iterator[bytes | memoryview]:
    """Yield the canonical bytes of ``value``, stored under the key ``name``.

    Args:
        name: Key of the value.
        value: A tensor of any type, layout or quantization; a plain value (None, bool, int, float,
            complex, str, bytes, a dtype, a torch.Size); a list, a tuple or a mapping of these.

    Raises:
        ModelError: The value is of another kind; the message names the key.
    """
    if isinstance(value, Tensor):
        yield from _tensor(name, value)
    elif type(value) in _PLAIN:
        yield f"{name} {type(value).__name__} {value!r}".encode()
    elif isinstance(value, list | tuple):
        yield f"{name} {'list' if isinstance(value, list) else 'tuple'} {len(value)}".encode()
        for number, item in enumerate(value):
            yield from encoded(f"{name}[{number}]", item)
    elif isinstance(value, Mapping):
        yield f"{name} mapping {len(value)}".encode()
        for key, item in sorted(value.items(), key=lambda pair: repr(pair[0])):
            yield from encoded(f"{name}[{_plain_key(name, key)!r}]", item)
    else:
        raise _unhashable(name, f"a value of type {type(value).__name__}")


def refuse_hollow(module: nn.Module, spec: str) -> None:
    """Raise ModelError if parameters or buffers have no values: lazy, or on the meta device."""
    tensors = [*module.named_parameters(), *module.named_buffers()]
    lazy = [name for name, tensor in tensors if is_lazy(tensor)]
    if lazy:
        raise ModelError(
            f"model {spec!r}: lazy modules without values yet: {listed(lazy)}; run one batch"
            " through the network before the factory returns it, or give model.weights"
        )
    meta = [name for name, tensor in tensors if tensor.is_meta]
    if meta:
        raise ModelError(
            f"model {spec!r}: no values, only shapes (device meta): {listed(meta)}; build the"
            " network on the CPU"
        )


def listed(keys: list[str]) -> str:
    """Return a text with the first five keys and the number of the others."""
    more = f" and {len(keys) - 5} more" if len(keys) > 5 else ""
    return f"{', '.join(keys[:5])}{more}"


def unsaved_buffers(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Yield buffers that are not in the state dict (persistent=False), with their dotted names."""
    for place, part in module.named_modules():
        left_out: Collection[str] = getattr(part, "_non_persistent_buffers_set", frozenset())
        for name, buffer in part.named_buffers(recurse=False):
            if name in left_out:
                yield f"{place}.{name}".removeprefix("."), buffer


@torch.no_grad()
def _tensor(name: str, tensor: Tensor) -> Iterator[bytes | memoryview]:
    """Yield the bytes of a tensor. Bytes of dense tensors never change: records store digests."""
    if is_lazy(tensor) or tensor.is_meta:
        raise _unhashable(name, "a tensor without values (lazy, or on the meta device)")
    if type(tensor).__torch_dispatch__ is not Tensor.__torch_dispatch__ or tensor.is_nested:
        raise _unhashable(name, f"a tensor of type {type(tensor).__name__}")
    head = f"{name} {tensor.dtype} {tuple(tensor.shape)}"
    try:
        kind, parts = _parts(tensor.detach().cpu())
    except (RuntimeError, TypeError, NotImplementedError) as error:  # torch lacks the operator.
        raise _unhashable(name, f"a tensor of type {tensor.dtype} ({error})") from error
    if isinstance(parts, memoryview):
        yield head.encode()
        yield parts
        return
    yield f"{head} {kind}".encode()
    for part, value in parts.items():
        yield from encoded(f"{name}.{part}", value)


def _parts(tensor: Tensor) -> tuple[str, Mapping[str, object] | memoryview]:
    """Return quantization or layout of a tensor, and its parts; of a dense one, its bytes."""
    if tensor.is_quantized:
        return str(tensor.qscheme()), _quantized_parts(tensor)
    if tensor.layout in _SPARSE:
        return str(tensor.layout), _SPARSE[tensor.layout](tensor)
    plain = (tensor.to_dense() if tensor.is_mkldnn else tensor).resolve_conj().resolve_neg()
    line = plain.reshape(-1).contiguous()
    # A tensor of one element counts as contiguous with any stride, but cannot be viewed as bytes.
    line = line.as_strided((line.numel(),), (1,))
    flat: NDArray[np.uint8] = line.view(torch.uint8).numpy()
    return "dense", flat.data


def _quantized_parts(tensor: Tensor) -> Mapping[str, object]:
    levels = tensor.int_repr()
    if tensor.qscheme() in (torch.per_tensor_affine, torch.per_tensor_symmetric):
        return {"levels": levels, "scale": tensor.q_scale(), "zero": tensor.q_zero_point()}
    return {
        "levels": levels,
        "scales": tensor.q_per_channel_scales(),
        "zeros": tensor.q_per_channel_zero_points(),
        "axis": tensor.q_per_channel_axis(),
    }


def _coordinates(tensor: Tensor) -> Mapping[str, object]:
    once = tensor.coalesce()
    return {"indices": once.indices(), "values": once.values()}


def _rows(tensor: Tensor) -> Mapping[str, object]:
    return {
        "pointers": tensor.crow_indices(),
        "indices": tensor.col_indices(),
        "values": tensor.values(),
    }


def _columns(tensor: Tensor) -> Mapping[str, object]:
    return {
        "pointers": tensor.ccol_indices(),
        "indices": tensor.row_indices(),
        "values": tensor.values(),
    }


_SPARSE: Final = {
    torch.sparse_coo: _coordinates,
    torch.sparse_csr: _rows,
    torch.sparse_bsr: _rows,
    torch.sparse_csc: _columns,
    torch.sparse_bsc: _columns,
}


def _plain_key(name: str, key: object) -> object:
    if type(key) not in (bool, int, str):
        raise _unhashable(name, f"a mapping with a key of type {type(key).__name__}")
    return key


def _program(path: Path, block_bytes: int = 2**24) -> Iterator[bytes]:
    """Yield the bytes of a program's file."""
    if path.is_file():
        with path.open("rb") as file:
            while block := file.read(block_bytes):
                yield block
    elif path.suffix.lower() in PROGRAM_SUFFIXES:
        raise ModelError(
            f"model {path}: its file is gone since it was loaded (seen from {Path.cwd()}), so that"
            " the run cannot note what it was"
        )


def _unhashable(name: str, what: str) -> ModelError:
    return ModelError(
        f"model: {name!r} is {what}, for which there is no digest, so that a run could not tell"
        " this network from another; store plain tensors, numbers, strings or bytes in its place"
    )
