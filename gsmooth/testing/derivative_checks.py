"""Checks of derivative and curvature bounds against finite differences."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, final

import numpy as np
import torch
from hypothesis import currently_in_test_context, target
from hypothesis import strategies as st
from torch import Tensor

from gsmooth.cover.pulled_back import PulledBackImage
from gsmooth.cover.regions.grid import lay_parameter_grid
from gsmooth.testing.images import SampleImage
from gsmooth.testing.settings import KIT
from gsmooth.testing.transformation_under_test import TransformationUnderTest, no_claim

Bound = Callable[[Tensor, Tensor], Tensor | None]
MOST_HALVINGS: Final = 6
"""Halvings of a cell of the grid that are tried; covers refine their cells."""


@final
@dataclass(frozen=True)
class Cell:
    """A cell of parameters, as a cover uses it.

    place: by axis, position in the grid of cells. depth: number of halvings. side: which half is
    kept at each halving. Cells beside 0 and beside breakpoints have kinks.
    """

    place: tuple[int, ...]
    depth: int
    side: int


def derivative_bound_holds(subject: TransformationUnderTest) -> None:
    """||C(b) - C(a)|| <= bound |b - a| along every axis, as C2 needs.

    C is the attacked image pulled back. C2 bounds the distance of C from a centre on a cell by
    its values at the corners and this bound on the derivative.
    """
    if not _claims(subject, curvature=False):
        raise no_claim("derivative_bound is None, and certificates are heuristic")
    _check_derivative(subject, identity_action=False)


def chord_bound_holds(subject: TransformationUnderTest) -> None:
    """||C - its chord|| <= 4 s (1 - s) b in cells along one axis, as C2 needs."""
    if not _has_chord(subject):
        raise no_claim("chord_bound is None, and covers use the derivative")

    def example(sample_image: SampleImage, cell: Cell, where: float, cells: int) -> None:
        pulled_back, lower, upper = cell_of(subject, sample_image, cell)
        used = 0.0
        for axis in _moving(lower, upper):
            theta, points = _walk(pulled_back, lower, upper, axis, where)
            low, high = theta[:1], theta[-1:]
            bound = float(_least(pulled_back.chord, low, high, cells, "chord_bound"))
            part = (theta[:, axis] - low[0, axis]) / (high - low)[0, axis]
            chord = torch.lerp(points[:1], points[-1:], part[:, None])
            allowed = 4.0 * part * (1.0 - part) * bound
            what = f"chord_bound {_told(lower, upper, axis)}"
            used = max(used, _compare((points - chord).norm(dim=1), allowed, part, points, what))
        _aim(used)

    _search(subject, example)


def patch_bound_holds(subject: TransformationUnderTest) -> None:
    """||C - P|| <= sum_i 4 s_i (1 - s_i) b_i, P interpolated between corners, as C2 needs."""
    first = Cell((0,) * subject.dimensions, 0, 0)
    pulled_back, lower, upper = cell_of(subject, SampleImage("blob", 0), first)
    if not _moving(lower, upper) or pulled_back.patch(lower, upper) is None:
        raise no_claim("patch_bound is None, and covers use the chord or the derivative")

    def example(sample_image: SampleImage, cell: Cell, where: float, cells: int) -> None:
        pulled_back, lower, upper = cell_of(subject, sample_image, cell)
        bound = _least(pulled_back.patch, lower, upper, cells, "patch_bound")
        count = KIT.search.patch_points
        line = torch.linspace(0.0, 1.0, count, dtype=lower.dtype, device="cpu")
        s = torch.cartesian_prod(*[line] * lower.shape[1]).reshape(-1, lower.shape[1])
        corners, patch = pulled_back.corners(lower, upper)[0], 0.0
        for corner, ends in zip(corners, _choices(lower.shape[1]), strict=True):
            patch = patch + torch.where(ends, s, 1.0 - s).prod(dim=1, keepdim=True) * corner
        points = pulled_back.points(lower + s * (upper - lower))
        allowed, part = (4.0 * s * (1.0 - s) * bound).sum(dim=1), s[:, 0]
        what = f"patch_bound {_told(lower, upper, 0)}"
        _aim(_compare((points - patch).norm(dim=1), allowed, part, points, what))

    _search(subject, example)


def _choices(axes: int) -> list[Tensor]:
    """Which end every corner has by axis, in the order of itertools.product."""
    choices = itertools.product((False, True), repeat=axes)
    return [torch.tensor(choice, dtype=torch.bool, device="cpu") for choice in choices]


def attack_derivative_bound_holds(subject: TransformationUnderTest) -> None:
    """The derivative bound of L psi_theta(x) holds, for covers without noise on theta (T = id)."""
    if not _claims(subject, curvature=False, identity_action=True):
        raise no_claim("attack_derivative_bound is None, and certificates for T = id are heuristic")
    _check_derivative(subject, identity_action=True)


def curvature_bound_holds(subject: TransformationUnderTest) -> None:
    """||C(a) - 2 C((a + b) / 2) + C(b)|| <= bound ((b - a) / 2)^2 along every axis."""
    if not _claims(subject, curvature=True):
        raise no_claim("curvature_bound is None, and covers use the derivative alone")
    _check_curvature(subject, identity_action=False)


def attack_curvature_bound_holds(subject: TransformationUnderTest) -> None:
    """The curvature bound of L psi_theta(x) holds, for covers without noise on theta (T = id)."""
    if not _claims(subject, curvature=True, identity_action=True):
        raise no_claim("attack_curvature_bound is None, and covers use the derivative alone")
    _check_curvature(subject, identity_action=True)


def _check_derivative(subject: TransformationUnderTest, *, identity_action: bool) -> None:
    name = "attack_derivative_bound" if identity_action else "derivative_bound"

    def example(sample_image: SampleImage, cell: Cell, where: float, cells: int) -> None:
        pulled_back, lower, upper = cell_of(subject, sample_image, cell, identity_action)
        bounds = _least(pulled_back.derivative, lower, upper, cells, name)
        used = 0.0
        for axis in _moving(lower, upper):
            # From end to end, and over a short distance, which approximates the derivative.
            for part in (1.0, KIT.search.short_part):
                theta, points = _walk(pulled_back, lower, upper, axis, where, part)
                steps = theta[1:, axis] - theta[:-1, axis]
                moved = (points[1:] - points[:-1]).norm(dim=1)
                allowed = float(bounds[0, axis]) * steps
                what = f"{name} {_told(lower, upper, axis)}"
                used = max(used, _compare(moved, allowed, steps, points, what))
        _aim(used)

    _search(subject, example)


def _check_curvature(subject: TransformationUnderTest, *, identity_action: bool) -> None:
    name = "attack_curvature_bound" if identity_action else "curvature_bound"

    def example(sample_image: SampleImage, cell: Cell, where: float, cells: int) -> None:
        pulled_back, lower, upper = cell_of(subject, sample_image, cell, identity_action)
        bounds = _least(pulled_back.curvature, lower, upper, cells, name)
        used = 0.0
        for axis in _moving(lower, upper):
            theta, points = _walk(pulled_back, lower, upper, axis, where)
            for reach in (1, 4, KIT.search.line_points // 2):
                bent = points[2 * reach :] - 2.0 * points[reach:-reach] + points[: -2 * reach]
                step = (theta[2 * reach :, axis] - theta[: -2 * reach, axis]) / 2.0
                # Grid points come from float arithmetic: the middle one has an error of a few ulps.
                slack = 4.0 * bent.new_full(bent.shape[:1], 1.0)
                allowed = float(bounds[0, axis]) * step**2 * (1.0 + 1e-6)
                what = f"{name} {_told(lower, upper, axis)}"
                used = max(used, _compare(bent.norm(dim=1), allowed, slack, points, what))
        _aim(used)

    _search(subject, example)


def _aim(used: float) -> None:
    """Direct Hypothesis to examples that use more of a bound; no effect for a given example."""
    if currently_in_test_context():
        target(used)


def _search(subject: TransformationUnderTest, example: Callable[..., None]) -> None:
    """Try cells at whole numbers first, where attacks on pixels have kinks; then any cells.

    First with pixels in [0, 1], and with negative ones, as images of other ranges have.
    """
    first = [
        {
            "sample_image": SampleImage(kind, 1),
            "cell": cell,
            "where": where,
            "cells": KIT.action.rows,
        }
        for cell in _whole(subject)
        for kind, where in (("noise", 0.0), ("noise", 1.0), ("signed", 0.5))
    ]
    subject.search(
        example,
        first=first,
        sample_image=subject.sample_images(),
        cell=cells(subject),
        where=st.floats(0.0, 1.0),
        cells=st.just(1),
    )


def _least(bound: Bound, lower: Tensor, upper: Tensor, cells: int, name: str) -> Tensor:
    """Smallest bound (1, m) of a cell: in a batch of equal cells, and with -0.0 for 0.0."""
    many = lower.repeat(cells, 1), upper.repeat(cells, 1)
    found = [bound(*many)]
    if bool((lower == 0.0).any() or (upper == 0.0).any()):
        found += [bound(_negative_zero(many[0]), _negative_zero(many[1]))]
    told = f"{name} is None on the cell {lower[0].tolist()} to {upper[0].tolist()}"
    kept = [each for each in found if each is not None]
    assert len(kept) == len(found), told
    # A NaN is kept, and fails the check.
    return torch.cat(kept).amin(dim=0, keepdim=True)


def _negative_zero(ends: Tensor) -> Tensor:
    return torch.where(ends == 0.0, -0.0, ends)


def _whole(subject: TransformationUnderTest) -> list[Cell]:
    """Return cells with a whole number of one parameter; the others are in the middle."""
    axes = _axes(subject)
    middle = tuple(max(0, len(axis) // 2 - 1) for axis in axes)
    found = []
    for axis, parameter_grid in enumerate(axes):
        if subject.transformation.parameters[axis].step:
            continue
        numbers = range(math.ceil(parameter_grid[0]), math.floor(parameter_grid[-1]) + 1)
        for number in numbers[:: max(1, len(numbers) // KIT.search.whole_numbers)]:
            last = max(0, len(parameter_grid) - 2)
            place = int(np.clip(np.searchsorted(parameter_grid, number, side="right") - 1, 0, last))
            for beside in {place, max(0, place - (parameter_grid[place] == number))}:
                place_of = (*middle[:axis], beside, *middle[axis + 1 :])
                ends = (
                    parameter_grid[beside],
                    parameter_grid[min(beside + 1, len(parameter_grid) - 1)],
                )
                found += [Cell(place_of, *halved) for halved in _either_side(number, *ends)]
    return list(dict.fromkeys(found))


def _either_side(number: float, low: float, high: float) -> list[tuple[int, int]]:
    """Return depth and side of a cell, and of the first half of it with the number across.

    In one of the two the number lies before the middle, in the other behind it: a bound that asks
    where the middle of a cell is forgets a kink in one of them. A cell that has the number at an
    end is taken alone, and so is one whose halves, as far as covers go, have it on the same side.
    """
    found, side = [(0, 0)], 0
    first = number > (low + high) / 2.0
    for depth in range(MOST_HALVINGS):
        middle = (low + high) / 2.0
        behind = number > middle
        if behind != first and low < number < high:
            return [*found, (depth, side)]
        side |= behind << depth
        low, high = (middle, high) if behind else (low, middle)
    return found


def _claims(
    subject: TransformationUnderTest, *, curvature: bool, identity_action: bool = False
) -> bool:
    first = Cell((0,) * subject.dimensions, 0, 0)
    pulled_back, lower, upper = cell_of(subject, SampleImage("blob", 0), first, identity_action)
    return (pulled_back.curvature if curvature else pulled_back.derivative)(
        lower, upper
    ) is not None


def _has_chord(subject: TransformationUnderTest) -> bool:
    first = Cell((0,) * subject.dimensions, 0, 0)
    pulled_back, lower, upper = cell_of(subject, SampleImage("blob", 0), first)
    found = []
    for axis in _moving(lower, upper):
        alone = lower.clone()
        alone[:, axis] = upper[:, axis]
        found.append(pulled_back.chord(lower, alone) is not None)
    return any(found)


def _axes(subject: TransformationUnderTest) -> tuple[tuple[float, ...], ...]:
    return lay_parameter_grid(subject.transformation, subject.region, np.array(subject.reach)).axes


def cells(subject: TransformationUnderTest) -> st.SearchStrategy[Cell]:
    """Return a strategy for cells of covers; those with kinks are preferred."""
    counts = [max(1, len(axis) - 1) for axis in _axes(subject)]
    anywhere = st.tuples(*(st.integers(0, count - 1) for count in counts))
    kinks = st.tuples(*(st.sampled_from(_beside_kinks(subject, a)) for a in range(len(counts))))
    return st.builds(
        Cell,
        st.one_of(kinks, anywhere),
        st.integers(0, MOST_HALVINGS),
        st.integers(0, 2**MOST_HALVINGS - 1),
    )


def _beside_kinks(subject: TransformationUnderTest, axis: int) -> list[int]:
    """Return the positions of cells that touch 0, the region's ends or a breakpoint."""
    parameter_grid = np.array(_axes(subject)[axis])
    low, high = subject.region.lower[axis], subject.region.upper[axis]
    marks = (0.0, low, high, *subject.transformation.bounds.breakpoints(axis, low, high))
    last = max(0, len(parameter_grid) - 2)
    found = {
        int(np.clip(np.searchsorted(parameter_grid, mark) - d, 0, last))
        for mark in marks
        for d in (0, 1)
    }
    return sorted(found)


