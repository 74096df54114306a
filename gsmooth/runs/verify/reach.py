"""Whether centres reach all of the region, as far as the parameters alone say it.

The margins of a cover are for shifts and residuals together. Residuals follow from the image; what
follows from law and region alone is a lower bound on every margin, and a correct cover meets it:

- every piece of the region belongs to one centre, whose margin is that of its farthest corner, so
  every parameter of the region lies within some centre's margin at the residual that an l2 ball,
  the attacker's rounding and a calibrated error leave at least (T4, T5; laws grow with both);
- at the certified fraction of the region the same holds of the shares required there.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from gsmooth.certificate import CentreEvidence
from gsmooth.errors import ConfigurationError
from gsmooth.runs.records.header import RunHeader
from gsmooth.runs.records.recorded_noise import NoiseRecord
from gsmooth.runs.records.row import Row
from gsmooth.runs.settings import RUN
from gsmooth.runs.verify.profiles import setting
from gsmooth.theory.laws import GaussianLaw, Law
from gsmooth.theory.normal import required_p_of_margin
from gsmooth.transforms.base import Parameter
from gsmooth.transforms.region import Region

Floats = NDArray[np.float64]
Message = tuple[str, str]

_CLOSE: Final = 1e-9
"""Relative difference between a margin here and there: sums are rounded in another order."""


def reach_faults(row: Row, header: RunHeader) -> Iterator[Message]:
    """(field, message) where centres or margins are not those of a cover of the row's region."""
    online = setting(header.config, "certify.guarantee") == "online"
    faults = list(_places(row, online))
    yield from faults
    if faults or header.capabilities is None or not row.counts.evidence:
        return
    try:
        reach = _Reach.of(row, header, _law(row.randomness.noise), online)
        yield from reach.margins_too_small()
        if not online:  # Its cells are those that an original can lie in, which the image says.
            yield from reach.left_out()
    except ConfigurationError as error:  # Noise, or a residual, that no law can have.
        yield "noise", str(error)


def _places(row: Row, online: bool) -> Iterator[Message]:
    """Every centre has one number a parameter, within the region (online: its mirror image)."""
    region = row.claim.region
    if len(row.randomness.noise.axes) not in (0, region.dimensions):
        yield (
            "noise.axes",
            f"{len(row.randomness.noise.axes)} axes for {region.dimensions} parameters",
        )
    ends = list(zip(region.lower, region.upper, strict=True))
    ends = [(-high, -low) for low, high in ends] if online else ends
    # Centres are means of parameters, so rounded a little.
    wider = [(a - _CLOSE * (b - a), b + _CLOSE * (b - a)) for a, b in ends]
    for number, centre in enumerate(row.counts.evidence):
        where, theta = f"evidence[{number}].theta", centre.theta
        if len(theta) != len(ends):
            yield where, f"{len(theta)} numbers for {len(ends)} parameters"
        elif not all(a <= value <= b for value, (a, b) in zip(theta, wider, strict=True)):
            yield where, f"{theta} lies outside of the region"


