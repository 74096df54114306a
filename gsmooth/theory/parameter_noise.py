"""The noise on one parameter, in the law's own word, and the joint law of several of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, final

from gsmooth.errors import ConfigurationError
from gsmooth.text.spelling import did_you_mean
from gsmooth.theory.arguments import require_finite, require_names
from gsmooth.theory.laws import (
    ExponentialLaw,
    FoldedNormalLaw,
    GaussianLaw,
    GridUniformLaw,
    HaarLaw,
    LaplaceLaw,
    Law,
    ProductLaw,
    UniformLaw,
)
from gsmooth.theory.product import ALONG


@dataclass(frozen=True)
class ParameterNoise(ABC):
    """The distribution of the noise on one parameter of a transformation.

    law: its name, as in run files and records.
    """

    law: ClassVar[str]

    @property
    @abstractmethod
    def size(self) -> float:
        """The one number that the law has, in the parameter's unit; 0 for a law without one."""


@final
@dataclass(frozen=True)
class Gaussian(ParameterNoise):
    """Gaussian noise on a parameter.

    Shift and residual add like the sides of a right angle: without an error that depends on the
    noise for orthogonal actions (T4), with a bound on it for all others (T5).

    Args:
        std: Standard deviation, in the parameter's unit; 0: the parameter is attacked and not
            smoothed, and the centres of a certificate cover it.

    Example:
        >>> Gaussian(4.0)
        Gaussian(std=4.0)
    """

    std: float
    law: ClassVar[str] = GaussianLaw.name

    def __post_init__(self) -> None:
        require_finite("std", self.std, positive=False)

    @property
    def size(self) -> float:
        return self.std


@final
@dataclass(frozen=True)
class Uniform(ParameterNoise):
    """Uniform noise on a parameter: a shift loses the mass that it moves out of the support (T3).

    Args:
        half_width: Noise lies in [-half_width, half_width], or in [0, 2 half_width] if the
            parameter admits no negative values; in the parameter's unit.

    Example:
        >>> Uniform(half_width=0.2)
        Uniform(half_width=0.2)
    """

    half_width: float
    law: ClassVar[str] = UniformLaw.name

    def __post_init__(self) -> None:
        require_finite("half_width", self.half_width, positive=True)

    @property
    def size(self) -> float:
        return self.half_width


@final
@dataclass(frozen=True)
class Laplace(ParameterNoise):
    """Laplace noise on the only parameter of a transformation.

    A shift g multiplies the probability of failing votes by at most exp(|g| / b) (T3).

    Args:
        b: Scale: the mean absolute value of the noise, in the parameter's unit.

    Example:
        >>> Laplace(b=2.0)
        Laplace(b=2.0)
    """

    b: float
    law: ClassVar[str] = LaplaceLaw.name

    def __post_init__(self) -> None:
        require_finite("b", self.b, positive=True)

    @property
    def size(self) -> float:
        return self.b


@final
@dataclass(frozen=True)
class Exponential(ParameterNoise):
    """Exponential noise, for a parameter that admits no negative values.

    A shift g >= 0 multiplies the probability of failing votes by at most exp(g / mean) (T3).

    Args:
        mean: Mean of the noise, in the parameter's unit.

    Example:
        >>> Exponential(mean=1.5)
        Exponential(mean=1.5)
    """

    mean: float
    law: ClassVar[str] = ExponentialLaw.name

    def __post_init__(self) -> None:
        require_finite("mean", self.mean, positive=True)

    @property
    def size(self) -> float:
        return self.mean


@final
@dataclass(frozen=True)
class FoldedNormal(ParameterNoise):
    """The absolute value of normal noise, for a parameter that admits no negative values.

    After a shift g >= 0 the failing votes gain most where the noise is largest (T3).

    Args:
        std: Standard deviation of the normal noise that is folded, in the parameter's unit.

    Example:
        >>> FoldedNormal(std=1.0)
        FoldedNormal(std=1.0)
    """

    std: float
    law: ClassVar[str] = FoldedNormalLaw.name

    def __post_init__(self) -> None:
        require_finite("std", self.std, positive=True)

    @property
    def size(self) -> float:
        return self.std


