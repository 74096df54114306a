"""Imports: the heavy libraries are loaded on first use only, and no modules import each other.

The direction of imports between rooms is stated in pyproject.toml and checked by lint-imports.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from gsmooth.runs.config.run_file import load_config
from gsmooth.runs.execute import run_certify
from tests.runs.tmp_project import Notebook
from tests.way_of_an_image import traced

ROOT = Path(__file__).parents[1]
HEAVY = {"kornia", "matplotlib", "pandas", "scipy.stats", "torch"}
THEORY = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in sorted((ROOT / "gsmooth" / "theory").glob("[!_]*.py"))
]
LIGHT = [
    "gsmooth",
    "gsmooth.cli",
    "gsmooth.transforms.registry",
    "gsmooth.runs.config.run_config",
    *THEORY,
]


ONE_IMAGE = [
    "model.spec=shipped:digits-rotation",
    "data.spec=shipped:digits",
    "transformation.name=rotation",
    "region.lower=[-30]",
    "region.upper=[30]",
    "data.limit=1",
    "smoothing.seed=0",
    "engine.batch_size=256",
    "attack.points=3",
    "attack.random=2",
    "attack.gradient_steps=1",
    "attack.n=64",
]
"""A run in region mode, with an attack."""


def modules_after(statement: str) -> set[str]:
    """Names in sys.modules once a fresh interpreter has run ``statement``."""
    code = f"import json, sys\n{statement}\nprint(json.dumps(list(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    return set(json.loads(done.stdout))


@pytest.mark.parametrize("module", LIGHT)
def test_import_is_light(module: str) -> None:
    assert modules_after(f"import {module}") & HEAVY == set()


def test_theory_rooms_were_found() -> None:
    assert "gsmooth.theory.laws" in THEORY
    assert "gsmooth.theory.bounds" in THEORY


def test_a_run_does_not_import_the_compiler_of_torch(tmp_path: Path) -> None:
    """It takes two seconds. The batch size is measured here, which once needed it."""
    settings = [*ONE_IMAGE, f"output.folder={tmp_path / 'run'}"]
    settings.remove("engine.batch_size=256")
    flags = [part for setting in settings for part in ("--set", setting)]
    code = (
        "from gsmooth.cli import main\n"
        f"sys.argv = {['gsmooth', 'certify', *flags, '--json']!r}\n"
        "sys.stdout = sys.stderr\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code\n"
        "sys.stdout = sys.__stdout__"
    )
    loaded = modules_after(code)
    assert "gsmooth.sampling.pace" in loaded
    assert "torch._dynamo" not in loaded


def test_unknown_attribute_is_an_attribute_error() -> None:
    code = "import gsmooth\ntry:\n    gsmooth.no_such_name\nexcept AttributeError:\n    pass"
    assert "torch" not in modules_after(code)


def module_files() -> dict[str, Path]:
    """The file of every module of gsmooth, by its dotted name."""
    files = {}
    for path in sorted((ROOT / "gsmooth").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        files[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return files


def imports_of(statements: Sequence[ast.stmt]) -> Iterator[ast.Import | ast.ImportFrom]:
    """The imports made when a module is loaded, and those made for the type checker only."""
    for statement in statements:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            yield statement
        elif not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            for field in ("body", "orelse", "finalbody"):
                yield from imports_of(getattr(statement, field, ()))


def imported_names(statement: ast.Import | ast.ImportFrom) -> Iterator[str]:
    """Every name of an import, with the module that it is taken from."""
    for name in statement.names:
        if isinstance(statement, ast.Import):
            yield name.name
        elif statement.module:
            yield f"{statement.module}.{name.name}"


def import_graph(files: dict[str, Path]) -> dict[str, set[str]]:
    """The modules of gsmooth that each module of gsmooth imports."""
    graph: dict[str, set[str]] = {name: set() for name in files}
    for module, path in files.items():
        for statement in imports_of(ast.parse(path.read_text("utf-8")).body):
            for name in imported_names(statement):
                found = name if name in files else name.rpartition(".")[0]
                graph[module] |= {found} & files.keys() - {module}
    # The package itself names its whole API for the type checker, and loads it on first use.
    return graph | {"gsmooth": set()}


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = import_graph(module_files())
    assert "gsmooth.runs.task" in graph["gsmooth.runs.context"]
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


def test_the_types_on_the_way_of_an_image_are_those_of_the_table(tmp_path: Path) -> None:
    config = load_config(None, [*ONE_IMAGE, f"output.folder={tmp_path / 'run'}"])
    handed = traced(lambda: run_certify(config, Notebook())).types
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    line = re.compile(
        r"^\|[^|]*\| `(gsmooth\.[\w.]+)`[^|]*\| (once a run|for each image) \|$", re.M
    )
    stated = dict(line.findall(text))
    strangers = {name: sorted(handed[name]) for name in handed.keys() - stated.keys()}
    assert strangers == {}
    assert stated.keys() == handed.keys()
    made = Counter(stated.values())
    assert made.total() <= 18
    assert (
        f"and {made.total()} now; {made['for each image']} of these are made for an image" in text
    )
