"""NoiseRecord: the smoothing noise of a row as plain values, axis by axis."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self, final

from gsmooth.errors import ConfigurationError, RecordError
from gsmooth.runs.records.codec import Plain
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

SIZE_WORDS: Final[Mapping[str, str]] = {
    GaussianLaw.name: "std",
    UniformLaw.name: "half_width",
    ExponentialLaw.name: "mean",
    LaplaceLaw.name: "b",
    FoldedNormalLaw.name: "std",
    HaarLaw.name: "period",
    GridUniformLaw.name: "steps",
}
"""What the size of each law is called; a folded normal's std is that of the normal it folds."""
_UNSTATED: Final = " or gaussian"
_WORDS: Final[Mapping[str, str]] = {
    **SIZE_WORDS,
    **{law + _UNSTATED: "size" for law in SIZE_WORDS if law != GaussianLaw.name},
}


@final
@dataclass(frozen=True)
class AxisNoise(Plain):
    """The noise on one parameter: a law and its size, in the parameter's unit.

    In JSON the size has the law's own word: ``{"law": "gaussian", "std": 4.0}``. A std of 0: the
    parameter is attacked and not smoothed. "exponential or gaussian" (word ``size``) is of schema
    2, which does not say on which of several parameters the other law was.
    """

    law: str
    size: float

    @property
    def stated(self) -> bool:
        """Whether the record states which law the parameter has."""
        return self.law in SIZE_WORDS

    def to_plain(self) -> object:
        """One object with the law's own word for its size."""
        return {"law": self.law, _WORDS[self.law]: self.size}

    @classmethod
    def from_plain(cls, value: object) -> Self:
        """ConfigurationError unless it is a known law with its size, a finite number >= 0."""
        law = value.get("law") if isinstance(value, dict) else None
        if not (isinstance(value, dict) and isinstance(law, str) and law in _WORDS):
            known = ", ".join(SIZE_WORDS)
            raise ConfigurationError(f"{value!r} found; expected a law ({known}) and its size")
        word = _WORDS[law]
        size: object = value.get(word)
        if value.keys() != {"law", word} or isinstance(size, bool):
            raise ConfigurationError(f"{value!r} found; expected law and {word}, nothing else")
        if not (isinstance(size, int | float) and math.isfinite(size) and size >= 0.0):
            raise ConfigurationError(f"{word}={size!r} must be a finite number >= 0")
        return cls(law, float(size))


@final
@dataclass(frozen=True)
class NoiseRecord:
    """The noise of one run: std ``sigma`` on z, and a law on every parameter.

    axes: one a parameter; none where no parameter carries noise (T = id). orthogonal: whether
    margins of Gaussian parameters are those of T4 (every T_theta orthogonal), in which no error
    depends on the noise; true with other laws.
    """

    sigma: float
    orthogonal: bool
    axes: tuple[AxisNoise, ...]

    @staticmethod
    def of(law: Law) -> NoiseRecord:
        """The plain values of ``law``; RecordError for a law that has no name in records."""
        match law:
            case GaussianLaw():
                return NoiseRecord(law.sigma, law.orthogonal, _axes((law.name,), law.scales))
            case ProductLaw():
                names = [GaussianLaw.name] * len(law.scales)
                names[law.axis] = law.name
                return NoiseRecord(law.sigma, True, _axes(tuple(names), law.scales))
            case HaarLaw():
                names = [GaussianLaw.name] * len(law.scales)
                for axis in law.axes:
                    names[axis] = law.name
                return NoiseRecord(law.sigma, law.orthogonal, _axes(tuple(names), law.scales))
            case GridUniformLaw():
                names = [GaussianLaw.name] * len(law.scales)
                for axis in law.axes:
                    names[axis] = law.name
                return NoiseRecord(law.sigma, True, _axes(tuple(names), law.scales))
            case UniformLaw():
                return NoiseRecord(law.sigma, True, _axes((law.name,), (law.half_width,)))
            case ExponentialLaw() | FoldedNormalLaw() | LaplaceLaw():
                return NoiseRecord(law.sigma, True, _axes((law.name,), (law.scale,)))
        raise RecordError(f"a law of type {type(law).__name__} cannot be recorded")

    @property
    def name(self) -> str:
        """The law that is not normal, if any."""
        names = {axis.law.removesuffix(_UNSTATED) for axis in self.axes} - {GaussianLaw.name}
        return min(names, default=GaussianLaw.name)

    @property
    def law(self) -> str | list[str]:
        """What ``smoothing.law`` of a run gives: one name, or one an axis.

        One an axis if some are Haar or grid-uniform, and others are not.
        """
        names = [axis.law for axis in self.axes]
        several = {HaarLaw.name, GridUniformLaw.name} & set(names) and len(set(names)) > 1
        return names if several else self.name

    @property
    def periodic(self) -> tuple[int, ...]:
        """The axes whose noise is uniform on a whole period."""
        return tuple(axis for axis, noise in enumerate(self.axes) if noise.law == HaarLaw.name)

    @property
    def sizes(self) -> tuple[float, ...]:
        """The size of every axis' law."""
        return tuple(axis.size for axis in self.axes)

    @property
    def scales(self) -> tuple[float, ...]:
        """What ``smoothing.scales`` of a run gives: the sizes, 0 where the law has none to give."""
        return tuple(0.0 if axis.law == HaarLaw.name else axis.size for axis in self.axes)

    def build(self) -> Law:
        """The law itself, for its margins; parameters of std 0 are such as the action ignores.

        ConfigurationError where there is no proved law for these axes, or schema 2 did not say
        which axis has it.
        """
        others = [axis for axis, noise in enumerate(self.axes) if noise.law != GaussianLaw.name]
        unsmoothed = tuple(
            axis
            for axis, noise in enumerate(self.axes)
            if noise.size == 0.0 and noise.law == GaussianLaw.name
        )
        if not others:
            return GaussianLaw(self.sizes, self.sigma, self.orthogonal, unsmoothed)
        if {self.axes[axis].law for axis in others} == {HaarLaw.name}:
            return HaarLaw(tuple(others), self.sizes, self.sigma, self.orthogonal, unsmoothed)
        if {self.axes[axis].law for axis in others} == {GridUniformLaw.name}:
            return GridUniformLaw(self.sizes, tuple(others), self.sigma, unsmoothed)
        if len(others) > 1 or not self.axes[others[0]].stated:
            raise ConfigurationError(f"no law is known for {', '.join(a.law for a in self.axes)}")
        law, (size, *rest) = self.axes[others[0]].law, self.sizes
        if rest:
            return ProductLaw(law, self.sizes, others[0], self.sigma, unsmoothed)
        kinds = (ExponentialLaw, FoldedNormalLaw, LaplaceLaw)
        found = next((kind(size, self.sigma) for kind in kinds if kind.name == law), None)
        return found or UniformLaw(size, self.sigma)


def _axes(names: tuple[str, ...], sizes: tuple[float, ...]) -> tuple[AxisNoise, ...]:
    """One axis a size; one name stands for all."""
    every = names if len(names) == len(sizes) else names[:1] * len(sizes)
    return tuple(AxisNoise(name, size) for name, size in zip(every, sizes, strict=True))
