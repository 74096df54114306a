"""Labelled images as tensors: they unpack, and a network takes them as they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import gsmooth as gs
from gsmooth.errors import ConfigurationError, InputError


def test_digits_unpack_into_images_and_labels() -> None:
    images, labels = gs.data.digits(limit=12)
    assert images.dtype == torch.float32
    assert images.shape == (12, 1, 28, 28)
    assert labels.tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]
    assert float(images.max()) == 1.0


def test_digits_are_those_of_the_data_set() -> None:
    images, _ = gs.data.digits(limit=3)
    held_out = gs.load_data("shipped:digits")
    assert torch.equal(images[2], held_out.image(2).float())
    train, _ = gs.data.digits("train", limit=3)
    assert not torch.equal(train, images)


def test_a_folder_of_classes_unpacks(tmp_path: Path) -> None:
    for value, name in enumerate(("cat", "dog")):
        (tmp_path / name).mkdir()
        Image.new("RGB", (8, 6), (value * 100 + 55, 0, 0)).save(tmp_path / name / "a.png")
    found = gs.data.from_folder(tmp_path, resize=(4, 4))
    images, labels = found
    assert images.shape == (2, 3, 4, 4)
    assert labels.tolist() == [0, 1]
    assert found.classes == ("cat", "dog")


def test_an_archive_unpacks(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.full((3, 5, 5), 200, np.uint8), y=np.array([0, 1, 2]))
    images, labels = gs.data.from_npz(tmp_path / "a.npz", limit=2)
    assert images.shape == (2, 1, 5, 5)
    assert labels.tolist() == [0, 1]


def test_arrays_that_do_not_fit_together_are_refused() -> None:
    with pytest.raises(InputError, match="2 images, but labels of shape"):
        gs.data.from_arrays(np.full((2, 5, 5), 200, np.uint8), np.array([0, 1, 2]))


def test_a_split_that_is_not_there_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="heldout"):
        gs.data.digits("validation")
