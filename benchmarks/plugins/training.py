"""The networks of this benchmark, each good under the smoothing of every cell that names it.

    python -m benchmarks.plugins.training NAME... [--runs runs/plugins] [--threads 1]

Trained on the training images alone: what settings are chosen on, and what is held out, is unseen.
"""

from __future__ import annotations

import argparse
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final, final

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.plugins.cells import Cell, config_of, weights_of
from benchmarks.plugins.networks import (
    digits_to_train,
    faint_digits_to_train,
    torus_digits_to_train,
    waves_to_train,
)
from benchmarks.plugins.rows import CELLS
from benchmarks.plugins.subjects import digits, waves
from gsmooth.data.dataset import Dataset
from gsmooth.models.zoo.networks import fused
from gsmooth.runs.config.resolution import resolved
from gsmooth.runs.context import noise_of, region_of
from gsmooth.runs.records.journal import make_folder, write_atomically
from gsmooth.training import EpochReport, NoisyInputs, TrainPlan, train_views

WIDEN: Final = 1.1
RUNS: Final = Path("runs/plugins")


@final
@dataclass(frozen=True)
class Recipe:
    """The images of a subject, its network, and the plan that every one of its networks follows."""

    images: Callable[[str], Dataset]
    network: Callable[[], nn.Sequential]
    plan: TrainPlan


RECIPES: Final[Mapping[str, Recipe]] = {
    "digits": Recipe(digits, digits_to_train, TrainPlan(epochs=40)),
    "faint digits": Recipe(digits, faint_digits_to_train, TrainPlan(epochs=80, variation=0.4)),
    "torus digits": Recipe(digits, torus_digits_to_train, TrainPlan(epochs=20)),
    "waves": Recipe(waves, waves_to_train, TrainPlan(epochs=30, variation=0.0)),
}


def networks() -> tuple[str, ...]:
    """The networks that the cells ask for and that do not come with the package."""
    return tuple(dict.fromkeys(cell.network for cell in CELLS if not cell.shipped))


def train_and_save(network: str, runs: Path, epochs: int | None = None) -> Path:
    """Train and write RUNS/NETWORK.pt, and beside it (.json) how it was made; the former's path.

    What is saved is the inference form: batch norms are folded.
    """
    cells = [cell for cell in CELLS if cell.network == network]
    recipe = RECIPES[cells[0].subject.name]
    plan = recipe.plan if epochs is None else replace(recipe.plan, epochs=epochs)
    images, labels = tensors(recipe.images("training"))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(plan.seed)
        module = recipe.network()
    report = train_views(module, views(cells, runs), images, labels, plan, on_epoch=_say)
    about = {
        "images": len(images),
        "cells": [cell.name for cell in cells],
        "plan": asdict(plan),
        "widen": WIDEN,
        "torch_threads": torch.get_num_threads(),
        "last_epoch": asdict(report.epochs[-1]),
    }
    weights = weights_of(network, runs)
    buffer = io.BytesIO()
    torch.save(fused(module).state_dict(), buffer)
    make_folder(weights.parent)
    write_atomically(weights.with_suffix(".json"), (json.dumps(about, indent=2) + "\n").encode())
    write_atomically(weights, buffer.getvalue())
    return weights


def views(cells: Sequence[Cell], runs: Path) -> list[NoisyInputs]:
    """The votes of each cell as training inputs, its attacks a tenth beyond its region."""
    found = []
    for cell in cells:
        config = resolved(config_of(cell, runs))
        assert config.smoothing.grid is not None
        operator, law = noise_of(config)
        region, grid = region_of(config), config.smoothing.grid
        found.append(NoisyInputs(operator, law, region, WIDEN, grid))
    return found


def tensors(part: Dataset) -> tuple[Tensor, Tensor]:
    """Inputs (N, C, H, W) float32 in the range of the subject, and labels (N,) int64."""
    scale = np.float32(255.0 if part.images.dtype == np.uint8 else 1.0)
    return torch.from_numpy(part.images.astype(np.float32) / scale), torch.from_numpy(part.labels)


def _say(epoch: EpochReport) -> None:
    print(
        f"epoch {epoch.epoch}: loss {epoch.loss:.3f}, accuracy under noise {epoch.accuracy:.1%},"
        f" {epoch.seconds:.0f} s",
        flush=True,
    )


def main() -> None:
    """Train the networks that are named."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("name", nargs="+", choices=networks())
    parser.add_argument("--runs", type=Path, default=RUNS)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--epochs", type=int)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    for name in options.name:
        print(f"training {name}", flush=True)
        train_and_save(name, options.runs, options.epochs)


if __name__ == "__main__":
    main()
