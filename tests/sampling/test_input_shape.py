"""Images and the network's input may have different shapes: readouts that crop or pad.

Oracle: the same function as a network that crops by itself, behind a readout that does nothing.
Noise is drawn on z in both cases, so all votes have to agree.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, final

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from typer.testing import CliRunner

import gsmooth
from gsmooth.certificate import AbstainReason
from gsmooth.cli.app import app
from gsmooth.errors import ConfigurationError, InputError, PluginError
from gsmooth.runs.config.run_file import load_config
from gsmooth.runs.execute import run_certify
from gsmooth.runs.records.folder import read_records
from gsmooth.runs.smoke_test import smoke_tested
from gsmooth.runs.verify.verify import verify_records
from gsmooth.sampling import Readout, checked_function
from gsmooth.testing import Status, check_results
from gsmooth.transforms.base import Parameter, Transformation
from gsmooth.transforms.bounds import TransformationBounds
from gsmooth.transforms.region import Region
from tests.runs.tmp_project import SETTINGS, Notebook, furnish, tmp_project_config

IMAGE, INPUT, CANVAS = (1, 6, 6), (1, 4, 4), (1, 8, 8)
Shape = tuple[int, int, int]


class FramedBounds(TransformationBounds["Framed | Plain"]):
    def derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        return torch.zeros_like(lower)

    def attack_derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        return torch.full_like(lower, x[0].numel() ** 0.5)

    def action_error(self, z: Tensor, reach: tuple[float, ...], offset: tuple[float, ...]) -> float:
        # Half a unit in the last place of a sum, and the error of theta, in every coordinate.
        largest = float(z.abs().max()) + reach[0]
        return math.sqrt(z.shape[1]) * (2.0**-52 * largest + offset[0])


@final
@dataclass(frozen=True)
class Framed(Transformation):
    """Light is added; the network sees the image without its edge, or on a larger canvas."""

    edge: int = 1

    name: ClassVar[str] = "framed"
    parameters: ClassVar[tuple[Parameter, ...]] = (Parameter("amount", "1"),)
    orthogonal: ClassVar[bool] = True
    bounds_class = FramedBounds

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        return z + theta[0]

    def attack(self, x: Tensor, *theta: Tensor) -> Tensor:
        return x + theta[0][:, :, None, None]

    def readout(self, z: Tensor, shape: Shape) -> Tensor:
        return nn.functional.pad(z.reshape(-1, *shape), (-self.edge,) * 4)

    def input_shape(self, shape: Shape) -> Shape:
        return shape[0], shape[1] - 2 * self.edge, shape[2] - 2 * self.edge


@final
@dataclass(frozen=True)
class Plain(Transformation):
    """The same attack and action; the network sees the whole image."""

    name: ClassVar[str] = "plain"
    parameters: ClassVar[tuple[Parameter, ...]] = Framed.parameters
    orthogonal: ClassVar[bool] = True

    act = Framed.act
    attack = Framed.attack
    bounds_class = FramedBounds


class Middle(nn.Module):
    """Class 1 where the weighted mean of a 4 x 4 image is above the threshold; it may crop."""

    def __init__(self, edge: int = 0, traced: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.linspace(0.5, 1.5, 16))
        self.edge, self.traced = edge, traced

    def forward(self, x: Tensor) -> Tensor:
        seen = nn.functional.pad(x, (-self.edge,) * 4).flatten(1)
        lead = (seen * self.weight).sum(dim=1) / 16.0 - 0.5
        lead = lead if self.traced else lead.detach()
        return torch.stack([-lead, lead], dim=1)


def pair(traced: bool = True, **noise: Any) -> list[gsmooth.SmoothedClassifier]:
    """g with a readout that crops, and g with a network that does so itself."""
    common: dict[str, Any] = {"sigma": 0.25, "num_classes": 2, "seed": 3, **noise}
    return [
        gsmooth.SmoothedClassifier(
            Middle(traced=traced), Framed(), image_shape=IMAGE, input_shape=INPUT, **common
        ),
        gsmooth.SmoothedClassifier(
            Middle(edge=1, traced=traced), Plain(), input_shape=IMAGE, **common
        ),
    ]


def images() -> Tensor:
    draw = torch.Generator().manual_seed(0)
    shade = torch.tensor([0.1, 0.8, 0.53, 0.4]).reshape(4, 1, 1, 1)
    return (shade + 0.1 * torch.rand(4, *IMAGE, generator=draw)).clamp(0.0, 1.0)


NOISES: list[dict[str, Any]] = [{"std": {"amount": 0.2}}, {"std": {}}]


@pytest.mark.parametrize("noise", NOISES, ids=["smoothed", "identity"])
@pytest.mark.parametrize("mode", ["region", "radius"])
def test_certificates_are_those_of_a_network_that_crops_by_itself(
    mode: Any, noise: dict[str, Any]
) -> None:
    region = Region(amount=(-0.1, 0.1), l2=0.05)
    found = [
        [r.certificate for r in gsmooth.certify(g, images(), region, mode=mode, progress=False)]
        for g in pair(**noise)
    ]
    assert found[0] == found[1]
    assert any(isinstance(c, gsmooth.Certified) for c in found[0])
    assert mode == "radius" or any(isinstance(c, gsmooth.Abstained) for c in found[0])


def test_predictions_are_those_of_a_network_that_crops_by_itself() -> None:
    counts = [
        [p.counts for p in gsmooth.predict(g, images(), n=200, progress=False)]
        for g in pair(**NOISES[0])
    ]
    assert counts[0] == counts[1]


@pytest.mark.parametrize("l2", [0.0, 0.3])
def test_the_adversary_finds_the_same_through_the_gradient_of_the_readout(l2: float) -> None:
    region = Region(amount=(-0.1, 0.1), l2=l2)
    first, other = (
        gsmooth.attack(g, images(), [0, 1, 1, 0], region, progress=False) for g in pair(**NOISES[0])
    )
    for one, same in zip(first, other, strict=True):
        assert one.theta == same.theta
        assert one.worst.strict.counts == same.worst.strict.counts
        assert one.missing_gradient is None


def test_without_a_gradient_the_l2_steps_go_back_through_the_lift() -> None:
    region = Region(amount=(-0.1, 0.1), l2=0.6)
    (found,) = gsmooth.attack(
        pair(traced=False, **NOISES[0])[0], images()[2], 1, region, progress=False
    )
    assert found.missing_gradient is not None
    assert found.worst.l2 > 0.5
    assert not found.robust


def test_a_canvas_larger_than_the_image_reaches_the_network() -> None:
    g = gsmooth.SmoothedClassifier(
        Middle(edge=2), Framed(edge=-1), std={}, sigma=0.25, num_classes=2, image_shape=IMAGE
    )
    assert g.classifier.shape == CANVAS
    seen = g.readout(images().flatten(1))
    assert torch.equal(seen[:, :, 1:-1, 1:-1], images())
    assert float(seen[:, :, 0].abs().max()) == 0.0


def test_the_shape_of_the_input_follows_from_that_of_the_images() -> None:
    g = gsmooth.SmoothedClassifier(
        Middle(), Framed(), std={}, sigma=0.25, num_classes=2, image_shape=IMAGE
    )
    assert (g.image_shape, g.classifier.shape) == (IMAGE, INPUT)


def test_a_network_for_another_input_is_refused_with_both_shapes() -> None:
    told = r"framed reads images \(1, 4, 4\) out as \(1, 2, 2\), but .* takes \(1, 4, 4\); give im"
    with pytest.raises(ConfigurationError, match=told):
        gsmooth.SmoothedClassifier(
            Middle(), Framed(), std={}, sigma=0.25, num_classes=2, input_shape=INPUT
        )
    with pytest.raises(ConfigurationError, match=r"image_shape=\(6, 6\); expected \(C, H, W\)"):
        gsmooth.SmoothedClassifier(
            Middle(),
            Framed(),
            std={},
            sigma=0.25,
            num_classes=2,
            image_shape=(6, 6),  # type: ignore[arg-type]
        )


def test_images_of_another_shape_are_refused_with_the_one_of_the_images() -> None:
    with pytest.raises(InputError, match=r"shape \(4, 1, 4, 4\); expected \(1, 6, 6\)"):
        gsmooth.predict(pair(**NOISES[0])[0], torch.zeros(4, *INPUT))


def test_the_function_check_reads_out_extreme_images_of_the_right_shape() -> None:
    g = pair(**NOISES[0])[0]
    z = torch.rand(32, 36, generator=torch.Generator().manual_seed(0))
    assert checked_function(g.classifier, z, 16, Readout(g.transformation, IMAGE)).rows == 16


def test_a_network_is_trained_on_what_is_read_out() -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(16, 2))
    report = gsmooth.train(
        net,
        Framed(),
        images(),
        [0, 1, 1, 0],
        Region(amount=(-0.1, 0.1)),
        std={"amount": 0.1},
        sigma=0.25,
        num_classes=2,
        image_shape=IMAGE,
        epochs=1,
    )
    assert len(report.epochs) == 1


def test_the_kit_checks_a_transformation_with_a_readout_that_crops() -> None:
    results = check_results(Framed(), region=Region(amount=(-0.5, 0.5)), examples=3, seed=0)
    assert [r.check for r in results if r.status is Status.FAILED] == []


@final
@dataclass(frozen=True)
class Misread(Transformation):
    """The readout crops, and nothing says so."""

    name: ClassVar[str] = "misread"

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        return z

    def readout(self, z: Tensor, shape: Shape) -> Tensor:
        return z.reshape(-1, *shape)[..., 1:]


def test_a_readout_of_another_shape_than_it_says_is_found_before_a_run() -> None:
    told = r"readout of misread gives \(1, 1, 6, 5\) for one image .*; expected \(1, 1, 6, 6\)"
    with pytest.raises(PluginError, match=told):
        smoke_tested(Misread(), IMAGE)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    for module in ("tmp_project_net", "framing"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    furnish(tmp_path)
    (tmp_path / "framing.py").write_text("from tests.sampling.test_input_shape import Framed\n")
    x, y = (np.load(tmp_path / "images.npz")[key] for key in ("x", "y"))
    np.savez(tmp_path / "images.npz", x=np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1))), y=y)
    return tmp_path


RUN = (
    "transformation.name=framing:Framed",
    "smoothing.scales=[0.1]",
    "region.lower=[-0.05]",
    "region.upper=[0.05]",
    "region.l2=0.0",
    "data.limit=4",
)


def test_a_run_certifies_records_and_verifies(project: Path) -> None:
    run_certify(tmp_project_config(*RUN), Notebook())
    run = read_records(project / "run")
    assert [row.decision.reason is AbstainReason.BUDGET for row in run.rows] == [False] * 4
    assert all(row.decision.certified_label == row.image.label for row in run.rows)
    assert run.header.config["model"]["shape"] == list(INPUT)  # type: ignore[index]
    assert list(verify_records(project / "run").faults) == []


def test_the_shape_of_a_factory_s_input_follows_from_the_images(project: Path) -> None:
    without = [one for one in SETTINGS if not one.startswith("model.shape")]
    run_certify(load_config(None, [*without, *RUN]), Notebook())
    run_certify(tmp_project_config(*RUN, "output.folder=other"), Notebook())
    first, other = (read_records(project / folder).header for folder in ("run", "other"))
    assert first.fingerprint == other.fingerprint


def test_images_that_are_read_out_in_another_shape_are_refused_with_all_three(
    project: Path,
) -> None:
    told = r"framed reads images .* \(1, 6, 6\) out as \(1, 4, 4\), but tmp_project_net:build takes"
    with pytest.raises(InputError, match=told):
        run_certify(tmp_project_config(*RUN, "model.shape=[1,6,6]"), Notebook())


def test_the_command_line_certifies_and_trains_with_a_readout_that_crops(project: Path) -> None:
    flags = ["-m", "tmp_project_net:build", "-d", "images.npz", "-t", "framing:Framed"]
    flags += ["--sigma=0.25", "--std=0.1", "--region=-0.05:0.05"]
    for command in (
        ["certify", *flags, "--limit=2", "--out=run", "--seed=0"],
        ["train", *flags, "--epochs=1", "--out=net.pt"],
        ["certify", "-c", "net.toml", "-d", "images.npz", "--limit=2", "--seed=0"],
    ):
        result = CliRunner().invoke(app, command)
        assert result.exit_code == 0, result.stderr
