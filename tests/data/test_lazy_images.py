"""Images on disk have the pixels, digests and errors of those in memory, and stay on disk."""

from __future__ import annotations

import os
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from gsmooth.data import lazy_images
from gsmooth.data.dataset import Dataset
from gsmooth.data.lazy_images import LazyImages
from gsmooth.data.loading import load_data, split_names
from gsmooth.data.preparation import Preparation
from gsmooth.data.settings import DATA
from gsmooth.data.survey import Survey
from gsmooth.errors import ConfigurationError, InputError

RANDOM = np.random.default_rng(7)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of its own, in which surveys of all sizes are kept, two images a block."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    small = replace(DATA, kept_bytes=0, block_images=2)
    monkeypatch.setattr(lazy_images, "DATA", small)
    return tmp_path / "cache" / "gsmooth" / "surveys"


def pictures(folder: Path, count: int = 5) -> str:
    """``count`` RGB pictures of each of two classes; the last two of class b are equal."""
    for called in "ab":
        (folder / called).mkdir(parents=True)
        for number in range(count):
            pixels = RANDOM.integers(0, 256, (6, 5, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / called / f"{number}.png")
    (folder / "b" / f"{count}.png").write_bytes((folder / "b" / f"{count - 1}.png").read_bytes())
    return str(folder)


def arrays(kind: str, path: Path, **given: Any) -> str:
    if kind == "npz":
        np.savez(path.with_suffix(".npz"), **given)
        return str(path.with_suffix(".npz"))
    path.mkdir()
    for name, array in given.items():
        np.save(path / f"{name}.npy", array)
    return str(path)


def eight_bit(*shape: int) -> NDArray[np.uint8]:
    return RANDOM.integers(0, 256, shape, dtype=np.uint8)


def require_same(lazy: Dataset, plain: Dataset) -> None:
    assert isinstance(lazy.images, LazyImages)
    assert not isinstance(plain.images, LazyImages)
    assert (lazy.shape, lazy.images.dtype) == (plain.shape, plain.images.dtype)
    assert lazy.surveyed().digest() == plain.digest()
    assert np.array_equal(lazy.keys(), plain.keys())
    assert lazy.extremes() == plain.extremes()
    for index in range(len(plain)):
        assert np.array_equal(lazy.images[index], plain.images[index])
    places = np.array([len(plain) - 1, 0])
    assert np.array_equal(lazy.pixels(places, np.float32), plain.pixels(places, np.float32))
    fresh = np.arange(len(plain)) % 2 == 0
    assert lazy.taken(fresh).digest() == plain.taken(fresh).digest()
    assert lazy.notices == plain.notices


def test_a_folder_on_disk_is_the_folder_in_memory(tmp_path: Path) -> None:
    spec = pictures(tmp_path / "photos")
    require_same(load_data(spec, in_memory=0), load_data(spec))
    cut = Preparation(resize=5, crop=(4, 3))
    require_same(load_data(spec, preparation=cut, in_memory=0), load_data(spec, preparation=cut))


@pytest.mark.parametrize("kind", ["npz", "npy"])
@pytest.mark.parametrize("shape", [(5, 6, 4), (5, 3, 6, 4), (5, 6, 4, 3)])
def test_an_array_on_disk_is_the_array_in_memory(
    kind: str, shape: tuple[int, ...], tmp_path: Path
) -> None:
    labels = np.array([0, 1, 2, 1, 0])
    spec = arrays(kind, tmp_path / "images", x=eight_bit(*shape), y=labels)
    require_same(load_data(spec, in_memory=0), load_data(spec))
    cut = Preparation(crop=4)
    require_same(load_data(spec, preparation=cut, in_memory=0), load_data(spec, preparation=cut))


@pytest.mark.parametrize("kind", ["npz", "npy"])
def test_arrays_in_fortran_order_and_of_floats_are_mapped_rightly(
    kind: str, tmp_path: Path
) -> None:
    images = np.asfortranarray(RANDOM.random((4, 1, 3, 2)).astype(np.float32))
    given = {"x_test": images, "y_test": np.zeros(4, int), "classes": np.array(["bee"])}
    spec = arrays(kind, tmp_path / "images", **given)
    require_same(load_data(spec, in_memory=0), load_data(spec))
    assert load_data(spec, in_memory=0).classes == ("bee",)
    assert split_names(spec) == ("test",)


def test_few_bytes_and_compressed_arrays_are_held_in_memory(tmp_path: Path) -> None:
    spec = pictures(tmp_path / "photos")
    bytes_there = 11 * 3 * 6 * 5
    assert isinstance(load_data(spec, in_memory=bytes_there).images, LazyImages)
    assert isinstance(load_data(spec, in_memory=bytes_there + 1).images, np.ndarray)
    np.savez_compressed(tmp_path / "c.npz", x=eight_bit(3, 4, 4), y=np.zeros(3, int))
    assert isinstance(load_data(str(tmp_path / "c.npz"), in_memory=0).images, np.ndarray)


def test_a_kept_survey_spares_the_reading_and_serves_other_labels(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = pictures(tmp_path / "photos")
    plain = load_data(spec)
    turned = replace(plain, labels=1 - plain.labels)
    assert load_data(spec, in_memory=0).digest() == plain.digest()
    assert len(list(home.glob("*.npz"))) == 1
    again = load_data(spec, in_memory=0)
    assert replace(again, labels=turned.labels).digest() == turned.digest()
    last = load_data(spec, in_memory=0)

    def unread(images: LazyImages, place: int) -> NDArray[Any]:
        raise AssertionError(f"image {place} is read")

    monkeypatch.setattr(type(last.images), "read", unread)
    assert last.digest() == plain.digest()
    assert replace(last, labels=turned.labels).digest() == turned.digest()


@pytest.mark.parametrize("content", [b"", b"no archive"])
def test_a_damaged_survey_is_made_again(content: bytes, tmp_path: Path, home: Path) -> None:
    spec = pictures(tmp_path / "photos")
    digest = load_data(spec, in_memory=0).digest()
    for path in home.glob("*.npz"):
        path.write_bytes(content)
    assert load_data(spec, in_memory=0).digest() == digest


def test_another_file_of_the_same_name_has_another_survey(tmp_path: Path) -> None:
    spec = pictures(tmp_path / "photos")
    digest = load_data(spec, in_memory=0).digest()
    Image.fromarray(eight_bit(6, 5, 3)).save(tmp_path / "photos" / "a" / "0.png")
    assert load_data(spec, in_memory=0).digest() == load_data(spec).digest() != digest


def test_an_image_that_changes_after_the_survey_is_an_error(tmp_path: Path) -> None:
    lazy = load_data(pictures(tmp_path / "photos"), in_memory=0).surveyed()
    stamp = os.stat(tmp_path / "photos" / "a" / "1.png")
    Image.fromarray(eight_bit(6, 5, 3)).save(tmp_path / "photos" / "a" / "1.png")
    os.utime(tmp_path / "photos" / "a" / "1.png", ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    with pytest.raises(InputError, match="image 2 is not what it was"):
        lazy.image(2)


def test_a_file_that_is_gone_is_an_error_that_names_it(tmp_path: Path) -> None:
    lazy = load_data(pictures(tmp_path / "photos"), in_memory=0)
    (tmp_path / "photos" / "b" / "2.png").unlink()
    with pytest.raises(InputError, match=r"2\.png"):
        lazy.surveyed()


def test_images_on_disk_are_refused_as_those_in_memory_are(tmp_path: Path) -> None:
    labels = np.zeros(3, int)
    gaps = np.full((3, 1, 2, 2), 0.5)
    gaps[1, 0, 0, 0] = np.nan
    for kind in ("npz", "npy"):
        bad = arrays(kind, tmp_path / f"nan{kind}", x=gaps, y=labels)
        with pytest.raises(InputError, match=r"image 1 holds NaN or infinite pixels \(1 such"):
            load_data(bad, in_memory=0).surveyed()
        binary = arrays(kind, tmp_path / f"one{kind}", x=np.ones((3, 2, 2), np.uint8), y=labels)
        with pytest.raises(InputError, match="nothing but 0 and 1"):
            load_data(binary, in_memory=0).surveyed()
    wide = arrays(
        "npy", tmp_path / "wide", x=np.array([0.0, 2.0, 3.0]).reshape(3, 1, 1, 1), y=labels
    )
    with pytest.raises(InputError, match=r"image 1: values in \[2, 2\].*\(2 such images\)"):
        load_data(wide, in_memory=0).surveyed().for_range((0.0, 1.0))
    words = arrays("npy", tmp_path / "ints", x=np.ones((3, 2, 2), int), y=labels)
    with pytest.raises(InputError, match="images of type int64"):
        load_data(words, in_memory=0)
    with pytest.raises(ConfigurationError, match=r"data.background"):
        load_data(words, preparation=Preparation(background=(0, 0, 0)), in_memory=0)


def test_a_mapped_archive_with_a_wrong_check_sum_is_refused(tmp_path: Path) -> None:
    spec = arrays("npz", tmp_path / "images", x=eight_bit(4, 8, 8), y=np.zeros(4, int))
    content = bytearray(Path(spec).read_bytes())
    content[300] ^= 0xFF  # A pixel of x, behind both headers.
    Path(spec).write_bytes(content)
    with pytest.raises(InputError, match=r"CRC"):
        load_data(spec, in_memory=0).surveyed()


def test_a_single_npy_file_and_one_that_is_cut_off_are_explained(tmp_path: Path) -> None:
    spec = arrays("npy", tmp_path / "images", x=eight_bit(4, 8, 8), y=np.zeros(4, int))
    with pytest.raises(InputError, match=r"name the folder that holds x.npy"):
        load_data(str(Path(spec) / "x.npy"))
    whole = (Path(spec) / "x.npy").read_bytes()
    (Path(spec) / "x.npy").write_bytes(whole[:-1])
    for limit in (0, None):
        with pytest.raises(InputError, match=r"x.npy: cannot be read"):
            load_data(spec, in_memory=limit)


def test_npy_files_beside_folders_of_classes_are_no_images(tmp_path: Path) -> None:
    spec = pictures(tmp_path / "photos")
    np.save(tmp_path / "photos" / "x.npy", eight_bit(3, 4, 4))
    assert load_data(spec).classes == ("a", "b")


@pytest.mark.parametrize("kind", ["npz", "npy"])
def test_the_memory_that_images_on_disk_take_does_not_grow_with_their_number(
    kind: str, tmp_path: Path
) -> None:
    spec = arrays(kind, tmp_path / "images", x=eight_bit(64, 1, 128, 128), y=np.zeros(64, int))
    tracemalloc.start()
    try:
        lazy = load_data(spec, in_memory=0).surveyed()
        lazy.digest()
        for index in range(len(lazy)):
            lazy.image(index)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # Two images a block, eight recent ones, and one of 64-bit floats; all together are 64 images.
    assert most < 25 * 128 * 128 + 2**18
    load_data(spec).digest()


def test_a_survey_knows_its_number_of_images(tmp_path: Path) -> None:
    path = tmp_path / "s.npz"
    Survey(np.zeros((3, 2), np.uint64), 0.0, 1.0).saved(path)
    assert Survey.read(path, 3) is not None
    assert Survey.read(path, 4) is None
