"""Overrides: single values of a run file, set from the command line."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import Any, final

from gsmooth.errors import ConfigurationError

Tree = dict[str, Any]


@final
@dataclass(frozen=True)
class Override:
    """``value`` for the dotted ``path`` (``smoothing.sigma``); ``source`` names it in errors."""

    path: str
    value: object
    source: str

    @classmethod
    def parse(cls, text: str) -> Override:
        """From ``path=value``; the value is TOML, and a plain string where it is not."""
        path, equals, value = text.partition("=")
        context = path.strip().split(".")
        if not equals or not all(context):
            raise ConfigurationError(
                f"--set {text}: expected path=value, for example --set smoothing.sigma=0.25"
            )
        return cls(path.strip(), toml_value(value.strip()), f"--set {text}")

    def apply(self, tree: Tree) -> None:
        """Put the value into ``tree``, making the tables on the way."""
        *tables, leaf = self.path.split(".")
        for name in tables:
            tree = tree.setdefault(name, {})
            if not isinstance(tree, dict):
                raise ConfigurationError(f"{self.source}: {name!r} is a value, not a section")
        tree[leaf] = self.value


def toml_value(text: str) -> object:
    """``text`` as TOML, and as a plain string where it is not."""
    # TOML wants a digit before the point; people write .25.
    literal = f"0{text}" if text.startswith(".") else text
    try:
        parsed = tomllib.loads(f"value = {literal}")
    except tomllib.TOMLDecodeError:
        return text
    # A line break would smuggle in further keys; such a text is meant literally.
    return parsed["value"] if parsed.keys() == {"value"} else text
