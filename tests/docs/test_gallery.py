"""Generated pages: the gallery shows every case, and all transformations are listed."""

from __future__ import annotations

import re

import pytest
from typer.main import get_command

from gsmooth.cli import app
from gsmooth.transforms import transformations
from make_gallery import CASES, Case, page
from site_tools.transformation_page import transformation_text


def test_every_case_has_a_section_a_command_and_a_picture() -> None:
    text = "\n".join(page(CASES))
    for case in CASES:
        assert f"## {case.title}\n" in text
        assert f"({case.name}/{case.picture})" in text
    assert text.count("gsmooth certify") == len(CASES)


def test_a_command_on_the_page_is_the_command_of_the_case() -> None:
    shown = re.findall(r"```sh\n(.*?)\n```", "\n".join(page(CASES)), re.DOTALL)
    joined = [" ".join(command.replace("\\\n", " ").split()) for command in shown]
    assert joined == [case.command(f"runs/{case.name}") for case in CASES]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_options_of_a_case_exist(case: Case) -> None:
    command = vars(get_command(app))["commands"]["certify"]
    options = {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
    used = {word.partition("=")[0] for word in case.arguments.split() if word.startswith("-")}
    assert used <= options


def test_every_transformation_is_listed_with_its_parameters() -> None:
    text = transformation_text()
    for name, info in transformations().items():
        (row,) = (line for line in text.splitlines() if line.startswith(f"| `{name}` |"))
        for parameter in info.cls.parameters:
            assert f"`{parameter.name}` ({parameter.unit})" in row
