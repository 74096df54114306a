"""Settings of serving: sizes of queues, limits on what is read, and times after which it ends.

No answer depends on them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final


@final
@dataclass(frozen=True)
class ImageLimits:
    """What is decoded. Smaller limits protect the machine, larger ones refuse less."""

    max_bytes: int = 10 * 2**20
    """Bytes of the body of a request. More are refused before they are read."""
    max_pixels: int = 20_000_000
    """Pixels of an image, as its header states them. More are refused before they are decoded."""
    most_pixels: int = 80_000_000
    """The largest ``max_pixels`` that may be asked for: Pillow has a limit of its own above it."""
    formats: tuple[str, ...] = ("PNG", "JPEG", "WEBP", "BMP")
    """Formats that are decoded. TIFF is left out: the number of its pages is known only after
    all were walked through."""


@final
@dataclass(frozen=True)
class ConnectionSettings:
    """Connections of clients."""

    most: int = 1024
    """Connections at once; more are refused."""
    backlog: int = 256
    """Connections that wait to be taken."""
    keep_alive_s: float = 5.0
    """Seconds after which an idle connection is closed."""
    body_s: float = 10.0
    """Seconds in which the body of a request has to arrive."""


@final
@dataclass(frozen=True)
class HttpSettings:
    """The server of ``gsmooth serve``."""

    image: ImageLimits = ImageLimits()
    connection: ConnectionSettings = ConnectionSettings()
    readers: int = 32
    """Bodies that are read or decoded at once: so many times ``max_bytes`` may be in memory."""
    decoders: int = 2
    """Images that are decoded at once; each takes up to about 10 bytes a pixel."""
    answer_s: float = 30.0
    """Seconds after which a request without an answer is given up."""
    shutdown_s: float = 30.0
    """Seconds that requests in flight get to finish when the server is told to stop."""
    most_retry_s: int = 60
    """The longest time after which a refused client is told to come again."""


@final
@dataclass(frozen=True)
class ServingSettings:
    """All settings of serving."""

    max_waiting: int = 256
    """Images that wait for an answer, those in flight included."""
    files_ahead: int = 64
    """Files that are read before the first of them has its answer, so that batches are full."""
    http: HttpSettings = HttpSettings()


SERVING: Final = ServingSettings()
