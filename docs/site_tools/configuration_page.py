"""The reference of run files: a table for each section, from the pydantic models themselves."""

from __future__ import annotations

import typing
from collections.abc import Iterator
from pathlib import Path
from types import NoneType, UnionType

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from gsmooth.runs.config.run_config import RunConfig
from site_tools.attribute_docs import attribute_docs

_INTRODUCTION = """# Fields of a run file

A run file is TOML with the sections below; `gsmooth certify --config run.toml` reads it. Any field
can be set on the command line too: `--set certify.n0=128`. [The command
line](../../cli.md#where-values-come-from) says which of several values wins. An unknown field is an
error. *from the card*: what a shipped network was trained under;
for others the field has to be set.
"""
_FROM_CARD = {
    "transformation.name",
    "smoothing.sigma",
    "smoothing.scales",
    "region.lower",
    "region.upper",
}


def write_configuration_page(page: Path) -> None:
    """Write the page of every field of a run file: type, default and meaning."""
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(configuration_text(), "utf-8")


def configuration_text() -> str:
    """The page, as Markdown."""
    return "\n".join([_INTRODUCTION, *_sections()])


def _sections() -> Iterator[str]:
    for name, field in RunConfig.model_fields.items():
        section = field.annotation
        assert isinstance(section, type)
        assert issubclass(section, BaseModel)
        yield f"## `[{name}]`"
        yield ""
        yield " ".join((section.__doc__ or "").split())
        yield ""
        yield "| field | type | default | meaning |"
        yield "|---|---|---|---|"
        written = meanings(section)
        for key, inner in section.model_fields.items():
            meaning = written[key].replace("|", r"\|")
            default = "from the card" if f"{name}.{key}" in _FROM_CARD else _default(inner)
            yield f"| `{name}.{key}` | {kind(inner.annotation)} | {default} | {meaning} |"
        yield ""


def meanings(section: type[BaseModel]) -> dict[str, str]:
    """What the source says below each field; fields without a word are missing."""
    written = attribute_docs(section.__module__)
    keys = {field: f"{section.__name__}.{field}" for field in section.model_fields}
    return {field: " ".join(written[key].split()) for field, key in keys.items() if key in written}


def _default(field: FieldInfo) -> str:
    value = field.default
    if value is None:
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, str | Path):
        return f'`"{value}"`'
    return f"`{value}`"


def kind(annotation: object) -> str:
    """A type as a table shows it: what TOML can hold, and the words that are allowed."""
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return kind(typing.get_args(annotation)[0])
    if origin is typing.Literal:
        return " or ".join(
            f'`"{word}"`' if isinstance(word, str) else f"`{word}`"
            for word in typing.get_args(annotation)
        )
    if origin in (UnionType, typing.Union):
        parts = [part for part in typing.get_args(annotation) if part is not NoneType]
        return " or ".join(kind(part) for part in parts)
    if origin is tuple:
        inner = [part for part in typing.get_args(annotation) if part is not Ellipsis]
        return f"list of {kind(inner[0])}"
    words = {bool: "true or false", int: "integer", float: "number", str: "text", Path: "path"}
    return words.get(typing.cast("type", annotation), "table")
