"""Groups of tests that need more packages: scripts/test-extras knows each, and runs each in CI."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
MARK = re.compile(r'mark\.extras(?:\(group="(\w+)"\))?')


def groups() -> dict[str, str]:
    """The groups of the script, and the extras that each installs."""
    listed = subprocess.run(
        [ROOT / "scripts" / "test-extras", "--list"], check=True, capture_output=True, text=True
    )
    return dict(line.split(": ") for line in listed.stdout.splitlines())


def marked() -> set[str]:
    """The groups of all tests that are marked; '' for a test that names none."""
    files = (ROOT / "tests").rglob("test_*.py")
    return {
        name for file in files if file != Path(__file__) for name in MARK.findall(file.read_text())
    }


def test_each_group_of_the_script_has_tests_and_each_marked_test_a_group() -> None:
    assert marked() == set(groups())


def test_a_group_installs_extras_that_the_package_has() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    installed = {extra for extras in groups().values() for extra in extras.split(",")}
    assert installed <= set(project["optional-dependencies"])


def test_an_unknown_group_is_refused_with_those_there_are() -> None:
    command = [str(ROOT / "scripts" / "test-extras"), "rays"]
    refused = subprocess.run(command, capture_output=True, text=True)
    assert refused.returncode == 2
    assert all(name in refused.stderr for name in ("'rays'", *groups()))


def test_ci_runs_the_groups_after_the_tests_of_the_readme() -> None:
    steps = re.findall(r"^step (\w+)$", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)
    assert steps[steps.index("readme_test") + 1] == "extras_test"
