"""Labels of lines, right of a pair of axes and beside their lines; none covers another."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, final

import numpy as np

from gsmooth.report.figure_style import make_plain
from gsmooth.text.display import shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_POINTS: Final = 8.5
_LINE: Final = 1.25 * _POINTS
"""Height of a line of text in points."""
_LETTER: Final = 0.55 * _POINTS
"""Mean width of a letter in points."""
_APART: Final = 3.0
"""Points between two labels."""
_MOST_LINES: Final = 3


@final
@dataclass(frozen=True)
class LineLabel:
    """The label of a line that ends at (x, y), in data coordinates."""

    x: float
    y: float
    text: str
    colour: str


def label_lines(figure: Figure, axes: Axes, labels: Sequence[LineLabel]) -> None:
    """Write the labels right of the axes, each as near to the height of its line as there is room.

    A thin line leads from a label to its line. The figure becomes higher if the labels need it.
    """
    if not labels:
        return
    width, available = _size(figure, axes)
    columns = max(12, int(0.33 * width / _LETTER))
    texts = [wrapped(label.text, columns) for label in labels]
    heights = [_LINE * (text.count("\n") + 1) + _APART for text in texts]
    if (missing := sum(heights) - available) > 0.0:
        figure.set_figheight(figure.get_figheight() + missing / 72.0)
        _, available = _size(figure, axes)
    ends = [axes.transData.transform((label.x, label.y))[1] for label in labels]
    bottom = axes.transAxes.transform((0.0, 0.0))[1]
    wanted = [(end - bottom) * 72.0 / figure.dpi for end in ends]
    for label, text, height in zip(
        labels, texts, spread_apart(wanted, heights, available), strict=True
    ):
        axes.annotate(
            text,
            xy=(label.x, label.y),
            xycoords="data",
            xytext=(1.03, height / available),
            textcoords="axes fraction",
            ha="left",
            va="center",
            fontsize=_POINTS,
            color=label.colour,
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "color": label.colour,
                "lw": 0.7,
                "alpha": 0.55,
                "shrinkA": 1.0,
                "shrinkB": 0.0,
                "relpos": (0.0, 0.5),
            },
        )


def spread_apart(
    wanted: Sequence[float], heights: Sequence[float], available: float
) -> list[float]:
    """Place labels near the wanted heights so that none overlaps another.

    The sum of squared distances from the wanted heights is least among all placements in which the
    labels keep the order of their wanted heights.

    Args:
        wanted: Wanted centres of the labels, from the bottom.
        heights: Heights of the labels; together at most ``available``.
        available: Height of the space for them.

    Returns:
        The centres, in the order of ``wanted``.

    Example:
        >>> spread_apart([5.0, 5.0, 50.0], [10.0, 10.0, 10.0], 100.0)
        [5.0, 15.0, 50.0]
    """
    order = sorted(range(len(wanted)), key=lambda place: wanted[place])
    sizes = np.array([heights[place] for place in order])
    # Below each label lie those before it: less their heights, centres only have to ascend.
    below = np.concatenate(([0.0], np.cumsum(sizes)[:-1])) + sizes / 2.0
    free = _ascending([wanted[place] for place in order] - below)
    placed = np.clip(free, 0.0, max(0.0, available - float(sizes.sum()))) + below
    found = [0.0] * len(order)
    for place, value in zip(order, placed.tolist(), strict=True):
        found[place] = value
    return found


def wrapped(text: str, columns: int) -> str:
    """Return a plain text in lines of at most ``columns`` characters; a long one is cut."""
    lines = textwrap.wrap(shortened(text, columns * _MOST_LINES), columns)
    if len(lines) > _MOST_LINES:
        lines = [*lines[: _MOST_LINES - 1], shortened(" ".join(lines[_MOST_LINES - 1 :]), columns)]
    return "\n".join(lines)


def _ascending(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> list[float]:
    """The ascending sequence that is nearest in squares: runs that descend are averaged."""
    blocks: list[tuple[float, int]] = []
    for value in values.tolist():
        mean, count = value, 1
        while blocks and blocks[-1][0] > mean:
            before, number = blocks.pop()
            mean = (before * number + mean * count) / (number + count)
            count += number
        blocks.append((mean, count))
    return [mean for mean, count in blocks for _ in range(count)]


def _size(figure: Figure, axes: Axes) -> tuple[float, float]:
    """Width and height of the axes in points, as they are laid out."""
    make_plain(figure)  # The layout reads all texts.
    figure.draw_without_rendering()
    box = axes.get_window_extent()
    return box.width * 72.0 / figure.dpi, box.height * 72.0 / figure.dpi
