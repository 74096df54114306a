"""Every term of docs/glossary.md has a meaning, and the name that the code has for it exists."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from pkgutil import resolve_name
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[1]
DOCUMENT: Final = ROOT / "docs" / "glossary.md"
CODE: Final = re.compile(r"Code: `([\w.]+)`")
REFERENCE: Final = re.compile(r"\{term\}`([^`]+)`")


@cache
def terms() -> dict[str, str]:
    """Terms and the texts below them."""
    block = DOCUMENT.read_text().split("```{glossary}\n")[1].split("\n```")[0]
    entries = re.split(r"\n(?=\S)", block)
    return {term: text for term, text in (entry.split("\n", 1) for entry in entries)}


def names() -> list[str]:
    return CODE.findall(DOCUMENT.read_text())


def test_terms_are_in_the_order_of_the_alphabet_and_some_forty_or_more() -> None:
    assert list(terms()) == sorted(terms(), key=str.casefold)
    assert len(terms()) >= 40


@pytest.mark.parametrize("term", terms())
def test_a_term_has_a_meaning_and_one_name_in_the_code(term: str) -> None:
    text = terms()[term]
    assert len(CODE.findall(text)) == 1
    assert text.index("Code:") > 40


@pytest.mark.parametrize("name", names())
def test_the_name_in_the_code_exists(name: str) -> None:
    home, _, last = name.rpartition(".")
    found = resolve_name(home)
    assert hasattr(found, last) or last in getattr(found, "__annotations__", {})


def test_terms_that_are_referred_to_exist() -> None:
    documents = "".join(path.read_text() for path in sorted((ROOT / "docs").rglob("*.md")))
    assert set(REFERENCE.findall(documents)) <= set(terms())
