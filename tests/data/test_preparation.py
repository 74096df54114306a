"""Resizing and cropping are Pillow's, before anything else, and the same for files and arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from gsmooth.data.loading import load_data
from gsmooth.data.preparation import Preparation, Size
from gsmooth.errors import ConfigurationError, InputError


def noise(height: int, width: int, channels: int = 3) -> NDArray[np.uint8]:
    shape = (height, width, channels)
    return np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize(
    ("resize", "crop", "size"),
    [
        (8, None, (8, 10)),
        ((8, 6), None, (8, 6)),
        (None, 8, (8, 8)),
        (None, (4, 8), (4, 8)),
        (8, 6, (6, 6)),
        (16, None, (16, 21)),
    ],
)
def test_files_and_arrays_are_prepared_alike(
    tmp_path: Path, resize: Size | None, crop: Size | None, size: tuple[int, int]
) -> None:
    pixels = noise(12, 16)
    (tmp_path / "photos" / "a").mkdir(parents=True)
    Image.fromarray(pixels).save(tmp_path / "photos" / "a" / "1.png")
    np.savez(tmp_path / "a.npz", x=pixels[None], y=np.zeros(1, int))
    preparation = Preparation(resize, crop)
    from_file = load_data(str(tmp_path / "photos"), None, preparation)
    from_array = load_data(str(tmp_path / "a.npz"), None, preparation)
    assert from_file.shape == from_array.shape == (3, *size)
    assert (from_file.images == from_array.images).all()


def test_the_shortest_side_and_the_centre_are_those_of_torchvision() -> None:
    """Resize(8) of 12 x 17 gives 8 x 11 (rounded down); CenterCrop rounds its corner to even."""
    images = noise(12, 17, 1).transpose(2, 0, 1)[None]
    assert Preparation(resize=8).arrays(images, "a").shape == (1, 1, 8, 11)
    assert Preparation(resize=8).arrays(images.transpose(0, 1, 3, 2), "a").shape == (1, 1, 11, 8)
    cut = Preparation(crop=(5, 5)).arrays(images, "a")
    assert (cut == images[:, :, 4:9, 6:11]).all()


def test_shrinking_averages_instead_of_skipping_pixels() -> None:
    stripes = np.tile(np.array([0, 255], dtype=np.uint8), (1, 1, 16, 8))
    small = Preparation(resize=(4, 4)).arrays(stripes, "a")
    assert small.min() >= 100
    assert small.max() <= 155


def test_a_crop_that_is_larger_than_the_image_is_refused() -> None:
    with pytest.raises(InputError, match=r"data\.crop asks for 20 x 20 of an image of 12 x 16"):
        Preparation(crop=20).arrays(noise(12, 16, 1).transpose(2, 0, 1)[None], "a")


def test_floating_point_images_are_cut_and_not_resized() -> None:
    images = np.zeros((1, 1, 4, 4))
    assert Preparation(crop=2).arrays(images, "a").shape == (1, 1, 2, 2)
    with pytest.raises(InputError, match="resize them before they are given"):
        Preparation(resize=2).arrays(images, "a")


def test_a_background_is_for_files() -> None:
    with pytest.raises(ConfigurationError, match=r"data\.background is for image files"):
        load_data("shipped:digits", None, Preparation(background=(0, 0, 0)))


def test_what_was_done_is_said() -> None:
    said = Preparation((8, 6), 4, (255, 255, 255)).describe()
    assert said == (
        "resized to 8 x 6 (Pillow, bilinear, antialiased), cut to the centre 4 x 4, laid on the"
        " background [255, 255, 255]"
    )
    assert Preparation().describe() == ""
