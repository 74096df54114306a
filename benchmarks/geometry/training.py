"""One network a data set, good under the smoothings of both transformations."""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.geometry.images import Parts, digit_parts, sign_parts
from benchmarks.geometry.networks import digits_to_train, signs_to_train
from gsmooth import GaussianLaw, Region, load_transformation
from gsmooth.run.dataset import Dataset
from gsmooth.run.journal import make_folder, write_atomically
from gsmooth.shipped.networks import fused
from gsmooth.training import EpochReport, NoisyInputs, TrainPlan, train_views

SIGMA = 0.15
GRID = 2.0**-8
WIDEN = 1.1
VIEWS = (
    ("rotation", {"low_pass_px": 0.9}, (4.0,), Region((-50.0,), (50.0,))),
    ("translation", {"low_pass_px": 1.0}, (0.7, 0.7), Region((-4.0, -4.0), (4.0, 4.0))),
)
"""Transformation, its options, std of the noise on its parameters, region of the attacks."""


@dataclass(frozen=True)
class Recipe:
    """How one data set is split, which network learns it, and the plan."""

    parts: Callable[[Path], Parts]
    network: Callable[[], nn.Sequential]
    plan: TrainPlan


RECIPES = {
    "mnist": Recipe(digit_parts, digits_to_train, TrainPlan(epochs=60, variation=0.75)),
    "gtsrb": Recipe(
        sign_parts, signs_to_train, TrainPlan(epochs=28, learning_rate=0.004, variation=0.75)
    ),
}


def trained(recipe: Recipe, data: Path, on_epoch: Callable[[EpochReport], None]) -> nn.Sequential:
    """The network after training, in inference form (batch norms folded)."""
    images, labels = tensors(recipe.parts(data).training)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.plan.seed)
        network = recipe.network()
    train_views(network, views(), images, labels, recipe.plan, on_epoch=on_epoch)
    return fused(network)


def views() -> list[NoisyInputs]:
    """What the network sees: both smoothings, attacks a tenth beyond the widest regions."""
    return [
        NoisyInputs(
            load_transformation(name, options), GaussianLaw(scales, SIGMA), region, WIDEN, GRID
        )
        for name, options, scales, region in VIEWS
    ]


def tensors(part: Dataset) -> tuple[Tensor, Tensor]:
    """Images (N, C, H, W) float32 in [0, 1] and labels (N,) int64."""
    images = torch.from_numpy(part.images.astype(np.float32) / np.float32(255.0))
    return images, torch.from_numpy(part.labels)


def save(network: nn.Module, path: Path) -> None:
    """Write the state dict."""
    buffer = io.BytesIO()
    torch.save(network.state_dict(), buffer)
    make_folder(path.parent)
    write_atomically(path, buffer.getvalue())


def main() -> None:
    """Train one network: python -m benchmarks.geometry.training mnist FILE.npz WEIGHTS.pt."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("name", choices=RECIPES)
    parser.add_argument("data", type=Path)
    parser.add_argument("weights", type=Path)
    options = parser.parse_args()
    say = lambda e: print(  # noqa: E731
        f"epoch {e.epoch}: loss {e.loss:.3f}, under noise {e.accuracy:.2%}, {e.seconds:.0f} s",
        flush=True,
    )
    save(trained(RECIPES[options.name], options.data, say), options.weights)


if __name__ == "__main__":
    main()
