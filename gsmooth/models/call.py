"""A guard around calls of a user's model, which turns its exceptions into errors of gsmooth."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Final

import torch
from torch import Tensor

from gsmooth.boundaries.user_code import one_line, users_code
from gsmooth.errors import MemoryShortError, ModelError

_SIGNS: Final = (
    "out of memory",
    "can't allocate memory",
    "not enough memory",
    "ALLOC_FAILED",
)
"""Texts of errors for lack of memory; PyTorch's CPU allocator raises a plain RuntimeError."""


@contextmanager
def model_call(
    who: str, batch: Tensor, hint: str = "", size: str = "engine.batch_size"
) -> Iterator[None]:
    """Guard a call of the user's network on ``batch``: its exceptions become a ModelError.

    ``sys.exit`` counts as an error; Ctrl-C (KeyboardInterrupt) passes through.

    Args:
        who: Name of the model, for the message.
        batch: Input of the network; the message gives its shape and type.
        hint: Last sentence of the message; none by default.
        size: Name of the setting that makes batches smaller.

    Raises:
        MemoryShortError: The batch did not fit into memory; a smaller one may fit.
        ModelError: The network raised any other exception.
    """
    # The shape is read before the call: a network may resize the batch in place.
    given = f"a batch of shape {tuple(batch.shape)}, {batch.dtype}"
    with users_code(f"{who} fails on {given}:", ModelError, hint=hint):
        try:
            yield
        except Exception as error:
            if not out_of_memory(error):
                raise
            raise MemoryShortError(
                f"{who}: {given} does not fit into memory ({one_line(error)}); take a smaller"
                f" {size}, free memory, or use a machine with more of it"
            ) from error


def out_of_memory(error: BaseException) -> bool:
    """Return True if ``error`` means lack of memory, so that a smaller batch may succeed."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError, MemoryShortError)):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error) for sign in _SIGNS)


def plain_precision(device: torch.device) -> AbstractContextManager[object]:
    """Switch off the caller's torch.autocast for calls of the classifier f and the readout Q.

    torch.autocast holds for one thread only. With it, votes cast in the caller's thread would come
    from another function than votes cast by workers in other threads.
    """
    kind = device.type
    if not (torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind)):
        return nullcontext()
    return torch.autocast(kind, enabled=False)
