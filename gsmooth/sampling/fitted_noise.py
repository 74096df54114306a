"""The transformation and the law of a smoothed classifier, fitted to each other."""

from __future__ import annotations

from dataclasses import replace

from gsmooth.errors import ConfigurationError
from gsmooth.theory.laws import GaussianLaw, Law, ProductLaw
from gsmooth.transforms.base import Transformation


def fitted_noise(
    operator: Transformation, law: Law, shape: tuple[int, int, int]
) -> tuple[Transformation, Law]:
    """The transformation bound to images of one shape (C, H, W), and the law that fits it.

    Parameters without noise are unsmoothed in both, one-sided parameters get a law on values >= 0,
    and T4 is used only if every T_theta of the noise is orthogonal; T5 is for other actions.

    Raises:
        ConfigurationError: The law has another number of parameters, the transformation has no
            exact action, or no law on values >= 0 is known.
    """
    if law.dimensions not in (0, len(operator.parameters)):
        raise ConfigurationError(
            f"smoothing: {law.dimensions} scales for the {len(operator.parameters)}"
            f" parameters of {operator.name}; give one std a parameter, or none for no noise on"
            " them"
        )
    if law.dimensions:
        operator, law = with_unsmoothed(operator, law)
        law = one_sided_law(law, operator)
    bound = operator.for_shape(shape)
    if isinstance(law, GaussianLaw) and law.orthogonal and law.dimensions and not bound.orthogonal:
        # T4 is for orthogonal actions; other actions fall back on T5.
        law = replace(law, orthogonal=False)
    if law.dimensions and not bound.has_action:
        raise ConfigurationError(
            f"smoothing: {bound.name}: {_why_no_action(bound)}; or give no scales (--std"
            " none: T = id)"
        )
    return bound, law


def _why_no_action(transformation: Transformation) -> str:
    plain = "it has no exact action with these options, so its parameters can carry no noise"
    return transformation.no_action_because or plain


def with_unsmoothed(transformation: Transformation, law: Law) -> tuple[Transformation, Law]:
    """Both, with the parameters of scale 0 unsmoothed: T ignores them, and the law lists them.

    Raises:
        ConfigurationError: No parameter has noise, the transformation has no such action, or its
            action ignores a parameter with noise.
    """
    names = [parameter.name for parameter in transformation.parameters]
    wanted = tuple(names[axis] for axis in law.without_parameter_noise)
    if wanted and len(wanted) == len(names):
        raise ConfigurationError(
            f"smoothing: every parameter of {transformation.name} has the std 0; for no noise on"
            " any of them give no scales at all (--std none, T = id)"
        )
    fresh = tuple(name for name in wanted if name not in transformation.unsmoothed)
    rested = transformation.without_noise(fresh) if fresh else transformation
    if noisy := [name for name in rested.unsmoothed if name not in wanted]:
        raise ConfigurationError(
            f"smoothing: the action of {rested.name} ignores {' and '.join(noisy)}, so noise on it"
            " is lost; give it the std 0"
        )
    if missing := [name for name in wanted if name not in rested.unsmoothed]:
        raise ConfigurationError(
            f"smoothing: {rested.name} says that it can do without noise on"
            f" {' and '.join(missing)}, but does not list it in ``unsmoothed``: this is"
            " a bug of the plugin"
        )
    if isinstance(law, GaussianLaw | ProductLaw) and law.without_parameter_noise != law.unsmoothed:
        law = replace(law, unsmoothed=law.without_parameter_noise)
    return rested, law


def one_sided_law(law: Law, transformation: Transformation) -> Law:
    """The law on theta >= 0 if the action has no inverse (a semigroup); else the given law.

    Raises:
        ConfigurationError: There is no such law.
    """
    every = [parameter.name for parameter in transformation.parameters]
    moved = [name for name in transformation.one_sided if name not in transformation.unsmoothed]
    if not moved:
        return law
    found = law.one_sided()
    if isinstance(found, ProductLaw) and moved != [every[found.axis]]:
        raise ConfigurationError(
            f"smoothing: the law of {every[found.axis]} draws no negative value, and it has to be"
            f" that of {', '.join(moved)} alone: nothing else undoes {transformation.name}"
        )
    if found is None:
        names = ", ".join(moved)
        raise ConfigurationError(
            f"smoothing: the {law.name} law draws negative values, and nothing undoes"
            f" {transformation.name}, so {names} is at least 0; use the law exponential,"
            " folded-normal or uniform (for one such parameter), or no scales (T = id)"
        )
    return found
