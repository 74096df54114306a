"""What all figures have in common: colours, axes, and how a figure becomes a file."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from gsmooth.errors import ConfigurationError
from gsmooth.report.settings import REPORT
from gsmooth.runs.records.journal import make_folder, write_atomically
from gsmooth.text.display import plain_lines

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# The palette of Okabe and Ito, which colour-blind readers can distinguish.
COLOURS: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
DASHES: Final = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)))
INK, FAINT, GRID = "#222222", "#8A8A8A", "#E4E4E4"
_MARK: Final[dict[str, Any]] = {"ls": "none", "clip_on": False, "zorder": 4}
STANDARD: Final = {**_MARK, "marker": "o", "mfc": "white", "mew": 1.8, "ms": 7}
ATTACKED: Final = {**_MARK, "marker": "x", "mew": 2.2, "ms": 8}


def colour(number: int) -> str:
    """Return the colour of a line."""
    return COLOURS[number % len(COLOURS)]


def dash(number: int) -> Any:
    """Return the dashes of a line; they change where colours begin again."""
    return DASHES[number // len(COLOURS) % len(DASHES)]


def new_figure(width: float | None = None, height: float | None = None) -> Figure:
    """Return an empty figure, which a notebook shows.

    Args:
        width: Inches; None: the usual width of one pair of axes.
        height: Inches; None: what fits the width.

    Raises:
        ConfigurationError: ``width`` is too small for axes with labels.
    """
    from gsmooth.report.notebook_figure import NotebookFigure

    inches = REPORT.field.figure_inches if width is None else width
    least = REPORT.field.least_inches
    if not least <= inches <= 100.0:
        raise ConfigurationError(
            f"width {inches:g}: expected {least:g} to 100 inches; a column of a paper has about 3.3"
        )
    high = min(4.4, 1.2 + 0.55 * inches) if height is None else height
    return NotebookFigure(figsize=(inches, high), layout="constrained")


def dress(axes: Axes, x: str, y: str) -> None:
    """Give axes their labels, a faint grid for heights, and no frame at the top and the right."""
    axes.set_xlabel(x, color=INK)
    axes.set_ylabel(y, color=INK)
    axes.grid(axis="y", color=GRID, lw=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(FAINT)
    axes.tick_params(color=FAINT, labelcolor=INK)


def percent_ticks() -> Any:
    """Return a formatter of shares as percentages."""
    from matplotlib.ticker import PercentFormatter

    return PercentFormatter(xmax=1.0, decimals=0)


def log_ticks(axes: Axes) -> None:
    """Give a logarithmic x axis ticks at round numbers, written in full."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    low, high = axes.get_xlim()
    short = high / low < 1000.0
    axes.xaxis.set_major_locator(LogLocator(10.0, (1.0, 2.0, 5.0) if short else (1.0,)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))


def explain_marks(figure: Figure, marks: dict[str, dict[str, Any]]) -> None:
    """Explain grey marks, whose meaning does not depend on the colour, below the figure."""
    from matplotlib.lines import Line2D

    if marks:
        letters = sum(map(len, marks)) * 0.075 + 0.6 * len(marks)
        handles = [Line2D([], [], color=FAINT, label=name, **mark) for name, mark in marks.items()]
        figure.legend(
            handles=handles,
            loc="outside lower left",
            ncols=len(handles) if letters < figure.get_figwidth() else 1,
            frameon=False,
            fontsize=9.0,
            labelcolor=INK,
            handletextpad=0.2,
        )


def save_both(figure: Figure, stem: Path) -> tuple[Path, Path]:
    """Write ``stem``.png and ``stem``.svg; see :func:`save`."""
    return save(figure, stem.with_name(f"{stem.name}.png")), save(
        figure, stem.with_name(f"{stem.name}.svg")
    )


def save(figure: Figure, path: Path) -> Path:
    """Write a figure in the format of the path's suffix; the bytes are reproducible.

    Texts are written literally: matplotlib's mathematics between dollars is off, and control
    characters are escaped.

    Raises:
        OutputError: The file cannot be written.
    """
    import matplotlib

    make_plain(figure)
    buffer = io.BytesIO()
    metadata = {"Date": None} if path.suffix == ".svg" else {"Software": None}
    with (
        matplotlib.rc_context({"svg.hashsalt": "gsmooth", "svg.fonttype": "none"}),
        warnings.catch_warnings(),
    ):
        # Letters that the font lacks are drawn as boxes, without a warning.
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from")
        figure.savefig(buffer, format=path.suffix[1:], dpi=160, metadata=metadata)
    make_folder(path.parent)
    write_atomically(path, buffer.getvalue())
    return path


def make_plain(figure: Figure) -> None:
    """Write the texts of a figure literally."""
    from matplotlib.text import Text

    for text in figure.findobj(Text):
        assert isinstance(text, Text)
        text.set_parse_math(False)
        text.set_usetex(False)
        text.set_text(plain_lines(text.get_text()))
