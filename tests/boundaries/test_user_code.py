"""Code that is not ours: whatever it raises becomes one of our errors, in one line."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from gsmooth.boundaries.factory import call_factory
from gsmooth.boundaries.user_code import import_named, one_line, users_code
from gsmooth.errors import GsmoothError, InputError, ModelError, PluginError

RAISING = {
    "import_error": ("import no_such_package", "ModuleNotFoundError: No module named"),
    "syntax_error": ("def (:", "SyntaxError: invalid syntax"),
    "exits": ("import sys; sys.exit(0)", "SystemExit: 0"),
    "base_error": ("raise BaseException('no way\\nmore')", "BaseException: no way"),
    "closing": ("raise GeneratorExit", "GeneratorExit"),
    "ours": ("import gsmooth.errors as e; raise e.RecordError('x')", "RecordError: x"),
}


@pytest.fixture(autouse=True)
def working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return tmp_path


def write(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, source: str) -> None:
    (folder / f"{name}.py").write_text(source)
    monkeypatch.delitem(sys.modules, name, raising=False)


@pytest.mark.parametrize("error", [ModelError, InputError, PluginError])
@pytest.mark.parametrize("case", RAISING)
def test_whatever_an_import_raises_is_one_line_of_our_own_error(
    case: str, error: type[GsmoothError], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, said = RAISING[case]
    write(tmp_path, monkeypatch, f"raising_{case}", source)
    with pytest.raises(error) as caught:
        import_named(f"raising_{case}:build", "this", error)
    message = str(caught.value)
    assert message.startswith(f"this: cannot import 'raising_{case}': {said}")
    assert "\n" not in message


@pytest.mark.parametrize("raised", ["sys.exit(0)", "raise BaseException('no')", "1 / 0"])
def test_whatever_a_factory_raises_is_our_own_error(
    raised: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, monkeypatch, "raising_factory", f"import sys\ndef build(): {raised}")
    with pytest.raises(ModelError, match="'raising_factory:build' raised"):
        call_factory("raising_factory:build", ModelError)


def test_ctrl_c_stays_ctrl_c() -> None:
    with pytest.raises(KeyboardInterrupt), users_code("this raised", ModelError):
        raise KeyboardInterrupt


def test_an_exception_that_cannot_be_printed_is_named_by_its_type() -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError("not even this")

    assert one_line(Mute()) == "Mute"


def test_the_working_directory_is_searched_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, monkeypatch, "colorsys", "hsv_to_rgb = 'not the standard library'")
    write(tmp_path, monkeypatch, "only_here", "build = 1")
    assert import_named("only_here:build", "this", ModelError) == 1
    assert sys.path[-1] == str(tmp_path)
    assert callable(import_named("colorsys:hsv_to_rgb", "this", ModelError))


def test_a_module_that_hides_ones_own_is_named_by_its_file() -> None:
    with pytest.raises(ModelError, match=r"'colorsys' \(.*colorsys.py\) has no 'build'"):
        import_named("colorsys:build", "this", ModelError)


def test_a_spec_that_names_no_module_leaves_the_path_alone(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="not of the form module:name"):
        import_named("net.onnx", "this", ModelError)
    assert str(tmp_path) not in sys.path
