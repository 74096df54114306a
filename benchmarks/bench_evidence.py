"""The evidence: each case from the images to the table, beside what it is wanted to reach."""

from __future__ import annotations

import argparse
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, final

import torch
from pydantic import Field

from benchmarks.suite.accuracy import accuracies, asked, at_most, certified, rows_of, withstood
from benchmarks.suite.benchmark import Facts, Line
from benchmarks.suite.case import FOLDER, Published, read
from benchmarks.suite.networks import published_start
from benchmarks.suite.prepare import place, prepared
from benchmarks.suite.results import commit, digest
from gsmooth.runs.config.model_section import ModelSection
from gsmooth.runs.config.run_config import RunConfig
from gsmooth.runs.config.run_file import load_config
from gsmooth.runs.config.section import Section
from gsmooth.runs.monitor.progress import LineProgress
from gsmooth.runs.records.journal import write_atomically
from gsmooth.runs.train import run_train
from gsmooth.runs.trained import TrainedFiles

RUN_FILES: Final = FOLDER.parent / "configs" / "evidence"
HEADS: Final = {"standard": "g", "certified": "certified", "votes": "votes"}
"""What may be wanted, with its column: at least, or for votes at most."""


@final
class Evidence(Section):
    """A case: ``configs/evidence/NAME.toml``, certified with a network that is trained by a case.

    data: the images, see ``prepare``; none for shipped ones. trained_by: none for a shipped
    network. sought: shares, and votes an image. published: figures of others for the same case.
    """

    name: str
    meant: str
    data: str = ""
    trained_by: str = ""
    sought: dict[str, float] = Field(default_factory=dict)
    published: Published | None = None


def evidence(options: argparse.Namespace, facts: Facts) -> Iterator[Line]:
    """A line for every case that is asked for, or that has records."""
    facts["commit"] = commit()
    page = read("evidence")
    every = [
        Evidence.model_validate({**case, "published": page["published"].get(case.get("published"))})
        for case in page["case"]
    ]
    chosen = asked([case.name for case in every], options.only)
    for case in every:
        config = config_of(case, options)
        if case.name in chosen and not options.table_only:
            print(case.name, flush=True)
            if case.data:
                prepared(case.data, Path(options.runs) / "data", files_of(case, options))
            train(case, options)
            config = config_of(case, options)  # The network may be there only now.
            certified(config)
        if rows := rows_of(config):
            figures = accuracies(rows, withstood(rows))
            weights = config.model.weights
            yield {
                **case.model_dump(),
                **figures,
                "wanted": wanted(case),
                "bold": [HEADS[name] for name in HEADS if is_short(case, name, figures[name])],
                "weights_sha256": weights and digest(weights),
                "run": config.model_dump(mode="json", include={"smoothing", "region", "certify"}),
            }


def files_of(case: Evidence, options: argparse.Namespace) -> list[Path]:
    """The files that the command line names, or GSMOOTH_MNIST=train.npz:test.npz and the like."""
    kind, _, _ = case.data.partition("-")
    named = os.environ.get(f"GSMOOTH_{kind.upper()}", "").split(os.pathsep)
    return [Path(name) for name in getattr(options, kind) or named if name]


def wanted(case: Evidence) -> str:
    """What is sought, in words: shares in percent."""
    return ", ".join(
        f"{HEADS[name]} {'<=' if name == 'votes' else '>='}"
        f" {value if name == 'votes' else 100 * value:g}"
        for name, value in case.sought.items()
    )


def is_short(case: Evidence, name: str, found: float) -> bool:
    """Whether a figure is on the wrong side of what is sought."""
    sought = case.sought.get(name, found)
    return found > sought if name == "votes" else found < sought


def config_of(case: Evidence, options: argparse.Namespace, training: bool = False) -> RunConfig:
    """The run of a case; for training without the weights that it makes."""
    runs, config = Path(options.runs), load_config(RUN_FILES / f"{case.name}.toml", options.set)
    changed: dict[str, dict[str, Any]] = {
        "engine": {"threads": options.threads},
        "output": {"folder": runs / case.name},
        "train": {} if options.epochs is None else {"epochs": options.epochs},
    }
    limit = None if training else at_most(options.limit, config.data.limit)
    changed["data"] = {"limit": limit}
    if case.data:
        changed["data"] = {"limit": limit, "spec": str(runs / "data" / place(case.data))}
    made = TrainedFiles(runs / f"{case.trained_by}.pt").run_file
    if case.trained_by and not training and made.exists():
        config = config.model_copy(update={"model": load_config(made).model})
    parts = {name: getattr(config, name).model_copy(update=new) for name, new in changed.items()}
    return config.model_copy(update=parts)


def train(case: Evidence, options: argparse.Namespace) -> None:
    """Train the network of a case where it is missing; an interrupted training goes on."""
    if not case.trained_by:
        return
    files = TrainedFiles(Path(options.runs) / f"{case.trained_by}.pt")
    if files.weights.exists() and not files.resume.exists():
        return
    maker = case.model_copy(update={"name": case.trained_by})
    config = config_of(maker, options, training=True)
    if config.model.spec == "zoo:mobile":
        config = config.model_copy(update={"model": started(config.model, Path(options.runs))})
    run_train(config, files.weights, LineProgress())
    if config.model.spec == "zoo:mobile":
        shorten(files.weights)


def shorten(weights: Path) -> None:
    """Round the weights of layers to float16: half the size, in which the shipped ones come."""
    state = torch.load(weights, weights_only=True)
    halves = {name: value.half() if value.ndim > 1 else value for name, value in state.items()}
    buffer = io.BytesIO()
    torch.save(halves, buffer)
    write_atomically(weights, buffer.getvalue())


def started(model: ModelSection, runs: Path) -> ModelSection:
    """The network with published weights to begin with, which are made once."""
    assert model.classes is not None
    assert model.shape is not None
    weights = runs / "data" / f"start-{model.classes}.pt"
    if not weights.exists():
        torch.save(published_start(model.classes, model.shape), weights)
    return model.model_copy(update={"weights": weights})
