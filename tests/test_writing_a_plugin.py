"""docs/writing-a-plugin.md, done as it says from an empty folder; its package is the example."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gsmooth.cli import app
from gsmooth.transforms import registry

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "gsmooth-shear"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
PLACE = re.compile(r"# ([\w./]+)(, added.*)?\n")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty working directory; what is imported from it or registered is forgotten."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(registry, "_registered", {})
    yield tmp_path
    forget(tmp_path)


def forget(folder: Path) -> None:
    """Modules of the folder are read again, as a new process would."""
    for module in folder.glob("*.py"):
        sys.modules.pop(module.stem, None)


def blocks() -> list[tuple[str, str]]:
    """Language and text of every block of the guide, in order."""
    text = (ROOT / "docs" / "writing-a-plugin.md").read_text("utf-8")
    return [(found[1], found[2]) for found in BLOCK.finditer(text)]


def packaged(text: str) -> tuple[Path, str] | None:
    """The file of the example that a block shows a part of, and the part; or None."""
    named = PLACE.match(text)
    if named is None or not (EXAMPLE / named[1]).exists():
        return None
    return EXAMPLE / named[1], text[named.end() :]


def obey(command: str, folder: Path) -> str:
    """What a command of the guide prints; it may fail only where the guide breaks something."""
    if not command.startswith("gsmooth "):
        subprocess.run(["bash", "-c", command], check=True)
        return ""
    forget(folder)
    result = CliRunner().invoke(app, command.split()[1:], terminal_width=200)
    expected = 10 if "broken:" in command else 0
    assert result.exit_code == expected, f"{command}: {result.output}"
    return result.stdout


def shown(line: str, output: str) -> bool:
    """Whether a line of the guide was printed but for spacing; ``...`` stands for anything."""
    pattern = ".*".join(re.escape(part) for part in re.sub(" +", " ", line).split("..."))
    return re.search(f"^{pattern}$", re.sub(" +", " ", output), re.MULTILINE) is not None


@pytest.mark.slow
def test_the_guide_works_from_an_empty_folder_and_prints_what_it_says(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    printed: dict[str, str] = {}
    last = ""
    for language, text in blocks():
        place = PLACE.match(text)
        if language == "sh":
            commands = [line for line in text.splitlines() if not line.startswith("pip ")]
            printed |= {command: obey(command, folder) for command in commands}
            last = "\n".join(printed[command] for command in commands)
        elif language == "text":
            missing = [line for line in text.splitlines() if not shown(line, last)]
            assert missing == [], last
        elif place is not None and packaged(text) is None:
            with (folder / place[1]).open("a" if place[2] else "w") as module:
                module.write(f"\n{text[place.end() :]}")
        elif place is None:
            forget(folder)
            exec(compile(text, "writing-a-plugin.md", "exec"), {})
    certified = [output for command, output in printed.items() if " certify " in f" {command}"]
    assert ["heuristic" in output for output in certified] == [True, False]
    assert "individual" in certified[1]
    assert "Certified" in capsys.readouterr().out


def test_what_the_guide_packages_is_the_example() -> None:
    parts = [found for _, text in blocks() if (found := packaged(text)) is not None]
    assert len(parts) == 3
    for path, part in parts:
        assert part in path.read_text("utf-8"), f"{path.name} does not contain:\n{part}"


def test_the_reference_names_every_method_and_claim_of_a_transformation() -> None:
    from gsmooth import Transformation, TransformationBounds

    text = (ROOT / "docs" / "writing-a-plugin.md").read_text("utf-8")
    every = {*vars(Transformation), *vars(TransformationBounds)}
    promised = {name for name in every if not name.startswith("_")}
    promised -= {"summary", "default_centres"}
    assert [name for name in sorted(promised) if f"`{name}`" not in text] == []


def test_every_check_that_the_reference_names_exists() -> None:
    from gsmooth.testing.checks import EVERY

    text = (ROOT / "docs" / "writing-a-plugin.md").read_text("utf-8")
    named = set(re.findall(r"`(\w+)`", text[text.index("### Common mistakes") :]))
    assert named - {"act", "attack"} <= {body.__name__ for body in EVERY}
