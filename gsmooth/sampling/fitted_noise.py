"""The transformation and the law of a smoothed classifier, fitted to each other."""

from __future__ import annotations

from dataclasses import replace

from gsmooth.errors import ConfigurationError
from gsmooth.theory.laws import GaussianLaw, GridUniformLaw, HaarLaw, Law, ProductLaw
from gsmooth.transforms.base import Transformation
from gsmooth.transforms.composition.composition import owner_of


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
        require_haar(operator, law)
    bound = operator.for_shape(shape)
    if isinstance(law, GaussianLaw | HaarLaw) and law.dimensions and not bound.orthogonal:
        # T4 is for orthogonal actions; other actions fall back on T5.
        law = replace(law, orthogonal=False)
    if isinstance(law, HaarLaw):
        law = with_periods(law, bound, shape)
    if law.dimensions:
        _require_whole_steps(law, bound)
    if law.dimensions and not bound.has_action:
        raise ConfigurationError(
            f"smoothing: {bound.name}: {_why_no_action(bound)}; or give no scales (--std"
            " none: T = id)"
        )
    return bound, law


def _require_whole_steps(law: Law, transformation: Transformation) -> None:
    """ConfigurationError unless parameters and noise that move by whole steps are the same (T8)."""
    parameters = transformation.parameters
    drawn = [parameters[axis].name for axis in law.whole_axes]
    needed = [n for n in transformation.whole_steps if n not in transformation.unsmoothed]
    if missing := [name for name in needed if name not in drawn]:
        raise ConfigurationError(
            f"smoothing: {' and '.join(missing)} of {transformation.name} move by whole steps with"
            f" these options, and the {law.name} law draws other values; give noise"
            f' {{"{missing[0]}": GridUniform(steps), ...}} (--law {missing[0]}=grid-uniform --std'
            f" {missing[0]}=STEPS)"
        )
    for parameter in (parameters[axis] for axis in law.whole_axes):
        if parameter.step != 1.0:
            able = [p.name for p in parameters if p.step == 1.0]
            raise ConfigurationError(
                f"smoothing: grid-uniform noise on {parameter.name}, whose attacks do not move in"
                " steps of 1; it is for parameters that do:"
                f" {', '.join(able) or f'{transformation.name} has none'}"
            )


def require_haar(operator: Transformation, law: Law) -> None:
    """Refuse any other noise than Haar noise on parameters of groups that are its alone (T7).

    T2 to T5 need T_a T_b = T_(a+b) for all numbers a and b, which mirror images and groups with a
    ``product`` of their own do not have. Of such a group all parameters carry Haar noise or none.

    Raises:
        ConfigurationError: A parameter of such a group has another law.
    """
    needed = [name for name in operator._haar_only if name not in operator.unsmoothed]
    names = [parameter.name for parameter in operator.parameters]
    if other := [name for name in needed if names.index(name) not in law.periodic]:
        raise ConfigurationError(
            f"smoothing: the only noise on {' and '.join(other)} of {operator.name} is Haar noise,"
            " since its values form a finite group or do not add up; give noise="
            f"{{{', '.join(f'{name!r}: gsmooth.Haar()' for name in needed)}}} (--law"
            f" {','.join(f'{name}=haar' for name in needed)}), or no noise on parameters (T = id)"
        )


def with_periods(
    law: HaarLaw, transformation: Transformation, shape: tuple[int, int, int]
) -> HaarLaw:
    """The law with the periods of its Haar parameters for images (C, H, W) (T7).

    Raises:
        ConfigurationError: A parameter with Haar noise has no period; the message lists those that
            have one.
    """
    parameters = transformation.parameters
    if missing := [parameters[axis].name for axis in law.axes if not parameters[axis].period]:
        having = [parameter.name for parameter in parameters if parameter.period]
        raise ConfigurationError(
            f"smoothing: haar noise on {' and '.join(missing)}, but {transformation.name} declares"
            f" no period of it; parameters with a period: {', '.join(having) or 'none'}. Give the"
            " others a std (Gaussian noise)"
        )
    for axis in law.axes:
        part = owner_of(transformation, parameters[axis].name)
        if not part.orthogonal:
            raise ConfigurationError(
                f"smoothing: haar noise on {parameters[axis].name}, but the action of {part.name}"
                " is not orthogonal, so it changes the length of what is left over (T7); give it"
                " a std (Gaussian noise)"
            )
    return law.with_periods(
        transformation.periods(shape),
        tuple(parameter.step for parameter in parameters),
    )


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
    if isinstance(law, GaussianLaw | ProductLaw | HaarLaw | GridUniformLaw):
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
            f"smoothing: the {_beside(law)} law draws negative values, and nothing undoes"
            f" {transformation.name}, so {names} is at least 0; use the law exponential,"
            " folded-normal or uniform (for one such parameter), or no scales (T = id)"
        )
    return found


def _beside(law: Law) -> str:
    """The name of the law of the parameters that are not Haar."""
    return GaussianLaw.name if isinstance(law, HaarLaw) else law.name
