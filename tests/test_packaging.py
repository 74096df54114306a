"""What an installation contains: one version, every plugin registered, every shipped file."""

from __future__ import annotations

import tomllib
from importlib import import_module
from importlib.metadata import entry_points, version
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

import gsmooth

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PLUGINS: dict[str, str] = PYPROJECT["project"]["entry-points"]["gsmooth"]
SHIPPED_LIMIT = 1_000_000  # bytes, one shipped network


@pytest.fixture(scope="module")
def wheel_files() -> set[str]:
    """Paths inside the wheel that this tree would build."""
    files = WheelBuilder(str(ROOT)).recurse_included_files()
    return {Path(file.distribution_path).as_posix() for file in files}


def sources(folder: Path) -> set[str]:
    """The files below a package folder, as paths from the folder that holds the package."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder.parent).as_posix()
        for path in found
        if "__pycache__" not in path.parts and not path.name.startswith(".")
    }


def test_installed_version_is_the_one_in_the_package() -> None:
    assert version("gsmooth") == gsmooth.__version__


def test_citation_names_the_same_version() -> None:
    assert f"\nversion: {gsmooth.__version__}\n" in (ROOT / "CITATION.cff").read_text()


def test_installed_entry_points_are_those_declared() -> None:
    installed = entry_points(group="gsmooth")
    ours = {point.name: point.value for point in installed if point.value in PLUGINS.values()}
    assert ours == PLUGINS


def test_every_plugin_folder_is_registered_and_packaged() -> None:
    folders = {path.parent.name for path in (ROOT / "plugins").glob("*/__init__.py")}
    packages = PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert folders == set(PLUGINS.values())
    assert {Path(package).name for package in packages} == {"gsmooth", *folders}


@pytest.mark.parametrize("module", PLUGINS.values())
def test_every_plugin_module_implements_the_hook(module: str) -> None:
    hook = import_module(module).gsmooth_transformations
    assert hasattr(hook, "gsmooth_impl")  # what the hookimpl marker leaves behind


def test_console_script_can_be_called() -> None:
    (script,) = entry_points(group="console_scripts", name="gsmooth")
    assert callable(script.load())


def test_every_public_name_resolves() -> None:
    missing = [name for name in gsmooth.__all__ if not hasattr(gsmooth, name)]
    assert missing == []


@pytest.mark.parametrize("package", ["gsmooth", *PLUGINS.values()])
def test_wheel_holds_every_file_of_the_package(package: str, wheel_files: set[str]) -> None:
    folder = ROOT / package if package == "gsmooth" else ROOT / "plugins" / package
    assert sources(folder) <= wheel_files


def test_wheel_is_typed_and_holds_nothing_but_the_packages(wheel_files: set[str]) -> None:
    assert "gsmooth/py.typed" in wheel_files
    assert {name.split("/")[0] for name in wheel_files} <= {"gsmooth", *PLUGINS.values()}


def test_every_shipped_card_has_its_weights_and_they_are_small() -> None:
    shipped = ROOT / "gsmooth" / "models" / "zoo"
    cards = {path.stem for path in shipped.glob("*.toml")}
    weights = {path.stem: path.stat().st_size for path in shipped.glob("*.pt")}
    assert cards
    assert cards == set(weights)
    assert [name for name, size in weights.items() if size > SHIPPED_LIMIT] == []


@pytest.mark.parametrize("package", ["gsmooth", *PLUGINS.values()])
def test_every_package_says_that_it_is_typed(package: str, wheel_files: set[str]) -> None:
    assert f"{package}/py.typed" in wheel_files


def test_every_licence_that_is_named_lies_in_the_tree() -> None:
    assert all((ROOT / name).is_file() for name in PYPROJECT["project"]["license-files"])
