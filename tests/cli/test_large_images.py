"""Every first-party plugin by the command line on images of 3 x 64 x 64, as its users begin.

From about 60 pixels on transformations hold sparse matrices; smaller images never show them.
"""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
from typer.testing import CliRunner

from gsmooth.cli import app
from gsmooth.transforms.registry import transformations

SHAPE = (3, 64, 64)
NETWORK = '''
import torch
from torch import nn


class Bright(nn.Module):
    """Answers 1 where the middle of the image is bright."""

    def forward(self, x):
        middle = x[:, :, 24:40, 24:40].mean(dim=(1, 2, 3))
        return torch.stack([torch.full_like(middle, 0.25), middle], dim=1)


def build():
    return Bright()
'''
# Small regions and much noise: a centre or two, and a handful of votes each.
REGIONS = {
    "blur": ("0:0.02", "0.5"),
    "brightness": ("-0.01:0.01", "0.2"),
    "contrast": ("-0.01:0.01", "0.2"),
    "cyclic-blur": ("0:0.02", "0.5"),
    "cyclic-translation": ("-0.1:0.1,-0.1:0.1", "1,1"),
    "dihedral": ("0:3,0:1", None),
    "gamma": ("-0.01:0.01", "0.2"),
    "gaussian": (None, None),
    "integer-translation": ("-1:1,-1:1", "2,2"),
    "mirror": ("0:1", None),
    "quarter-turn": ("0:3", None),
    "rotation": ("-0.2:0.2", "2"),
    "rotation-mirror": ("-0.2:0.2,0:1", None),
    "scaling": ("-0.005:0.005", "0.1"),
    "similarity": ("-0.1:0.1,-0.002:0.002", "2,0.1"),
    "translation": ("-0.1:0.1,-0.1:0.1", "1,1"),
    "volume": ("-0.1:0.1", "2"),
}
ONE_WAY = ("blur", "cyclic-blur")
# The default of engine.batch_size, "auto", measures; it is what this is about.
FEW_VOTES = (
    "--alpha=0.05",
    "--set=certify.n0=16",
    "--set=certify.max_votes=200",
    "--set=predict.n=32",
    "--set=predict.alpha=0.05",
    "--set=attack.points=3",
    "--set=attack.random=1",
    "--set=attack.gradient_steps=1",
    "--set=attack.screening_votes=2",
    "--set=attack.n=32",
    "--set=attack.alpha=0.05",
)


@pytest.fixture(scope="module", autouse=True)
def working_directory(tmp_path_factory: pytest.TempPathFactory) -> object:
    folder = tmp_path_factory.mktemp("large")
    (folder / "large_images_net.py").write_text(NETWORK)
    row = np.linspace(0.55, 0.85, SHAPE[2])
    np.savez(folder / "images.npz", x=np.broadcast_to(row, SHAPE)[None], y=np.array([1]))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "path", [str(folder), *sys.path])
        yield folder
        sys.modules.pop("large_images_net", None)


def test_every_first_party_plugin_has_its_run_below() -> None:
    found = {name for name, info in transformations().items() if info.package == "gsmooth"}
    assert found == set(REGIONS)


@pytest.mark.parametrize("name", REGIONS)
def test_certifies_images_of_64_pixels_with_the_default_batch_size(name: str) -> None:
    region, scales = REGIONS[name]
    asked: tuple[str, ...] = ("--l2=0.1",) if region is None else (f"--region={region}",)
    asked += () if scales is None else (f"--std={scales}",)
    law = "exponential" if name in ONE_WAY else "gaussian"
    law = "haar" if region is not None and scales is None else law
    result = CliRunner().invoke(
        app,
        [
            *(
                "certify",
                "--model=large_images_net:build",
                f"--set=model.shape={json.dumps(SHAPE)}",
            ),
            *(
                "--data=images.npz",
                f"--transformation={name}",
                "--sigma=0.5",
                "--seed=0",
                *asked,
                f"--set=smoothing.law={law}",
                *FEW_VOTES,
            ),
            *(f"--out={name}", "--json"),
        ],
    )
    assert result.exit_code == 0, result.output
    summary = json.loads(result.stdout)["runs"][0]["summary"]
    assert (summary["images"], summary["attacked"]["total"]) == (1, 1)
