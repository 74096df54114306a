"""Strings below assignments, which Python itself does not keep."""

from __future__ import annotations

import ast
import inspect
import itertools
from functools import cache
from importlib import import_module


@cache
def attribute_docs(module: str) -> dict[str, str]:
    """The string below each assignment of a module, by ``name`` or ``Class.field``."""
    tree = ast.parse(inspect.getsource(import_module(module)))
    found = _below(tree.body, "")
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            found |= _below(node.body, f"{node.name}.")
    return found


def _below(body: list[ast.stmt], prefix: str) -> dict[str, str]:
    return {
        prefix + name: inspect.cleandoc(text)
        for statement, following in itertools.pairwise(body)
        if (name := _assigned(statement)) and (text := _string(following))
    }


def _assigned(statement: ast.stmt) -> str | None:
    """The name that a statement assigns to; None if it is no such statement."""
    if isinstance(statement, ast.AnnAssign):
        target: ast.expr = statement.target
    elif isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target = statement.targets[0]
    else:
        return None
    return target.id if isinstance(target, ast.Name) else None


def _string(statement: ast.stmt) -> str | None:
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return statement.value.value if isinstance(statement.value.value, str) else None
    return None
