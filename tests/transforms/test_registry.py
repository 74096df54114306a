"""The registry, on plugins laid out as pip installs them: metadata and modules on sys.path."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from gsmooth.errors import ConfigurationError, PluginError
from gsmooth.transforms import registry
from gsmooth.transforms.base import Parameter
from gsmooth.transforms.hookspecs import API_VERSION
from gsmooth.transforms.options import described, fitting_laws

if TYPE_CHECKING:
    from gsmooth.transforms.base import Transformation

Install = Callable[..., None]

SHEAR = """
from dataclasses import dataclass
from typing import ClassVar

import gsmooth
from gsmooth.transforms.base import Parameter, Transformation


@dataclass(frozen=True)
class Shear(Transformation):
    name: ClassVar[str] = "shear"
    parameters: ClassVar[tuple[Parameter, ...]] = (Parameter("slope", unit="px/px"),)
    low_pass: float = 0.5
    centre: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        if self.low_pass < 0:
            raise ValueError("low_pass must be >= 0 px")

    def act(self, z, slope):
        return z
"""
HOOK = """

@gsmooth.hookimpl
def gsmooth_transformations():
    return [Shear]
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Put a distribution with one module and one ``gsmooth`` entry point on the path."""
    monkeypatch.syspath_prepend(str(tmp_path))
    modules: list[str] = []

    def put(package: str, source: str) -> None:
        module = package.replace("-", "_")
        modules.append(module)
        (tmp_path / f"{module}.py").write_text(source)
        info = tmp_path / f"{module}-1.2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.2\n")
        (info / "entry_points.txt").write_text(f"[gsmooth]\n{package} = {module}\n")
        importlib.invalidate_caches()
        registry._catalogue.cache_clear()

    yield put
    for module in modules:
        sys.modules.pop(module, None)
    monkeypatch.undo()
    registry._catalogue.cache_clear()


def test_an_installed_plugin_is_offered_with_its_package_and_version(install: Install) -> None:
    install("acme-shear", SHEAR + HOOK)
    info = registry.transformations()["shear"]
    assert (info.package, info.version) == ("acme-shear", "1.2")
    assert isinstance(registry.load_transformation("shear"), info.cls)


def test_a_plugin_that_fails_on_import_takes_no_other_down(install: Install) -> None:
    install("acme-broken", "raise RuntimeError('no licence')")
    install("acme-shear", SHEAR + HOOK)
    assert "shear" in registry.transformations()
    assert _fault_of("acme-broken").startswith("it fails on loading: RuntimeError: no licence")


@pytest.mark.parametrize("raised", ["SystemExit(0)", "GeneratorExit", "BaseException('no way')"])
@pytest.mark.parametrize("where", ["import", "hook"])
def test_a_plugin_that_ends_the_process_is_broken_and_takes_no_other_down(
    install: Install, raised: str, where: str
) -> None:
    leave = f"raise {raised}"
    hook = f"{SHEAR}{HOOK}".replace("return [Shear]", leave)
    install("acme-broken", leave if where == "import" else hook)
    install("bond-shear", SHEAR + HOOK)
    assert "shear" in registry.transformations()
    assert _fault_of("acme-broken").startswith(f"it fails on loading: {raised.partition('(')[0]}")


@pytest.mark.parametrize("raised", ["TypeError('odd')", "SystemExit(0)"])
def test_a_plugin_whose_making_raises_is_named(install: Install, raised: str) -> None:
    spoilt = SHEAR.replace('raise ValueError("low_pass must be >= 0 px")', f"raise {raised}")
    install("acme-shear", spoilt + HOOK)
    with pytest.raises(PluginError, match=f"'shear' raised {raised.partition('(')[0]}"):
        registry.load_transformation("shear", {"low_pass": -1.0})


def test_a_hook_that_raises_is_a_fault_of_its_plugin(install: Install) -> None:
    install("acme-shear", SHEAR + HOOK.replace("[Shear]", "1 / 0"))
    assert "ZeroDivisionError" in _fault_of("acme-shear")


def test_a_misspelt_hook_is_named_beside_the_right_one(install: Install) -> None:
    install("acme-shear", SHEAR + HOOK.replace("gsmooth_transformations", "gsmooth_transformation"))
    message = _fault_of("acme-shear")
    assert "unknown hook 'gsmooth_transformation'" in message
    assert "'gsmooth_transformations'" in message


def test_a_hook_without_its_marker_is_a_fault(install: Install) -> None:
    install("acme-shear", SHEAR + HOOK.replace("@gsmooth.hookimpl\n", ""))
    assert "decorate it with @gsmooth.hookimpl" in _fault_of("acme-shear")


def test_a_plugin_without_any_hook_is_a_fault(install: Install) -> None:
    install("acme-shear", SHEAR)
    assert "implements no hook" in _fault_of("acme-shear")


@pytest.mark.parametrize(
    ("stated", "validation_error"),
    [
        (
            "2",
            "is written for version 2 of the plugin API, and this gsmooth has version 1; upgrade",
        ),
        ("0", "upgrade acme-shear, or, if it is yours"),
        ("'1'", "GSMOOTH_API = '1' must be a whole number"),
        ("True", "must be a whole number"),
    ],
)
def test_a_plugin_for_another_api_is_a_fault_that_names_both_versions(
    install: Install, stated: str, validation_error: str
) -> None:
    install("acme-shear", f"{SHEAR + HOOK}\nGSMOOTH_API = {stated}\n")
    assert validation_error in _fault_of("acme-shear")
    assert "shear" not in registry.transformations()


def test_a_plugin_for_this_api_is_offered(install: Install) -> None:
    install("acme-shear", f"{SHEAR + HOOK}\nGSMOOTH_API = {API_VERSION}\n")
    assert "shear" in registry.transformations()


def test_two_packages_with_one_name_are_both_named_and_neither_wins(install: Install) -> None:
    install("acme-shear", SHEAR + HOOK)
    install("bond-shear", SHEAR + HOOK)
    assert "shear" not in registry.transformations()
    assert "claimed by acme-shear and bond-shear" in _fault_of("bond-shear")
    with pytest.raises(PluginError, match="acme-shear and bond-shear; neither is used"):
        registry.load_transformation("shear")


@pytest.mark.parametrize(
    ("old", "new", "validation_error"),
    [
        ('name: ClassVar[str] = "shear"', "", "needs a class attribute name"),
        (
            "parameters: ClassVar",
            "others: ClassVar",
            "act takes theta (slope), but parameters lists",
        ),
        ('Parameter("slope", unit="px/px")', "'slope'", "must be a tuple of gsmooth.Parameter"),
        ("class Shear(Transformation)", "class Shear", "is not a subclass of"),
        ("low_pass: float", "one_sided = ('slop',)\n    low_pass: float", "one_sided names 'slop'"),
        ("def act", "def action", "does not define act"),
        (
            "def act(",
            "def z_space(self):\n        ...\n\n    def act(",
            "z_space is a property, not",
        ),
        ("def act(", "def has_action(self):\n        ...\n\n    def act(", "with @property"),
        ("low_pass: float", "z_space = (28, 28)\n    low_pass: float", "z_space must be a string"),
        ("@dataclass(frozen=True)", "", "is not a frozen dataclass"),
        ("[Shear]", "[Shear()]", "not a class; offer the class itself"),
        ("[Shear]", "Shear", "not a list of classes"),
    ],
)
def test_an_unfit_class_is_a_fault_that_says_what_is_missing(
    install: Install, old: str, new: str, validation_error: str
) -> None:
    install("acme-shear", (SHEAR + HOOK).replace(old, new))
    assert validation_error in _fault_of("acme-shear")
    assert "shear" not in registry.transformations()


def test_an_unknown_name_lists_the_known_ones_and_the_nearest(install: Install) -> None:
    install("acme-shear", SHEAR + HOOK)
    with pytest.raises(PluginError, match=r"'sheer' is not .*did you mean 'shear'.*known:.*shear"):
        registry.load_transformation("sheer")


def test_an_unknown_option_names_the_nearest(install: Install) -> None:
    install("acme-shear", SHEAR + HOOK)
    with pytest.raises(ConfigurationError, match=r"'low_pas' \(did you mean 'low_pass'\?\)"):
        registry.load_transformation("shear", {"low_pas": 1.0})


def test_an_ill_typed_option_says_what_was_expected(install: Install) -> None:
    install("acme-shear", SHEAR + HOOK)
    with pytest.raises(ConfigurationError, match=r"option low_pass: .*valid number.*'wide'"):
        registry.load_transformation("shear", {"low_pass": "wide"})
    with pytest.raises(ConfigurationError, match="low_pass must be >= 0 px"):
        registry.load_transformation("shear", {"low_pass": -1})


def test_options_become_fields(install: Install) -> None:
    install("acme-shear", SHEAR + HOOK)
    shear = registry.load_transformation("shear", {"low_pass": 2, "centre": [1.0, 2.0]})
    assert vars(shear) == {"low_pass": 2.0, "centre": (1.0, 2.0)}


def test_a_class_in_the_working_directory_needs_no_packaging(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_shears.py").write_text(SHEAR)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    assert registry.load_transformation("my_shears:Shear", {"low_pass": 1}).name == "shear"
    with pytest.raises(PluginError, match="did you mean 'Shear'"):
        registry.load_transformation("my_shears:Sheer")
    with pytest.raises(PluginError, match="cannot import 'my_sheers'"):
        registry.load_transformation("my_sheers:Shear")
    with pytest.raises(PluginError, match="is not a subclass of"):
        registry.load_transformation("my_shears:Parameter")
    (tmp_path / "new_shears.py").write_text(f"{SHEAR}\nGSMOOTH_API = 9\n")
    with pytest.raises(PluginError, match="new_shears is written for version 9 of the plugin API"):
        registry.load_transformation("new_shears:Shear")


def test_a_registered_class_is_offered_and_can_be_replaced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(registry, "_registered", {})
    first, second = _shear(), _shear()
    assert registry.register(first) is first
    registry.register(second)
    assert registry.transformations()["shear"].cls is second


def test_registering_a_name_that_a_package_holds_is_refused(
    install: Install,
) -> None:
    install("acme-shear", SHEAR + HOOK)
    with pytest.raises(PluginError, match="claimed by acme-shear"):
        registry.register(_shear())


def test_registering_an_unfit_class_is_refused() -> None:
    with pytest.raises(PluginError, match="is not a subclass of"):
        registry.register(int)  # type: ignore[arg-type]


def test_registering_a_class_for_another_api_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_registered", {})
    cls = _shear()
    notebook = ModuleType("notebook")
    vars(notebook)["GSMOOTH_API"] = 2
    monkeypatch.setitem(sys.modules, "notebook", notebook)
    with pytest.raises(PluginError, match="notebook is written for version 2"):
        registry.register(cls)


def test_laws_fit_by_number_and_sides_of_the_parameters() -> None:
    class Blurred(_shear()):  # type: ignore[misc]
        one_sided = ("slope",)

    class Still(_shear()):  # type: ignore[misc]
        parameters = ()

    class Double(_shear()):  # type: ignore[misc]
        parameters = (Parameter("one", "px"), Parameter("other", "px"))

    every = fitting_laws(_shear())
    assert every[0] == "gaussian"
    assert {"exponential", "laplace", "uniform"} < set(every)
    assert fitting_laws(Still) == fitting_laws(Double) == ("gaussian",)
    assert {"exponential", "uniform"} <= set(fitting_laws(Blurred))
    assert not {"gaussian", "laplace"} & set(fitting_laws(Blurred))


def test_options_are_described_by_the_docstring_or_their_metadata() -> None:
    @dataclass(frozen=True)
    class Told(_shear()):  # type: ignore[misc]
        """A shear.

        low_pass: std of the low-pass, in pixels: more of it
        is smoother.
        height: how high.
        """

        height: float = 1.0
        depth: float = field(default=2.0, metadata={"description": "how deep"})

    assert described(Told) == {
        "low_pass": "std of the low-pass, in pixels: more of it is smoother.",
        "centre": "",
        "height": "how high.",
        "depth": "how deep",
    }


def test_the_registry_imports_no_torch() -> None:
    program = "import gsmooth.transforms.registry, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def _shear() -> type[Transformation]:
    namespace: dict[str, object] = {"__name__": "notebook"}
    exec(compile(SHEAR, "notebook", "exec", dont_inherit=True), namespace)
    cls = namespace["Shear"]
    assert isinstance(cls, type)
    return cls


def _fault_of(package: str) -> str:
    return next(f.message for f in registry.faults() if f.package == package)
