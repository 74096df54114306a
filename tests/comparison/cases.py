"""The runs that are compared: every kind of transformation, law, mode and guarantee, all small.

The network is linear and small enough to be summed in float32 as it stands; the shipped digit
models are run as well, since both trees compute on one machine. Keys are those of the other
commit's run files (``renames.SETTINGS``).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np

Settings = dict[str, Any]

NETWORK: Final = '''
import torch
from torch import nn


class Bars(nn.Module):
    """Scores of three classes: the mean of the upper part, of the lower part, and between them."""

    def __init__(self):
        super().__init__()
        self.bias = nn.Parameter(torch.tensor([0.0, 0.0, 0.0625]))

    def forward(self, x):
        rows = x.flatten(2).mean(dim=1)
        half = rows.shape[1] // 2
        upper, lower = rows[:, :half].mean(dim=1), rows[:, half:].mean(dim=1)
        return torch.stack([upper, lower, (upper + lower) / 2], dim=1) + self.bias


def build():
    return Bars()
'''
SIDE: Final = 12
USUAL: Final[Settings] = {
    "model.spec": "linear_network:build",
    "model.shape": [1, SIDE, SIDE],
    "data.spec": "images.npz",
    "data.limit": 2,
    "smoothing.seed": 5,
    "smoothing.sigma": 0.25,
    "certify.max_votes": 1500,
    "certify.n": 512,
    "certify.rule": "e-process",
    "attack.points": 3,
    "attack.random": 2,
    "attack.gradient_steps": 2,
    "attack.screening_votes": 4,
    "attack.n": 128,
    "engine.batch_size": 64,
    "engine.threads": 1,
}


def furnish(folder: Path) -> None:
    """Write the network and its images: a brighter part above or below, with a slope across."""
    (folder / "linear_network.py").write_text(NETWORK, encoding="utf-8")
    down, across = np.meshgrid(np.arange(SIDE), np.arange(SIDE), indexing="ij")
    bright = [0.75, 0.6875, 0.625, 0.5625] * 5
    images = [
        np.where((down < SIDE // 2) == (number % 2 == 0), level, 1.0 - level) * 0.75
        + across / (8.0 * SIDE)
        + number / 1024.0
        for number, level in enumerate(bright)
    ]
    labels = np.arange(len(images)) % 2
    np.savez(folder / "images.npz", x=np.stack(images)[:, None], y=labels)
    np.savez(folder / "waves.npz", x=np.stack(images).reshape(len(images), 1, 1, -1), y=labels)
    secret = folder / "seed.txt"
    secret.write_text("ab" * 16 + " " + "0123456789abcdef" * 4 + "\n", encoding="utf-8")
    secret.chmod(0o600)


def _run(
    transformation: str = "gaussian",
    lower: list[float] | None = None,
    upper: list[float] | None = None,
    scales: list[float] | None = None,
    **more: Any,
) -> Settings:
    """``certify_n=8`` stands for ``certify.n``."""
    settings: Settings = {**USUAL, "transformation.name": transformation}
    if scales is not None:
        settings["smoothing.scales"] = scales
    if lower is not None and upper is not None:
        settings |= {"region.lower": lower, "region.upper": upper}
    for name, value in more.items():
        settings[name.replace("__", ".")] = value
    return settings


def _digits(model: str, **more: Any) -> Settings:
    settings: Settings = {
        key: value for key, value in USUAL.items() if key.startswith(("attack", "engine"))
    }
    settings |= {"model.spec": f"shipped:{model}", "smoothing.seed": 5, "data.limit": 2}
    return settings | {name.replace("__", "."): value for name, value in more.items()}


_TURN: Final[dict[str, Any]] = {"lower": [-8.0], "upper": [8.0], "scales": [6.0]}
_MOVE: Final[dict[str, Any]] = {"lower": [-0.5, 0.0], "upper": [0.5, 0.25], "scales": [0.5, 0.5]}

CASES: Final[dict[str, Settings]] = {
    "l2": _run(region__l2=0.25),
    "l2-bits": _run(region__l2=0.25, region__bits=8),
    "l2-secret": {
        key: value
        for key, value in _run(region__l2=0.25, smoothing__seed_file="seed.txt").items()
        if key != "smoothing.seed"
    },
    "l2-radius": _run(region__l2=0.75, certify__mode="radius"),
    "l2-randomized": _run(region__l2=0.75, certify__mode="radius", certify__bound="randomized"),
    "l2-sequence": _run(region__l2=0.75, certify__mode="radius", certify__bound="sequence"),
    "l2-no-grid": _run(region__l2=0.125, smoothing__grid=0.0),
    "rotation": _run("rotation", **_TURN),
    "rotation-l2-bits": _run("rotation", **_TURN, region__l2=0.0625, region__bits=8),
    "rotation-inside-out": _run("rotation", **_TURN, certify__order="inside-out"),
    "rotation-fixed": _run(
        "rotation", **_TURN, certify__rule="fixed", certify__centres=3, certify__n=256
    ),
    "rotation-clean": _run("rotation", **_TURN, certify__centres="clean"),
    "rotation-one-attempt": _run("rotation", **_TURN, certify__attempts=1),
    "rotation-radius": _run("rotation", **_TURN, certify__mode="radius"),
    "rotation-uniform": _run("rotation", **_TURN, smoothing__law="uniform"),
    "rotation-laplace": _run("rotation", **_TURN, smoothing__law="laplace"),
    "rotation-still": _run("rotation", [-1.0], [1.0], []),
    "rotation-nested": _run(
        "rotation",
        [-2.0],
        [2.0],
        [6.0],
        certify__mode="nested",
        certify__n_outer=20,
        certify__n_inner=256,
    ),
    "rotation-online": _run(
        "rotation",
        [-3.0],
        [3.0],
        [6.0],
        certify__guarantee="online",
        certify__online_seconds="unlimited",
        region__bits=8,
    ),
    "rotation-distributional": _run(
        "rotation",
        **_TURN,
        certify__guarantee="distributional",
        certify__calibration="calibration.json",
        data__start=16,
    ),
    "translation": _run("translation", **_MOVE),
    "integer-translation": _run("integer-translation", [-1.0, 0.0], [1.0, 1.0], [1.0, 1.0]),
    "scaling": _run("scaling", [-0.05], [0.05], [0.1]),
    "similarity": _run("similarity", [-2.0, -0.02], [2.0, 0.02], [4.0, 0.1]),
    "brightness": _run("brightness", [-0.1], [0.1], [0.2]),
    "contrast": _run("contrast", [-0.1], [0.1], [0.2]),
    "contrast-exponential": _run("contrast", [0.0], [0.1], [0.2], smoothing__law="exponential"),
    "gamma": _run("gamma", [-0.1], [0.1], [0.2]),
    "blur": _run("blur", [0.0], [0.5], [1.0], smoothing__law="exponential"),
    "blur-folded": _run("blur", [0.0], [0.5], [1.0], smoothing__law="folded-normal"),
    "cyclic-blur": _run("cyclic-blur", [0.0], [0.5], [1.0], smoothing__law="exponential"),
    "cyclic-translation": _run("cyclic-translation", **_MOVE),
    "volume": _run(
        "volume",
        [-1.0],
        [1.0],
        [2.0],
        model__shape=[1, 1, SIDE * SIDE],
        data__spec="waves.npz",
    ),
    "rotation+brightness": _run("rotation+brightness", [-3.0, -0.05], [3.0, 0.05], [6.0, 0.2]),
    "rotation+brightness-rests": _run(
        "rotation+brightness", [-3.0, -0.02], [3.0, 0.02], [6.0, 0.0], region__l2=0.0625
    ),
    "contrast+brightness": _run("contrast+brightness", [-0.05, -0.05], [0.05, 0.05], [0.0, 0.2]),
    "cyclic-blur+cyclic-translation": _run(
        "cyclic-blur+cyclic-translation",
        [0.0, -0.25, 0.0],
        [0.25, 0.25, 0.0],
        [1.0, 0.5, 0.5],
        smoothing__law="exponential",
    ),
    "digits-rotation": _digits("digits-rotation", region__lower=[-5.0], region__upper=[5.0]),
    "digits-l2": _digits("digits-l2", region__l2=0.25, certify__mode="radius", certify__n=512),
}
CALIBRATION: Final = "rotation-distributional"
"""The case whose settings ``gsmooth calibrate`` is run on first, with the first 16 images."""
