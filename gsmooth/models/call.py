"""Calling the user's model: the one place where what it raises becomes our error."""

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
"""What errors of other types than OutOfMemoryError say; the CPU allocator raises RuntimeError."""


@contextmanager
def model_call(
    who: str, batch: Tensor, hint: str = "", size: str = "engine.batch_size"
) -> Iterator[None]:
    """Call the user's network on ``batch``: whatever it raises becomes a ModelError.

    The message names the model (``who``), shape and type of the batch, and the first line of the
    network's own error; ``hint`` ends it. ``size``: the setting that makes batches smaller.
    sys.exit counts as an error, Ctrl-C does not.

    Raises:
        MemoryShortError: The batch did not fit into memory; a smaller one may.
        ModelError: Anything else.
    """
    # Now: a network may resize the batch in place.
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
    """Whether a smaller batch may go through where this one raised ``error``."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError, MemoryShortError)):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error) for sign in _SIGNS)


def plain_precision(device: torch.device) -> AbstractContextManager[object]:
    """No torch.autocast of the caller's: it belongs to a thread, and f and Q to none.

    Votes under it would be another function's, and those of workers in other threads would not be.
    """
    kind = device.type
    if not (torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind)):
        return nullcontext()
    return torch.autocast(kind, enabled=False)
