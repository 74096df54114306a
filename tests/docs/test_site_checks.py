"""The checks of the built site find what they are for, on small sites with one fault each."""

from __future__ import annotations

from pathlib import Path

import pytest

from site_tools.check import dead_links, foreign_resources, main
from site_tools.docstrings import plain_marks, whole_sentence


def site(folder: Path, body: str, head: str = "") -> Path:
    """A site of one page."""
    page = f"<html><head>{head}</head><body><h1 id='top'>Title</h1>{body}</body></html>"
    (folder / "index.html").write_text(page, "utf-8")
    return folder


@pytest.mark.parametrize(
    "tag",
    [
        '<script src="https://cdn.example/lib.js"></script>',
        '<link rel="stylesheet" href="https://fonts.example/inter.css">',
        '<link rel="stylesheet" href="//fonts.example/inter.css">',
        '<img src="http://images.example/badge.svg">',
        "<style>@import url(https://fonts.example/inter.css);</style>",
    ],
)
def test_a_resource_of_another_host_is_found(tag: str, tmp_path: Path) -> None:
    assert len(list(foreign_resources(site(tmp_path, "", tag)))) == 1


def test_a_style_sheet_that_loads_a_font_from_another_host_is_found(tmp_path: Path) -> None:
    site(tmp_path, "")
    (tmp_path / "a.css").write_text("@font-face { src: url('https://fonts.example/a.woff') }")
    assert list(foreign_resources(tmp_path)) == ["a.css loads https://fonts.example/a.woff"]


def test_a_link_to_a_paper_is_no_resource(tmp_path: Path) -> None:
    body = '<a href="https://papers.example/1902.02918">Cohen et al.</a><img src="data:,x">'
    assert list(foreign_resources(site(tmp_path, body))) == []


def test_a_link_to_a_missing_page_is_dead(tmp_path: Path) -> None:
    found = list(dead_links(site(tmp_path, '<a href="missing.html">x</a>')))
    assert found == ["index.html links to missing.html"]


def test_a_link_to_a_missing_anchor_is_dead(tmp_path: Path) -> None:
    found = list(dead_links(site(tmp_path, '<a href="#end">x</a><a href="#top">y</a>')))
    assert found == ["index.html links to #end"]


def test_links_that_lead_somewhere_are_not_reported(tmp_path: Path) -> None:
    (tmp_path / "picture.png").write_bytes(b"")
    body = '<a href="index.html#top">x</a><img src="picture.png"><a href="https://a.example">y</a>'
    assert list(dead_links(site(tmp_path, body))) == []


def test_a_folder_without_a_site_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(tmp_path) == 1
    assert "index.html" in capsys.readouterr().out


def test_a_site_without_a_reference_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(site(tmp_path, "")) == 1
    assert "gsmooth.certify has no entry in the reference" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("|g| / 2 of the mass", r"\|g\| / 2 of the mass"),
        ("(N, *shape)", r"(N, \*shape)"),
        ("the share at T_b z' and T_ z", r"the share at T_b z' and T\_ z"),
        ("``|x|`` and *online*", "``|x|`` and *online*"),
        (">>> a | b", ">>> a | b"),
    ],
)
def test_marks_of_mathematics_are_no_markup(line: str, expected: str) -> None:
    assert plain_marks(line) == expected


def test_words_before_a_colon_are_no_type() -> None:
    assert whole_sentence(["the most.", "", ":type: Votes a centre"]) == [
        "Votes a centre: the most.",
        "",
    ]
