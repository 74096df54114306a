"""The cells of the table: a region, a cover, a test, and how many images they are measured on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from benchmarks.geometry.training import VIEWS
from gsmooth.runs.config.run_config import RunConfig

Cover = Literal["clean", "chosen", "patient", "id"]
Test = Literal["e-process", "fixed"]
COVERS: tuple[Cover, ...] = ("clean", "chosen", "patient", "id")
TESTS: tuple[Test, ...] = ("e-process", "fixed")
ENDS: Mapping[str, tuple[float, ...]] = {"rotation": (10.0, 30.0, 50.0), "translation": (2.0, 4.0)}
UNITS = {"rotation": "°", "translation": " px"}

POINTS = {"rotation": 31, "translation": 9}
"""Attacks tried an image: 31 angles, or 9 x 9 shifts."""

UNBOUNDED = 1_000_000
"""Votes an image at fixed n: what it costs is a finding, not a choice."""


@dataclass(frozen=True)
class Budget:
    """What may be spent. images: at most so many a (cover, test), None for all of them.

    votes, n: by cover, at most so many votes an image of an e-process, and votes a centre at fixed
    n. id_centres: centres of the covers without noise on theta, by transformation; None lets the
    product choose. random, gradient_steps: what the adversary tries beyond its grid; a step is
    two chunks of votes, forwards and backwards.
    """

    images: Mapping[tuple[Cover, Test], int | None]
    votes: Mapping[Cover, int]
    n: Mapping[Cover, int]
    id_centres: Mapping[str, int | None] | None = None
    random: int = 0
    gradient_steps: int = 0


DEFAULT = Budget(
    images={
        ("chosen", "e-process"): None,
        ("clean", "e-process"): None,
        ("patient", "e-process"): None,
        ("id", "e-process"): 50,
        ("chosen", "fixed"): 50,
        ("clean", "fixed"): 50,
        ("id", "fixed"): 20,
    },
    votes={"clean": 5000, "chosen": 5000, "patient": 20_000, "id": 100_000},
    n={"clean": 5000, "chosen": 1000, "id": 1000},
)


@dataclass(frozen=True)
class Subject:
    """The network under test and the images: what all cells of one data set share."""

    study: str
    factory: str
    shape: tuple[int, int, int]
    weights: Path
    data: Path
    every: int
    limit: int | None


@dataclass(frozen=True)
class Cell:
    """One line of the table. ``end``: the region is every parameter within +-end."""

    transformation: str
    end: float
    cover: Cover
    test: Test

    @property
    def name(self) -> str:
        """For folders and ``--only``, e.g. ``rotation-30-chosen-e-process``."""
        return f"{self.transformation}-{self.end:g}-{self.cover}-{self.test}"

    @property
    def region(self) -> str:
        """For people, e.g. ``rotation ±30°``."""
        return f"{self.transformation} ±{self.end:g}{UNITS[self.transformation]}"

    @property
    def smoothing(self) -> str:
        """Cells of one smoothing and region ask the same g: attacks on it are made once."""
        return f"{self.transformation}-{self.end:g}-{'id' if self.cover == 'id' else 'act'}"

    @property
    def attacks(self) -> bool:
        """The cell that measures the accuracy under attack of its g."""
        return self.test == "e-process" and self.cover in ("chosen", "id")


def cells() -> Iterator[Cell]:
    """Every line of the table; of each g, the cell that attacks it comes first."""
    for transformation, ends in ENDS.items():
        for end in ends:
            for cover in ("chosen", "patient", "clean", "id"):
                for test in TESTS if cover != "patient" else TESTS[:1]:
                    yield Cell(transformation, end, cover, test)


def table_order(cell: Cell) -> tuple[str, float, int, int]:
    """Sorts cells as people read them: by region, cover and test."""
    return cell.transformation, cell.end, COVERS.index(cell.cover), TESTS.index(cell.test)


def images_of(cell: Cell, subject: Subject, budget: Budget) -> int | None:
    """At most so many images: the smaller of the two limits."""
    limits = (subject.limit, budget.images[cell.cover, cell.test])
    return min((limit for limit in limits if limit is not None), default=None)


def config_of(cell: Cell, subject: Subject, budget: Budget, runs: Path) -> RunConfig:
    """The run that fills one cell; its records lie in ``runs`` / study / name of the cell."""
    tree = {
        "model": {
            "spec": subject.factory,
            "weights": subject.weights,
            "shape": subject.shape,
        },
        "data": {
            "spec": str(subject.data),
            "every": subject.every,
            "limit": images_of(cell, subject, budget),
        },
        **_geometry(cell, subject.study),
        "certify": _rule(cell, budget),
        "attack": {
            "enabled": cell.attacks,
            "points": POINTS[cell.transformation],
            "random": budget.random,
            "gradient_steps": budget.gradient_steps,
            "screening_votes": 16,
            "n": 448,
        },
        "output": {"folder": runs / subject.study / cell.name},
    }
    return RunConfig.model_validate(tree)


def _geometry(cell: Cell, study: str) -> dict[str, object]:
    """Lift, noise and region; without noise on theta T is the identity."""
    view = VIEWS[study][cell.transformation]
    count = len(view.scales)
    return {
        "transformation": {"name": cell.transformation, "options": dict(view.options)},
        "smoothing": {
            "sigma": view.sigma,
            "scales": () if cell.cover == "id" else view.scales,
            "seed": 0,
        },
        "region": {"lower": (-cell.end,) * count, "upper": (cell.end,) * count},
    }


def _rule(cell: Cell, budget: Budget) -> dict[str, object]:
    """[certify]: only what differs from its defaults."""
    votes = budget.votes[cell.cover] if cell.test == "e-process" else UNBOUNDED
    rule: dict[str, object] = {"max_votes": votes}
    if cell.cover == "clean":
        rule |= {"centres": "clean"}
    if cell.cover == "id" and budget.id_centres is not None:
        rule |= {"centres": budget.id_centres[cell.transformation]}
    if cell.test == "fixed":
        rule |= {"rule": "fixed", "n": budget.n[cell.cover]}
    return rule
