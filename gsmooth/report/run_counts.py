"""What tables and curves need of one run: counts by reach, from records or from a published TSV."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import final

from gsmooth.data.class_names import class_label
from gsmooth.report.reach import Axis, axis_of
from gsmooth.report.run_settings import settings_of, unique_names
from gsmooth.report.share import Share
from gsmooth.report.summary import summarize
from gsmooth.report.totals import ClassTotals, RowTally, Totals
from gsmooth.runs.records.folder import Records
from gsmooth.runs.verify.profiles import setting


@final
@dataclass(frozen=True)
class ClassCounts:
    """The counts of the images of one class, or of all images.

    Args:
        label: The true class; None for all images.
        images: Number of images.
        reached: Images whose true class is certified, by the largest certified fraction.
        abstained: Images without a certificate.
        standard: Images that PREDICT gets right; None: not known.
        attacked: Images that are right at the worst attack found, of those attacked; None: no
            attack.
    """

    label: int | None
    images: int
    reached: Mapping[float, int]
    abstained: int
    standard: int | None = None
    attacked: Share | None = None

    def certified(self, reach: float, end: float) -> Share:
        """Return the share whose true class is certified up to ``reach`` (S4).

        Args:
            reach: A number on the run's axis.
            end: The end of that axis, which the fraction 1 stands for.
        """
        # Exact: a float64 product could be rounded up to the reach.
        asked, whole = Fraction(reach), Fraction(end)
        count = sum(
            number for part, number in self.reached.items() if Fraction(part) * whole >= asked
        )
        return Share(count, self.images)

    def average(self, end: float) -> float:
        """Return the average certified radius on an axis, rounded down; 0 for a wrong image."""
        total = sum((Fraction(part) * number for part, number in self.reached.items()), Fraction(0))
        return float_down(total * Fraction(end) / self.images)


@final
@dataclass(frozen=True)
class RunCounts:
    """The counts of one run.

    Args:
        name: Name of the run, as in a list of its kind.
        path: Where its records are.
        axis: What the reach of a certificate is measured by.
        bounded: True if a region was asked for, of which the axis has the end; False for a TSV,
            whose radii have no end.
        total: The counts of all images.
        classes: Those of each class, ascending.
        settings: Settings that a row of a table may be named by.
        config: The run's configuration; empty for a TSV.
        clean: Accuracy of f; None: not known.
        answers: Attacked images by true class and answer at the worst attack (None: abstains).
        votes: Images by number of votes.
        class_names: Names of the classes; None: they have none.
        guarantees: Kinds of guarantee; none for a TSV.
        alpha: Level of a certificate; None: not known.
        caption: Certified accuracy, accuracy under attack and kind of attack; "" for a TSV.
    """

    name: str
    path: Path
    axis: Axis
    bounded: bool
    total: ClassCounts
    classes: tuple[ClassCounts, ...]
    settings: Mapping[str, str] = field(default_factory=dict)
    config: Mapping[str, object] = field(default_factory=dict)
    clean: Share | None = None
    answers: Mapping[tuple[int, int | None], int] = field(default_factory=dict)
    votes: Mapping[int, int] = field(default_factory=dict)
    class_names: tuple[str, ...] | None = None
    guarantees: tuple[str, ...] = ()
    alpha: float | None = None
    caption: str = ""

    @staticmethod
    def of(source: Records | Totals | RunCounts) -> RunCounts:
        """Return the counts of a run of this package; RecordError if no image is finished."""
        if isinstance(source, RunCounts):
            return source
        totals = Totals.of(source)
        run = totals.run
        return RunCounts(
            name=run.path.parent.name,
            path=run.path.parent,
            axis=axis_of(run),
            bounded=True,
            total=_all(totals),
            classes=tuple(_class(label, own) for label, own in sorted(totals.classes.items())),
            settings=settings_of(run),
            config=run.header.config,
            clean=_share(totals.clean),
            answers=totals.answers,
            votes=totals.cast,
            class_names=run.header.class_names,
            guarantees=tuple(sorted(totals.guarantees)),
            alpha=totals.alpha,
            caption=summarize(totals).caption(),
        )

    @property
    def farthest(self) -> float:
        """The end of the region, or of a TSV the largest certified radius."""
        return self.axis.end if self.bounded else max(self.total.reached, default=0.0)

    @property
    def is_all_or_nothing(self) -> bool:
        """Whether every certificate is for all of the region (region mode)."""
        region_mode = setting(self.config, "certify.mode") == "region"
        return region_mode and all(part == 1.0 for part in self.total.reached)

    def class_name(self, label: int | None) -> str:
        """Return the name of a class, or its number; ``all`` for None."""
        return "all" if label is None else class_label(self.class_names, label)


def named_apart(runs: Sequence[RunCounts]) -> list[RunCounts]:
    """Return the runs with names that tell them apart."""
    names = unique_names([run.path for run in runs])
    return [replace(run, name=name) for run, name in zip(runs, names, strict=True)]


def float_down(value: Fraction) -> float:
    """Return the largest float64 that is at most ``value``."""
    found = value.numerator / value.denominator
    return math.nextafter(found, -math.inf) if Fraction(found) > value else found


def _all(totals: Totals) -> ClassCounts:
    return ClassCounts(
        label=None,
        images=totals.images,
        reached=totals.reached,
        abstained=sum(totals.reasons.values()),
        standard=totals.standard.count,
        attacked=_share(totals.attacked),
    )


def _class(label: int, own: ClassTotals) -> ClassCounts:
    return ClassCounts(
        label, own.images, Counter(own.reached), own.abstained, own.standard, _share(own.attacked)
    )


def _share(tally: RowTally) -> Share | None:
    return Share(tally.count, tally.total) if tally.total else None
