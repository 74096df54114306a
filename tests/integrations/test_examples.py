"""The examples in the docstrings of the adapters hold."""

from __future__ import annotations

import doctest
from importlib import import_module
from typing import Any

import pytest

NOTHING: tuple[pytest.Mark, ...] = ()
NEEDED: dict[str, tuple[str, Any]] = {
    "art": ("art", pytest.mark.extras(group="frameworks")),
    "lightning": ("lightning", pytest.mark.extras(group="frameworks")),
    "maite": ("numpy", NOTHING),
    "shares": ("numpy", NOTHING),
    "torchmetrics": ("torchmetrics", pytest.mark.extras(group="frameworks")),
}


@pytest.mark.parametrize(
    ("module", "package"),
    [pytest.param(name, package, marks=marks) for name, (package, marks) in NEEDED.items()],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_examples_of_an_adapter_hold(module: str, package: str) -> None:
    pytest.importorskip(package)
    failed, tried = doctest.testmod(
        import_module(f"gsmooth.integrations.{module}"),
        optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE,
    )
    assert tried > 0
    assert failed == 0
