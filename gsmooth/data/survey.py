"""Survey: what is known of images that were all read once, without their pixels; kept on disk."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self, final

import numpy as np
from numpy.typing import NDArray

from gsmooth.boundaries.cache_folder import cache_folder

_FORMAT: Final = "gsmooth-survey-1"
"""Part of the name of a kept survey: another layout gets another one."""


@final
@dataclass(frozen=True, eq=False)
class Survey:
    """Digests and extreme values of images (N, C, H, W).

    Args:
        keys: 128 bits of the blake2b of each image's stored pixels, (N, 2) uint64.
        low: Least stored value; NaN where a pixel is.
        high: Greatest stored value.
        pixels: Running sha256 of type, shape and pixels; None where the survey was read from disk.
        digests: sha256 of pixels and labels, by the sha256 of the labels.
    """

    keys: NDArray[np.uint64]
    low: float
    high: float
    pixels: Any = None
    digests: dict[str, str] = field(default_factory=dict)

    def holds(self, place: int, digest: bytes) -> bool:
        """Whether the image at ``place`` had this digest."""
        return bool(self.keys[place].tobytes() == digest)

    def saved(self, path: Path) -> None:
        """Write it to a file. Without a place to write nothing is kept."""
        draft = path.with_name(f".{secrets.token_hex(8)}.npz")
        try:
            np.savez(
                draft,
                keys=self.keys,
                ends=np.array([self.low, self.high]),
                labels=np.array(list(self.digests), dtype="U64"),
                digests=np.array(list(self.digests.values()), dtype="U64"),
            )
            os.replace(draft, path)
        except OSError:
            with suppress(OSError):
                draft.unlink()

    @classmethod
    def read(cls, path: Path, images: int) -> Self | None:
        """Read one of so many images; None where there is none, or the file is something else."""
        try:
            with np.load(path, allow_pickle=False) as stored:
                keys, ends = stored["keys"], stored["ends"]
                pairs = zip(stored["labels"].tolist(), stored["digests"].tolist(), strict=True)
                digests = dict(pairs)
        except Exception:  # A damaged file is made again.
            return None
        if keys.shape != (images, 2) or keys.dtype != np.uint64 or ends.shape != (2,):
            return None
        return cls(keys, float(ends[0]), float(ends[1]), None, digests)


def image_digest(image: NDArray[Any]) -> bytes:
    """Compute 128 bits of the blake2b of an image's stored pixels."""
    return hashlib.blake2b(np.ascontiguousarray(image).tobytes(), digest_size=16).digest()


def kept_path(source: str) -> Path | None:
    """Return the file for the survey of a source of images; None without a place for it."""
    name = hashlib.sha256(f"{_FORMAT}\n{source}".encode()).hexdigest()
    folder = cache_folder("surveys")
    return None if folder is None else folder / f"{name}.npz"


@contextmanager
def alone(path: Path | None) -> Iterator[None]:
    """Let one process of a machine read the images, and the others wait for what it finds."""
    try:
        import fcntl

        stream = None if path is None else path.with_suffix(".lock").open("w")
        if stream is not None:
            fcntl.flock(stream, fcntl.LOCK_EX)
    except (ImportError, OSError):  # Without locks each process reads for itself.
        stream = None
    try:
        yield
    finally:
        if stream is not None:
            stream.close()
