"""Which folders are classes and which are splits; what is passed over is counted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from gsmooth.data.loading import load_data
from gsmooth.data.preparation import Preparation
from gsmooth.errors import ConfigurationError, GsmoothError, InputError


def pictures(folder: Path, *names: str, size: tuple[int, int] = (5, 5)) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", size, 7).save(folder / name)


def test_a_folder_called_train_beside_other_classes_is_a_class(tmp_path: Path) -> None:
    pictures(tmp_path, "car/1.png", "plane/1.png", "train/1.png")
    found = load_data(str(tmp_path))
    assert found.classes == ("car", "plane", "train")
    assert found.split == "all"


def test_folders_of_class_folders_are_splits(tmp_path: Path) -> None:
    pictures(tmp_path, "train/cat/1.png", "train/dog/1.png", "test/cat/1.png")
    assert load_data(str(tmp_path), "train").classes == ("cat", "dog")
    heldout = load_data(str(tmp_path))
    assert (heldout.classes, heldout.split) == (("cat",), "test")


def test_a_test_folder_without_labels_is_no_split(tmp_path: Path) -> None:
    pictures(tmp_path, "train/cat/1.png", "val/cat/1.png", "test/1.png")
    with pytest.raises(ConfigurationError, match="it has the splits train, val"):
        load_data(str(tmp_path))
    assert load_data(str(tmp_path), "val").split == "val"


def test_a_split_of_any_name_can_be_asked_for(tmp_path: Path) -> None:
    pictures(tmp_path, "train/cat/1.png", "dev/cat/1.png")
    assert load_data(str(tmp_path), "dev").split == "dev"


@pytest.mark.parametrize(
    ("names", "question"),
    [
        (("train/cat/1.png", "plane/1.png"), "a split or a class"),
        (("train/cat/1.png", "plane/jet/1.png"), "a split or a class"),
        (("train/1.png", "test/1.png"), "splits or classes"),
        (("train/1.png",), "splits or classes"),
        (("a/b/1.png", "a/2.png"), "folder of images inside that of the class 'a'"),
        (("pets/cat/1.png", "cars/bus/1.png"), "name the folder that holds the classes"),
    ],
)
def test_folders_that_can_be_read_in_two_ways_are_refused(
    tmp_path: Path, names: tuple[str, ...], question: str
) -> None:
    pictures(tmp_path, *names)
    with pytest.raises(InputError, match=question):
        load_data(str(tmp_path))


@pytest.mark.parametrize("split", ["heldout", "train", "test", "cat"])
def test_a_folder_without_splits_has_none_to_give(tmp_path: Path, split: str) -> None:
    pictures(tmp_path, "cat/1.png", "dog/1.png")
    with pytest.raises(ConfigurationError, match="it has no split"):
        load_data(str(tmp_path), split)
    assert load_data(str(tmp_path), "all").split == "all"


def test_what_is_passed_over_is_counted(tmp_path: Path) -> None:
    pictures(tmp_path, "cat/1.png", "cat/2.PNG", "dog/1.jpeg", "cover.png")
    for name in ("cat/a.gif", "cat/b.GIF", "cat/notes.txt", "cat/README", "cat/.DS_Store"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "dog" / "empty").mkdir()
    (tmp_path / ".cache").mkdir()
    found = load_data(str(tmp_path))
    assert len(found) == 3
    assert found.notices == (
        "1 file beside the class folders passed over (1 .png)",
        "4 files of other formats passed over (2 .gif, 1 no suffix, 1 .txt)",
        "1 folder without images inside class folders passed over",
    )


def test_a_class_of_other_formats_only_is_refused(tmp_path: Path) -> None:
    pictures(tmp_path, "cat/1.png")
    (tmp_path / "dog").mkdir()
    (tmp_path / "dog" / "1.heic").write_bytes(b"")
    with pytest.raises(InputError, match=r"dog: none of its 1 files is read \(1 \.heic\)"):
        load_data(str(tmp_path))


def test_no_images_at_all_are_refused(tmp_path: Path) -> None:
    (tmp_path / "cat").mkdir()
    with pytest.raises(InputError, match="none of its class folders holds an image"):
        load_data(str(tmp_path))


def test_sizes_that_differ_name_both_files_and_the_option(tmp_path: Path) -> None:
    pictures(tmp_path, "a/1.png")
    pictures(tmp_path, "a/2.png", size=(7, 6))
    with pytest.raises(InputError) as caught:
        load_data(str(tmp_path))
    for said in ("a/1.png", "a/2.png", "(1, 6, 7)", "data.resize"):
        assert said in str(caught.value)
    assert load_data(str(tmp_path), None, Preparation((4, 4))).shape == (1, 4, 4)


def test_each_file_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures(tmp_path, "a/1.png", "a/2.png", "b/1.png")
    opened = []
    really = Image.open

    def counting(path: Path, **how: Any) -> Image.Image:
        opened.append(path)
        return really(path, **how)

    monkeypatch.setattr(Image, "open", counting)
    load_data(str(tmp_path))
    assert len(opened) == 3


def test_a_folder_that_is_gone_midway_is_named(tmp_path: Path) -> None:
    pictures(tmp_path, "a/1.png", "b/1.png")
    (tmp_path / "b" / "1.png").unlink()
    (tmp_path / "b" / "1.png").symlink_to(tmp_path / "gone.png")
    with pytest.raises(GsmoothError, match=r"b/1\.png: there is no such") as caught:
        load_data(str(tmp_path))
    assert caught.value.exit_code == 3
