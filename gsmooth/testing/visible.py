"""The check of what votes read: nothing beyond what ``visible`` keeps (T8)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from hypothesis import strategies as st
from torch import Tensor

from gsmooth.testing.images import Point, points
from gsmooth.testing.transformation_under_test import (
    Theta,
    TransformationUnderTest,
    near,
    no_claim,
)
from gsmooth.transforms.bounds import TransformationBounds

_REACHES = (1.0, 2.0, 3.0)


def votes_read_no_more_than_is_visible(subject: TransformationUnderTest) -> None:
    """Q T_s T_c (z + e) = Q T_s T_c (z + visible(e)) for every step s that two points share (T8).

    c: the parameters of a centre. The steps s are those of noise on |s_i| <= reach that an attack a
    given shift away has in common with it: the ends of their intervals, and the middle.
    """
    bounds = subject.transformation.bounds
    if type(bounds).visible is TransformationBounds.visible:
        raise no_claim("visible is not overridden: votes may read everything")

    def example(point: Point, centre: Theta, shift: Theta, reach: float) -> None:
        z, e = (point.tensor(subject.size, rows=2)[row : row + 1] for row in (0, 1))
        far = (reach,) * subject.dimensions
        if any(abs(move) > 2.0 * reach for move in shift):
            return  # No step in common.
        kept = bounds.visible(e.clone(), _row(centre, z), _row(shift, z), far)
        for step in _common(subject, shift, reach):
            moved = (subject.act(subject.act(z + part, centre), step) for part in (e, kept))
            one, other = (_read(subject, point) for point in moved)
            what = f"a vote at the step {step} reads what visible leaves out, seen from {centre}"
            near(one, other, 1.0 + float(z.norm() + e.norm()), what)

    whole = subject.thetas()
    reaches = st.sampled_from(_REACHES)
    subject.search(example, point=points(), centre=whole, shift=whole, reach=reaches)


def _common(subject: TransformationUnderTest, shift: Theta, reach: float) -> Iterator[Theta]:
    """Steps in [-reach, reach] that are in it less ``shift`` as well: ends and middle by axis."""
    axes = []
    for move in shift:
        low, high = max(-reach, move - reach), min(reach, move + reach)
        axes.append(sorted({low, (low + high) / 2.0, high}))
    for step in itertools.product(*axes):
        whole = subject.whole(step)
        ends = zip(whole, axes, strict=True)
        if all(values[0] <= value <= values[-1] for value, values in ends):
            yield whole


def _read(subject: TransformationUnderTest, z: Tensor) -> Tensor:
    return subject.transformation.readout(z, subject.shape).flatten(1)


def _row(theta: Theta, like: Tensor) -> Tensor:
    """theta as (1, m)."""
    return like.new_tensor([theta]) if theta else like.new_zeros((1, 0))
