"""Noise and regions that name their parameters or whole periods, as numbers in their order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from gsmooth.errors import ConfigurationError
from gsmooth.runs.config.overrides import Tree

if TYPE_CHECKING:
    from gsmooth.transforms.base import Parameter, Transformation

GAUSSIAN: Final = "gaussian"
HAAR: Final = "haar"
ALL: Final = "all"
"""In place of both ends of an interval: the whole period."""
GRID_UNIFORM: Final = "grid-uniform"
_FIELDS: Final = (
    ("smoothing", "scales"),
    ("smoothing", "law"),
    ("region", "lower"),
    ("region", "upper"),
)
"""What a run file may give as a table, parameter by parameter."""


def ordered(tree: Tree) -> None:
    """Replace tables by name in a run file's tree by lists in the order of the parameters.

    An end of a region that is "all" becomes half of the parameter's period. The transformation is
    loaded only if there is such a table or end.

    Raises:
        ConfigurationError: A name is unknown or missing (the message lists the right ones), a
            parameter has no period, or no transformation is named.
        PluginError: The transformation cannot be loaded.
    """
    named = [
        (section, field)
        for section, field in _FIELDS
        if _has_words(_section(tree, section).get(field))
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
            table[field] = _ends(table[field], operator, where, _image_shape(tree))


def _has_words(given: object) -> bool:
    """Whether a field names parameters, or is ALL somewhere."""
    return isinstance(given, Mapping) or (isinstance(given, list) and ALL in given)


def _ends(
    given: Mapping[str, object] | list[object],
    operator: Transformation,
    where: str,
    shape: tuple[int, int, int] | None,
) -> list[object]:
    """The lower or upper ends of a region, in order, with numbers for ALL."""
    several = given == [ALL] and len(operator.parameters) > 1
    found = [ALL] * len(operator.parameters) if several else given
    ends = _values(found, operator, where) if isinstance(found, Mapping) else found
    if len(ends) != len(operator.parameters):  # Told where the region is resolved.
        return [0.0 if end == ALL else end for end in ends]
    named = zip(operator.parameters, ends, strict=True)
    return [
        whole_period(parameter, operator, shape)[where.endswith("upper")] if end == ALL else end
        for parameter, end in named
    ]


def whole_period(
    parameter: Parameter, operator: Transformation, shape: tuple[int, int, int] | None
) -> tuple[float, float]:
    """The interval of all values of a parameter with a period, around 0.

    Args:
        parameter: The parameter.
        operator: Its transformation.
        shape: (C, H, W) of the images; None where it is not known yet.

    Raises:
        ConfigurationError: It has no period, or one that depends on a shape that is not known.
    """
    name, whose = parameter.name, operator.name
    if not parameter.period:
        having = [p.name for p in operator.parameters if p.period]
        raise ConfigurationError(
            f"region: {name}=all, but {whose} declares no period of {name}; parameters with a"
            f" period: {', '.join(having) or 'none'}. Give the interval of each other one, such as"
            f" {name}={-parameter.usual:g}:{parameter.usual:g}"
        )
    if shape is None and isinstance(parameter.period, str):
        raise ConfigurationError(
            f"region: {name}=all is the image's {parameter.period}, which is not known before the"
            f" images are read; give model.shape, or the interval in {parameter.unit}"
        )
    axis = operator.parameters.index(parameter)
    period = operator.periods(shape or (1, 1, 1))[axis]
    if parameter.step:
        return 0.0, period - parameter.step
    return -period / 2.0, period / 2.0


def _image_shape(tree: Tree) -> tuple[int, int, int] | None:
    """(C, H, W) of the images, where run file or card state it."""
    from gsmooth.models.cards import card
    from gsmooth.runs.config.model_section import ModelSection

    model = _section(tree, "model")
    shipped = card(str(model.get("spec", ModelSection().spec)))
    shape = model.get("shape") or (shipped and shipped.model.shape)
    if not isinstance(shape, list | tuple) or len(shape) != 3:
        return None
    channels, height, width = shape
    return int(channels), int(height), int(width)


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

    A list with the law of every parameter where some are ``haar`` or ``grid-uniform`` and others
    are not.
    """
    from gsmooth.theory.arguments import require_names

    units = _units(operator)
    require_names(where, {**dict.fromkeys(units, GAUSSIAN), **given}, units, operator.name)
    others = {name: law for name, law in given.items() if law != GAUSSIAN}
    if not others:
        return GAUSSIAN
    if {HAAR, GRID_UNIFORM} & set(map(str, others.values())):
        each = [given.get(name, GAUSSIAN) for name in units]
        return each[0] if len(set(each)) == 1 else each
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
    from gsmooth.runs.config.model_section import ModelSection
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
