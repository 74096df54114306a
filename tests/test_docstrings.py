"""Examples in docstrings run, and what a docstring documents exists."""

from __future__ import annotations

import ast
import doctest
import inspect
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import resolve_name
from typing import Final

import pytest

import gsmooth
from gsmooth.transforms import registry

ROOT: Final = Path(__file__).parents[1]
ROOMS: Final = (ROOT / "gsmooth", ROOT / "plugins")
ADAPTERS: Final = "gsmooth.integrations."
"""Modules that import packages which may be missing; tests/integrations runs their examples."""
Documented = ast.FunctionDef | ast.ClassDef


@cache
def sources() -> dict[str, str]:
    """The text of every module of the package and of the plugins, by dotted name."""
    found = {}
    for room in ROOMS:
        base = ROOT if room.name == "gsmooth" else room
        for path in sorted(room.rglob("*.py")):
            parts = path.relative_to(base).with_suffix("").parts
            found[".".join(parts).removesuffix(".__init__")] = path.read_text()
    return found


def with_examples() -> list[str]:
    return [
        name for name, text in sources().items() if ">>> " in text and not name.startswith(ADAPTERS)
    ]


@pytest.mark.parametrize("module", with_examples())
def test_the_examples_of_a_module_hold(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_registered", {})  # Nothing that an example registers stays.
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    failed, tried = doctest.testmod(import_module(module), optionflags=flags)
    assert tried > 0
    assert failed == 0


def test_twenty_public_names_or_more_show_an_example() -> None:
    shown = [name for name in gsmooth.__all__ if ">>> " in (getattr(gsmooth, name).__doc__ or "")]
    assert len(shown) >= 20


def documented(text: str) -> Iterator[tuple[Documented, list[str]]]:
    """Every function or class with a section of arguments, and the names in that section."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, Documented) and "Args:" in (doc := ast.get_docstring(node) or ""):
            yield node, names_in(doc)


def names_in(doc: str) -> list[str]:
    """The names that the section Args of a docstring describes."""
    lines = doc.split("Args:\n", 1)[1].split("\n\n", 1)[0].splitlines()
    entries = [line for line in lines if line.startswith("    ") and line[4] != " "]
    return [name.strip("* ") for line in entries for name in line.split(":")[0].split(",")]


def arguments_of(node: Documented, module: str) -> set[str]:
    """The parameters of a function, or those that build a class: its fields or its __init__'s."""
    inherits = isinstance(node, ast.ClassDef) and node.bases  # Some fields, that is.
    if inherits and not module.startswith(ADAPTERS):
        return set(inspect.signature(resolve_name(f"{module}.{node.name}")).parameters)
    if isinstance(node, ast.FunctionDef):
        every = node.args
        starred = [part for part in (every.vararg, every.kwarg) if part is not None]
        return {arg.arg for arg in [*every.posonlyargs, *every.args, *every.kwonlyargs, *starred]}
    own = {
        part.target.id
        for part in node.body
        if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name)
    }
    inits = [part for part in node.body if isinstance(part, ast.FunctionDef)]
    return own.union(*(arguments_of(part, module) for part in inits if part.name == "__init__"))


def test_documented_arguments_exist() -> None:
    strange = {
        f"{module}.{node.name}": sorted(unknown)
        for module, text in sources().items()
        for node, names in documented(text)
        if (unknown := set(names) - arguments_of(node, module))
    }
    assert strange == {}
