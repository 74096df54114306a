"""The cells of the table: a plugin, its region, its noise, its network, and what others reached.

A new plugin needs a cell here (a test says so); a composition is one more line like any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, final

from benchmarks.plugins.subjects import DIGITS, Subject
from gsmooth.runs.config.run_config import RunConfig

Split = Literal["choosing", "heldout"]
LawName = Literal["gaussian", "uniform", "exponential", "folded-normal", "laplace"]


@final
@dataclass(frozen=True)
class Cell:
    """One line of the table: every theta in [lower, upper], with an l2 ball and bits on top.

    name: for folders and ``--only``. network: a shipped model, or the name of one that
    :mod:`training` makes for all the cells that name it. meant: the region in everyday units.
    published: keys of :mod:`published`. max_votes: an image.
    """

    name: str
    transformation: str
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    network: str
    sigma: float
    scales: tuple[float, ...]
    meant: str
    law: LawName = "gaussian"
    options: Mapping[str, object] = field(default_factory=dict)
    l2: float = 0.0
    bits: int = 0
    grid: float | None = None
    subject: Subject = DIGITS
    published: str | None = None
    max_votes: int = 5000

    @property
    def shipped(self) -> bool:
        """Whether its network comes with the package."""
        return self.network.startswith("shipped:")


def weights_of(network: str, runs: Path) -> Path:
    """Where the weights of a network that is trained here lie."""
    return runs / f"{network}.pt"


def config_of(
    cell: Cell,
    runs: Path,
    split: Split = "heldout",
    limit: int | None = None,
    threads: int | None = None,
) -> RunConfig:
    """The run that fills one cell; its records lie in ``runs`` / split / name of the cell."""
    tree = {
        "model": _model(cell, runs),
        "data": {
            "spec": cell.subject.sources[split],
            "split": split,
            "limit": limit,
        },
        "transformation": {"name": cell.transformation, "options": dict(cell.options)},
        "smoothing": {
            "law": cell.law,
            "sigma": cell.sigma,
            "scales": cell.scales,
            "grid": cell.grid,
            "seed": 0,
        },
        "region": {"lower": cell.lower, "upper": cell.upper, "l2": cell.l2, "bits": cell.bits},
        "certify": {"max_votes": cell.max_votes},
        "engine": {"threads": threads},
        "output": {"folder": runs / split / cell.name},
    }
    return RunConfig.model_validate(tree)


def _model(cell: Cell, runs: Path) -> dict[str, object]:
    if cell.shipped:
        return {"spec": cell.network}
    return {
        "spec": cell.subject.factory,
        "weights": weights_of(cell.network, runs),
        "classes": cell.subject.classes,
        "shape": cell.subject.shape,
        "input_range": cell.subject.input_range,
    }
