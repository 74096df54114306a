"""docs/theory.md defines every label that is cited, once, and names code and tests that exist."""

from __future__ import annotations

import ast
import inspect
import re
from collections import Counter
from functools import cache
from pathlib import Path
from pkgutil import resolve_name
from typing import Final, NamedTuple

import pytest

ROOT: Final = Path(__file__).parents[1]
DOCUMENT: Final = ROOT / "docs" / "theory.md"
LABEL: Final = re.compile(r"(?<![\w.#/-])[TCSFOD]\d{1,2}b?(?![\w-])")
HEADING: Final = re.compile(r"^#+ ([TCSFOD]\d{1,2}b?)\. ", re.MULTILINE)
ROW: Final = re.compile(r"^\| (\w+) \| `([\w.]+)` \| `([\w./]+)::(\w+)` \|$", re.MULTILINE)


class Row(NamedTuple):
    """One line of the table of labels."""

    label: str
    code: str
    file: str
    test: str


@cache
def rows() -> tuple[Row, ...]:
    return tuple(Row(*found) for found in ROW.findall(DOCUMENT.read_text()))


def readable_files() -> list[Path]:
    """All Python files and documents in which a label may be cited."""
    rooms = [ROOT / name for name in ("gsmooth", "plugins", "tests", "docs", "benchmarks")]
    found = [path for room in rooms for path in room.rglob("*") if path.suffix in {".py", ".md"}]
    return [path for path in [ROOT / "README.md", *found] if path != Path(__file__)]


def cited(text: str) -> set[str]:
    return set(LABEL.findall(text))


def order(label: str) -> tuple[int, int, str]:
    number = re.findall(r"\d+", label)[0]
    return "TCSFOD".index(label[0]), int(number), label


def test_every_label_is_defined_once_and_in_order() -> None:
    defined = HEADING.findall(DOCUMENT.read_text())
    assert [label for label, times in Counter(defined).items() if times > 1] == []
    assert defined == sorted(defined, key=order)


def test_every_label_that_is_cited_anywhere_is_defined() -> None:
    defined = set(HEADING.findall(DOCUMENT.read_text()))
    unknown = {
        str(path.relative_to(ROOT)): sorted(strange)
        for path in readable_files()
        if (strange := cited(path.read_text(encoding="utf-8")) - defined)
    }
    assert unknown == {}


def test_every_label_has_a_row_and_every_row_of_the_table_is_understood() -> None:
    text = DOCUMENT.read_text()
    table = text[text.index("## Labels, code and tests") :]
    lines = [line for line in table.splitlines() if line.startswith("|")]
    assert len(lines) - 2 == len(rows())
    assert {row.label for row in rows()} == set(HEADING.findall(text))


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row.label}-{row.code}")
def test_the_code_of_a_label_exists_and_cites_it(row: Row) -> None:
    assert row.label in cited(inspect.getdoc(resolve_name(row.code)) or "")


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row.label}-{row.test}")
def test_the_test_of_a_label_exists(row: Row) -> None:
    tree = ast.parse((ROOT / row.file).read_text())
    assert row.test in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
