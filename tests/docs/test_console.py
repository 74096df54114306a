"""Commands of a tutorial print to its page, and stop the build where they fail."""

from __future__ import annotations

import pytest

from site_tools.console import console


def test_a_command_prints_its_output_in_one_piece(capsys: pytest.CaptureFixture[str]) -> None:
    console("", "echo one; echo two >&2; echo three")
    assert capsys.readouterr().out == "one\nthree\n"


def test_a_command_gets_no_request_for_colours(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    console("", 'echo "${FORCE_COLOR:-none}"')
    assert capsys.readouterr().out == "none\n"


@pytest.mark.parametrize("commands", ["exit 3", "false\necho on", "exit 3 | cat"])
def test_a_command_that_fails_is_an_error(commands: str) -> None:
    with pytest.raises(RuntimeError, match="exit code"):
        console("", commands)
