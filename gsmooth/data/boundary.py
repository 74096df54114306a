"""Boundary: whatever goes wrong while data are read becomes an InputError that names the place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from gsmooth.boundaries.host_memory import available_bytes, size
from gsmooth.errors import ConfigurationError, InputError


@contextmanager
def reading(what: object) -> Iterator[None]:
    """Guard the reading of ``what``, a file or a spec: the one place for every reader and factory.

    InputError (exit code 3) for whatever is raised inside, exits included, but for errors that say
    already what to do and for Ctrl-C.
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
    except BaseException as error:  # Files and factories of others may raise anything.
        raise InputError(
            f"data {what}: cannot be read ({type(error).__name__}: {_first_line(error)})"
        ) from error


def require_memory(needed: int, what: str) -> None:
    """InputError where an array of ``needed`` bytes is more than this machine has free."""
    free = available_bytes()
    if free is not None and needed > free:
        raise InputError(
            f"data {what}: it takes {size(needed)}, but this machine has {size(free)} free; give"
            " fewer or smaller images"
        )


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or ["no message"])[0]
