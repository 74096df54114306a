"""The README's program runs as printed, on the shipped model and five digits."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import gsmooth
from gsmooth.models.cards import card

README = Path(__file__).parents[1] / "README.md"


def python_block() -> str:
    found = re.search(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    assert found is not None
    return found.group(1)


def test_the_program_in_the_readme_certifies_plots_saves_and_verifies_five_digits(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(python_block(), str(README), "exec"), {})
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines[:5]] == [f"digit {n}" for n in range(5)]
    certified = [line for line in lines if "under every rotation in ±30°" in line]
    assert lines[5:] == [f"certified accuracy {len(certified) / 5}", "verified: True"]
    assert len(certified) >= 3
    assert (tmp_path / "digits.png").stat().st_size > 0


def test_the_noise_in_the_readme_is_what_the_shipped_model_was_trained_under() -> None:
    shipped = card("shipped:digits-rotation")
    assert shipped is not None
    scales, sigma = shipped.smoothing.scales, shipped.smoothing.sigma
    assert f'std={{"angle": {scales[0]}}}, sigma={sigma}' in python_block()


@pytest.mark.parametrize("name", sorted(set(gsmooth.__all__) - {"__version__"}))
def test_every_public_name_is_the_same_the_second_time(name: str) -> None:
    """A module of the same name must not take a function's place once it has been imported."""
    first = getattr(gsmooth, name)
    assert getattr(gsmooth, name) is first
    assert name in dir(gsmooth)


def test_the_public_verbs_can_be_called() -> None:
    for name in ("attack", "certify", "load_data", "load_model", "predict", "train", "verify"):
        assert callable(getattr(gsmooth, name)), name


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("certify_many", "gsmooth.certify"),
        ("attack_many", "gsmooth.attack"),
        ("RadiusMode", 'mode="radius"'),
        ("online_drafter", 'guarantee="online"'),
        ("GaussianLaw", "gsmooth.Gaussian(std)"),
        ("UniformLaw", "gsmooth.Uniform(half_width)"),
    ],
)
def test_a_name_that_is_gone_says_what_stands_for_it(name: str, instead: str) -> None:
    with pytest.raises(AttributeError, match=re.escape(instead)):
        getattr(gsmooth, name)


@pytest.mark.parametrize("room", ["data", "report", "transforms"])
def test_every_name_of_a_public_room_is_there(room: str) -> None:
    found = getattr(gsmooth, room)
    assert found.__all__
    for name in found.__all__:
        assert getattr(found, name) is getattr(found, name)


@pytest.mark.parametrize(
    "name",
    sorted(set(gsmooth.__all__) - {"__version__", "data", "hookimpl", "report", "transforms"}),
)
def test_every_public_name_is_documented_with_an_example(name: str) -> None:
    told = getattr(gsmooth, name).__doc__ or ""
    assert ">>> " in told or name == "Result"
