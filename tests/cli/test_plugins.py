"""``gsmooth plugins``: what there is, and what is broken."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gsmooth.cli import app
from gsmooth.cli.plugin_listing import PluginListing
from gsmooth.cli.transformation_info import parameter_line
from gsmooth.transforms import registry
from gsmooth.transforms.options import fitting_laws

PLUGIN = '''
from dataclasses import dataclass, field
import gsmooth
from gsmooth.transforms.base import Parameter, Transformation


class ShearBounds(gsmooth.TransformationBounds):
    def action_error(self, z, reach, offset):
        return 0.0


@dataclass(frozen=True)
class Shear(Transformation):
    """Shear, by slopes.

    low_pass: std of the low-pass, px.
    """

    name = "shear"
    summary = "shear along x"
    parameters = (Parameter("slope", "px/px", "to the right"),)
    orthogonal = True
    low_pass: float = 0.5
    name_of_filter: str = field(default="disc", metadata={"description": "what smooths"})
    bounds_class = ShearBounds

    def act(self, z, slope):
        return z


@gsmooth.hookimpl
def gsmooth_transformations():
    return [Shear]
'''


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on the path with the plugin acme-shear installed in it, and a cache of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.syspath_prepend(str(tmp_path))
    put(tmp_path, "acme_shear", PLUGIN)
    yield tmp_path
    for module in ("acme_shear", "acme_broken"):
        sys.modules.pop(module, None)
    monkeypatch.undo()
    registry._catalogue.cache_clear()


def put(site: Path, module: str, source: str) -> None:
    (site / f"{module}.py").write_text(source)
    info = site / f"{module}-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text(f"[gsmooth]\n{module} = {module}\n")
    registry._catalogue.cache_clear()


def test_the_table_shows_parameters_with_units_and_the_package(site: Path) -> None:
    result = CliRunner().invoke(app, ["plugins"])
    assert result.exit_code == 0
    line = next(line for line in result.stdout.splitlines() if "shear" in line)
    for part in ("slope [px/px]", "gaussian", "orthogonal", "individual", "acme_shear 1.2"):
        assert part in line


def test_one_transformation_is_shown_in_detail(site: Path) -> None:
    result = CliRunner().invoke(app, ["plugins", "shear"])
    assert result.exit_code == 0
    for part in (
        "shear: shear along x",
        "package: acme_shear 1.2 (acme_shear:Shear)",
        "slope [px/px]: to the right",
        "laws: gaussian, exponential,",
        "  claimed: orthogonal: every T_theta",
        "  not claimed: preimages:",
        "option low_pass: float = 0.5\n  std of the low-pass, px.",
        "option name_of_filter: str = 'disc'\n  what smooths",
    ):
        assert part in result.stdout


def test_a_class_without_packaging_is_shown_too(site: Path) -> None:
    result = CliRunner().invoke(app, ["plugins", "acme_shear:Shear", "--json"])
    assert json.loads(result.stdout)["options"]["low_pass"]["default"] == 0.5


def test_an_unknown_name_is_exit_code_5(site: Path) -> None:
    result = CliRunner().invoke(app, ["plugins", "shera"])
    assert result.exit_code == 5
    assert "did you mean 'shear'" in result.stderr


def test_json_holds_the_same(site: Path) -> None:
    document = json.loads(CliRunner().invoke(app, ["plugins", "--json"]).stdout)
    (found,) = [each for each in document["transformations"] if each["name"] == "shear"]
    assert {"gaussian", "exponential", "laplace", "uniform"} <= set(found.pop("laws"))
    slope = {
        "name": "slope",
        "unit": "px/px",
        "description": "to the right",
        "usual": 1.0,
        "step": 0.0,
        "period": 0.0,
        "whole": False,
        "one_sided": False,
    }
    assert found == {
        "name": "shear",
        "summary": "shear along x",
        "parameters": [slope],
        "claims": {
            "orthogonal": True,
            "bounds": True,
            "exact": True,
            "identity_action": False,
            "joins": False,
            "preimages": False,
        },
        "guarantee": "individual",
        "refused": "",
        "options": {
            "low_pass": {"type": "float", "default": 0.5, "what": "std of the low-pass, px."},
            "name_of_filter": {"type": "str", "default": "disc", "what": "what smooths"},
        },
        "package": "acme_shear",
        "version": "1.2",
    }


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ("contrast+brightness", "give one of them the std 0"),
        ("rotation+brightness", ""),
    ],
)
def test_a_composition_whose_noise_is_refused_says_so(spec: str, reason: str) -> None:
    document = json.loads(CliRunner().invoke(app, ["plugins", spec, "--json"]).stdout)
    assert reason in document["refused"]
    page = CliRunner().invoke(app, ["plugins", spec]).stdout
    assert ("refused as it stands" in page) == bool(reason)
    assert "claimed: bounds" in page


@pytest.mark.parametrize("more", [[], ["--json"]])
@pytest.mark.parametrize(
    ("spec", "reason"),
    [("rotation+translation", "not known to commute"), ("brightness+rotation", "write rotation+b")],
)
def test_a_composition_that_is_refused_is_refused_here_too(
    spec: str, reason: str, more: list[str]
) -> None:
    result = CliRunner().invoke(app, ["plugins", spec, *more])
    assert result.exit_code == 2
    assert reason in result.stderr


PARTS = '''
from dataclasses import dataclass

from gsmooth import Parameter, Transformation
from gsmooth.errors import ConfigurationError


@dataclass(frozen=True)
class Tint(Transformation):
    """Linear and orthogonal, for colours, without a bound on its derivative."""

    {option}

    name = "tint"
    parameters = (Parameter("tint", "rad"),)
    orthogonal = True
    z_space = "colours"

    def for_shape(self, shape):
        if shape[0] != 3:
            raise ConfigurationError("tint is for colour images")
        return self

    def act(self, z, tint):
        half = len(z[0]) // 2
        a, b = z[:, :half], z[:, half:]
        return torch.cat([a * tint.cos() - b * tint.sin(), a * tint.sin() + b * tint.cos()], 1)
'''


@pytest.fixture
def tint(site: Path) -> Iterator[Path]:
    yield site / "my_tint.py"
    sys.modules.pop("my_tint", None)


def test_a_composition_claims_what_its_parts_say_and_no_more(tint: Path) -> None:
    tint.write_text("import torch\n" + PARTS.format(option=""))
    result = CliRunner().invoke(app, ["plugins", "my_tint:Tint+brightness", "--json"])
    document = json.loads(result.stdout)
    assert document["claims"] == {
        "orthogonal": True,
        "bounds": False,
        "exact": False,
        "identity_action": False,
        "preimages": False,
    }
    assert document["guarantee"] == "heuristic"
    assert list(document["options"]) == [
        "tint",
        "brightness",
    ]  # Not ``still``, ``image_shape``.


def test_the_claims_of_a_composition_may_depend_on_options_that_have_to_be_given(
    tint: Path,
) -> None:
    tint.write_text("import torch\n" + PARTS.format(option="strength: float"))
    result = CliRunner().invoke(app, ["plugins", "my_tint:Tint+brightness"])
    assert result.exit_code == 0
    assert "guarantee: depends on its options\n" in result.stdout
    assert "claimed: " not in result.stdout


def test_a_composition_that_takes_none_of_the_images_tried_says_why(tint: Path) -> None:
    tint.write_text("import torch\n" + PARTS.format(option="").replace("!= 3", "!= 7"))
    result = CliRunner().invoke(app, ["plugins", "my_tint:Tint+brightness"])
    assert (result.exit_code, "tint is for colour images" in result.stderr) == (2, True)


def test_a_broken_plugin_is_listed_and_fails_only_when_strict(site: Path) -> None:
    put(site, "acme_broken", "raise RuntimeError('no licence')")
    result = CliRunner().invoke(app, ["plugins"])
    assert result.exit_code == 0
    assert "broken: plugin 'acme_broken' of acme_broken: it fails on loading" in result.stdout
    assert "shear" in result.stdout
    assert CliRunner().invoke(app, ["plugins", "--strict"]).exit_code == 5
    faults = json.loads(CliRunner().invoke(app, ["plugins", "--json"]).stdout)["faults"]
    assert "no licence" in next(f["message"] for f in faults if f["plugin"] == "acme_broken")


def test_a_parameter_with_a_period_is_listed_with_it_and_with_the_haar_law() -> None:
    rotation, brightness = (registry.find(name).cls for name in ("rotation", "brightness"))
    assert parameter_line(rotation, rotation.parameters[0]) == "angle [deg], period 360"
    assert "haar" in fitting_laws(rotation)
    assert "haar" not in fitting_laws(brightness)


def listed() -> list[str]:
    return [document["name"] for document in PluginListing.kept_or_found().documents]


def test_the_list_is_kept_until_a_file_of_a_plugin_changes(site: Path) -> None:
    first = PluginListing.kept_or_found()
    (kept,) = (site / "cache" / "gsmooth" / "plugins").iterdir()
    marked = json.loads(kept.read_text())
    marked["documents"][0]["name"] = "from the file"
    kept.write_text(json.dumps(marked))
    assert listed()[0] == "from the file"
    (site / "acme_shear.py").write_text(PLUGIN + "# One more line.\n")
    assert PluginListing.kept_or_found() == first


@pytest.mark.parametrize("content", [b"", b"{}", b"\x00\xff", b'{"stamp": 1, "rows": [[1]]}'])
def test_a_damaged_file_of_the_list_is_made_again(site: Path, content: bytes) -> None:
    expected = listed()
    (kept,) = (site / "cache" / "gsmooth" / "plugins").iterdir()
    kept.write_bytes(content)
    assert listed() == expected
    assert json.loads(kept.read_text())["rows"]


def test_a_list_with_a_broken_plugin_is_not_kept(site: Path) -> None:
    put(site, "acme_broken", "import no_such_module\n")
    assert [fault["plugin"] for fault in PluginListing.kept_or_found().faults] == ["acme_broken"]
    assert not list((site / "cache" / "gsmooth" / "plugins").iterdir())


def test_a_list_that_is_kept_is_shown_without_torch(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom gsmooth.cli import main\nsys.argv = ['gsmooth', 'plugins']\n"
        "try:\n    main()\nfinally:\n"
        "    print(sorted({'kornia', 'scipy', 'torch'} & set(sys.modules)), file=sys.stderr)\n"
    )
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    first, second = (
        subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True
        )
        for _ in range(2)
    )
    assert first.stdout == second.stdout != ""
    assert first.stderr.strip() == "['scipy', 'torch']"
    assert second.stderr.strip() == "[]"
