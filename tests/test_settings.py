"""Settings with defaults: one module a room, frozen, documented, composed where they are many."""

from __future__ import annotations

import ast
import importlib
from dataclasses import FrozenInstanceError, fields, is_dataclass, replace
from pathlib import Path

import pytest

from gsmooth.cover.settings import COVER, OnlineSettings

ROOT = Path(__file__).parents[1]
MODULES = sorted(
    ".".join(path.relative_to(base).with_suffix("").parts)
    for base in (ROOT, ROOT / "plugins")
    for path in base.glob("gsmooth*/**/settings.py")
)


def classes_of(name: str) -> list[type]:
    module = importlib.import_module(name)
    return [kind for kind in vars(module).values() if isinstance(kind, type) and is_dataclass(kind)]


def tree_of(name: str) -> ast.Module:
    return ast.parse(Path(str(importlib.import_module(name).__file__)).read_text())


def test_all_rooms_with_settings_are_found() -> None:
    assert {"gsmooth.cover.settings", "gsmooth_rotation.settings"} <= set(MODULES)


@pytest.mark.parametrize("name", MODULES)
def test_a_room_has_one_instance_whose_fields_all_have_defaults(name: str) -> None:
    module, kinds = importlib.import_module(name), classes_of(name)
    found = [value for key, value in vars(module).items() if key.isupper()]
    assert [type(value) for value in found] == [kinds[-1]]
    assert found[0] == kinds[-1]()


@pytest.mark.parametrize("name", MODULES)
def test_settings_are_frozen_documented_and_eight_a_class_at_most(name: str) -> None:
    assert (tree_of(name).body and ast.get_docstring(tree_of(name))) is not None
    for kind in classes_of(name):
        first = fields(kind)[0].name
        with pytest.raises(FrozenInstanceError):
            setattr(kind(), first, None)
        assert kind.__doc__
        assert not kind.__doc__.startswith(f"{kind.__name__}(")
        plain = [field for field in fields(kind) if not is_dataclass(field.default)]
        assert len(plain) <= 8


@pytest.mark.parametrize("name", MODULES)
def test_a_settings_module_holds_nothing_else(name: str) -> None:
    kinds = [type(node) for node in tree_of(name).body]
    others = {ast.Expr, ast.Import, ast.ImportFrom}
    assert set(kinds) - others == {ast.ClassDef, ast.AnnAssign}
    assert kinds.count(ast.AnnAssign) == 1


def test_another_value_is_another_object() -> None:
    wider = replace(COVER, online=OnlineSettings(tolerance=0.5))
    assert wider.online.tolerance == 0.5
    assert COVER.online.tolerance == 0.04