def cell_of(
    subject: TransformationUnderTest,
    sample_image: SampleImage,
    cell: Cell,
    identity_action: bool = False,
) -> tuple[PulledBackImage, Tensor, Tensor]:
    """Return the pulled-back image and the ends of the cell, (1, m) each."""
    lower, upper = [], []
    axes = zip(_axes(subject), cell.place, subject.transformation.parameters, strict=True)
    for parameter_grid, place, parameter in axes:
        low = parameter_grid[place]
        high = low if parameter.step else parameter_grid[min(place + 1, len(parameter_grid) - 1)]
        for halving in range(cell.depth):
            middle = (low + high) / 2.0
            low, high = (middle, high) if cell.side >> halving & 1 else (low, middle)
        lower.append(low)
        upper.append(high)
    pulled_back = PulledBackImage(
        subject.transformation, sample_image.tensor(subject.shape), identity_action
    )
    return pulled_back, _row(lower), _row(upper)


def _row(values: list[float]) -> Tensor:
    return torch.tensor([values], dtype=torch.float64, device="cpu")


def _moving(lower: Tensor, upper: Tensor) -> list[int]:
    return [axis for axis in range(lower.shape[1]) if bool(upper[0, axis] > lower[0, axis])]


def _walk(
    pulled_back: PulledBackImage,
    lower: Tensor,
    upper: Tensor,
    axis: int,
    where: float,
    part: float = 1.0,
) -> tuple[Tensor, Tensor]:
    """Return equally spaced theta along one axis, (n, m), and the pulled-back image there.

    They extend from end to end of the cell, or over a ``part`` of it.
    """
    theta = (lower + where * (upper - lower)).repeat(KIT.search.line_points, 1)
    theta = torch.minimum(torch.maximum(theta, lower), upper)
    low, high = float(lower[0, axis]), float(upper[0, axis])
    start = low + where * (1.0 - part) * (high - low)
    end = min(start + part * (high - low), high)
    theta[:, axis] = torch.linspace(
        start, end, KIT.search.line_points, dtype=torch.float64, device="cpu"
    )
    return theta, pulled_back.points(theta)


def _compare(moved: Tensor, allowed: Tensor, steps: Tensor, points: Tensor, what: str) -> float:
    """Return the largest ratio of a finite difference to its bound; AssertionError above 1."""
    slack = KIT.tolerance.derivative * (1.0 + float(points.norm(dim=1).max()))
    worst = int((moved - allowed).argmax())
    assert float(moved[worst]) <= float(allowed[worst]) + slack, (
        f"{what}: finite differences reach {float(moved[worst]):.6g} in a step of"
        f" {float(steps[worst]):.3g}, the bound allows {float(allowed[worst]):.6g}"
    )
    return float(moved[worst]) / max(float(allowed[worst]), slack)


def _told(lower: Tensor, upper: Tensor, axis: int) -> str:
    return f"of parameter {axis} on the cell {lower[0].tolist()} to {upper[0].tolist()}"
