"""Results: one JSON file a data set, and one Markdown table of all of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.geometry.cells import POINTS, Budget, Subject
from benchmarks.geometry.measure import Line
from benchmarks.geometry.training import VIEWS
from benchmarks.machine import describe

HEAD = (
    "| region | cover | test | images | centres | clean f | g | certified | attacked | gap"
    " | votes | s |"
)
LEGEND = """\
Each line is one way to certify the region. Cover: *clean*, one centre at the clean image;
*chosen*, the default, at most 5,000 votes an image; *patient*, the same with at most 20,000;
*id*, many centres and no noise on the parameters. Test: *e-process*, looking after every 64
votes; *fixed*, n votes a centre and Clopper-Pearson at alpha / centres; its covers are planned
for the mean count, with no allowance for luck, so these lines understate what fixed n can do.
Shares are of the images of that line (expensive lines have fewer); an abstention counts as wrong.
*clean f*: the network without noise; *g*: the smoothed classifier by 64 votes; *certified*: g on
the whole region; *attacked*: g by 448 votes at the worst point that the attack found; *gap*:
attacked less certified, in points; *votes* and *s*: forward passes and seconds an image, of
certification alone (means)."""


def document(
    subject: Subject, budget: Budget, lines: Sequence[Line], training: dict[str, Any] | None
) -> dict[str, Any]:
    """What is kept of one data set: figures, and all they depend on; files by name and digest."""
    return {
        "benchmark": f"geometry-{subject.study}",
        "data": {
            "file": subject.data.name,
            "sha256": _digest(subject.data),
            "every": subject.every,
            "limit": subject.limit,
        },
        "network": {
            "factory": subject.factory,
            "weights_sha256": _digest(subject.weights),
            "training": training,
        },
        "settings": {
            "smoothings": {
                name: {"options": dict(view.options), "sigma": view.sigma, "scales": view.scales}
                for name, view in VIEWS[subject.study].items()
            },
            "attack": {
                "points_an_axis": POINTS,
                "random": budget.random,
                "gradient_steps": budget.gradient_steps,
            },
            "votes_a_centre_at_fixed_n": dict(budget.n),
            "max_votes": dict(budget.votes),
        },
        "lines": [asdict(line) for line in lines],
        **describe(),
    }


def write(found: dict[str, Any], folder: Path) -> None:
    """Write the JSON of one data set, and the table of every data set in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{found['benchmark']}.json"
    path.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    table = folder / "geometry.md"
    table.write_text(markdown(sorted(folder.glob("geometry-*.json"))), encoding="utf-8")


def markdown(paths: Sequence[Path]) -> str:
    """All results as one page."""
    parts = ["# Rotations and translations\n", LEGEND + "\n"]
    for path in paths:
        found = json.loads(path.read_text(encoding="utf-8"))
        parts.append(f"## {found['benchmark'].removeprefix('geometry-')}\n")
        parts.append("\n".join([HEAD, "|" + "---|" * HEAD.count(" | ") + "---|"]))
        parts.append("\n".join(row(Line(**line)) for line in found["lines"]) + "\n")
        if refused := {line["refused"] for line in found["lines"] if line["refused"]}:
            parts.append("Refused: " + "; ".join(sorted(refused)) + "\n")
    return "\n".join(parts)


def row(line: Line) -> str:
    """One line as Markdown."""
    cells = [line.region, line.cover, line.test]
    if line.refused is not None:
        return "| " + " | ".join([*cells, "refused", *[""] * 8]) + " |"
    shares = (line.clean, line.standard, line.certified, line.attacked, line.gap)
    cells += [str(line.images), _number(line.centres, "{:g}"), *map(_percent, shares)]
    cells += [_number(line.votes, "{:,.0f}"), _number(line.seconds, "{:.2f}")]
    return "| " + " | ".join(cells) + " |"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f}"


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
