"""Checks of the site as it was built; ``scripts/docs`` runs them.

    python -m site_tools.check FOLDER

Sphinx stops at links that it cannot resolve. This finds what it does not look at: anchors and files
in the finished pages, what a browser would load from other hosts, and public names that the
reference lacks.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import final
from urllib.parse import unquote, urlsplit

from site_tools.public_names import every_public_name

# What a browser loads without being told to. Links that a reader follows (a) may lead anywhere.
_LOADED = {"script", "link", "img", "iframe", "source", "video", "audio", "embed", "object"}
_ADDRESSES = ("src", "href", "data", "srcset", "poster")
_IN_STYLE = re.compile(r"(?:url\(|@import)\s*[\"']?((?:https?:)?//[^\"')\s]+)")


@final
@dataclass
class Page(HTMLParser):
    """The links, anchors and resources of one page."""

    links: list[str] = field(default_factory=list)
    anchors: set[str] = field(default_factory=set)
    loaded: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    @classmethod
    def of(cls, text: str) -> Page:
        """Read a page."""
        page = cls()
        page.feed(text)
        page.loaded += _IN_STYLE.findall(text)
        return page

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Called for every tag."""
        values = {name: value for name, value in attrs if value}
        self.anchors |= {values[name] for name in ("id", "name") if name in values}
        addresses = [values[name] for name in _ADDRESSES if name in values]
        if tag in _LOADED:
            self.loaded += addresses
        self.links += addresses


def foreign_resources(folder: Path) -> Iterator[str]:
    """What pages and style sheets would load from other hosts."""
    for path in sorted(folder.rglob("*.html")):
        for address in Page.of(path.read_text("utf-8")).loaded:
            if urlsplit(address).netloc:
                yield f"{path.relative_to(folder)} loads {address}"
    for path in sorted(folder.rglob("*.css")):
        for address in _IN_STYLE.findall(path.read_text("utf-8")):
            yield f"{path.relative_to(folder)} loads {address}"


def dead_links(folder: Path) -> Iterator[str]:
    """Links to files or anchors that the site does not have."""
    pages = {
        path.resolve(): Page.of(path.read_text("utf-8")) for path in sorted(folder.rglob("*.html"))
    }
    for path, page in pages.items():
        for link in page.links:
            if not _leads_somewhere(link, path, pages):
                yield f"{path.relative_to(folder.resolve())} links to {link}"


def _leads_somewhere(link: str, path: Path, pages: dict[Path, Page]) -> bool:
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return True
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if target.is_dir():
        target /= "index.html"
    if target not in pages:
        return target.exists()
    return not parts.fragment or unquote(parts.fragment) in pages[target].anchors


def undocumented(folder: Path) -> Iterator[str]:
    """Public names without a docstring, or without an entry in the reference."""
    pages = (folder / "reference" / "generated" / "api").glob("*.html")
    entries = {anchor for path in pages for anchor in Page.of(path.read_text("utf-8")).anchors}
    for name in every_public_name():
        if not name.docstring:
            yield f"{name.path} has no docstring"
        if name.home.path not in entries and name.kind != "module":
            yield f"{name.path} has no entry in the reference"


def main(folder: Path) -> int:
    """Print what is wrong with a site; the number of faults, at most 1."""
    if not (folder / "index.html").exists():
        print(f"{folder} holds no site: there is no index.html")
        return 1
    faults = [*foreign_resources(folder), *dead_links(folder), *undocumented(folder)]
    for fault in faults:
        print(fault)
    return min(len(faults), 1)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
