"""What an import costs: the heavy libraries stay out until something asks for them.

The direction of the imports themselves is stated in pyproject.toml and checked by lint-imports.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

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


def test_unknown_attribute_is_an_attribute_error() -> None:
    code = "import gsmooth\ntry:\n    gsmooth.no_such_name\nexcept AttributeError:\n    pass"
    assert "torch" not in modules_after(code)
