"""The bound of a cell by its chord: exact where nothing more is known, and kept of its own cell."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gsmooth.cover.bounds.cells import Cells, measure
from gsmooth.cover.bounds.splitting import parts_to, split
from gsmooth.cover.pulled_back import PulledBackImage
from gsmooth.cover.settings import COVER
from gsmooth.testing import SampleImage
from gsmooth_rotation import Rotation

SHAPE = (1, 12, 12)
FAR = st.floats(0.0, 3.0)


def a_cell(start: float, end: float, chord: float) -> Cells:
    """One cell of width 1 with these distances at its ends, and no other bound."""
    one, unknown = np.ones((1, 1)), np.full((1, 1), np.inf)
    ends = np.array([[start, end]])
    return Cells(
        np.zeros(1, np.int64), 0.0 * one, one, ends, unknown, unknown, one, np.array([[chord]])
    )


@given(start=FAR, end=FAR, chord=FAR)
def test_a_bound_by_the_chord_is_the_largest_of_all_places_in_the_cell(
    start: float, end: float, chord: float
) -> None:
    s = np.linspace(0.0, 1.0, 4001)
    largest = ((1.0 - s) * start + s * end + 4.0 * s * (1.0 - s) * chord).max()
    found = float(a_cell(start, end, chord).residuals()[0])
    assert largest <= found * (1.0 + 1e-12)
    assert found == pytest.approx(largest, abs=1e-5)


def test_without_a_chord_the_other_bounds_stand() -> None:
    cell = replace(a_cell(0.2, 0.4, np.inf), derivative=np.array([[0.5]]))
    assert float(cell.residuals()[0]) == pytest.approx(0.55)


def test_parts_of_a_cell_have_chords_of_their_own() -> None:
    pulled_back = PulledBackImage(
        Rotation().for_shape(SHAPE), SampleImage("noise", 1).tensor(SHAPE)
    )
    centres = pulled_back.points(torch.tensor([[1.0]], dtype=torch.float64))
    lower = np.array([[2.0], [5.0]])
    cells, proved = measure(pulled_back, centres, np.zeros(2, np.int64), lower, lower + 2.0)
    assert proved
    assert np.isinf(cells.derivative).all()  # Nothing had to compute it.
    parts = split(pulled_back, centres, cells, np.full(2, True), np.full((2, 1), 4))
    alone, _ = measure(pulled_back, centres, parts.ball, parts.lower, parts.upper)
    assert parts.chord == pytest.approx(alone.chord, rel=1e-12)
    assert parts.chord.max() < 0.15 * cells.chord.max()


def test_what_was_computed_once_is_not_computed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    pulled_back = PulledBackImage(
        Rotation().for_shape(SHAPE), SampleImage("noise", 1).tensor(SHAPE)
    )
    theta = torch.linspace(0.0, 3.0, 7, dtype=torch.float64)[:, None]
    plain = pulled_back.points(theta)
    seen: list[int] = []
    computed = PulledBackImage._points

    def counted(self: PulledBackImage, theta: torch.Tensor) -> torch.Tensor:
        seen.append(len(theta))
        return computed(self, theta)

    monkeypatch.setattr(PulledBackImage, "_points", counted)
    keeping = pulled_back.keeping(theta[:3], plain[:3])
    for _ in range(2):
        assert torch.allclose(keeping.points(theta), plain, atol=1e-12)
    assert seen == [4]


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    pulled_back = PulledBackImage(
        Rotation().for_shape(SHAPE), SampleImage("noise", 1).tensor(SHAPE)
    )
    theta = torch.linspace(0.0, 3.0, 9, dtype=torch.float64)[:, None]
    plain = pulled_back.points(theta)
    memory = replace(COVER.memory, numbers=5 * pulled_back.size)
    monkeypatch.setattr(
        "gsmooth.cover.pulled_back.COVER", replace(COVER, memory=memory), raising=True
    )
    keeping = pulled_back.keeping(theta[:3], plain[:3])
    assert torch.allclose(keeping.points(theta), plain, atol=1e-12)
    assert keeping.kept is not None
    assert len(keeping.kept) == 5


def test_few_parts_are_asked_for_where_bounds_fall_with_the_square_of_the_width() -> None:
    parts = parts_to(a_cell(0.0, 0.0, 1.0), np.array([4.0]))
    assert parts.tolist() == [[3]]