@final
@dataclass(frozen=True)
class _Reach:
    """One row's centres under the law of its noise.

    theta (centres, m). fixed: the residual that every margin pays for, whatever the fraction of the
    region; ball: what the l2 ball adds to it at the whole region.
    """

    row: Row
    law: Law
    theta: Floats
    parameters: tuple[Parameter, ...]
    fixed: float
    ball: float

    @classmethod
    def of(cls, row: Row, header: RunHeader, law: Law, online: bool) -> _Reach:
        claims, region = header.capabilities, row.claim.region
        assert claims is not None
        ball = fixed = 0.0
        if not online:
            ball = (claims.lift_norm or 0.0) * region.l2
            fixed = (claims.rounding_norm or 0.0) * region.half_level(input_range_of(header.config))
            fixed += row.claim.premise.error if row.claim.premise else 0.0
        theta = np.array([centre.theta for centre in row.counts.evidence])
        return cls(row, law, theta, header.parameters, fixed, ball)

    def margins_too_small(self) -> Iterator[Message]:
        """Every margin pays at least for what is left over at the centre itself."""
        inner = self.row.claim.mode == "nested"
        least = _least(self.row.randomness.noise, inner, self.fixed + self.ball)
        for number, centre in enumerate(self.row.counts.evidence):
            where, margin = f"evidence[{number}].margin", centre.margin
            if inner and centre.inner is not None:
                where, margin = f"evidence[{number}].inner.margin", centre.inner.margin
            if margin < least * (1.0 - _CLOSE) - _CLOSE:
                yield where, f"{margin!r}; the region alone asks for {least!r}"

    def left_out(self) -> Iterator[Message]:
        """A parameter of the region, or of its certified part, that no centre covers."""
        if not self.law.dimensions:
            return
        margins = np.array([centre.margin for centre in self.row.counts.evidence])
        needed, points = self._needed(self.row.claim.region, 1.0)
        reached = np.asarray((needed <= margins).any(axis=1))
        if not reached.all():
            shown = _first(points, ~reached)
            yield "evidence", f"no centre reaches the parameters {shown} of the region"
            return
        fraction = self.row.claim.fraction
        if fraction is None or not 0.0 < fraction < 1.0:
            return
        # A little less: at the very end of a step the next cell begins.
        within = self.row.region.scaled(fraction * (1.0 - _CLOSE))
        needed, points = self._needed(within, fraction)
        shares = np.array([_required_p_at(centre, fraction) for centre in self.row.counts.evidence])
        reached = np.asarray((required_p_of_margin(needed) <= shares + 1e-15).any(axis=1))
        if not reached.all():
            shown = _first(points, ~reached)
            yield "fraction", f"{fraction!r}, but no centre answers for the parameters {shown}"

    def _needed(self, region: Region, fraction: float) -> tuple[Floats, Floats]:
        """(points, centres) least margins, a little lowered, and the points (points, m)."""
        steps = tuple(parameter.step for parameter in self.parameters)
        points = _points(region, steps, self.law.free_axes, len(self.theta))
        shifts = points[:, None, :] - self.theta[None, :, :]
        left = 0.0 if self.row.claim.mode == "nested" else self.fixed + fraction * self.ball
        flat = shifts.reshape(-1, shifts.shape[2])
        needed = self.law.margin(flat, np.full(len(flat), left)).reshape(shifts.shape[:2])
        return np.maximum(0.0, needed * (1.0 - _CLOSE) - _CLOSE), points


def _required_p_at(centre: CentreEvidence, fraction: float) -> float:
    """The share that the centre's votes have to exceed for this fraction of the region."""
    return next(
        (step.required_p for step in centre.profile if step.fraction >= fraction), centre.required_p
    )


@lru_cache(maxsize=64)  # All rows of a run have the same noise.
def _law(noise: NoiseRecord) -> Law:
    return noise.build()


@lru_cache(maxsize=64)
def _least(noise: NoiseRecord, inner: bool, residual: float) -> float:
    """The margin of this residual alone; inner: under the noise on z alone."""
    law = GaussianLaw((), noise.sigma) if inner else _law(noise)
    return float(law.margin(np.zeros((1, law.dimensions)), np.array([residual]))[0])


@lru_cache(maxsize=256)
def _points(
    region: Region, steps: tuple[float, ...], free: tuple[int, ...], centres: int
) -> Floats:
    """Parameters of the region, its corners among them: (n, m). Steps are kept to."""
    moving = [axis for axis in range(region.dimensions) if axis not in free]
    if len(moving) > RUN.verify.most_moving:
        moving = moving[: RUN.verify.most_moving]
    each = max(2, int(RUN.verify.points ** (1.0 / max(1, len(moving)))))
    if len(moving) == 1:
        each = min(each, max(33, RUN.verify.points_per_centre * centres + 1))
    axes: list[Floats] = []
    for axis in range(region.dimensions):
        low, high = region.lower[axis], region.upper[axis]
        step = steps[axis] if axis < len(steps) else 0.0
        if axis not in moving:
            axes.append(np.zeros(1))
        elif step and high - low < step * RUN.verify.most_steps:
            axes.append(_some(low, high, step, each))
        else:
            axes.append(np.unique(np.linspace(low, high, each)))
    return np.array(list(itertools.product(*axes)))


def _some(low: float, high: float, step: float, most: int) -> Floats:
    """Whole multiples of ``step`` in [low, high], the outermost among them: ``most`` at most."""
    first, last = np.ceil(low / step), np.floor(high / step)
    values = np.unique(np.linspace(first, last, min(most, int(last - first) + 1)).round()) * step
    return np.asarray(values[(values >= low) & (values <= high)])


def _first(points: Floats, chosen: NDArray[np.bool_]) -> list[float]:
    return [float(value) for value in points[int(np.flatnonzero(chosen)[0])]]


def input_range_of(config: Mapping[str, object]) -> tuple[float, float]:
    """The range of pixels that the model was declared with; [0, 1] by default."""
    found = setting(config, "model.input_range")
    if isinstance(found, list | tuple) and len(found) == 2:
        return float(found[0]), float(found[1])
    return 0.0, 1.0
