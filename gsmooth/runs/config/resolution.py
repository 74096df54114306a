"""Resolution: what a run file leaves open is filled from the model's card and the transformation.

Afterwards every choice that a count depends on is written down, defaults of plugins included.
"""

from __future__ import annotations

from collections.abc import Mapping

from gsmooth.cover.regions.grid import check_count
from gsmooth.errors import ConfigurationError
from gsmooth.models.cards import Card, card
from gsmooth.runs.config.certify_section import CertifySection
from gsmooth.runs.config.model_section import ModelSection
from gsmooth.runs.config.region_section import RegionSection
from gsmooth.runs.config.run_config import RunConfig
from gsmooth.runs.config.smoothing_section import SmoothingSection
from gsmooth.runs.config.usual_noise import names_no_noise, usual_smoothing, with_usual_lift
from gsmooth.runs.task import RunTask
from gsmooth.transforms import registry
from gsmooth.transforms.base import Transformation
from gsmooth.transforms.options import recorded_options
from gsmooth.transforms.region import Region


def resolved(
    config: RunConfig,
    *,
    needs_region: bool = True,
    needs_noise: bool = True,
    needs_ball: bool = True,
) -> RunConfig:
    """The configuration with nothing left to guess; see :func:`resolved_task`."""
    return resolved_task(
        config, needs_region=needs_region, needs_noise=needs_noise, needs_ball=needs_ball
    ).config


def resolved_task(
    config: RunConfig,
    *,
    needs_region: bool = True,
    needs_noise: bool = True,
    needs_ball: bool = True,
) -> RunTask:
    """The task of a configuration in which nothing is left to guess.

    From the card of a shipped model: its input, and (where the transformation is the one that it
    was trained under) options, noise and region. From the transformation, which is loaded here and
    kept: the other options and the number of centres, and lift and noise where neither is named.

    Args:
        config: What run file and flags say.
        needs_region: The region has to be complete.
        needs_noise: The noise has to be complete.
        needs_ball: A region without parameters has to have an l2 part.

    Raises:
        ConfigurationError: A field is given neither here nor by card or transformation.
    """
    shipped = card(config.model.spec)
    name = _transformation_name(config, shipped)
    # Noise and region of a card mean something for its own transformation only.
    trained = shipped if shipped and shipped.smoothing.transformation == name else None
    operator = registry.load_transformation(name, _options(config, trained))
    region = _region(config, trained, operator, needs_ball) if needs_region else config.region
    asked = config.smoothing
    if trained is None and needs_noise and needs_region and names_no_noise(config):
        operator = with_usual_lift(operator, config.transformation.options)
        asked = usual_smoothing(asked, operator, region)
    smoothing = _smoothing(asked, trained, operator) if needs_noise else asked
    update = {
        "model": _model(config.model, shipped),
        "transformation": config.transformation.model_copy(
            update={"name": name, "options": recorded_options(operator)}
        ),
        "smoothing": smoothing,
        "region": region,
        "certify": _certify(config.certify, operator, smoothing),
    }
    return RunTask(config.model_copy(update=update), operator)


def _transformation_name(config: RunConfig, shipped: Card | None) -> str:
    if config.transformation.name is not None:
        return config.transformation.name
    if shipped is not None:
        return shipped.smoothing.transformation
    known = ", ".join(registry.transformations())
    raise ConfigurationError(
        f"transformation.name is not set and {config.model.spec!r} has no card;"
        f" give --transformation ({known}, or my_module:MyClass)"
    )


def _options(config: RunConfig, trained: Card | None) -> Mapping[str, object]:
    given = config.transformation.options
    return {**trained.smoothing.options, **given} if trained else given


def _model(model: ModelSection, shipped: Card | None) -> ModelSection:
    if shipped is None:
        return model.model_copy(update={"input_range": model.input_range or (0.0, 1.0)})
    facts = shipped.model.model_dump(include={"classes", "shape", "input_range"})
    for field, fact in facts.items():
        given = getattr(model, field)
        if given is not None and given != fact:
            raise ConfigurationError(f"model.{field}={given}: {model.spec} has {field}={fact}")
    return model.model_copy(update=facts)


def _smoothing(
    smoothing: SmoothingSection, trained: Card | None, operator: Transformation
) -> SmoothingSection:
    noise = trained.smoothing if trained else None
    sigma = smoothing.sigma or (noise.sigma if noise else None)
    if sigma is None:
        raise ConfigurationError(
            "smoothing.sigma is not set; give --sigma, the std of the noise that the model was"
            " trained under (0.25 is usual for images in [0, 1])"
        )
    law = smoothing.law or (noise.law if noise else "gaussian")
    scales = smoothing.scales if smoothing.scales is not None else noise and noise.scales
    scales = _haar_scales(smoothing.model_copy(update={"law": law}), scales, operator)
    if scales != ():  # No scales at all is T = id: parameters without noise.
        _one_each("smoothing.scales", scales, operator, f"--std {_stds(operator)}")
    grid = smoothing.grid if smoothing.grid is not None else noise.grid if noise else 2.0**-8
    return smoothing.model_copy(
        update={"sigma": sigma, "scales": scales or (), "grid": grid, "law": law}
    )


