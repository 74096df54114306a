"""A benchmark: ``settings/NAME.toml`` says what it is and its options, a function NAME measures.

The function NAME(options, facts) yields lines as they are found, and puts into ``facts`` what the
file of results has beside them.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Literal, final

import torch
from pydantic import Field

from benchmarks.suite.case import read
from benchmarks.suite.results import write
from benchmarks.suite.table import COLUMNS, row, rows, shown, table
from gsmooth.runs.config.section import Section

TYPES: Final[Mapping[str, Callable[[str], Any]]] = {
    "int": int, "float": float, "path": Path, "text": str}  # fmt: skip
Facts = dict[str, Any]
Line = dict[str, Any]


class NothingToMeasureError(Exception):
    """Something is missing, which the message names; other benchmarks go on."""


@final
class Option(Section):
    """One option of a command line. many: one or more values; repeat: may be given again."""

    type: Literal["int", "float", "path", "text", "flag"] = "text"
    default: Any = None
    help: str = ""
    choices: tuple[str, ...] | None = None
    many: bool = False
    repeat: bool = False

    def add_to(self, parser: argparse.ArgumentParser, name: str) -> None:
        """Add it as ``--name``."""
        flag = f"--{name}"
        if self.type == "flag":
            parser.add_argument(flag, action="store_true", help=self.help)
            return
        given: dict[str, Any] = {"type": TYPES[self.type], "choices": self.choices}
        given |= {"nargs": "+"} if self.many else {"action": "append"} if self.repeat else {}
        parser.add_argument(flag, default=self.default, help=self.help, **given)


@final
class Page(Section):
    """``about``: what is measured, by ``bench_MODULE.py``. lines: their field in the results.

    columns: name of a table of pages.toml. legend: with it, a page of Markdown is made. groups: of
    options in common.toml. peers: packages compared with, whose versions are kept.
    """

    about: str
    module: str
    lines: str = "lines"
    columns: str = ""
    legend: str = ""
    groups: tuple[str, ...] = ()
    peers: tuple[str, ...] = ()
    options: Mapping[str, Option] = Field(default_factory=dict)


def run(name: str, arguments: Sequence[str]) -> None:
    """Run one benchmark; what it has found is on the disk after every line."""
    tree = read(name)
    page = Page.model_validate({field: tree[field] for field in Page.model_fields if field in tree})
    module = import_module(f"benchmarks.bench_{page.module}")
    options = parser_of(name, page).parse_args(arguments)
    if getattr(options, "threads", None):
        torch.set_num_threads(options.threads)
    facts: Facts = {"benchmark": name}
    found: list[Line] = []
    try:
        for line in getattr(module, name)(options, facts):
            found.append(asdict(line) if is_dataclass(line) else line)  # type: ignore[arg-type]
            heads = [rows(COLUMNS[page.columns], [])] if len(found) == 1 else []
            print("\n".join([*heads, row(*shown(page.columns, found[-1]))]), flush=True)
            keep(page, {**facts, page.lines: found}, options.out)
    except NothingToMeasureError as reason:
        print(f"nothing to measure: {reason}")
    if not found:
        return
    path = keep(page, {**facts, page.lines: found}, options.out)
    if path and page.legend:
        markdown = getattr(module, f"{name}_page", page_of)
        path.with_suffix(".md").write_text(markdown(page, {**facts, page.lines: found}), "utf-8")
    print(f"written to {path}" if path else "not written: these are no results")


def keep(page: Page, found: Facts, folder: Path) -> Path | None:
    """Write the file of results; None, and nothing, where the benchmark took its name away."""
    return write(found, folder, *page.peers) if found["benchmark"] else None


def page_of(page: Page, found: Facts) -> str:
    """The legend and the table of a file of results; the legend may say how many ``{images}``."""
    lines = found[page.lines]
    counts = sorted({line["images"] for line in lines})
    images = " to ".join(map(str, dict.fromkeys((counts[0], counts[-1]))))
    legend = page.legend.format(images=f"{images} a line")
    refused = sorted({line["refused"] for line in lines if line.get("refused")})
    reasons = f"\nOf 0 images: {'; '.join(refused)}\n" if refused else ""
    return f"{legend}\n{table(page.columns, lines)}\n{reasons}"


def parser_of(name: str, page: Page) -> argparse.ArgumentParser:
    """The command line of a benchmark."""
    found = argparse.ArgumentParser(
        f"bench {name}", None, page.about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    common = read("common")
    shared = [common[group] for group in ("all", *page.groups)]
    given = {name: Option(**how) for group in shared for name, how in group.items()}
    for option, how in {**given, **page.options}.items():
        how.add_to(found, option)
    return found
