"""One trainer for all networks; weights that are on the disk already are used again."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

import torch

from benchmarks.suite.case import Case, Network
from benchmarks.suite.data import tensors
from gsmooth.data.dataset import Dataset
from gsmooth.models.zoo.networks import fused
from gsmooth.runs.records.journal import make_folder, write_atomically
from gsmooth.runs.task import RunTask
from gsmooth.training import EpochReport, NoisyInputs, TrainPlan, train_views

WIDEN: Final = 1.1
"""Attacks in training are drawn from the region times this."""


def train_and_save(
    network: Network,
    cases: Sequence[Case],
    images: Dataset,
    weights: Path,
    epochs: int | None = None,
) -> None:
    """Train under the noise of all ``cases`` in turn, and write the state dict to ``weights``.

    Beside it (.json) is written how it was made. What is saved is the inference form: batch norms
    are folded. epochs: instead of those of the plan, for a quick try.
    """
    assert network.train is not None
    plan = TrainPlan(**network.train.model_dump())
    plan = plan if epochs is None else replace(plan, epochs=epochs)
    print(f"training {weights.stem}: minutes, on one core", flush=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(plan.seed)
        module = network.to_train()
    inputs, labels = tensors(images)
    report = train_views(module, views(cases, images.shape), inputs, labels, plan, on_epoch=_say)
    about = {
        "data": Path(images.name).name,
        "images": len(images),
        "cells": [case.name for case in cases],
        "plan": asdict(plan),
        "widen": WIDEN,
        "torch_threads": torch.get_num_threads(),
        "last_epoch": asdict(report.epochs[-1]),
    }
    buffer = io.BytesIO()
    torch.save(fused(module).state_dict(), buffer)
    make_folder(weights.parent)
    write_atomically(weights.with_suffix(".json"), (json.dumps(about, indent=2) + "\n").encode())
    # Last: a file of weights is there only when all is.
    write_atomically(weights, buffer.getvalue())


def about_training(weights: Path) -> dict[str, Any] | None:
    """What :func:`train_and_save` wrote beside the weights; None where they came without."""
    path = weights.with_suffix(".json")
    if not path.exists():
        return None
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found


def views(cases: Sequence[Case], shape: tuple[int, int, int]) -> list[NoisyInputs]:
    """The inputs (C, H, W) of the votes of each case, attacked a tenth beyond its region."""
    found = []
    for config in (case.config() for case in cases):
        task = RunTask.of(config)
        operator, law = task.noise_for(shape)
        assert config.smoothing.grid is not None
        found.append(NoisyInputs(operator, law, task.region, WIDEN, config.smoothing.grid))
    return found


def _say(epoch: EpochReport) -> None:
    print(
        f"epoch {epoch.epoch}: loss {epoch.loss:.3f}, accuracy under noise {epoch.accuracy:.2%},"
        f" {epoch.seconds:.0f} s",
        flush=True,
    )
