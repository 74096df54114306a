"""Pointers and pages in place of files are called what they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from gsmooth.boundaries.placeholder_files import disguise
from gsmooth.data.loading import load_data
from gsmooth.errors import InputError

LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 13\n"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (LFS, "git-LFS pointer"),
        ("<!DOCTYPE html>", "HTML page"),
        ("\ufeff\r\n <HTML lang=en>", "HTML page"),
    ],
)
def test_knows_a_pointer_and_a_page(tmp_path: Path, content: str, kind: str) -> None:
    (tmp_path / "f").write_text(content, encoding="utf-8")
    assert kind in str(disguise(tmp_path / "f"))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"version 2", b"<svg>", b"\xff\xfe<html"])
def test_leaves_other_files_to_their_readers(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "f").write_bytes(content)
    assert disguise(tmp_path / "f") is None
    assert disguise(tmp_path / "gone") is None


@pytest.mark.parametrize("name", ["d.npz", "D.NPZ"])
def test_names_a_pointer_in_place_of_arrays(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(LFS)
    with pytest.raises(
        InputError, match=rf"data .*{name}: this is a git-LFS pointer.*git lfs pull"
    ):
        load_data(str(tmp_path / name))


def test_names_a_page_in_place_of_a_picture(tmp_path: Path) -> None:
    for label in ("cat", "dog"):
        (tmp_path / label).mkdir()
        (tmp_path / label / "1.png").write_text("<html>")
    with pytest.raises(InputError, match=r"1\.png: this is an HTML page"):
        load_data(str(tmp_path))
