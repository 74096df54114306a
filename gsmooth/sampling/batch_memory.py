"""How much memory a batch takes."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Mapping
from typing import Any, final

import torch
from torch import Tensor, UntypedStorage
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from gsmooth.sampling.counting import Counter
from gsmooth.sampling.pace import unused_requests


def batch_bytes(counter: Counter, z: Tensor) -> int:
    """The most memory that one batch of votes around z (K,) takes.

    Without the model's weights and without what libraries allocate inside. On a CPU this imports
    the compiler of torch (2 s), so it is for plans only, and no part of a run.
    """
    requests = unused_requests(z, counter.batch_size)
    if (device := counter.device).type == "cuda":
        before: int = torch.cuda.memory_allocated(device)
        torch.cuda.reset_peak_memory_stats(device)
        counter.count(requests)
        most: int = torch.cuda.max_memory_allocated(device)
        return most - before
    with Meter() as meter:
        counter.alone().count(requests)
    most_live: int = meter.peak
    return most_live


@final
class Meter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Bytes of the tensors that are created in its context: of those that exist now, and the most.

    It counts the results of operators, on any device, in its own thread; not what operators
    allocate inside.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.live = 0
        self.peak = 0
        self._known: set[int] = set()

    def __torch_dispatch__(
        self,
        func: Callable[..., object],
        types: tuple[type, ...],
        args: tuple[object, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> object:
        given = {key for tensor in _tensors((args, kwargs)) for key in _storages(tensor)}
        result = func(*args, **(kwargs or {}))
        for tensor in _tensors(result):
            for key, storage in _storages(tensor).items():
                if key not in given and key not in self._known:
                    self._note(key, storage)
        self.peak = max(self.peak, self.live)
        return result

    def _note(self, key: int, storage: UntypedStorage) -> None:
        size = storage.nbytes()
        self._known.add(key)
        self.live += size
        weakref.finalize(storage, self._forget, key, size)

    def _forget(self, key: int, size: int) -> None:
        self._known.discard(key)
        self.live -= size


def _tensors(tree: object) -> Iterator[Tensor]:
    return (leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor))


def _storages(tensor: Tensor) -> dict[int, UntypedStorage]:
    """The storages of a tensor, by key.

    A sparse tensor consists of dense ones. Empty if the layout gives no access to its storages
    (MKL-DNN, tensors of other libraries): the measurement must not raise.
    """
    try:
        found = [part.untyped_storage() for part in _dense_parts(tensor)]
        return {int(storage._cdata): storage for storage in found}
    except RuntimeError:  # NotImplementedError is one.
        return {}


def _dense_parts(tensor: Tensor) -> tuple[Tensor, ...]:
    match tensor.layout:
        case torch.sparse_coo:
            return tensor._indices(), tensor._values()
        case torch.sparse_csr | torch.sparse_bsr:
            return tensor.crow_indices(), tensor.col_indices(), tensor.values()
        case torch.sparse_csc | torch.sparse_bsc:
            return tensor.ccol_indices(), tensor.row_indices(), tensor.values()
    return (tensor,)
