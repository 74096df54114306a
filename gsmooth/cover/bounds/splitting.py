"""Splitting of cells into smaller ones, on which bounds are tighter."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gsmooth.cover.bounds.cells import Cells, Sight, bounds_on, distances_to
from gsmooth.cover.pulled_back import PulledBackImage
from gsmooth.cover.settings import COVER

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


def halve(
    pulled_back: PulledBackImage, centres: Tensor, cells: Cells, chosen: NDArray[np.bool_]
) -> Cells:
    """The cells, with the chosen ones halved across the axis along which C changes most."""
    cut = cells.take(chosen)
    reach = _reach(cut)
    parts = np.ones(cut.lower.shape, dtype=np.int64)
    parts[np.arange(len(parts)), np.argmax(reach, axis=1)] = 2
    return split(pulled_back, centres, cells, chosen, parts)


def split(
    pulled_back: PulledBackImage,
    centres: Tensor,
    cells: Cells,
    chosen: NDArray[np.bool_],
    parts: Counts,
    sight: Sight | None = None,
) -> Cells:
    """The cells, with each of the chosen ones cut into equal parts.

    C is computed at new corners only. Parts keep the bounds of their cell, which hold on all of it;
    bounds of parts that are far smaller are computed again (``COVER.refinement.measure_again``).

    Args:
        pulled_back: The pulled-back image.
        centres: The centres of the balls (balls, K).
        cells: The cells.
        chosen: Which of them are cut, (n,).
        parts: The number of parts along every axis, (chosen, m).
        sight: What votes read from the centres; by default everything.
    """
    found, cut = [cells.take(~chosen)], cells.take(chosen)
    for counts in np.unique(parts, axis=0):
        alike = cut.take(np.all(parts == counts, axis=1))
        nodes = int((counts + 1).prod()) * centres.shape[1]
        step = max(1, COVER.memory.numbers // nodes)
        for start in range(0, len(alike.ball), step):
            some = alike.take(np.arange(len(alike.ball)) // step == start // step)
            found.append(_parts(pulled_back, centres, some, counts, sight))
    return Cells.joined(found)


def _parts(
    pulled_back: PulledBackImage,
    centres: Tensor,
    cells: Cells,
    counts: Counts,
    sight: Sight | None,
) -> Cells:
    """The parts of all cells (n,): counts (m,) along the axes."""
    axes = range(len(counts))
    ends = [_cuts(cells.lower[:, axis], cells.upper[:, axis], int(counts[axis])) for axis in axes]
    distances = _at_nodes(pulled_back, centres, cells, ends, sight)
    children = []
    for place in itertools.product(*(range(count) for count in counts)):
        lower = np.stack([ends[axis][:, place[axis]] for axis in axes], axis=1)
        upper = np.stack([ends[axis][:, place[axis] + 1] for axis in axes], axis=1)
        corners = [
            distances[(slice(None), *np.add(place, corner))]
            for corner in itertools.product((0, 1), repeat=len(counts))
        ]
        bounds = (cells.derivative, cells.curvature, cells.measured, cells.chord)
        children.append(Cells(cells.ball, lower, upper, np.stack(corners, axis=1), *bounds))
    return _measured_again(pulled_back, Cells.joined(children))


def _cuts(lower: Floats, upper: Floats, count: int) -> Floats:
    """The ends of ``count`` equal parts of the intervals (n,), (n, count + 1)."""
    part = np.arange(count) / count
    return np.concatenate(
        [lower[:, None] + (upper - lower)[:, None] * part, upper[:, None]], axis=1
    )


def _at_nodes(
    pulled_back: PulledBackImage,
    centres: Tensor,
    cells: Cells,
    ends: list[Floats],
    sight: Sight | None,
) -> Floats:
    """Residuals at all corners of the parts, (n, *numbers of ends); known ones are not repeated."""
    shape = tuple(end.shape[1] for end in ends)
    index = np.stack(np.unravel_index(np.arange(int(np.prod(shape))), shape), axis=1)
    theta = np.stack([end[:, index[:, axis]] for axis, end in enumerate(ends)], axis=2)
    at_ends: NDArray[np.bool_] = (index == 0) | (index == np.array(shape) - 1)
    outer = at_ends.all(axis=1)
    found = np.empty(theta.shape[:2])
    found[:, outer] = cells.corners
    inner = theta[:, ~outer]
    flat, place = np.unique(inner.reshape(-1, len(ends)), axis=0, return_inverse=True)
    points = pulled_back.points(torch.from_numpy(flat))
    places, here = place.reshape(inner.shape[:2]), sight and replace(sight, theta=flat)
    found[:, ~outer] = distances_to(points, centres, places, cells.ball, here)
    return found.reshape(-1, *shape)


def _measured_again(pulled_back: PulledBackImage, cells: Cells) -> Cells:
    """The cells, with new bounds where they are far smaller than what the bounds were for."""
    widths = cells.upper - cells.lower
    shrunk = widths * COVER.refinement.measure_again <= cells.measured
    moving: NDArray[np.bool_] = widths > 0.0
    # A chord is that of its own cell.
    small = np.any(shrunk & moving, axis=1) | _has_chord(cells)
    if not small.any():
        return cells
    derivative, curvature = cells.derivative.copy(), cells.curvature.copy()
    fresh = bounds_on(pulled_back, cells.lower[small], cells.upper[small])
    derivative[small] = np.minimum(derivative[small], fresh.derivative)
    curvature[small] = np.minimum(curvature[small], fresh.curvature)
    chord = np.full_like(cells.chord, np.inf)
    chord[small] = fresh.chord
    measured = np.where(small[:, None], widths, cells.measured)
    return replace(
        cells, measured=measured, derivative=derivative, curvature=curvature, chord=chord
    )


def _reach(cells: Cells) -> Floats:
    """By how much a residual can change along every axis of the cells, (n, m).

    Of a cell with a chord it is known how far C leaves that.
    """
    widths, by_chord = cells.upper - cells.lower, _has_chord(cells)[:, None]
    slopes = np.where(widths > 0.0, np.where(by_chord, 0.0, cells.derivative + 1e-300), 0.0)
    bent = np.where(by_chord & (widths > 0.0), cells.chord + 1e-300, 0.0)
    return np.asarray(np.where(by_chord, bent, np.minimum(widths * slopes, 1e300)))


def _has_chord(cells: Cells) -> NDArray[np.bool_]:
    """Whether it is known how far C leaves the interpolation between corners, (n,)."""
    return np.asarray(np.isfinite(cells.chord).all(axis=1))


def parts_to(cells: Cells, shrink: Floats) -> Counts:
    """Parts along every axis (n, m) by which the reach of each cell shrinks as much as asked.

    At most ``COVER.refinement.most_parts`` parts a cell. The reach of a cell is how much a residual
    in it can change, by the first-order bound.

    Args:
        cells: The cells.
        shrink: Factors by which their reaches have to shrink, (n,), at least 1; inf: as can be.
    """
    reach = _reach(cells)
    parts, row = np.ones(reach.shape, dtype=np.int64), np.arange(len(reach))
    order = np.where(_has_chord(cells), COVER.refinement.chord_order, 1.0)[:, None]
    wanted = reach.sum(axis=1) / shrink
    for _ in range(COVER.refinement.most_parts):
        left = reach / parts**order
        longest = left.argmax(axis=1)
        more = parts.copy()
        more[row, longest] += 1
        again = (left.sum(axis=1) > wanted) & (more.prod(axis=1) <= COVER.refinement.most_parts)
        parts = np.where(again[:, None], more, parts)
        if not again.any():
            break
    return parts
