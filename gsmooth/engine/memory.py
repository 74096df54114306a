"""Running out of memory, and how much a batch takes."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from typing import Any, Final, final

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

_SIGNS: Final = (
    "out of memory",
    "can't allocate memory",
    "not enough memory",
    "ALLOC_FAILED",
)
"""What errors of other types than OutOfMemoryError say; the CPU allocator raises RuntimeError."""


def out_of_memory(error: BaseException) -> bool:
    """Whether a smaller batch may go through where this one raised ``error``."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error) for sign in _SIGNS)


@final
class Meter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Bytes of tensors made within, on any device: what lives now and the most that ever did.

    Sees what operators return, in its own thread; not what they allocate inside.
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
        given = {_key(t) for t in tree_leaves((args, kwargs)) if isinstance(t, Tensor)}
        result = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, Tensor) and _key(tensor) not in given | self._known:
                self._note(tensor)
        self.peak = max(self.peak, self.live)
        return result

    def _note(self, tensor: Tensor) -> None:
        storage, key = tensor.untyped_storage(), _key(tensor)
        size = storage.nbytes()
        self._known.add(key)
        self.live += size
        weakref.finalize(storage, self._forget, key, size)

    def _forget(self, key: int, size: int) -> None:
        self._known.discard(key)
        self.live -= size


def _key(tensor: Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)
