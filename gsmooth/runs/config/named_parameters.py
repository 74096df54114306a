"""Noise and regions that name their parameters, brought into the order of the transformation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from gsmooth.errors import ConfigurationError
from gsmooth.runs.config.overrides import Tree

if TYPE_CHECKING:
    from gsmooth.transforms.base import Transformation

GAUSSIAN: Final = "gaussian"
HAAR: Final = "haar"
_FIELDS: Final = (
    ("smoothing", "scales"),
    ("smoothing", "law"),
    ("region", "lower"),
    ("region", "upper"),
)
"""What a run file may give as a table, parameter by parameter."""


def ordered(tree: Tree) -> None:
    """Replace tables by name in a run file's tree by lists in the order of the parameters.

    The transformation is loaded only if there is such a table.

    Raises:
        ConfigurationError: A name is unknown or missing (the message lists the right ones), or no
            transformation is named.
        PluginError: The transformation cannot be loaded.
    """
    named = [
        (section, field)
        for section, field in _FIELDS
        if isinstance(_section(tree, section).get(field), Mapping)
    ]
    if not named:
        return
    operator = _transformation(tree, ".".join(named[0]))
    haar = _haar(_section(tree, "smoothing").get("law"), operator)
    for section, field in named:
        table = _section(tree, section)
        where = f"{section}.{field}"
        if field == "law":
            table[field] = _law(table[field], operator, where)
        elif field == "scales":
            table[field] = _values({**haar, **table[field]}, operator, where)
        else:
            table[field] = _values(table[field], operator, where)


def _haar(law: object, operator: Transformation) -> dict[str, object]:
    """The parameters whose law is ``haar``, which need no scale, with the scale 0."""
    names = [parameter.name for parameter in operator.parameters]
    if isinstance(law, Mapping):
        return {name: 0.0 for name in names if law.get(name) == HAAR}
    each = law if isinstance(law, list | tuple) else [law] * len(names)
    return {name: 0.0 for name, own in zip(names, each, strict=False) if own == HAAR}


def _values(given: Mapping[str, object], operator: Transformation, where: str) -> list[object]:
    from gsmooth.theory.arguments import require_names

    require_names(where, given, _units(operator), operator.name)
    return [given[parameter.name] for parameter in operator.parameters]


def _law(given: Mapping[str, object], operator: Transformation, where: str) -> object:
    """The name of the joint law: that of the only parameter whose law is not Gaussian.

    A list with the law of every parameter where some are ``haar`` and others are not.
    """
    from gsmooth.theory.arguments import require_names

    units = _units(operator)
    require_names(where, {**dict.fromkeys(units, GAUSSIAN), **given}, units, operator.name)
    others = {name: law for name, law in given.items() if law != GAUSSIAN}
    if not others:
        return GAUSSIAN
    if HAAR in others.values():
        each = [given.get(name, GAUSSIAN) for name in units]
        return HAAR if set(each) == {HAAR} else each
    ((name, law), *more) = others.items()
    alone = len(units) == 1 or operator.one_sided == (name,)
    if more or not alone:
        told = " and ".join(f"{law} on {name}" for name, law in others.items())
        raise ConfigurationError(
            f"{where}: {told}, beside other parameters; no theorem is known for that. Another law"
            " than the Gaussian one is for an only parameter, or for one that admits no negative"
            " values"
        )
    return law


def _transformation(tree: Tree, where: str) -> Transformation:
    from gsmooth.models.cards import card
    from gsmooth.runs.config.run_config import ModelSection
    from gsmooth.transforms import load_transformation

    chosen = _section(tree, "transformation")
    shipped = card(str(_section(tree, "model").get("spec", ModelSection().spec)))
    name = chosen.get("name") or (shipped and shipped.smoothing.transformation)
    if not isinstance(name, str):
        raise ConfigurationError(
            f"{where}: parameters are given by name, but no transformation is; give"
            " --transformation"
        )
    options = chosen.get("options", {})
    return load_transformation(name, options if isinstance(options, Mapping) else {})


def _units(operator: Transformation) -> dict[str, str]:
    return {parameter.name: parameter.unit for parameter in operator.parameters}


def _section(tree: Tree, name: str) -> dict[str, Any]:
    found = tree.get(name)
    return found if isinstance(found, dict) else {}
