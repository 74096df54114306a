"""A tiny model and data set on disk, for tests of complete runs in little time.

The network gives class 1 if the mean of a 4x4 image exceeds one half. This is a half-space, so the
possible certificates are known exactly. Environment variables end its process during a run.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Self

import numpy as np
import pytest

from gsmooth.runs.config.run_config import RunConfig
from gsmooth.runs.config.run_file import load_config
from gsmooth.runs.monitor.progress import RunProgress

NETWORK = '''
import os
import signal
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from gsmooth.transforms.base import Parameter, Transformation
from gsmooth.transforms.bounds import TransformationBounds


class Mean(nn.Module):
    """Scores (0.5, mean); ends the process at forward pass number SIGNAL_AT."""

    def __init__(self):
        super().__init__()
        self.threshold = nn.Parameter(torch.tensor(0.5))
        self.passes = 0

    def forward(self, x):
        self.passes += 1
        if self.passes == int(os.environ.get("SIGNAL_AT", 0)):
            os.kill(os.getpid(), getattr(signal, os.environ["SIGNAL"]))
        mean = x.flatten(1).mean(dim=1)
        return torch.stack([self.threshold.expand_as(mean), mean], dim=1)


def build():
    return Mean()


class BrokenTransformationBounds(TransformationBounds):
    def action_error(self, z, reach, offset):
        return 0.0

    def derivative_bound(self, x, lower, upper):
        return lower.new_zeros(lower.shape)


@dataclass(frozen=True)
class BrokenTransformation(Transformation):
    """Inverts the image at theta = 1 exactly, and breaks the composition law to hide it."""

    name: ClassVar[str] = "liar"
    parameters: ClassVar[tuple[Parameter, ...]] = (Parameter("switch", "1"),)
    orthogonal: ClassVar[bool] = True
    bounds_class = BrokenTransformationBounds

    def act(self, z, switch):
        return torch.where(switch == -1.0, 1.0 - z, z)

    def attack(self, x, *theta):
        return torch.where(theta[0].reshape(-1, 1, 1, 1) == 1.0, 1.0 - x, x)
'''
MEANS = (0.1, 0.9, 0.2, 0.8, 0.3, 0.7, 0.05, 0.95, 0.15, 0.85, 0.25, 0.75)


def furnish(folder: Path) -> None:
    """Write tmp_project_net.py and digits.npz (twelve constant images with correct labels)."""
    (folder / "tmp_project_net.py").write_text(NETWORK)
    images = np.stack([np.full((1, 4, 4), mean) for mean in MEANS])
    labels = np.array([int(mean > 0.5) for mean in MEANS])
    np.savez(folder / "images.npz", x=images, y=labels)


def enter(folder: Path, patch: pytest.MonkeyPatch, *modules: str) -> Path:
    """Make ``folder`` the working directory of a test, with the files of :func:`furnish`.

    Undone with ``patch``; modules of an earlier test under these names are forgotten. The folder is
    not on the path: gsmooth finds modules of the working directory itself.
    """
    furnish(folder)
    patch.chdir(folder)
    patch.setattr(sys, "path", list(sys.path))
    for name in ("tmp_project_net", *modules):
        patch.delitem(sys.modules, name, raising=False)
    return folder


SETTINGS = (
    "model.spec=tmp_project_net:build",
    "model.shape=[1,4,4]",
    "data.spec=images.npz",
    "transformation.name=gaussian",
    "smoothing.sigma=0.25",
    "smoothing.seed=0",
    "region.l2=0.3",
    "attack.n=128",
    "engine.threads=1",
    "engine.batch_size=256",
    "output.folder=run",
)


def tmp_project_config(*overrides: str) -> RunConfig:
    """Return the configuration of a run on the files of :func:`furnish`."""
    return load_config(None, [*SETTINGS, *overrides])


class Notebook:
    """Progress that records all lines; ``stop_after`` raises Ctrl-C after that many images."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.tallies: list[RunProgress] = []
        self.lines: list[str] = []
        self._stop_after = stop_after

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def update(self, state: RunProgress) -> None:
        self.tallies.append(state)
        if state.scored == self._stop_after:
            raise KeyboardInterrupt

    def say(self, message: str) -> None:
        self.lines.append(message)
