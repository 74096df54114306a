"""Paths through the attack: the pictures that a slider shows of one image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from gsmooth.data.dataset import Dataset
from gsmooth.report.attacked_images import attacked_images, is_inside, pixel_limits
from gsmooth.report.page.names import RunNames
from gsmooth.report.page.pictures import fitted, picture_of, stored, tiled
from gsmooth.report.page.settings import PAGE
from gsmooth.runs.records.row import Row
from gsmooth.text.display import shortened
from gsmooth.text.rounding import text_down
from gsmooth.transforms.base import Parameter, Transformation

Theta = tuple[float, ...]


@final
@dataclass(frozen=True)
class Frame:
    """One attacked image: its parameters, and whether the certificate covers it."""

    at: str
    inside: bool


@final
@dataclass(frozen=True)
class Path:
    """Attacked images of one image, from one end to the other.

    width, height: of one picture; start: the frame shown first; picture: all of them side by side,
    as ``pictures.stored`` returns it.
    """

    name: str
    frames: tuple[Frame, ...]
    width: int
    height: int
    start: int
    picture: str


@final
@dataclass(frozen=True)
class Attacker:
    """What makes the attacked images of a run."""

    transformation: Transformation
    dataset: Dataset
    input_range: tuple[float, float]
    names: RunNames

    def paths(self, row: Row) -> Iterator[Path]:
        """Yield the paths of one image."""
        if row.region.dimensions == 0:
            yield self._noisy(row)
            return
        for name, thetas in _routes(row, self.names.parameters):
            yield self._path(row, name, thetas)

    def _path(self, row: Row, name: str, thetas: Sequence[Theta]) -> Path:
        # An original of an attacked image is made by the opposite parameters, approximately.
        sign = -1.0 if self.names.online else 1.0
        signed = [tuple(sign * value for value in theta) for theta in thetas]
        pixels = attacked_images(self.transformation, self.dataset, row, signed, self.input_range)
        worst = row.attack.theta if row.attack is not None else None
        frames = [
            Frame(
                f"{self.names.point(theta)}{' (worst found)' if theta == worst else ''}",
                is_inside(theta, row.certified_region),
            )
            for theta in thetas
        ]
        middle = min(range(len(thetas)), key=lambda i: sum(value**2 for value in thetas[i]))
        return self._drawn(f"undo {name}" if self.names.online else name, frames, pixels, middle)

    def _noisy(self, row: Row) -> Path:
        """A random direction, from no change to the radius asked for."""
        image = self.dataset.image(row.index).numpy()
        direction = np.random.default_rng(row.index).standard_normal(image.shape)
        direction /= np.linalg.norm(direction)
        norms = np.linspace(0.0, row.region.l2, PAGE.sliders.frames)
        certified = 0.0 if row.certified_region is None else row.certified_region.l2
        frames = [Frame(f"l2 = {text_down(float(n), 3)}", bool(n < certified)) for n in norms]
        pixels = image + norms[:, None, None, None] * direction
        return self._drawn("a random direction", frames, pixels, 0)

    def _drawn(
        self, name: str, frames: Sequence[Frame], pixels: NDArray[np.float64], start: int
    ) -> Path:
        limits, side = pixel_limits(self.dataset), PAGE.sliders.side
        pictures = [fitted(picture_of(one, limits), side) for one in pixels]
        width, height = pictures[0].size
        picture = stored(tiled(pictures, len(pictures)), max(width, height))
        return Path(name, tuple(frames), width, height, start, picture)


def with_slider(rows: Sequence[Row], most: int) -> list[Row]:
    """Choose up to ``most`` images that get a slider.

    Half of them, if there are so many, are images without a right certificate; the others are
    spread evenly over the run.
    """
    failed = [row for row in rows if not _is_right(row)][: most // 2]
    chosen = {row.index for row in failed}
    others = [row for row in rows if row.index not in chosen]
    every = max(1, -(-len(others) // max(1, most - len(failed))))
    return sorted([*failed, *others[::every]], key=lambda row: row.index)


def _is_right(row: Row) -> bool:
    return row.is_certified and row.decision.certified_label == row.image.label


def _routes(row: Row, parameters: Sequence[Parameter]) -> Iterator[tuple[str, list[Theta]]]:
    """Yield one route a parameter, others at 0, and one to the worst attack of several."""
    region, most = row.region, PAGE.sliders.paths
    worst = row.attack.theta if row.attack is not None else ()
    moving = [axis for axis in range(region.dimensions) if region.lower[axis] or region.upper[axis]]
    for axis in moving[: most if len(moving) == 1 else most - 1]:
        values = _values(region.lower[axis], region.upper[axis], parameters, axis)
        if len(moving) == 1 and worst:
            values = sorted({*values, worst[axis]})
        name = shortened(parameters[axis].name) if axis < len(parameters) else f"theta{axis}"
        yield name, [_along(axis, value, region.dimensions) for value in values]
    if len(moving) > 1 and any(worst) and not any(p.step for p in parameters):
        parts = np.linspace(0.0, 1.0, PAGE.sliders.frames).tolist()
        yield "to the worst attack found", [tuple(p * v for v in worst) for p in parts]


def _values(low: float, high: float, parameters: Sequence[Parameter], axis: int) -> list[float]:
    """Values of one parameter from end to end; whole steps where it has steps."""
    frames = PAGE.sliders.frames
    if axis < len(parameters) and parameters[axis].step:
        allowed = list(parameters[axis].values(low, high))
        every = np.unique(np.linspace(0, len(allowed) - 1, frames).round().astype(int))
        return [float(allowed[place]) for place in every]
    return [float(value) for value in np.linspace(low, high, frames)]


def _along(axis: int, value: float, dimensions: int) -> Theta:
    return tuple(value if a == axis else 0.0 for a in range(dimensions))
