"""A plugin that raises is named, with its method, before any work rests on it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest
from torch import Tensor
from typer.testing import CliRunner

from gsmooth.cli import app
from gsmooth.errors import ConfigurationError, GsmoothError, PluginError
from gsmooth.runs.smoke_test import smoke_tested
from gsmooth.transforms.base import Parameter, Transformation
from gsmooth.transforms.registry import load_transformation

GREY, COLOUR = (1, 8, 8), (3, 8, 8)


@dataclass(frozen=True)
class Hue(Transformation):
    """Raises in ``broken``, and refuses images without three channels in its own words."""

    broken: str = ""

    name: ClassVar[str] = "my-hue"
    parameters: ClassVar[tuple[Parameter, ...]] = (Parameter("hue", "deg"),)

    def for_shape(self, shape: tuple[int, int, int]) -> Hue:
        self._maybe_raise("for_shape")
        if shape[0] != 3:
            raise ConfigurationError(f"my-hue is for colour images, not {shape}")
        return self

    def lift(self, x: Tensor) -> Tensor:
        self._maybe_raise("lift")
        return super().lift(x)

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        self._maybe_raise("act")
        return z + theta[0]

    def readout(self, z: Tensor, shape: tuple[int, int, int]) -> Tensor:
        self._maybe_raise("readout")
        return super().readout(z, shape)

    def attack(self, x: Tensor, *theta: Tensor) -> Tensor:
        self._maybe_raise("attack")
        return x + theta[0][..., None, None]

    def _maybe_raise(self, method: str) -> None:
        if method == self.broken:
            raise ValueError("no way")


@pytest.mark.parametrize("method", ["for_shape", "lift", "act", "readout", "attack"])
def test_the_method_that_raises_is_named_with_the_images_and_its_error(method: str) -> None:
    told = rf"^{method} of my-hue fails on images \(3, 8, 8\): ValueError: no way$"
    with pytest.raises(PluginError, match=told):
        smoke_tested(Hue(broken=method), COLOUR)


def test_what_a_plugin_refuses_in_its_own_words_passes_through() -> None:
    with pytest.raises(ConfigurationError, match=r"^my-hue is for colour images") as found:
        smoke_tested(Hue(), GREY)
    assert isinstance(found.value, GsmoothError)


@pytest.mark.parametrize("name", ["rotation+brightness", "blur", "integer-translation", "gaussian"])
def test_first_party_transformations_are_bound_to_the_shape(name: str) -> None:
    operator = load_transformation(name)
    assert smoke_tested(operator, GREY) == operator.for_shape(GREY)


COMMAND = ["--region=-1:1", "--sigma=0.25", "--std=1", "-t", "raising_hue:Hue"]


@pytest.mark.parametrize(
    "command",
    [
        ["certify", "-m", "shipped:digits-l2", "--limit=1", "--out=out"],
        ["train", "-m", "shipped:digits-l2", "--out=net.pt"],
    ],
    ids=lambda command: command[0],
)
def test_a_run_whose_plugin_raises_ends_with_exit_code_5(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    raising = "from tests.runs.test_smoke_test import Hue as H\n\nHue = H\n"
    (tmp_path / "raising_hue.py").write_text(raising)
    broken = "transformation.options.broken=for_shape"
    result = CliRunner().invoke(app, [*command, *COMMAND, "--set", broken])
    assert result.exit_code == 5, result.stderr
    assert "for_shape of my-hue fails on images (1, 28, 28): ValueError: no way" in result.stderr
