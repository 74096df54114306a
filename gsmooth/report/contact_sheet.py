"""Contact sheets: pictures of a few images, of attacks on them, and their certificates."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import NDArray

from gsmooth.data.class_names import class_label
from gsmooth.data.dataset import Dataset
from gsmooth.report.attacked_images import (
    Shown,
    attacked_images,
    input_range_of,
    installed_transformation,
    is_inside,
    pixel_limits,
    require_rows_in,
    require_same_images,
)
from gsmooth.report.figure_style import save
from gsmooth.report.reach import about_preimages, at, verdict_of
from gsmooth.report.settings import REPORT
from gsmooth.report.summary import summarize
from gsmooth.report.totals import Totals
from gsmooth.runs.records.folder import Records
from gsmooth.runs.records.row import Row
from gsmooth.text.display import shortened
from gsmooth.text.rounding import text_down
from gsmooth.transforms.region import Region

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from gsmooth.transforms.base import Parameter, Transformation

# Inches: a picture with its gap, a line of pictures with captions, the text on the left.
_SIDE, _HIGH, _TEXT, _FOOT = 1.05, 1.36, 1.75, 0.3
# A line of a caption in inches; characters that captions and verdicts have room for in a line.
_LINE, _CAPTION, _VERDICT = 0.105, 17, 26
_CERTIFIED, _OPEN, _BROKEN, _INK = "#009E73", "#B0B0B0", "#D55E00", "#222222"


@final
@dataclass(frozen=True)
class View:
    """A picture in a line: pixels (C, H, W), caption and colour of the frame (None: no frame)."""

    pixels: NDArray[np.float64]
    caption: str
    colour: str | None = None


@final
@dataclass(frozen=True)
class SheetLine:
    """A line of a sheet: pictures, and the texts left of them.

    title: the class; place: position of the image; verdict: the certificate; right: whether it is
    for the true class; handed_in: form of the attacked image ("" for none).
    """

    views: Sequence[View]
    title: str
    place: str
    verdict: str
    right: bool
    handed_in: str = ""


def contact_sheet(
    transformation: Transformation, dataset: Dataset, run: Records | Totals, path: Path
) -> Path:
    """Draw up to eight images of a run as a PNG.

    Each line shows an image: the original, views spread over the region, and the worst attack.
    Green frames are inside the certified region, grey ones outside; a red frame is an attack that
    changed the prediction. The caption gives certified accuracy and accuracy under attack of all
    images. For an online run, a line shows the attacked image and its approximate originals.

    Args:
        transformation: The transformation of the run.
        dataset: The images of the run.
        run: Records of the run, or their totals.
        path: The PNG file; it is returned.

    Raises:
        OutputError: ``path`` cannot be written.
        RecordError: A row refers to an image that is not in the data.
    """
    totals = Totals.of(run)
    records, rows = totals.run, totals.shown()
    require_rows_in(dataset, records, [row.index for row in rows])
    online, ends = about_preimages(records), input_range_of(records)
    lines = [
        _line(
            dataset,
            row,
            verdict_of(row, transformation.parameters, online),
            views(transformation, dataset, row, ends, online),
        )
        for row in rows
    ]
    return save(drawn_sheet(lines, summarize(totals).caption(), pixel_limits(dataset)), path)


def drawn_sheet(lines: Sequence[SheetLine], caption: str, limits: tuple[float, float]) -> Figure:
    """Draw lines with a caption below; limits: the pixel values of black and white."""
    from gsmooth.report.notebook_figure import NotebookFigure

    width = _TEXT + _SIDE * max(len(line.views) for line in lines) + 0.05
    # Two lines of text fit above a picture.
    deepest = max(view.caption.count("\n") for line in lines for view in line.views)
    high = _HIGH + _LINE * max(0, deepest - 1)
    height = high * len(lines) + _FOOT
    figure = NotebookFigure(figsize=(width, height))
    _write(figure, (0.1, 0.0), _FOOT / 2, caption, fontsize=9)
    for number, line in enumerate(lines):
        bottom = height - high * (number + 1) + 0.06
        _label(figure, (0.1, bottom), line)
        for place, view in enumerate(line.views):
            _show(figure, (_TEXT + _SIDE * place, bottom), view, limits)
    return figure


def draw_contact_sheet(run: Records | Totals, folder: Path, dataset: Dataset) -> Path:
    """Draw ``contact_sheet.png`` in ``folder``.

    The folder may come from an untrusted source: no data and no code are loaded from names in it.
    The transformation is found by name among the installed ones.

    Args:
        run: Records of the run, or their totals.
        folder: Folder of the picture.
        dataset: The images of the run.

    Raises:
        InputError: The images are not those of the run.
        PluginError: The transformation is not installed.
    """
    totals = Totals.of(run)
    transformation = installed_transformation(totals.run, dataset.shape)
    require_same_images(totals.run, dataset)
    path = folder / "contact_sheet.png"
    return contact_sheet(transformation, dataset, totals, path)


def views(
    transformation: Transformation,
    dataset: Dataset,
    row: Shown,
    input_range: tuple[float, float] = (0.0, 1.0),
    online: bool = False,
) -> list[View]:
    """Return the pictures of one image, the original first and the worst attack last.

    Pictures are rounded to the levels of ``input_range`` if attacks of the region are. online: the
    attacked image, then its approximate originals.
    """
    original = dataset.image(row.index).numpy()
    if online:
        return [View(original, "as attacked"), *_undone(transformation, dataset, row, input_range)]
    line = [View(original, "original")]
    if row.region.dimensions == 0:
        return [*line, *_noisy(original, row)]
    for theta in spread(row.region, transformation.parameters):
        pixels = _attacked(transformation, dataset, row, theta, input_range)
        inside = is_inside(theta, row.certified_region)
        caption = _wrapped(at(theta, transformation.parameters))
        line.append(View(pixels, caption, _CERTIFIED if inside else _OPEN))
    if row.attack is not None:
        line.append(_worst(transformation, dataset, row, input_range))
    return line


def _undone(
    transformation: Transformation, dataset: Dataset, row: Shown, input_range: tuple[float, float]
) -> Iterator[View]:
    """Yield approximate originals of an attacked image, by the parameter in the caption."""
    for theta in spread(row.region, transformation.parameters):
        back = tuple(-value for value in theta)
        pixels = _attacked(transformation, dataset, row, back, input_range)
        inside = is_inside(theta, row.certified_region)
        caption = _wrapped(f"undone {at(theta, transformation.parameters)}")
        yield View(pixels, caption, _CERTIFIED if inside else _OPEN)


def spread(region: Region, parameters: tuple[Parameter, ...] = ()) -> list[tuple[float, ...]]:
    """Return parameters that represent a region.

    For one axis they are evenly spaced. For two they are corners, then ends. For more they are the
    two extreme corners, then the ends of one parameter at a time.
    """
    region = _at_steps(region, parameters)
    if region.dimensions == 1:
        low, high = region.lower[0], region.upper[0]
        if parameters and parameters[0].step:
            values = parameters[0].values(low, high)
            shown = np.unique(
                np.linspace(0, len(values) - 1, REPORT.sheet_views).round().astype(int)
            )
            return [(values[place],) for place in shown]
        return [(float(v),) for v in np.linspace(low, high, REPORT.sheet_views)]
    if region.dimensions > 2:
        shown_ends = (region.lower, region.upper, *_ends(region, (region.upper, region.lower)))
        return list(dict.fromkeys(shown_ends))[: REPORT.sheet_views]
    corners = itertools.product(*zip(region.lower, region.upper, strict=True))
    ends = _ends(region, (region.lower, region.upper))
    return list(dict.fromkeys(itertools.islice(itertools.chain(corners, ends), REPORT.sheet_views)))


def _at_steps(region: Region, parameters: tuple[Parameter, ...]) -> Region:
    """Return the region with ends at whole steps of the parameters that have steps."""
    lower, upper = list(region.lower), list(region.upper)
    for axis, parameter in enumerate(parameters):
        if parameter.step:
            values = parameter.values(lower[axis], upper[axis])
            lower[axis], upper[axis] = values[0], values[-1]
    return replace(region, lower=tuple(lower), upper=tuple(upper))


def _ends(
    region: Region, sides: tuple[tuple[float, ...], tuple[float, ...]]
) -> Iterator[tuple[float, ...]]:
    """Yield points with one parameter at an end and the others at 0."""
    every = range(region.dimensions)
    order = [(axis, end) for end in sides for axis in every]
    if region.dimensions == 2:
        order = [(axis, end) for axis in every for end in sides]
    for axis, end in order:
        yield tuple(end[axis] if a == axis else 0.0 for a in every)


def _worst(
    transformation: Transformation,
    dataset: Dataset,
    row: Shown,
    input_range: tuple[float, float],
) -> View:
    attack = row.attack
    assert attack is not None
    answer = "abstains" if attack.label is None else _class(dataset, attack.label)
    told = _wrapped(f"{at(attack.theta, transformation.parameters)}: {answer}")
    caption = f"worst found\n{told}"
    pixels = _attacked(transformation, dataset, row, attack.theta, input_range)
    held = _CERTIFIED if is_inside(attack.theta, row.certified_region) else _OPEN
    return View(pixels, caption, held if attack.robust else _BROKEN)


def _attacked(
    transformation: Transformation,
    dataset: Dataset,
    row: Shown,
    theta: tuple[float, ...],
    input_range: tuple[float, float],
) -> NDArray[np.float64]:
    attacked: NDArray[np.float64] = attacked_images(
        transformation, dataset, row, [theta], input_range
    )[0]
    return attacked


def _noisy(original: NDArray[np.float64], row: Shown) -> Iterator[View]:
    """Yield random perturbations whose l2 norm is the certified radius, or the requested one."""
    region = row.certified_region or row.region
    colour = _OPEN if row.certified_region is None else _CERTIFIED
    generator = np.random.default_rng(row.index)
    for _ in range(REPORT.sheet_views):
        direction = generator.standard_normal(original.shape)
        step = region.l2 * direction / np.linalg.norm(direction)
        yield View(original + step, f"l2 = {text_down(region.l2, 3)}", colour)


def _class(dataset: Dataset, label: int) -> str:
    """Return the name of a class; its number if the data have no name for it."""
    return shortened(class_label(dataset.classes, label), REPORT.name_length)


def _line(dataset: Dataset, row: Row, verdict: str, views: Sequence[View]) -> SheetLine:
    """Return the line of an image: class, position, verdict and pictures."""
    certified = row.is_certified
    right = row.decision.certified_label in (None, row.image.label)
    answer = "" if right else f" as {_class(dataset, row.decision.certified_label or 0)}"
    told, _, handed_in = verdict.rpartition(", ") if certified else (verdict, "", "")
    title = _class(dataset, row.image.label)
    place, verdict = f"image {row.index}", f"{told}{answer}"
    return SheetLine(views, title, place, verdict, certified and right, handed_in)


def _label(figure: Figure, corner: tuple[float, float], line: SheetLine) -> None:
    """Draw the texts of a line, left of its pictures; ``corner`` in inches."""
    colour = _CERTIFIED if line.right else _BROKEN
    lines = textwrap.wrap(line.verdict, _VERDICT)
    size = 9 if len(lines) == 1 else 7.5
    corner = corner[0], corner[1] + 0.1 * (len(lines) - 1)
    _write(figure, corner, 0.72, line.title, fontsize=14, fontweight="bold")
    _write(figure, corner, 0.46, line.place, fontsize=8, color="#6A6A6A")
    for place, text in enumerate(lines):
        _write(figure, corner, 0.24 - 0.12 * place, text, fontsize=size, color=colour)
    _write(figure, corner, 0.2 - 0.12 * len(lines), line.handed_in, fontsize=7, color="#6A6A6A")


def _wrapped(caption: str) -> str:
    """Wrap a caption to the width of a picture."""
    return "\n".join(textwrap.wrap(caption, _CAPTION))


def _write(
    figure: Figure, corner: tuple[float, float], above: float, text: str, **style: Any
) -> None:
    width, height = figure.get_size_inches()
    place = (corner[0] / width, (corner[1] + above) / height)
    figure.text(*place, text, va="center", **{"color": _INK, **style})


def _show(
    figure: Figure, corner: tuple[float, float], view: View, limits: tuple[float, float]
) -> None:
    """Draw one picture; its lower left ``corner`` in inches."""
    width, height = figure.get_size_inches()
    side = _SIDE - 0.1
    # Axes are placed explicitly: matplotlib's layout of seventy axes takes seconds.
    axes = figure.add_axes(
        (corner[0] / width, corner[1] / height, side / width, side / height), xticks=[], yticks=[]
    )
    low, high = limits
    pixels: Any = np.clip((np.moveaxis(view.pixels, 0, 2) - low) / ((high - low) or 1.0), 0.0, 1.0)
    axes.imshow(pixels if pixels.shape[2] == 3 else pixels[:, :, 0], cmap="gray", vmin=0, vmax=1)
    axes.set_title(view.caption, fontsize=7.5, color=_INK, pad=3, linespacing=1.0)
    for spine in axes.spines.values():
        spine.set_visible(view.colour is not None)
        spine.set_color(view.colour or "none")
        spine.set_linewidth(2.0)
