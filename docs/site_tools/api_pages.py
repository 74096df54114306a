"""The API reference: one page for each public module, generated from its names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from site_tools.docstrings import plain_marks
from site_tools.public_names import MODULES, RETURNED, PublicName, grouped, public_names


def write_api_pages(folder: Path) -> None:
    """Write a page for every public module, and ``index.md`` that lists them."""
    folder.mkdir(parents=True, exist_ok=True)
    for module in MODULES:
        (folder / f"{module}.rst").write_text("\n".join(_module_page(module)), "utf-8")
    (folder / "index.md").write_text("\n".join(_index_page()), "utf-8")


def _index_page() -> Iterator[str]:
    yield "# Python API"
    yield ""
    yield "What these modules export is the public API. Everything else may change at any time."
    yield ""
    yield "| module | what it is for |"
    yield "|---|---|"
    for module, purpose in MODULES.items():
        yield f"| [`{module}`]({module}.rst) | {purpose} |"
    yield ""
    yield "```{toctree}"
    yield ":hidden:"
    yield ""
    yield from MODULES
    yield "```"


def _module_page(module: str) -> Iterator[str]:
    yield from _heading(module, "=")
    # Not automodule: the names of ``gsmooth`` are looked up on first use.
    yield f".. py:module:: {module}"
    yield ""
    yield f"{_in_rst(MODULES[module])}"
    yield ""
    names = public_names(module)
    sections = grouped(names) if module == "gsmooth" else {"": names}
    for title, found in sections.items():
        if title:
            yield from _heading(title, "-")
        yield from _summary(found)
        yield from _entries(found)
    if module == "gsmooth":
        yield from _heading("Types of what is returned", "-")
        yield from _summary(list(RETURNED))
        yield from _entries(RETURNED)


def _summary(names: list[PublicName]) -> Iterator[str]:
    yield ".. list-table::"
    yield "   :class: summary"
    yield ""
    for name in names:
        yield f"   * - :py:obj:`~{name.home.path}`"
        yield f"     - {plain_marks(name.docstring.partition(chr(10))[0])}"
    yield ""


def _entries(names: Iterable[PublicName]) -> Iterator[str]:
    for name in names:
        if name.home == name and name.kind != "module":
            yield from _entry(name)


def _entry(name: PublicName) -> Iterator[str]:
    if name.kind != "data":
        yield f".. auto{name.kind}:: {name.path}"
        yield ""
        return
    yield f".. py:data:: {name.name}"
    yield ""
    yield from (f"   {plain_marks(line)}" for line in name.docstring.splitlines())
    yield ""


def _heading(title: str, underline: str) -> Iterator[str]:
    yield title
    yield underline * len(title)
    yield ""


def _in_rst(text: str) -> str:
    return text.replace("`", "``")
