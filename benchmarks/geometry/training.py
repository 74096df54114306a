"""One network a data set, good under the smoothings of both transformations."""

from __future__ import annotations

import argparse
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.geometry.images import Parts, digit_parts, sign_parts
from benchmarks.geometry.networks import digits_to_train, signs_to_train
from gsmooth import Region, load_transformation
from gsmooth.data.dataset import Dataset
from gsmooth.models.zoo.networks import fused
from gsmooth.runs.records.journal import make_folder, write_atomically
from gsmooth.theory.laws import GaussianLaw
from gsmooth.training import EpochReport, NoisyInputs, TrainPlan, train_views

GRID = 2.0**-8
WIDEN = 1.1


@dataclass(frozen=True)
class View:
    """A smoothing: options of the transformation, std of the noise on z and on each parameter.

    attacks: in training they are drawn from this region, a tenth wider.
    """

    options: Mapping[str, float]
    sigma: float
    scales: tuple[float, ...]
    attacks: Region


_TURNS, _SHIFTS = Region((-50.0,), (50.0,)), Region((-4.0, -4.0), (4.0, 4.0))
VIEWS: Mapping[str, Mapping[str, View]] = {
    "mnist": {
        "rotation": View({"low_pass_px": 0.9}, 0.15, (4.0,), _TURNS),
        "translation": View({"low_pass_px": 1.2}, 0.25, (1.6, 1.6), _SHIFTS),
    },
    "gtsrb": {
        "rotation": View({"low_pass_px": 0.9}, 0.12, (4.0,), _TURNS),
        "translation": View({"low_pass_px": 1.4}, 0.15, (1.6, 1.6), _SHIFTS),
    },
}
"""By data set and transformation; batches are dealt to the transformations in turn. Chosen by what
centres are expected to cost on training images, never on those of the table."""


@dataclass(frozen=True)
class Recipe:
    """How one data set is split, which network learns it, and the plan."""

    parts: Callable[[Path], Parts]
    network: Callable[[], nn.Sequential]
    plan: TrainPlan


RECIPES = {
    "mnist": Recipe(digit_parts, digits_to_train, TrainPlan(epochs=60, variation=0.75)),
    "gtsrb": Recipe(
        sign_parts, signs_to_train, TrainPlan(epochs=22, learning_rate=0.004, variation=0.75)
    ),
}


def train_and_save(name: str, data: Path, weights: Path) -> None:
    """Train, write the state dict to ``weights``, and beside it (.json) how it was made.

    What is saved is the inference form: batch norms are folded.
    """
    recipe = RECIPES[name]
    part = recipe.parts(data).training
    images, labels = tensors(part)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.plan.seed)
        network = recipe.network()
    report = train_views(network, views(name), images, labels, recipe.plan, on_epoch=_say)
    about = {
        "file": data.name,
        "images": len(part),
        "plan": asdict(recipe.plan),
        "widen": WIDEN,
        "torch_threads": torch.get_num_threads(),
        "last_epoch": asdict(report.epochs[-1]),
    }
    buffer = io.BytesIO()
    torch.save(fused(network).state_dict(), buffer)
    make_folder(weights.parent)
    write_atomically(weights, buffer.getvalue())
    write_atomically(weights.with_suffix(".json"), (json.dumps(about, indent=2) + "\n").encode())


def views(study: str) -> list[NoisyInputs]:
    """What the network sees: both smoothings, attacks a tenth beyond the widest regions."""
    return [
        NoisyInputs(
            load_transformation(name, view.options),
            GaussianLaw(view.scales, view.sigma),
            view.attacks,
            WIDEN,
            GRID,
        )
        for name, view in VIEWS[study].items()
    ]


def tensors(part: Dataset) -> tuple[Tensor, Tensor]:
    """Images (N, C, H, W) float32 in [0, 1] and labels (N,) int64."""
    images = torch.from_numpy(part.images.astype(np.float32) / np.float32(255.0))
    return images, torch.from_numpy(part.labels)


def _say(epoch: EpochReport) -> None:
    print(
        f"epoch {epoch.epoch}: loss {epoch.loss:.3f}, accuracy under noise {epoch.accuracy:.2%},"
        f" {epoch.seconds:.0f} s",
        flush=True,
    )


def main() -> None:
    """Train one network: python -m benchmarks.geometry.training mnist FILE.npz WEIGHTS.pt."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("name", choices=RECIPES)
    parser.add_argument("data", type=Path)
    parser.add_argument("weights", type=Path)
    options = parser.parse_args()
    train_and_save(options.name, options.data, options.weights)


if __name__ == "__main__":
    main()
