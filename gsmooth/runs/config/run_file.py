"""From a run file and overrides to a RunConfig, or to an error that names file, path and field."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, ValidationError

from gsmooth.errors import ConfigurationError
from gsmooth.runs.config.named_parameters import ordered
from gsmooth.runs.config.overrides import Override, Tree
from gsmooth.runs.config.run_config import RunConfig
from gsmooth.text.spelling import did_you_mean

CONFIG_NAME: Final = "config.toml"
"""The run file that a run leaves beside its records."""
HEADER_NAME: Final = "run.json"
"""What makes a folder one of records; ``gsmooth.runs.records.folder`` has it too, and needs
torch."""

_FIELD: Final = 2
"""Levels of a field in a run file: section and name."""

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


def load_config(path: Path | None = None, overrides: Iterable[str | Override] = ()) -> RunConfig:
    """The configuration of a TOML file (None: the defaults) with the overrides on top, in order.

    The ``config.toml`` of a folder of records is about that folder, wherever it lies by now: its
    ``output.folder`` is the place of the file, not the one that was written down. Noise and regions
    may name their parameters (``scales = {angle = 4}``); see :func:`ordered`.

    Raises ConfigurationError with one line a mistake: the file or flag, the dotted path, what was
    given and expected, and the nearest field.
    """
    settings = [o if isinstance(o, Override) else Override.parse(o) for o in overrides]
    tree = {} if path is None else _read(path)
    if path is not None and _is_of_records(path):
        Override("output.folder", str(path.parent), str(path)).apply(tree)
    for setting in settings:
        setting.apply(tree)
    if bad := next(_with_nul(tree), None):
        raise ConfigurationError(f"{_source(bad, path, settings)}: {bad}: holds the character NUL")
    ordered(tree)
    try:
        # JSON, because only there strictness means what a run file means: lists are tuples and
        # strings are paths, but "0.2" is no number and true is no count.
        return RunConfig.model_validate_json(json.dumps(tree, default=str), strict=True)
    except ValidationError as error:
        lines = [_line(detail, path, settings) for detail in _by_field(error.errors())]
        raise ConfigurationError("\n".join(lines)) from error


def _is_of_records(path: Path) -> bool:
    return path.name == CONFIG_NAME and path.with_name(HEADER_NAME).is_file()


def _with_nul(tree: Tree, prefix: str = "") -> Iterator[str]:
    """Dotted names of texts with a NUL: no file, module or device has such a name."""
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _with_nul(value, f"{prefix}{key}.")
        elif isinstance(value, str) and "\0" in value:
            yield f"{prefix}{key}"


def _read(path: Path) -> Tree:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"run file {path} is no text; expected a TOML file, such as the {path.stem}.toml that"
            " gsmooth train writes beside the weights"
        ) from error
    except OSError as error:
        raise ConfigurationError(f"run file {path} cannot be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path}: not valid TOML: {error}") from error


def _by_field(details: Sequence[ErrorDetails]) -> list[ErrorDetails]:
    """One message a field; for a field of several forms pydantic gives one for each form."""
    found: dict[tuple[int | str, ...], ErrorDetails] = {}
    for detail in details:
        where = detail["loc"]
        if len(where) > _FIELD and isinstance(where[_FIELD], str):  # The name of a form.
            where = where[:_FIELD]
        message = detail["msg"]
        if where in found:
            message = f"{found[where]['msg']}, or {message.removeprefix('Input should be ')}"
        found[where] = {**detail, "loc": where, "msg": message}
    return list(found.values())


def _line(detail: ErrorDetails, path: Path | None, settings: Sequence[Override]) -> str:
    where = [str(part) for part in detail["loc"]]
    dotted = ".".join(where)
    source = _source(dotted, path, settings)
    if detail["type"] == "extra_forbidden":
        return f"{source}: {_unknown(where)}"
    message = detail["msg"].removeprefix("Value error, ")
    return f"{source}: {dotted}: {message[0].lower()}{message[1:]}; given: {detail['input']!r}"


def _unknown(where: list[str]) -> str:
    *sections, field = where
    model: type[BaseModel] = RunConfig
    for name in sections:
        annotation = model.model_fields[name].annotation
        assert isinstance(annotation, type)
        assert issubclass(annotation, BaseModel)
        model = annotation
    known = list(model.model_fields)
    place = f"[{'.'.join(sections)}]" if sections else "the run file"
    hint = did_you_mean(field, known)
    return f"{'.'.join(where)}: unknown field {field!r}{hint}; {place} has {', '.join(known)}"


def _source(dotted: str, path: Path | None, settings: Sequence[Override]) -> str:
    """The source of a value: the last override of this field (or of its section), else the file."""
    for setting in reversed(settings):
        if setting.path == dotted or dotted.startswith(f"{setting.path}."):
            return setting.source
    for setting in reversed(settings):
        if setting.path.startswith(f"{dotted}."):
            return setting.source
    return str(path) if path is not None else "configuration"