@final
@dataclass(frozen=True)
class Haar(ParameterNoise):
    """Uniform noise over the whole period of a parameter: it then costs nothing (T7).

    All class probabilities are the same at every value of the parameter, so one centre covers a
    region of any width, all of it included; only what the attack adds to an exact action (the
    residual) needs a margin. It is for parameters with a period and an orthogonal action, such as
    the angle of a rotation.

    Not for labels that the parameter tells apart: with every orientation alike, 6 and 9 are hard to
    tell apart, and so are arrows to the left and to the right.

    Example:
        >>> Haar()
        Haar()
    """

    law: ClassVar[str] = HaarLaw.name

    @property
    def size(self) -> float:
        return 0.0


@final
@dataclass(frozen=True)
class GridUniform(ParameterNoise):
    """Whole steps of a parameter, each of -steps .. steps as likely as any other (T8).

    A shift by g steps loses at most the fraction |g| / (2 steps + 1) of the votes, and what no
    other vote reads of an image costs nothing: behind a window that is smaller than the image
    nothing has to be paid for the border. It is for parameters that move by whole steps of 1, such
    as the shifts of integer-translation.

    Args:
        steps: Most steps to either side, a whole number of at least 1.

    Example:
        >>> GridUniform(steps=4)
        GridUniform(steps=4)
    """

    steps: int
    law: ClassVar[str] = GridUniformLaw.name

    def __post_init__(self) -> None:
        GridUniformLaw((float(self.steps),), (0,))  # It refuses what is no number of steps.

    @property
    def size(self) -> float:
        return float(self.steps)


_ALONE: Final = {law.name: law for law in (ExponentialLaw, FoldedNormalLaw, LaplaceLaw, UniformLaw)}


_KINDS: Final[Mapping[str, Callable[[float], ParameterNoise]]] = {
    GaussianLaw.name: Gaussian,
    UniformLaw.name: Uniform,
    LaplaceLaw.name: Laplace,
    ExponentialLaw.name: Exponential,
    FoldedNormalLaw.name: FoldedNormal,
    HaarLaw.name: lambda _: Haar(),
    GridUniformLaw.name: lambda steps: GridUniform(_whole(steps)),
}


def noise_from_name(law: str, size: float) -> ParameterNoise:
    """The noise on one parameter, from what a run file says of it.

    Args:
        law: Name of the law.
        size: Its size in the parameter's unit; not read for a law without one.

    Raises:
        ConfigurationError: There is no such law, or the size is out of range.

    Example:
        >>> noise_from_name("gaussian", 4.0)
        Gaussian(std=4.0)
    """
    if law not in _KINDS:
        raise ConfigurationError(
            f"law={law!r}: expected one of {', '.join(sorted(_KINDS))}{did_you_mean(law, _KINDS)}"
        )
    return _KINDS[law](size)


def _whole(steps: float) -> int:
    """A number of steps as an integer; any other number as it is, to be refused."""
    return int(steps) if steps == int(steps) else steps  # type: ignore[return-value]


def _require_mappings(parameters: Mapping[str, str], **given: object) -> None:
    """ConfigurationError unless std and noise are None or dictionaries by parameter."""
    examples = {"std": "1.0", "noise": "Gaussian(1.0)"}
    for argument, value in given.items():
        if value is not None and not isinstance(value, Mapping):
            by_name = ", ".join(f'"{name}": {examples[argument]}' for name in parameters)
            raise ConfigurationError(
                f"{argument}={value!r}; expected a dictionary with a value for every parameter,"
                f" such as {argument}={{{by_name}}}"
            )


def noise_by_name(
    parameters: Mapping[str, str],
    whose: str,
    std: Mapping[str, float] | None = None,
    noise: Mapping[str, ParameterNoise] | None = None,
) -> tuple[ParameterNoise, ...]:
    """The noise on every parameter of a transformation, in order; empty for none on any (T = id).

    Args:
        parameters: The unit of every parameter, by its name, in order.
        whose: The name of the transformation.
        std: Standard deviation of Gaussian noise by parameter; short for ``noise`` with
            :class:`Gaussian`. Empty: no parameter carries noise.
        noise: The noise by parameter.

    Raises:
        ConfigurationError: A parameter is unknown, missing or in both; the message lists them.
    """
    _require_mappings(parameters, std=std, noise=noise)
    if std is None and noise is None and parameters:
        require_names("noise", (), {**parameters}, _with_advice(whose, parameters))
    given: dict[str, ParameterNoise] = {name: Gaussian(size) for name, size in (std or {}).items()}
    if twice := [name for name in noise or {} if name in given]:
        raise ConfigurationError(f"noise: {twice[0]} is both in std and in noise; leave one out")
    for name, law in (noise or {}).items():
        if not isinstance(law, ParameterNoise):
            raise ConfigurationError(
                f"noise: {name}={law!r}; expected Gaussian(std), Haar(), GridUniform(steps),"
                " Uniform(half_width), Laplace(b), Exponential(mean) or FoldedNormal(std)"
            )
        given[name] = law
    if not given:
        return ()
    require_names("std" if noise is None else "noise", given, parameters, whose)
    return tuple(given[name] for name in parameters)


