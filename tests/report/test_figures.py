"""Figures show the numbers of the tables; labels stand beside their lines and cover none."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Annotation, Text
from matplotlib.transforms import Bbox
from scipy.optimize import minimize
from scipy.stats import binomtest

from gsmooth.errors import ConfigurationError
from gsmooth.report.attack_figure import attack_figure
from gsmooth.report.curves import certified_curve, curve_figure, labels_of
from gsmooth.report.figure_style import save_both
from gsmooth.report.line_labels import spread_apart, wrapped
from gsmooth.report.radius_against_n import radius_against_n
from gsmooth.report.radius_figure import radius_figure
from gsmooth.report.run_counts import RunCounts
from gsmooth.report.votes_figure import binned_shares, vote_edges, votes_figure
from gsmooth.transforms.region import Region
from tests.report.test_accuracy_table import l2_run, run
from tests.report.test_radius_against_n import kept
from tests.report.test_radius_against_n import row as voted
from tests.runs.samples import make_abstention, make_row


def runs(count: int) -> list[RunCounts]:
    draw = random.Random(0)
    return [
        l2_run(0.25, *(draw.random() for _ in range(8)), name=f"a-run-of-some-name-{place}")
        for place in range(count)
    ]


def labels(figure: Figure) -> list[Annotation]:
    found: list[Annotation] = figure.findobj(Annotation)
    return found


def boxes(figure: Figure) -> list[Bbox]:
    """The boxes of the texts alone, without the lines that lead from them."""
    FigureCanvasAgg(figure).draw()  # type: ignore[no-untyped-call]
    return [Text.get_window_extent(text) for text in labels(figure)]


def overlapping(figure: Figure) -> int:
    return sum(a.overlaps(b) for a, b in itertools.combinations(boxes(figure), 2))


@pytest.mark.parametrize(("count", "width"), [(3, 3.3), (12, 6.4)])
def test_labels_do_not_cover_one_another(count: int, width: float) -> None:
    figure = curve_figure(runs(count), width=width)
    assert len(labels(figure)) == count
    assert overlapping(figure) == 0
    for box in boxes(figure):
        assert box.x1 <= figure.bbox.x1 + 1.0
        assert box.y0 >= 0.0


def test_the_band_of_a_curve_is_the_exact_interval_at_each_reach() -> None:
    curve = certified_curve(l2_run(0.25, 0.25, 0.5, 0.5))
    assert curve.reach == (0.0, 0.25, 0.5)
    assert curve.counts == (3, 3, 2)
    for count, interval in zip(curve.counts, curve.band(0.9), strict=True):
        known = binomtest(count, 4).proportion_ci(0.9, method="exact")
        assert (interval.low, interval.high) == pytest.approx((known.low, known.high), rel=1e-9)


def test_lines_are_called_by_what_the_runs_differ_in() -> None:
    several = [l2_run(0.25, 0.5, name="a"), l2_run(0.5, 0.5, name="b")]
    assert labels_of(several) == ["sigma 0.25", "sigma 0.5"]
    assert labels_of(several[:1]) == ["a"]
    texts = [text.get_text() for text in labels(curve_figure(several))]
    assert texts == ["sigma 0.25", "sigma 0.5"]


def test_mixed_attacks_are_drawn_side_by_side(tmp_path: Path) -> None:
    figure = curve_figure([l2_run(0.25, 0.5, name="ball"), run(make_row(0), name="turned")])
    assert [axes.get_xlabel() for axes in figure.axes] == [
        "every l2 perturbation below",
        "every angle within ± (deg)",
    ]
    png, svg = save_both(figure, tmp_path / "mixed")
    assert png.read_bytes()[1:4] == b"PNG"
    assert "ball" in svg.read_text()


def test_a_width_that_holds_no_figure_is_refused() -> None:
    for width in (0.0, -1.0, float("nan"), 1e6):
        with pytest.raises(ConfigurationError, match="inches"):
            curve_figure(runs(1), width=width)


def test_labels_are_as_near_to_their_lines_as_there_is_room() -> None:
    draw = random.Random(1)
    for count in range(1, 6):
        wanted = [draw.uniform(0.0, 60.0) for _ in range(count)]
        heights = [draw.uniform(5.0, 12.0) for _ in range(count)]
        found = spread_apart(wanted, heights, 60.0)
        assert moved(found, wanted) == pytest.approx(least_moved(wanted, heights), abs=1e-3)


def moved(found: Sequence[float], wanted: Sequence[float]) -> float:
    return float(np.sum(np.subtract(found, wanted) ** 2))


def least_moved(wanted: Sequence[float], heights: Sequence[float]) -> float:
    """By a general optimizer, under the constraints that labels do not overlap."""
    order = np.argsort(wanted)
    size, goal = np.array(heights)[order], np.array(wanted)[order]
    bounds = [{"type": "ineq", "fun": lambda x: x[0] - size[0] / 2}]
    bounds.append({"type": "ineq", "fun": lambda x: 60.0 - size[-1] / 2 - x[-1]})
    for k in range(len(goal) - 1):
        gap = (size[k] + size[k + 1]) / 2
        bounds.append({"type": "ineq", "fun": lambda x, k=k, gap=gap: x[k + 1] - x[k] - gap})
    start = np.cumsum(size) - size / 2
    best = minimize(lambda x: float(np.sum((x - goal) ** 2)), start, constraints=bounds)
    return float(best.fun)


def test_long_names_are_broken_into_few_lines() -> None:
    assert wrapped("sigma 0.25", 20) == "sigma 0.25"
    lines = wrapped("x" * 200, 12).splitlines()
    assert len(lines) == 3
    assert max(map(len, lines)) <= 12
    assert lines[-1].endswith("…")


def test_the_histogram_counts_every_image_once() -> None:
    votes = {64: 3, 128: 5, 5000: 2}
    edges = vote_edges([votes])
    shares = binned_shares(votes, edges)
    assert shares.sum() == pytest.approx(1.0, abs=1e-15)
    assert sorted(shares[shares > 0.0].tolist()) == [0.2, 0.3, 0.5]
    found = replace(l2_run(0.25, 0.5), votes=votes)
    figure = votes_figure([found], ["run"])
    assert [text.get_text() for text in labels(figure)] == ["run: 1,083 on average"]
    with pytest.raises(ConfigurationError, match="no run has counted any"):
        votes_figure([replace(found, votes={})], ["run"])


def test_certified_accuracy_is_drawn_against_accuracy_under_attack() -> None:
    found = run(make_row(0), make_row(1), make_abstention(2), make_abstention(3, label=1))
    figure = attack_figure([found], ["angle"])
    assert [text.get_text() for text in labels(figure)] == ["50.0%", "50.0%"]
    plain = run(make_row(0, attack=None))
    with pytest.raises(ConfigurationError, match="no run was attacked"):
        attack_figure([plain], ["angle"])


def test_the_radius_against_n_has_one_best_case_for_each_noise() -> None:
    found = radius_against_n(kept(voted(0, 900, 1024), voted(1, 1000, 1024)))
    figure = radius_figure([found, replace(found, run="other")], ["one", "other"])
    lines = figure.axes[0].get_lines()
    assert len(lines) == 3
    assert lines[0].get_ydata() == pytest.approx(found.mean)
    assert lines[2].get_ydata() == pytest.approx(found.best)
    assert overlapping(figure) == 0
    ticks = [text.get_text() for text in figure.axes[0].get_xticklabels()]
    assert not any("$" in tick for tick in ticks)


def test_an_l2_run_and_a_region_of_several_sizes_have_a_common_figure_of_attacks() -> None:
    square = run(make_row(0, region=Region((-2.0,), (2.0,))), name="narrow")
    figure = attack_figure([square, run(make_row(0), name="wide")], ["±2°", "±30°"])
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == ["±2°", "±30°"]
