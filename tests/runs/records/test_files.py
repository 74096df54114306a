"""Files are written as a whole, never through somebody's link, and privately where it is asked."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from gsmooth.errors import OutputError
from gsmooth.runs.records.files import (
    make_private_folder,
    open_regular,
    write_atomically,
    write_exclusive,
)
from gsmooth.runs.records.journal import Journal


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_a_link_is_replaced_and_what_it_points_at_stays(tmp_path: Path) -> None:
    mine, link = tmp_path / "mine", tmp_path / "run.json"
    mine.write_text("precious")
    link.symlink_to(mine)
    write_atomically(link, b"new")
    assert (mine.read_text(), link.read_text()) == ("precious", "new")
    assert not link.is_symlink()


def test_a_draft_has_a_name_that_nobody_can_lay_a_link_under(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drafts: list[Path] = []
    replace = os.replace

    def watched(draft: Path, path: Path) -> None:
        drafts.append(draft)
        replace(draft, path)

    monkeypatch.setattr(os, "replace", watched)
    for _ in range(2):
        write_atomically(tmp_path / ("long" * 60), b"content")
    first, second = drafts
    assert first.name != second.name
    assert str(os.getpid()) not in (first.name, second.name)


def test_a_link_under_the_name_of_a_draft_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = tmp_path / "mine"
    mine.write_text("precious")
    monkeypatch.setattr("secrets.token_hex", lambda _: "guessed")
    (tmp_path / ".run.json.guessed").symlink_to(mine)
    with pytest.raises(OutputError, match="cannot be written"):
        write_atomically(tmp_path / "run.json", b"new")
    assert mine.read_text() == "precious"


def test_a_journal_does_not_grow_through_a_link(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.write_text("precious\n")
    (tmp_path / "records.jsonl").symlink_to(mine)
    with pytest.raises(OutputError, match="a symbolic link, which is not followed"):
        Journal(tmp_path / "records.jsonl")
    assert mine.read_text() == "precious\n"


@pytest.mark.parametrize("laid", ["file", "link", "dangling link"])
def test_an_exclusive_file_is_never_written_over(tmp_path: Path, laid: str) -> None:
    mine, path = tmp_path / "mine", tmp_path / "seed"
    if laid != "dangling link":
        mine.write_text("precious")
    if laid == "file":
        mine.rename(path)
    else:
        path.symlink_to(mine)
    with pytest.raises(OutputError, match="is there already and is not overwritten"):
        write_exclusive(path, b"secret")
    assert not mine.exists() or mine.read_text() == "precious"


def test_an_exclusive_file_that_is_interrupted_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_exclusive(tmp_path / "seed", b"secret")
    assert not list(tmp_path.iterdir())


def test_an_exclusive_file_is_its_owners_alone(tmp_path: Path) -> None:
    write_exclusive(tmp_path / "seed", b"secret")
    assert (tmp_path / "seed").read_bytes() == b"secret"
    assert mode_of(tmp_path / "seed") == 0o600


def test_a_new_private_folder_is_its_owners_alone(tmp_path: Path) -> None:
    make_private_folder(tmp_path / "runs" / "one")
    assert mode_of(tmp_path / "runs" / "one") == 0o700


def test_a_folder_that_is_there_keeps_its_permissions(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one").chmod(0o755)
    make_private_folder(tmp_path / "one")
    assert mode_of(tmp_path / "one") == 0o755


def test_a_private_folder_where_a_file_is_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="cannot be written"):
        make_private_folder(tmp_path / "file")


def test_only_regular_files_are_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "endless").symlink_to("/dev/zero")
    (tmp_path / "file").write_text("content")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    for name in ("pipe", "endless"):
        with pytest.raises(OSError, match="not a regular file"):
            open_regular(tmp_path / name)
    with open_regular(tmp_path / "link") as stream:
        assert stream.read() == b"content"
