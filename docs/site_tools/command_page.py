"""The reference of commands: usage, options and examples of each, from the commands themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import typer
from typer.core import TyperCommand, TyperGroup

from gsmooth.cli import app

_INTRODUCTION = """# Commands

What `gsmooth COMMAND --help` prints. [The command line](../../cli.md) says what holds for all
commands: exit codes, where values come from, data, models and seeds.
"""


def write_command_page(page: Path) -> None:
    """Write the page of all commands."""
    page.parent.mkdir(parents=True, exist_ok=True)
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    parts = [part for name in group.commands for part in _command(group, name)]
    page.write_text("\n".join([_INTRODUCTION, *parts]), "utf-8")


def _command(group: TyperGroup, name: str) -> Iterator[str]:
    command = group.commands[name]
    assert isinstance(command, TyperCommand)
    context = typer.Context(command, info_name=f"gsmooth {name}")
    yield f"## `gsmooth {name}`"
    yield ""
    yield markdown(command.help or "")
    yield ""
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    yield f"```text\n{usage}\n```"
    yield ""
    yield from _options(command, context)
    yield markdown(command.epilog or "").replace("**Examples**", "**Examples**\n")
    yield ""


def _options(command: TyperCommand, context: typer.Context) -> Iterator[str]:
    yield "| option | meaning |"
    yield "|---|---|"
    for parameter in command.params:
        record = parameter.get_help_record(context)
        if record is None:
            continue
        spelling, meaning = record
        yield f"| `{_in_table(spelling)}` | {markdown(_in_table(meaning))} |"
    yield ""


def markdown(text: str) -> str:
    """Help texts in the markup of rich, as Markdown; commands of an example become code."""
    plain = re.sub(r"\[/?bold\]", "**", text)
    lines = [
        f"```sh\n{line}\n```" if line.startswith(("gsmooth ", "curl ", "find ")) else line
        for line in plain.splitlines()
    ]
    return "\n".join(lines)


def _in_table(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|")
