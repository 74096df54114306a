"""The one exception tree. Every message says what was given, what was expected and what to do."""

from __future__ import annotations

from typing import ClassVar


class GsmoothError(Exception):
    """Root of every error that gsmooth raises on purpose.

    ``exit_code`` is what the command line returns for it (documented in docs/cli.md).
    """

    exit_code: ClassVar[int] = 1


class ConfigurationError(GsmoothError):
    """A run file, flag or argument that cannot be used."""

    exit_code = 2


class UnreachableError(ConfigurationError):
    """The asked region cannot be certified with this n and alpha, even by unanimous votes (S5)."""

    def __init__(self, message: str, least_n: int | None) -> None:
        super().__init__(message)
        self.least_n = least_n


class InputError(GsmoothError):
    """Images or labels that do not fit: shape, declared range, NaN, label out of range."""

    exit_code = 3


class FormatError(InputError):
    """Bytes that are no image in a format that is decoded."""


class TooLargeError(InputError):
    """An image with more pixels, or a request with more bytes, than are taken."""


class ImpossibleError(InputError):
    """An image that nothing in the region can have been turned into (online covers)."""


class ModelError(GsmoothError):
    """A classifier that cannot be loaded or does not return finite (N, classes) scores."""

    exit_code = 4


class MemoryShortError(ModelError):
    """A batch that does not fit into memory, and that no smaller one can stand for."""


class PluginError(GsmoothError):
    """An unknown, broken or doubly registered transformation plugin."""

    exit_code = 5


class RecordError(GsmoothError):
    """Records that cannot be read, or that belong to another configuration."""

    exit_code = 6


class OutputError(GsmoothError):
    """A folder that cannot be written or a disk that is full; finished images are kept."""

    exit_code = 7


class VerificationError(GsmoothError):
    """A stored bound that its own counts do not support."""

    exit_code = 8


class IncompleteError(GsmoothError):
    """Records that hold no fault, and not all of the images that were planned."""

    exit_code = 11


class ViolationError(GsmoothError):
    """A certified image whose class an attack changed (PREDICT at alpha = 1e-9)."""

    exit_code = 9


class PromiseError(GsmoothError):
    """A transformation that breaks a promise which certificates rest on (``gsmooth check``)."""

    exit_code = 10


class WorkerError(GsmoothError):
    """Workers that die again and again, or of which none can be had; finished images are kept."""

    exit_code = 12


class BusyError(GsmoothError):
    """More images wait for an answer than a predictor takes, or it is closed; come again later."""