def _haar_scales(
    smoothing: SmoothingSection, scales: tuple[float, ...] | None, operator: Transformation
) -> tuple[float, ...] | None:
    """The scales, 0 for parameters with Haar noise; those of a card are no scales of theirs.

    Raises:
        ConfigurationError: A list of laws has another length, or a scale is given for a parameter
            whose law has none.
    """
    names = [parameter.name for parameter in operator.parameters]
    laws = smoothing.laws(len(names))
    if len(laws) != len(names):
        raise ConfigurationError(
            f"smoothing.law has {len(laws)} values; {operator.name!r} has {len(names)} parameters:"
            f" {', '.join(names)}"
        )
    haar = smoothing.haar(len(names))
    if not any(haar):
        return scales
    if smoothing.scales == () and names:
        raise ConfigurationError(
            "smoothing: no noise on parameters (--std none, T = id) and the law haar were given;"
            " give the one or the other"
        )
    if not scales and all(haar):
        return (0.0,) * len(names)
    given = smoothing.scales or ()
    for name, own, scale in zip(names, haar, given, strict=False):
        if own and scale:
            raise ConfigurationError(
                f"smoothing.scales: {name} has the law haar, which is uniform over the whole period"
                f" and has no std; leave out {name}={scale:g}"
            )
    if scales is None or len(scales) != len(names):
        return scales
    return tuple(0.0 if own else scale for own, scale in zip(haar, scales, strict=True))


def _certify(
    certify: CertifySection, operator: Transformation, smoothing: SmoothingSection
) -> CertifySection:
    # The published method has one centre, the clean image; region mode chooses for every image.
    # Where shifts cost nothing one is the rule, and the cover knows it.
    free = any(smoothing.haar(len(operator.parameters)))
    own = None if free else operator.default_centres
    usual = {"nested": 1, "radius": own, "region": None}[certify.mode]
    inner = certify.alpha_inner or certify.alpha / 2
    return certify.model_copy(update={"centres": certify.centres or usual, "alpha_inner": inner})


def _region(
    config: RunConfig, trained: Card | None, operator: Transformation, needs_ball: bool
) -> RegionSection:
    asked, own = config.region, trained.region if trained else None
    lower = asked.lower if asked.lower is not None else own and own.lower
    upper = asked.upper if asked.upper is not None else own and own.upper
    _one_each("region.lower", lower, operator, f'--region="{_usual(operator)}"')
    check_steps(lower or (), upper or (), operator)
    l2 = asked.l2 if asked.l2 is not None else own.l2 if own else 0.0
    if needs_ball and not lower and l2 == 0.0:
        raise ConfigurationError(
            f"region.l2 is not set and {operator.name!r} has no parameters: there is nothing to"
            " certify; give --l2, a radius in units of the input range"
        )
    return asked.model_copy(update={"lower": lower or (), "upper": upper or (), "l2": l2})


def check_steps(
    lower: tuple[float, ...], upper: tuple[float, ...], operator: Transformation
) -> None:
    """Ends between two values of a parameter with a step are refused: which one is meant?

    So are too many values.
    """
    check_count(operator, Region(lower, upper))
    for parameter, *ends in zip(operator.parameters, lower, upper, strict=False):
        for end in ends if parameter.step else ():
            if end not in parameter.values(min(end, 0.0), max(end, 0.0)):
                raise ConfigurationError(
                    f"region: {parameter.name} ends at {end:g} {parameter.unit}, but"
                    f" {operator.name} moves it in steps of {parameter.step:g}; give multiples"
                )


def _one_each(
    field: str, values: tuple[float, ...] | None, operator: Transformation, example: str
) -> None:
    """One value for every parameter, or an error that lists the parameters with their units."""
    if len(values or ()) == len(operator.parameters):
        return
    wanted = ", ".join(f"{p.name} [{p.unit}]" for p in operator.parameters)
    found = "is not set" if values is None else f"has {len(values)} values"
    expected = f"the parameters: {wanted}; e.g. {example}" if wanted else "no parameters; omit it"
    raise ConfigurationError(f"{field} {found}; {operator.name!r} has {expected}")


def _usual(operator: Transformation) -> str:
    """A region to show: as far as attacks usually go."""
    one_way = operator.one_sided
    ends = [("0" if p.name in one_way else f"{-p.usual:g}", p.usual) for p in operator.parameters]
    return ",".join(f"{low}:{high:g}" for low, high in ends)


def _stds(operator: Transformation) -> str:
    """How scales are given: they depend on the network, so no number is shown."""
    return f"{','.join('STD' for _ in operator.parameters)} (std of the noise on each)"
