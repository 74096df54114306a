"""Accuracies of cases: train where weights are missing, certify, attack, and read the records."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from statistics import fmean, median
from typing import Final

from benchmarks.suite.benchmark import Line
from benchmarks.suite.case import Case
from benchmarks.suite.results import digest
from benchmarks.suite.train import train_and_save
from gsmooth.data.dataset import Dataset
from gsmooth.errors import UnreachableError
from gsmooth.runs.config.overrides import Override
from gsmooth.runs.config.run_config import RunConfig
from gsmooth.runs.config.smoothing_section import SmoothingSection
from gsmooth.runs.execute import run_certify
from gsmooth.runs.monitor.progress import LineProgress
from gsmooth.runs.records.folder import ROWS_NAME, read_records
from gsmooth.runs.records.row import Row

FIGURES: Final = (
    *("clean", "standard", "certified", "reached", "attacked", "centres", "votes", "seconds"),
    *("abstentions", "guarantees"),
)
"""See :func:`accuracies`; all are None for no images."""


def measured(
    cases: Sequence[Case],
    options: argparse.Namespace,
    folder: Path,
    training: Callable[[Case], Dataset],
) -> Iterator[Line]:
    """A line for every case that is asked for, or that has records from before.

    Images that are in the folder of a case already are not repeated: killed at any moment, the same
    command goes on. Raises ViolationError when an attack broke a certificate: that is never a
    figure of a table.

    Args:
        cases: All cases; those that share a network are trained together.
        options: See [accuracy] of ``common.toml``.
        folder: Records are kept in a folder for each case in it.
        training: The images that the network of a case is trained on.
    """
    chosen = asked([case.name for case in cases], options.only)
    runs = {case.name: config_of(case, options, folder) for case in cases}
    for case in cases:
        refused = None
        if case.name in chosen and not options.table_only:
            print(case.name, flush=True)
            train(case, cases, options, training)
            refused = certified(runs[case.name])
        rows = rows_of(runs[case.name])
        if rows or refused:
            attacks = withstood(rows_of(runs[case.twin or case.name]))
            none = {"images": 0, **dict.fromkeys(FIGURES)}
            figures = accuracies(rows, attacks) if rows else none
            yield line_of(case, runs[case.name], figures, refused)


def asked(names: Sequence[str], only: Sequence[str] | None) -> list[str]:
    """Those of the names that one of the patterns fits, all for no patterns.

    Ends the program where there is none.
    """
    chosen = [n for n in names if only is None or any(fnmatchcase(n, each) for each in only)]
    if not chosen:
        raise SystemExit(f"--only {only}: no such case; there are {', '.join(names)}")
    return chosen


def config_of(case: Case, options: argparse.Namespace, folder: Path) -> RunConfig:
    """The run of a case, with the values of ``--set`` and at most ``--limit`` images."""
    case = case.but(data={"limit": at_most(options.limit, case.data.limit)})
    weights = weights_of(case, options)
    config = case.config(folder / case.name, weights, threads=options.threads)
    tree = config.model_dump(mode="json")
    for setting in options.set:
        Override.parse(setting).apply(tree)
    return RunConfig.model_validate(tree)


def at_most(*limits: int | None) -> int | None:
    """The smallest of the limits; None is no limit."""
    return min((limit for limit in limits if limit is not None), default=None)


def weights_of(case: Case, options: argparse.Namespace) -> Path:
    """Where the weights of a network that is trained here are kept."""
    return vars(options).get("weights") or Path(options.runs) / f"{case.weights}.pt"


def train(
    case: Case,
    cases: Sequence[Case],
    options: argparse.Namespace,
    training: Callable[[Case], Dataset],
) -> None:
    """Train where weights are missing, under the noise of all cases with the same network."""
    weights = weights_of(case, options)
    if case.network.train is None or weights.exists():
        return
    sharing = [each for each in cases if each.weights == case.weights and each.trained_on]
    train_and_save(case.network, sharing, training(case), weights, options.epochs)


def certified(config: RunConfig) -> str | None:
    """Run one case; why gsmooth refused to start, if so."""
    try:
        run_certify(config, LineProgress())
    except UnreachableError as error:
        return str(error)
    return None


def line_of(case: Case, config: RunConfig, figures: Line, refused: str | None = None) -> Line:
    """What is kept of a case: its figures, and all they depend on; files by digest."""
    tree, folder = config.model_dump(mode="json"), config.output.folder
    attacked = figures["attacked"]
    return {
        "cell": case.name,
        "cover": case.cover,
        "test": case.test,
        **figures,
        "gap": None if attacked is None else attacked - figures["certified"],
        "refused": refused,
        "fingerprint": None if refused else read_records(folder).header.fingerprint,
        "others": case.published and case.published.model_dump(),
        "region": {**tree["region"], "meant": case.region_text},
        **{name: tree[name] for name in ("transformation", "smoothing", "certify", "attack")},
        "data": {**tree["data"], "spec": Path(tree["data"]["spec"]).name},
        "noise": noise(config.smoothing),
        "network": case.weights,
        "weights_sha256": config.model.weights and digest(config.model.weights),
    }


def noise(smoothing: SmoothingSection) -> str:
    """E.g. ``gaussian 4; 0.15``: law and scales of the parameters, then the std in z."""
    sizes = [f"{scale:g}" for scale in smoothing.scales or ()]
    if isinstance(smoothing.law, tuple):
        pairs = zip(smoothing.law, sizes, strict=True)
        law = ", ".join(f"{own} {size}" for own, size in pairs)
    else:
        law = " ".join([smoothing.law or "", *sizes]) if sizes else ""
    return f"{law}; {smoothing.sigma:g}" if law else f"{smoothing.sigma:g}"


def rows_of(config: RunConfig) -> list[Row]:
    """The rows that a run asks for, of those in its folder; none where there are no records.

    An earlier, larger run may have left more.
    """
    asked = config.data
    if not (config.output.folder / ROWS_NAME).exists():
        return []
    rows = read_records(config.output.folder).rows
    return [row for row in rows if (row.index - asked.start) % asked.every == 0][: asked.limit]


def withstood(rows: Sequence[Row]) -> dict[int, bool]:
    """By index of the image: whether g was right at the worst point that the attack found."""
    return {row.index: row.attack.robust for row in rows if row.attack is not None}


def accuracies(rows: Sequence[Row], attacks: Mapping[int, bool]) -> Line:
    """Fractions of ``rows``, at least one; an abstention counts as wrong.

    clean: f without noise; standard: g at the image; certified: g on the whole region; reached: the
    mean certified fraction of the region; attacked: g at the worst point found, on the same images
    (None where not all of them are in ``attacks``, see :func:`withstood`). centres: median of the
    centres that were tested; votes, seconds: means of certification.
    """
    attacked = [attacks[row.index] for row in rows if row.index in attacks]
    values = (
        fmean(row.image.clean_prediction == row.image.label for row in rows),
        fmean(row.image.prediction == row.image.label for row in rows),
        fmean(row.correct_up_to(1.0) for row in rows),
        fmean((row.claim.fraction or 0.0) * row.correct_up_to(0.0) for row in rows),
        fmean(attacked) if len(attacked) == len(rows) else None,
        median(len(row.counts.evidence) for row in rows),
        fmean(row.counts.votes for row in rows),
        fmean(row.provenance.seconds for row in rows),
        _counted(row.decision.reason for row in rows if row.decision.reason),
        _counted(row.claim.guarantee for row in rows),
    )
    return {"images": len(rows), **dict(zip(FIGURES, values, strict=True))}


def _counted(names: Iterable[object]) -> dict[str, int]:
    return dict(sorted(Counter(map(str, names)).items()))
