"""The README's program runs as printed, on the shipped model and digits."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import gsmooth

README = Path(__file__).parents[1] / "README.md"


def python_block() -> str:
    found = re.search(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    assert found is not None
    return found.group(1)


def test_the_program_in_the_readme_certifies_three_digits(
    capsys: pytest.CaptureFixture[str],
) -> None:
    exec(compile(python_block(), str(README), "exec"), {})
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == ["digit 0", "digit 1", "digit 2"]
    assert any("under every rotation in ±30°" in line for line in lines)


def test_the_noise_in_the_readme_is_what_the_shipped_model_was_trained_under() -> None:
    from gsmooth.models.card import card

    shipped = card("shipped:digits-rotation")
    assert shipped is not None
    text = python_block()
    assert f"GaussianLaw(({shipped.smoothing.scales[0]},), sigma={shipped.smoothing.sigma})" in text


def test_every_public_name_can_be_called_twice() -> None:
    """A module of the same name must not take a function's place once it has been imported."""
    for _ in range(2):
        for name in ("certify", "predict", "load_data", "load_model", "load_transformation"):
            assert callable(getattr(gsmooth, name)), name
