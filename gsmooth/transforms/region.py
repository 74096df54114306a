"""What is certified: a box of transformation parameters, with an l2 ball on top of it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from numbers import Integral
from typing import Final, Protocol, SupportsFloat, final

import numpy as np

from gsmooth.errors import ConfigurationError
from gsmooth.text.rounding import text_inward
from gsmooth.theory.arguments import require_names

RESERVED: Final = ("lower", "upper", "l2", "bits", "names")
"""Arguments of :class:`Region` that are no parameters; no parameter may be called so."""


class Periodic(Protocol):
    """What has parameters with periods: a smoothed classifier."""

    @property
    def periods(self) -> Mapping[str, float]:
        """The period of every parameter in its unit, by name; 0 where it has none."""


@final
@dataclass(frozen=True, init=False, repr=False)
class Region:
    """The attacks that a certificate is about: a box of parameters, and an l2 ball on top of it.

    These are all psi_theta(x) + e with every parameter in its interval, ends included, and
    ||e||_2 < l2.

    Args:
        lower, upper: The ends of the intervals, one number a parameter, for code that has the
            parameters in their order. Use names instead: ``angle=(-30, 30)``.
        l2: Radius of the ball, in units of the declared input range; 0 if only parameters move.
        bits: The attacked image is rounded to 2^bits levels of the input range, as an image file
            is (1..16); 0: it stays the float image that psi gives.
        parameters: The interval (low, high) of each parameter by its name, in the parameter's
            unit; low <= 0 <= high, since 0 is the untransformed image. Whether the names are those
            of a transformation is checked where the region meets one.

    Raises:
        ConfigurationError: An interval is not finite, does not contain 0 or is no pair of numbers;
            l2 or bits is out of range; both names and ``lower``, ``upper`` are given.

    Example:
        >>> Region(angle=(-30, 30), bits=8)
        Region(angle=(-30, 30), bits=8)
        >>> Region(l2=0.5)
        Region(l2=0.5)
    """

    lower: tuple[float, ...] = ()
    upper: tuple[float, ...] = ()
    l2: float = 0.0
    bits: int = 0
    # Names label the axes. A record has them once, in its header, and equal boxes are equal.
    names: tuple[str, ...] | None = field(default=None, compare=False, metadata={"recorded": False})
    # Axes that stay as they are when the region is scaled; they follow from the noise.
    whole: tuple[int, ...] = field(
        default=(), init=False, compare=False, metadata={"recorded": False}
    )

    def __init__(
        self,
        lower: Sequence[float] = (),
        upper: Sequence[float] = (),
        l2: float = 0.0,
        bits: int = 0,
        names: Sequence[str] | None = None,
        **parameters: tuple[float, float],
    ) -> None:
        if parameters:
            if lower or upper or names:
                raise ConfigurationError(
                    f"region: {', '.join(parameters)} by name, and lower and upper ends as well;"
                    " give the names alone"
                )
            pairs = [_pair(name, interval) for name, interval in parameters.items()]
            lower, upper = [low for low, _ in pairs], [high for _, high in pairs]
            names = tuple(parameters)
        _require_numbers(lower=lower, upper=upper)
        object.__setattr__(self, "lower", tuple(_number("lower", low) for low in lower))
        object.__setattr__(self, "upper", tuple(_number("upper", high) for high in upper))
        object.__setattr__(self, "l2", _number("l2", l2))
        object.__setattr__(self, "bits", _whole("bits", bits))
        object.__setattr__(self, "names", None if names is None else tuple(names))
        object.__setattr__(self, "whole", ())
        self._check()

    def _check(self) -> None:
        if len(self.lower) != len(self.upper):
            raise ConfigurationError(
                f"region: {len(self.lower)} lower ends and {len(self.upper)} upper ends were given;"
                " give one of each for every parameter"
            )
        if self.names is not None and len(self.names) != len(self.lower):
            raise ConfigurationError(
                f"region: {len(self.names)} names for {len(self.lower)} intervals"
            )
        for low, high in zip(self.lower, self.upper, strict=True):
            if not (math.isfinite(low) and math.isfinite(high) and low <= 0.0 <= high):
                raise ConfigurationError(
                    f"region: the interval [{low}, {high}] must be finite and contain 0,"
                    " the untransformed image"
                )
        if not (math.isfinite(self.l2) and self.l2 >= 0.0):
            raise ConfigurationError(f"region: l2={self.l2} must be a finite number >= 0")
        if not 0 <= self.bits <= 16:
            raise ConfigurationError(
                f"region: bits={self.bits} must lie in 1..16, or be 0 where attacks are not rounded"
            )

    def __repr__(self) -> str:
        ends = zip(self.lower, self.upper, strict=True)
        pairs = [f"({low:.17g}, {high:.17g})" for low, high in ends]
        if self.names is not None:
            pairs = [f"{name}={pair}" for name, pair in zip(self.names, pairs, strict=True)]
        elif pairs:
            pairs = [f"lower={self.lower}, upper={self.upper}"]
        pairs += [f"l2={self.l2!r}"] if self.l2 or not pairs else []
        pairs += [f"bits={self.bits}"] if self.bits else []
        return f"Region({', '.join(pairs)})"

    @classmethod
    def all(
        cls, g: Periodic, /, l2: float = 0.0, bits: int = 0, **others: tuple[float, float]
    ) -> Region:
        """The whole period of every parameter of g that has one: every orientation of a rotation.

        Args:
            g: The smoothed classifier.
            l2: Radius of the ball on top, in units of the declared input range.
            bits: The attacked image is rounded to 2^bits levels; 0: it stays the float image.
            others: The intervals (low, high) of parameters without a period, by name, and of those
                that are not to move all the way.

        Raises:
            ConfigurationError: No parameter has a period, or one without a period has no interval.

        Example:
            >>> import gsmooth as gs
            >>> import torch
            >>> net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 2))
            >>> g = gs.SmoothedClassifier(
            ...     net, "rotation", noise={"angle": gs.Haar()}, sigma=0.25, num_classes=2,
            ...     input_shape=(1, 8, 8),
            ... )
            >>> gs.Region.all(g)
            Region(angle=(-180, 180))
        """
        periods = g.periods
        having = [name for name, period in periods.items() if period]
        if not having:
            raise ConfigurationError(
                "region: no parameter has a period, so none has a whole one; give intervals by name"
            )
        if missing := [name for name in periods if name not in (*having, *others)]:
            raise ConfigurationError(
                f"region: {' and '.join(missing)} without a period (it is known of"
                f" {', '.join(having)}); give an interval, such as Region.all(g,"
                f" {missing[0]}=(-1, 1))"
            )
        whole = {name: (-periods[name] / 2.0, periods[name] / 2.0) for name in having}
        pairs = {name: _pair(name, interval) for name, interval in {**whole, **others}.items()}
        lower, upper = zip(*pairs.values(), strict=True)
        return cls(lower, upper, l2, bits, tuple(pairs))

    def along(self, parameters: Mapping[str, str], whose: str) -> Region:
        """The same region with its intervals in the order of a transformation's parameters.

        Args:
            parameters: The unit of every parameter, by its name, in order.
            whose: The name of the transformation.

        Raises:
            ConfigurationError: A name is unknown or missing; the message lists the right ones.
        """
        if self.names is None:
            if self.lower or parameters:
                self._require_number(parameters, whose)
            return self
        require_names("region", self.names, parameters, whose)
        order = [self.names.index(name) for name in parameters]
        return Region(
            [self.lower[axis] for axis in order],
            [self.upper[axis] for axis in order],
            self.l2,
            self.bits,
            tuple(parameters),
        )

    def _require_number(self, parameters: Mapping[str, str], whose: str) -> None:
        if not self.lower:
            require_names("region", (), parameters, whose)
        if len(self.lower) != len(parameters):
            names = ", ".join(parameters) or "none, only l2"
            raise ConfigurationError(
                f"region: {len(self.lower)} intervals were given, {whose} has {len(parameters)}"
                f" parameters ({names})"
            )

    @property
    def dimensions(self) -> int:
        """Number of transformation parameters."""
        return len(self.lower)

    def scaled(self, factor: float) -> Region:
        """The region shrunk towards the clean image by its fraction in [0, 1].

        Rounding stays, and so do the axes that are ``staying``.
        """
        part = [1.0 if axis in self.whole else factor for axis in range(self.dimensions)]
        return Region(
            tuple(own * v for own, v in zip(part, self.lower, strict=True)),
            tuple(own * v for own, v in zip(part, self.upper, strict=True)),
            factor * self.l2,
            self.bits,
            self.names,
        ).staying(self.whole)

    def staying(self, axes: Sequence[int]) -> Region:
        """The same region, of which these axes stay whole when it is scaled (T7).

        T7: along parameters with Haar noise all of a period costs no more than a part of it.

        Example:
            >>> Region(angle=(-180, 180), l2=0.5).staying([0]).scaled(0.5)
            Region(angle=(-180, 180), l2=0.25)
        """
        found = copy(self)
        object.__setattr__(found, "whole", tuple(axes))
        return found

    def half_level(self, input_range: tuple[float, float] = (0.0, 1.0)) -> float:
        """What rounding can move a pixel by; 0 where attacks are not rounded."""
        low, high = input_range
        return (high - low) / (2**self.bits - 1) / 2.0 if self.bits else 0.0

    def describe(self, names: tuple[str, ...], units: tuple[str, ...]) -> str:
        """One line for people, e.g. ``angle in [-30, 30] deg``; never more than the region (F4)."""
        parts = [
            f"{name} in [{text_inward(low)}, {text_inward(high)}] {unit}"
            for name, unit, low, high in zip(names, units, self.lower, self.upper, strict=True)
        ]
        if self.l2 > 0.0 or not parts:
            parts.append(f"l2 < {text_inward(self.l2)}")
        if self.bits:
            parts.append(f"rounded to {self.bits} bits")
        return ", ".join(parts)


def _require_numbers(**ends: object) -> None:
    """ConfigurationError unless both are sequences of numbers: a dictionary is neither."""
    for name, given in ends.items():
        several = isinstance(given, Iterable) and not isinstance(given, Mapping)
        if not several or not all(isinstance(end, SupportsFloat) for end in list(given)):  # type: ignore[call-overload]
            raise ConfigurationError(
                f"region: {name}={given!r}; expected the {name} ends, one number a parameter, or"
                " the parameters by name, such as Region(angle=(-30, 30))"
            )


def _number(name: str, value: object) -> float:
    """A Python float, so that no end is calculated with in the float32 of NumPy or torch."""
    if not isinstance(value, SupportsFloat):
        raise ConfigurationError(f"region: {name}={value!r}; expected a number")
    # -0.0 + 0.0 is 0.0: no bound has to allow for a negative zero that divides.
    return float(value) + 0.0


def _whole(name: str, value: object) -> int:
    if not isinstance(value, Integral):
        raise ConfigurationError(f"region: {name}={value!r}; expected a whole number")
    return int(value)


def _pair(name: str, interval: object) -> tuple[float, float]:
    """The ends of one interval; ConfigurationError for anything but two numbers."""
    if isinstance(interval, str) or not isinstance(interval, Iterable):
        ends: list[object] = []
    else:
        ends = list(interval)
    if len(ends) != 2 or not all(isinstance(end, int | float | np.number) for end in ends):
        raise ConfigurationError(
            f"region: {name}={interval!r}; expected the two ends of an interval around 0, such as"
            f" {name}=(-1, 1)"
        )
    low, high = (float(end) for end in ends)  # type: ignore[arg-type]
    return low, high
