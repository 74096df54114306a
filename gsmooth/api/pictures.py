"""Pictures of results: a sheet of images and attacks, and the page that a notebook shows."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np

from gsmooth.api.settings import API
from gsmooth.certificate import Certified
from gsmooth.report.contact_sheet import SheetLine, drawn_sheet, views
from gsmooth.report.reach import certified_text
from gsmooth.text.rounding import percent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from gsmooth.api.results import Result, Results
    from gsmooth.runs.records.row_parts import AttackRecord
    from gsmooth.transforms.region import Region


@final
@dataclass(frozen=True)
class _Shown:
    """One result as a line of pictures."""

    index: int
    region: Region
    certified_region: Region | None
    attack: AttackRecord | None = None


def picture_of(results: Results) -> Figure:
    """The sheet of what has been computed: up to eight images, one of every class in turn."""
    return drawn_sheet(
        [_line(results, result) for result in _chosen(results.finished)],
        _caption(results),
        _limits(results),
    )


def html_of(results: Results) -> str:
    """A table of what has been computed, with its picture; without anything, how to begin."""
    head = f"<p><b>{html.escape(repr(results))}</b></p>"
    done = results.finished
    if not done:
        return f"{head}<p>Iterate over the results, or call <code>compute()</code>.</p>"
    buffer = io.BytesIO()
    picture_of(results).savefig(buffer, format="png", dpi=100)
    picture = base64.b64encode(buffer.getvalue()).decode()
    rows = "".join(_html_row(result) for result in done[: API.rows_shown])
    more = f"<p>and {len(done) - API.rows_shown} more</p>" if len(done) > API.rows_shown else ""
    columns = "".join(f"<th>{name}</th>" for name in ("image", "certified", "why not", "votes"))
    return (
        f'{head}<img alt="attacked images and what is certified of them"'
        f' src="data:image/png;base64,{picture}">'
        f"<table><tr>{columns}</tr>{rows}</table>{more}"
    )


def _html_row(result: Result) -> str:
    found = result.certificate
    reason = "" if isinstance(found, Certified) else str(found.reason)
    label = "" if result.label is None else str(result.label)
    cells = (str(result.index), label, reason, f"{result.votes:,}")
    return f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in cells)}</tr>"


def _chosen(done: Sequence[Result]) -> list[Result]:
    """Up to eight: one of every class in turn, and an abstention where there is one."""
    by_class: dict[int, list[Result]] = {}
    for result in done:
        by_class.setdefault(result.certificate.label, []).append(result)
    turns = max(map(len, by_class.values()))
    order = [
        part[turn]
        for turn in range(turns)
        for _, part in sorted(by_class.items())
        if turn < len(part)
    ]
    chosen = order[: API.images_shown]
    abstained = [result for result in done if not result.certified]
    if abstained and all(result.certified for result in chosen):
        chosen[-1] = abstained[0]
    return chosen


def _line(results: Results, result: Result) -> SheetLine:
    g, found = results.smoothed, result.certificate
    part = found.region if isinstance(found, Certified) else None
    online = results.task.covers.guarantee == "online"
    pictures = views(
        g.transformation,
        results.images,
        _Shown(result.index, results.region, part),
        g.classifier.input_range,
        online,
    )
    truth = None if results.labels is None else int(results.labels[result.index])
    right = isinstance(found, Certified) and truth in (None, found.label)
    handed_in = ""
    if isinstance(found, Certified) and part is not None:
        text = certified_text(part, g.transformation.parameters, online)
        verdict, _, handed_in = text.rpartition(", ")
        verdict += "" if right else f" as {found.label}"
    else:
        verdict = f"abstained: {found.reason}" if not isinstance(found, Certified) else ""
    title = str(found.label if truth is None else truth)
    return SheetLine(pictures, title, f"image {result.index}", verdict, right, handed_in)


def _caption(results: Results) -> str:
    """The share that is certified: rightly where the true classes are known."""
    done, labels = results.finished, results.labels
    held = [r for r in done if labels is None or r.label == int(labels[r.index])]
    share = percent(sum(r.certified for r in held) / len(done))
    what = "certified" if labels is None else "certified (and right)"
    count = f"{len(done)} images" if len(done) != 1 else "1 image"
    return f"{what} {share} of {count}, alpha = {results.task.rule.alpha:g} an image"


def _limits(results: Results) -> tuple[float, float]:
    """Pixels that are black and white: the ends of the input range, or of unbounded images."""
    pixels = results.images.images
    if pixels.dtype == np.uint8:
        return results.images.input_range
    return float(pixels.min()), float(pixels.max())
