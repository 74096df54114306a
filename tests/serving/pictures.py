"""Image files in memory, good ones and bad ones."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def png(pixels: NDArray[np.generic]) -> bytes:
    return saved(Image.fromarray(pixels), "PNG")


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def greys(number: int, seed: int = 1) -> list[NDArray[np.uint8]]:
    """Images of 4 x 4 pixels around levels of grey from black to white."""
    generator = np.random.default_rng(seed)
    levels = np.linspace(10, 245, number).reshape(-1, 1, 1)
    noise = generator.integers(-10, 11, size=(number, 4, 4))
    return list((levels + noise).astype(np.uint8))


def bomb(side: int = 60_000) -> bytes:
    """A PNG of a few hundred bytes whose header states side x side pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    lines = zlib.compress(bytes(100_000))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", lines) + chunk(b"IEND", b"")
    )


def bad() -> dict[str, tuple[bytes, int]]:
    """Bodies that are refused, and the status that says why."""
    plain = Image.fromarray(greys(1)[0])
    clear = Image.new("RGBA", (4, 4), (10, 20, 30, 0))
    pages = [plain, plain]
    return {
        "empty": (b"", 422),
        "text": (b"hello", 415),
        "pickle": (b"\x80\x04\x95.", 415),
        "zip": (b"PK\x03\x04" + bytes(100), 415),
        "truncated": (png(np.tile(greys(1)[0], (12, 12)))[:-40], 422),
        "bomb": (bomb(), 413),
        "many pixels": (png(np.zeros((60, 60), np.uint8)), 413),
        "many bytes": (bytes(30_000), 413),
        "other size": (png(np.zeros((5, 4), np.uint8)), 422),
        "colours": (saved(Image.new("RGB", (4, 4)), "PNG"), 422),
        "transparent": (saved(clear, "PNG"), 422),
        "16 bits": (png(np.full((4, 4), 40_000, np.uint16)), 422),
        "cmyk": (saved(Image.new("CMYK", (4, 4)), "JPEG"), 422),
        "animation": (saved(plain, "WEBP", save_all=True, append_images=pages[1:]), 422),
        "tiff": (saved(plain, "TIFF"), 415),
        "gif": (saved(plain, "GIF"), 415),
    }