def _with_advice(whose: str, parameters: Mapping[str, str]) -> str:
    example = ", ".join(f'"{name}": ...' for name in parameters)
    return f"give std={{{example}}}, or std={{}} for no noise on parameters (T = id); {whose}"


def joint_law(noise: Sequence[ParameterNoise], sigma: float, *, orthogonal: bool = True) -> Law:
    """The proved law of independent noise on several parameters, and of std ``sigma`` on z.

    Args:
        noise: One a parameter, in order; none: no parameter carries noise.
        sigma: Standard deviation of the noise on z.
        orthogonal: Whether every T_theta is orthogonal, so that no error depends on the noise (T4);
            otherwise such errors are bounded (T5).

    Raises:
        ConfigurationError: No theorem is known for this noise: any number of parameters may be
            Haar, or grid-uniform, if all others are Gaussian; else at most one of several may have
            another law than the Gaussian one, and only one on values >= 0.
    """
    require_finite("sigma", sigma, positive=False)
    # In float64, whatever type of number the caller has: bounds are calculated from them.
    sizes, sigma = tuple(float(one.size) for one in noise), float(sigma)
    others = [axis for axis, one in enumerate(noise) if one.law != GaussianLaw.name]
    if not others:
        return GaussianLaw(sizes, sigma, orthogonal)
    if all(noise[axis].law == HaarLaw.name for axis in others):
        return HaarLaw(tuple(others), sizes, sigma, orthogonal)
    if all(noise[axis].law == GridUniformLaw.name for axis in others):
        return GridUniformLaw(sizes, tuple(others), sigma)
    name = noise[others[0]].law
    if len(noise) == 1:
        return _ALONE[name](sizes[0], sigma)
    if len(others) > 1 or name not in ALONG:
        given = " and ".join(noise[axis].law for axis in others)
        raise ConfigurationError(
            f"noise: {given} beside other parameters; expected Gaussian noise on all of them but"
            f" one, which may be {', '.join(sorted(ALONG))} if it admits no negative values, or"
            f" {HaarLaw.name} on any that have a period and Gaussian noise on the others, or"
            f" {GridUniformLaw.name} on any that move by whole steps and Gaussian noise on the"
            " others"
        )
    return ProductLaw(name, sizes, others[0], sigma)


def noise_texts(law: Law, names: Sequence[str]) -> list[str]:
    """The noise on every parameter for people, such as ``angle: gaussian 4``; none for T = id."""
    match law:
        case GaussianLaw(scales=scales):
            laws = [GaussianLaw.name] * len(scales)
        case ProductLaw(scales=scales):
            laws = [GaussianLaw.name] * len(scales)
            laws[law.axis] = law.name
        case HaarLaw():
            return [
                f"{name}: {law.name}" if axis in law.axes else f"{name}: gaussian {scale:g}"
                for axis, (name, scale) in enumerate(zip(names, law.scales, strict=True))
            ]
        case GridUniformLaw(scales=scales):
            laws = [law.name if k in law.axes else GaussianLaw.name for k in range(len(scales))]
        case UniformLaw(half_width=half_width):
            laws, scales = [law.name], (half_width,)
        case ExponentialLaw(scale=scale) | FoldedNormalLaw(scale=scale) | LaplaceLaw(scale=scale):
            laws, scales = [law.name], (scale,)
        case _:
            return [law.name]
    told = zip(names, laws, scales, strict=True)
    return [f"{name}: {one} {size:g}" for name, one, size in told] if scales else []
