"""One image file becomes exactly the pixels that a viewer shows, or is refused with the reason."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFile

from gsmooth.data.image_file import read_picture
from gsmooth.data.preparation import Preparation
from gsmooth.errors import InputError

ORIENTATION = 0x0112
WHITE = Preparation(background=(255, 255, 255))


def ramp(height: int = 2, width: int = 3, channels: int = 3) -> NDArray[np.uint8]:
    return np.arange(height * width * channels, dtype=np.uint8).reshape(height, width, channels)


def turned(path: Path, orientation: int, **options: Any) -> Path:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    Image.fromarray(ramp()).save(path, exif=exif, **options)
    return path


def wide_png(path: Path) -> Path:
    """A PNG of 16 bits a channel in RGB, which Pillow itself cannot write."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", 1, 1, 16, 2, 0, 0, 0)
    pixel = b"\x00" + struct.pack(">HHH", 0x1234, 0x5678, 0x9ABC)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(pixel))
        + chunk(b"IEND", b"")
    )
    return path


@pytest.mark.parametrize("suffix", ["png", "PNG", "bmp", "ppm", "webp", "tif", "TIFF"])
def test_lossless_formats_are_read_exactly(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    exactly: dict[str, Any] = {"lossless": True} if suffix == "webp" else {}
    Image.fromarray(ramp()).save(path, **exactly)
    assert (read_picture(path) == np.moveaxis(ramp(), 2, 0)).all()


@pytest.mark.parametrize("suffix", ["jpg", "JPEG"])
def test_jpegs_are_read(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    Image.new("L", (8, 8), 77).save(path)
    assert (read_picture(path) == np.full((1, 8, 8), 77)).all()


@pytest.mark.parametrize("suffix", ["png", "tif", "webp"])
def test_an_image_is_turned_upright_as_its_exif_says(tmp_path: Path, suffix: str) -> None:
    options = {"lossless": True} if suffix == "webp" else {}
    path = turned(tmp_path / f"a.{suffix}", 6, **options)
    upright = np.rot90(ramp(), k=-1)
    assert (read_picture(path) == np.moveaxis(upright, 2, 0)).all()


def test_a_photograph_taken_upside_down_is_turned(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 3
    pixels = np.zeros((16, 16), dtype=np.uint8)
    pixels[:8] = 255
    path = tmp_path / "a.jpg"
    Image.fromarray(pixels).save(path, exif=exif, quality=100)
    assert read_picture(path)[0, :7].max() < 10


def test_exif_without_an_orientation_turns_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    Image.new("L", (8, 8), 7).save(path, exif=b"Exif\x00\x00MM\x00*\x00\x00\xff\xff")
    assert (read_picture(path) == 7).all()


def test_transparency_is_refused_until_a_background_is_named(tmp_path: Path) -> None:
    pixels = np.dstack([ramp(), np.full((2, 3), 255, np.uint8)])
    pixels[0, 0, 3] = 0
    Image.fromarray(pixels).save(tmp_path / "a.png")
    with pytest.raises(InputError, match=r"a\.png: it has transparent pixels.*data\.background"):
        read_picture(tmp_path / "a.png")
    found = read_picture(tmp_path / "a.png", WHITE)
    assert found[:, 0, 0].tolist() == [255, 255, 255]
    assert found[:, 1, 2].tolist() == ramp()[1, 2].tolist()


@pytest.mark.parametrize(
    ("mode", "colour", "key"), [("L", 9, 9), ("RGB", (9, 9, 9), (9, 9, 9)), ("P", 9, 9)]
)
def test_a_transparent_colour_of_a_png_is_refused(
    tmp_path: Path, mode: str, colour: Any, key: Any
) -> None:
    image = Image.new(mode, (2, 2), colour)
    if mode == "P":
        image.putpalette([value // 3 for value in range(768)])
    image.save(tmp_path / "a.png", transparency=key)
    with pytest.raises(InputError, match="transparent pixels"):
        read_picture(tmp_path / "a.png")
    assert (read_picture(tmp_path / "a.png", WHITE) == 255).all()


def test_a_transparent_colour_that_no_pixel_has_loses_nothing(tmp_path: Path) -> None:
    Image.new("L", (2, 2), 9).save(tmp_path / "a.png", transparency=10)
    assert (read_picture(tmp_path / "a.png") == np.full((1, 2, 2), 9)).all()


@pytest.mark.parametrize(("mode", "channels"), [("LA", 1), ("RGBA", 3)])
def test_an_alpha_channel_that_is_opaque_loses_nothing(
    tmp_path: Path, mode: str, channels: int
) -> None:
    Image.new(mode, (2, 2), (9,) * channels + (255,)).save(tmp_path / "a.png")
    assert (read_picture(tmp_path / "a.png") == np.full((channels, 2, 2), 9)).all()


def test_grey_on_a_grey_background_stays_grey(tmp_path: Path) -> None:
    Image.new("LA", (2, 2), (9, 0)).save(tmp_path / "a.png")
    assert (read_picture(tmp_path / "a.png", WHITE) == np.full((1, 2, 2), 255)).all()
    coloured = Preparation(background=(1, 2, 3))
    assert read_picture(tmp_path / "a.png", coloured)[:, 0, 0].tolist() == [1, 2, 3]


def wide_tiff(path: Path) -> Path:
    """A TIFF of 16 bits a channel in RGB: one pixel."""
    short, entries = 3, []
    data = 8 + 2 + 10 * 12 + 4
    for tag, kind, count, value in (
        (256, short, 1, 1),
        (257, short, 1, 1),
        (258, short, 3, data),
        (259, short, 1, 1),
        (262, short, 1, 2),
        (273, 4, 1, data + 6),
        (277, short, 1, 3),
        (278, short, 1, 1),
        (279, 4, 1, 6),
        (284, short, 1, 1),
    ):
        entries.append(struct.pack("<HHII", tag, kind, count, value))
    body = struct.pack("<HHH", 16, 16, 16) + struct.pack("<HHH", 0x1234, 0x5678, 0x9ABC)
    table = struct.pack("<H", len(entries)) + b"".join(entries) + struct.pack("<I", 0)
    path.write_bytes(b"II*\x00" + struct.pack("<I", 8) + table + body)
    return path


def test_sixteen_bits_are_refused_and_never_cut_to_eight(tmp_path: Path) -> None:
    wide_png(tmp_path / "rgb.png")
    wide_tiff(tmp_path / "rgb.tif")
    Image.fromarray(np.full((2, 2), 300, dtype=np.uint16)).save(tmp_path / "grey.png")
    Image.fromarray(np.full((2, 2), 300, dtype=np.uint16)).save(tmp_path / "grey.tif")
    Image.fromarray(np.full((2, 2), 0.5, dtype=np.float32)).save(tmp_path / "float.tif")
    (tmp_path / "rgb.ppm").write_bytes(b"P6 1 1 65535\n" + bytes([0x12, 0x34] * 3))
    (tmp_path / "grey.pgm").write_bytes(b"P5 1 1 65535\n" + bytes([0x12, 0x34]))
    for path in sorted(tmp_path.iterdir()):
        with pytest.raises(InputError, match="more than 8 bits a channel") as caught:
            read_picture(path)
        assert str(path) in str(caught.value)


def test_black_and_white_are_0_and_255_and_palettes_become_their_colours(tmp_path: Path) -> None:
    Image.fromarray(np.array([[True, False]])).save(tmp_path / "bits.png")
    assert read_picture(tmp_path / "bits.png").tolist() == [[[255, 0]]]
    palette = Image.new("P", (1, 1), 1)
    palette.putpalette([0, 0, 0, 10, 20, 30])
    palette.save(tmp_path / "palette.png")
    assert read_picture(tmp_path / "palette.png").ravel().tolist() == [10, 20, 30]


def test_inks_are_refused_by_name(tmp_path: Path) -> None:
    Image.new("CMYK", (2, 2)).save(tmp_path / "a.jpg")
    with pytest.raises(InputError, match=r"a\.jpg: its colours are CMYK"):
        read_picture(tmp_path / "a.jpg")


def test_an_animation_is_refused(tmp_path: Path) -> None:
    pages = [Image.new("L", (2, 2), value) for value in (1, 2)]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    with pytest.raises(InputError, match=r"a\.tif: it holds 2 pictures"):
        read_picture(tmp_path / "a.tif")


def test_a_picture_that_is_cut_off_is_refused_whatever_others_allow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.png"
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:2000])
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    with pytest.raises(InputError, match=r"a\.png: cannot be read .*truncated"):
        read_picture(path)
    assert ImageFile.LOAD_TRUNCATED_IMAGES


@pytest.mark.parametrize("pixels", [150, 300])
def test_a_decompression_bomb_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pixels: int
) -> None:
    Image.new("L", (pixels, 1)).save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(InputError, match=r"a\.png: cannot be read \(DecompressionBomb"):
        read_picture(tmp_path / "a.png")


def test_a_link_to_nothing_is_a_file_that_is_gone(tmp_path: Path) -> None:
    (tmp_path / "a.png").symlink_to(tmp_path / "gone.png")
    with pytest.raises(InputError, match=r"a\.png: there is no such regular file"):
        read_picture(tmp_path / "a.png")
