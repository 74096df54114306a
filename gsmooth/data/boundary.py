"""A guard around the reading of data, which turns all failures into an InputError."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from gsmooth.boundaries.host_memory import available_bytes, size
from gsmooth.errors import ConfigurationError, InputError


@contextmanager
def reading(what: object) -> Iterator[None]:
    """Guard the reading of data; all readers and factories run inside it.

    Args:
        what: The file or the spec, for the message.

    Raises:
        InputError: Any error inside, ``sys.exit`` included. Errors of gsmooth and Ctrl-C pass
            through.
    """
    try:
        yield
    except (InputError, ConfigurationError, KeyboardInterrupt, GeneratorExit):
        raise
    except MemoryError as error:
        raise InputError(
            f"data {what}: there is not enough memory ({_first_line(error)}); give fewer or smaller"
            " images"
        ) from error
    except BaseException as error:  # Readers and factories may raise any error.
        raise InputError(
            f"data {what}: cannot be read ({type(error).__name__}: {_first_line(error)})"
        ) from error


def require_memory(needed: int, what: str) -> None:
    """Raise InputError if an array of ``needed`` bytes is larger than the free memory."""
    free = available_bytes()
    if free is not None and needed > free:
        raise InputError(
            f"data {what}: it takes {size(needed)}, but this machine has {size(free)} free; give"
            " fewer or smaller images"
        )


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or ["no message"])[0]
