"""Noise on parameters that is worth comparing for a region."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, final

from gsmooth.cover.regions.one_sided import one_sided_axes
from gsmooth.errors import ConfigurationError
from gsmooth.sampling.fitted_noise import fitted_noise
from gsmooth.theory.laws import GaussianLaw, HaarLaw, Law
from gsmooth.theory.parameter_noise import ParameterNoise, joint_law, noise_from_name
from gsmooth.transforms.base import Transformation
from gsmooth.transforms.options import fitting_laws
from gsmooth.transforms.region import Region
from gsmooth.tuning.settings import TUNING

_SIZE_OF_STD: Final = {
    "gaussian": 1.0,
    "uniform": math.sqrt(3.0),
    "exponential": 1.0,
    "folded-normal": 1.0 / math.sqrt(1.0 - 2.0 / math.pi),
    "laplace": math.sqrt(0.5),
}
"""The size that each law has at standard deviation 1."""


@final
@dataclass(frozen=True)
class NoiseChoice:
    """Noise on the parameters, as a run file states it.

    Args:
        laws: Name of the law of every parameter; empty: no noise on any (T = id).
        sizes: Its size, in the parameter's unit; 0 for the law haar, and for a parameter that is
            not smoothed.
    """

    laws: tuple[str, ...]
    sizes: tuple[float, ...]

    @property
    def haar(self) -> tuple[int, ...]:
        """The axes with Haar noise."""
        return tuple(axis for axis, law in enumerate(self.laws) if law == HaarLaw.name)

    def joint(self, operator: Transformation, sigma: float) -> Law:
        """The law of all noise, with std ``sigma`` on z."""
        by_axis = [noise_from_name(*one) for one in zip(self.laws, self.sizes, strict=True)]
        return joint_law(by_axis, sigma, orthogonal=operator.orthogonal)

    def by_name(self, operator: Transformation) -> Mapping[str, ParameterNoise]:
        """The noise on every parameter by name, for :class:`SmoothedClassifier`."""
        named = zip(operator.parameters, self.laws, self.sizes, strict=bool(self.laws))
        return {parameter.name: noise_from_name(law, size) for parameter, law, size in named}


def noise_choices(
    operator: Transformation,
    region: Region,
    shape: tuple[int, int, int],
    laws: str | tuple[str, ...] | None = None,
) -> list[NoiseChoice]:
    """One choice for every law that fits the parameters; T = id alone where there is no action.

    The std of each is the same part of the half-width of the interval (``TUNING.noise.spread``). A
    parameter that is not attacked gets the size 0. shape: (C, H, W) of the images. laws: the only
    one to be considered, or one for every parameter.

    Raises:
        ConfigurationError: The law that was asked for does not fit.
    """
    still = [NoiseChoice((), ())]
    if not operator.parameters or not operator.has_action:
        return still
    stds = _stds(operator, region)
    if laws is not None:
        return [_asked(laws, stds, operator)]
    periodic = [
        p.period != 0.0 and std > 0.0 for p, std in zip(operator.parameters, stds, strict=True)
    ]
    if not any(stds):
        return still
    considered = TUNING.noise.one_sided if one_sided_axes(operator) else TUNING.noise.laws
    names = [one for one in considered if one in fitting_laws(operator)]
    found = [_choice(_along(one, operator), stds) for one in names if one != HaarLaw.name]
    if any(periodic) and found:
        own_laws = zip(periodic, found[0].laws, strict=True)
        mixed = tuple(HaarLaw.name if own else law for own, law in own_laws)
        found += [one for one in [_choice(mixed, stds)] if _has_theorem(one, operator, shape)]
    return found or still


def _has_theorem(one: NoiseChoice, operator: Transformation, shape: tuple[int, int, int]) -> bool:
    """Whether a certificate is possible; Haar noise needs an orthogonal action, for example."""
    try:
        fitted_noise(operator, one.joint(operator, 1.0), shape)
    except ConfigurationError:
        return False
    return True


def _asked(
    laws: str | tuple[str, ...], stds: tuple[float, ...], operator: Transformation
) -> NoiseChoice:
    """The laws that were asked for; ConfigurationError where they do not fit the parameters."""
    if isinstance(laws, str) and laws != HaarLaw.name:
        fitting = fitting_laws(operator)
        if laws not in fitting:
            raise ConfigurationError(
                f"tune: the law {laws} does not fit the parameters of {operator.name}; those that"
                f" do: {', '.join(fitting) or 'none'}"
            )
        return _choice(_along(laws, operator), stds)
    each = (laws,) * len(stds) if isinstance(laws, str) else laws
    if len(each) != len(stds):
        raise ConfigurationError(
            f"tune: {len(each)} laws for the {len(stds)} parameters of {operator.name}; give one"
            " for each"
        )
    return _choice(each, stds)


def _along(law: str, operator: Transformation) -> tuple[str, ...]:
    """The law of every parameter: beside a one-sided one with ``law`` the others are Gaussian."""
    count, axes = len(operator.parameters), one_sided_axes(operator)
    return tuple(law if count == 1 or axis in axes else GaussianLaw.name for axis in range(count))


def _choice(laws: tuple[str, ...], stds: tuple[float, ...]) -> NoiseChoice:
    sizes = [
        0.0 if law == HaarLaw.name else rounded_up(_SIZE_OF_STD.get(law, 1.0) * std)
        for law, std in zip(laws, stds, strict=True)
    ]
    return NoiseChoice(laws, tuple(sizes))


def _stds(operator: Transformation, region: Region) -> tuple[float, ...]:
    """Std of the noise on every parameter, to two digits."""
    forward = operator.one_sided
    moving = sum(high > low for low, high in zip(region.lower, region.upper, strict=True))
    # Shifts along several axes add like the sides of a right angle.
    spread, found = TUNING.noise.spread * math.sqrt(max(1, moving)), []
    for parameter, low, high in zip(operator.parameters, region.lower, region.upper, strict=True):
        half = (high - low) if parameter.name in forward else (high - low) / 2.0
        if half > 0.0:
            found.append(rounded_up(spread * half))
        else:
            found.append(_unattacked(operator, parameter.name, parameter.usual))
    return tuple(found)


def _unattacked(operator: Transformation, name: str, usual: float) -> float:
    """0 for a parameter that is not attacked, where the action can ignore it; else a usual std."""
    try:
        operator.without_noise((name,))
    except ConfigurationError:
        return rounded_up(TUNING.noise.spread * usual)
    return 0.0


def rounded_up(value: float, digits: int = 2) -> float:
    """The least number of so many digits that is not below ``value`` (but for rounding).

    Example:
        >>> rounded_up(0.1234), rounded_up(12.0), rounded_up(0.0)
        (0.13, 12.0, 0.0)
    """
    if value <= 0.0:
        return 0.0
    places = digits - 1 - math.floor(math.log10(value))
    return round(math.ceil(round(value * 10.0**places, 6)) / 10.0**places, places)
