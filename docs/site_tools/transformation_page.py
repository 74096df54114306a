"""The reference of transformations: name, parameters and meaning of each one that is installed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from gsmooth.transforms import transformations

_INTRODUCTION = """# Transformations

The transformations that come with the package. The name is the one for `--transformation` and for
`gs.SmoothedClassifier`; parameters are named in regions and noise: `gs.Region(angle=(-30, 30))`,
`--std angle=4`. `gsmooth plugins NAME` shows options, laws and what is proved. Several can be
[combined](../../compositions.md), and you can [write your own](../../writing-a-plugin.md).

| name | parameters | attack |
|---|---|---|
"""


def write_transformation_page(page: Path) -> None:
    """Write the page of all transformations."""
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(transformation_text(), "utf-8")


def transformation_text() -> str:
    """The page, as Markdown."""
    return _INTRODUCTION + "\n".join(_rows()) + "\n"


def _rows() -> Iterator[str]:
    for name, info in transformations().items():
        parameters = ", ".join(
            f"`{parameter.name}` ({parameter.unit})" for parameter in info.cls.parameters
        )
        first = (info.cls.__doc__ or "").partition("\n")[0].replace("``", "`")
        yield f"| `{name}` | {parameters or 'none'} | {first.replace('|', chr(92) + '|')} |"
