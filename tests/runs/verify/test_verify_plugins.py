"""verify raises no false alarm: honest rows of every plugin, law and rule hold no fault."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal, final

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gsmooth import Classifier, Region, SmoothedClassifier, load_transformation
from gsmooth.certificate import Premise
from gsmooth.certification import Mode, Outcome, RadiusMode, RegionMode
from gsmooth.certification.nested import NestedMode, certify_nested_many
from gsmooth.cover import CoverBuilder, OnlineCovers
from gsmooth.data.item import Item
from gsmooth.runs.calibration import image_digest
from gsmooth.runs.records.capabilities import capabilities_of
from gsmooth.runs.records.header import RunHeader
from gsmooth.runs.records.row import Row
from gsmooth.runs.verify.presence import Presence
from gsmooth.runs.verify.verify import row_faults
from gsmooth.theory.laws import (
    ExponentialLaw,
    FoldedNormalLaw,
    GaussianLaw,
    LaplaceLaw,
    Law,
    ProductLaw,
    UniformLaw,
)
from tests.certifying import certify_many
from tests.engine_objects import BoxCovers
from tests.runs.samples import FINGERPRINT, changed, make_header

SIDE = 8
MEANS = (0.2, 0.46, 0.54, 0.8)


class Threshold(nn.Module):
    """Class 1 where the mean exceeds .45; class 2 where it exceeds .7."""

    def forward(self, x: Tensor) -> Tensor:
        mean = x.flatten(1).mean(1)
        return torch.stack([torch.full_like(mean, 0.45), mean, 2.0 * mean - 0.7], dim=1)


@final
@dataclass(frozen=True)
class Setting:
    """A transformation, its noise and a region."""

    name: str
    law: Law
    region: Region
    options: tuple[tuple[str, object], ...] = ()


SETTINGS = [
    Setting("gaussian", GaussianLaw((), 0.2), Region(l2=0.3)),
    Setting("rotation", GaussianLaw((10.0,), 0.5), Region((-20.0,), (30.0,))),
    Setting("rotation", GaussianLaw((10.0,), 0.5), Region((-5.0,), (5.0,), 0.1, 8)),
    Setting("rotation", GaussianLaw((), 0.5), Region((-10.0,), (10.0,))),
    Setting("scaling", GaussianLaw((0.2,), 0.5), Region((-0.1,), (0.2,))),
    Setting("similarity", GaussianLaw((10.0, 0.2), 0.5), Region((-2.0, -0.02), (2.0, 0.02))),
    Setting("translation", GaussianLaw((2.0, 2.0), 0.5), Region((-1.0, -0.5), (1.0, 0.0))),
    Setting("integer-translation", GaussianLaw((2.0, 2.0), 0.5), Region((-1.5, -1.0), (1.5, 1.0))),
    Setting("cyclic-translation", GaussianLaw((2.0, 2.0), 0.3), Region((-1.5, 0.0), (1.5, 0.0))),
    Setting("brightness", GaussianLaw((0.2,), 0.3), Region((-0.3,), (0.2,))),
    Setting("brightness", LaplaceLaw(0.3, 0.3), Region((-0.2,), (0.2,), 0.05)),
    Setting("brightness", UniformLaw(0.5, 0.3), Region((-0.2,), (0.3,))),
    Setting("contrast", GaussianLaw((0.4,), 0.3), Region((-0.2,), (0.2,))),
    Setting("gamma", GaussianLaw((0.4,), 0.3), Region((-0.2,), (0.3,))),
    Setting("volume", GaussianLaw((4.0,), 0.3), Region((-1.0,), (1.0,))),
    Setting("cyclic-blur", ExponentialLaw(4.0, 0.3), Region((0.0,), (3.0,))),
    Setting("cyclic-blur", UniformLaw(4.0, 0.3), Region((0.0,), (2.0,))),
    Setting("cyclic-blur", FoldedNormalLaw(4.0, 0.3), Region((0.0,), (2.0,))),
    Setting("blur", ExponentialLaw(4.0, 0.3), Region((0.0,), (2.0,))),
    Setting(
        "cyclic-blur+brightness",
        ProductLaw("exponential", (4.0, 0.2), 0, 0.3),
        Region((0.0, -0.1), (1.0, 0.1)),
    ),
    Setting(
        "cyclic-blur+brightness",
        ProductLaw("uniform", (4.0, 0.2), 0, 0.3),
        Region((0.0, -0.1), (1.0, 0.1)),
    ),
    Setting("contrast+brightness", GaussianLaw((0.0, 0.3), 0.4), Region((-0.1, -0.2), (0.1, 0.2))),
    Setting("rotation+brightness", GaussianLaw((10.0, 0.2), 0.5), Region((-5.0, -0.1), (5.0, 0.1))),
]
ONLINE = Setting("rotation", GaussianLaw((8.0,), 0.5), Region((-6.0,), (3.0,), bits=8))
STILL_ONLINE = Setting("rotation", GaussianLaw((), 0.5), Region((-2.0,), (3.0,), bits=8))
ONLINE_SHIFTS = Setting(
    "translation", GaussianLaw((2.0, 2.0), 0.5), Region((-0.5, 0.0), (0.5, 0.0), bits=8)
)
RULE = ("n", "rule", "bound", "order", "attempts", "n_outer", "n_inner", "alpha_inner")
NAMED: Final[dict[type, Literal["region", "radius", "nested"]]] = {
    RegionMode: "region",
    RadiusMode: "radius",
    NestedMode: "nested",
}
MODES: dict[str, Mode] = {
    "region": RegionMode(max_votes=2500),
    "inside-out": RegionMode(max_votes=2500, order="inside-out"),
    "fixed": RegionMode(rule="fixed", n=128, max_votes=8000),
    "radius": RadiusMode(n=256),
    "randomized": RadiusMode(n=256, bound="randomized"),
    "sequence": RadiusMode(n=400, bound="sequence", within=0.3),
    "e-process": RegionMode(rule="e-process", max_votes=2500),
}


def built(setting: Setting) -> SmoothedClassifier:
    network = Classifier(Threshold(), classes=3, shape=(1, SIDE, SIDE))
    operator = load_transformation(setting.name, dict(setting.options))
    return SmoothedClassifier(network, operator, setting.law, seed=5)


def items() -> Iterator[Item]:
    """Four images of other means, with a ramp and some texture."""
    draw = np.random.default_rng(1)
    ramp = np.linspace(-0.1, 0.1, SIDE)
    for index, mean in enumerate(MEANS):
        image = (mean + ramp[None, :] + 0.05 * draw.random((SIDE, SIDE))).clip(0.0, 1.0)
        yield Item(index, torch.from_numpy((image * 255.0).round() / 255.0)[None])


def header_of(smoothed: SmoothedClassifier, mode: Any, **certify: object) -> RunHeader:
    """What a run would say of itself."""
    rule = {name: getattr(mode, name) for name in RULE if hasattr(mode, name)}
    rule["mode"] = NAMED[type(mode)]
    shape = smoothed.classifier.shape
    return make_header(
        config={"certify": {**rule, **certify}, "smoothing": {"seed": 5}},
        parameters=smoothed.transformation.parameters,
        capabilities=capabilities_of(
            smoothed.transformation, shape, identity_action=smoothed.identity_action
        ),
    )


def row_of(
    outcome: Outcome, item: Item, smoothed: SmoothedClassifier, region: Region, mode: Any
) -> Row:
    return Row.from_outcome(
        outcome,
        label=0,
        region=region,
        mode=NAMED[type(mode)],
        smoothed=smoothed,
        image_digest=image_digest(item.image),
        fingerprint=FINGERPRINT,
        versions={},
    )


def require_sound(rows: list[Row], header: RunHeader) -> None:
    presence = Presence(header)
    for row in rows:
        assert [str(fault) for fault in row_faults(row, header)] == []
        assert list(presence.faults_of(row)) == []
        assert Row.from_json(row.to_json()) == row


def sweep(
    setting: Setting,
    mode: Mode,
    covers: CoverBuilder | None = None,
    premise: Premise | None = None,
    **certify: object,
) -> list[Row]:
    """Rows of all images, found to be sound as they were read back."""
    smoothed, images = built(setting), list(items())
    found = certify_many(smoothed, images, setting.region, mode, covers, in_flight=1)
    rows = [
        row_of(outcome, images[outcome.index], smoothed, setting.region, mode) for outcome in found
    ]
    if premise is not None:
        rows = [changed(row, premise=premise) for row in rows]
    require_sound(rows, header_of(smoothed, mode, **certify))
    return rows


@pytest.mark.parametrize("mode", ["region", "radius"])
@pytest.mark.parametrize("setting", SETTINGS, ids=lambda s: f"{s.name}-{s.law.name}")
def test_honest_rows_of_every_plugin_and_law_hold_no_fault(setting: Setting, mode: str) -> None:
    sweep(setting, MODES[mode])


@pytest.mark.parametrize("mode", ["inside-out", "fixed", "randomized", "sequence"])
@pytest.mark.parametrize("setting", [SETTINGS[1], SETTINGS[7], SETTINGS[15]], ids=lambda s: s.name)
def test_honest_rows_of_every_rule_hold_no_fault(setting: Setting, mode: str) -> None:
    sweep(setting, MODES[mode])


@pytest.mark.parametrize("mode", ["region", "radius"])
@pytest.mark.parametrize("setting", [ONLINE, STILL_ONLINE, ONLINE_SHIFTS], ids=lambda s: s.name)
def test_honest_online_rows_hold_no_fault(setting: Setting, mode: str) -> None:
    rows = sweep(setting, MODES[mode], OnlineCovers(3, 2.0), None, guarantee="online")
    assert {row.claim.guarantee for row in rows} == {"online"}


@pytest.mark.parametrize("mode", ["region", "radius"])
def test_honest_distributional_rows_hold_no_fault(mode: str) -> None:
    setting, premise = SETTINGS[2], Premise(0.2, 0.9, 0.99)
    covers = BoxCovers(premise.error, 3)
    rows = sweep(setting, MODES[mode], covers, premise, guarantee="distributional")
    assert {row.claim.guarantee for row in rows} == {"distributional"}


@pytest.mark.parametrize("error", [None, 0.15])
def test_honest_nested_rows_hold_no_fault(error: float | None) -> None:
    setting = SETTINGS[2]
    smoothed, images, mode = built(setting), list(items()), NestedMode(0.2, 64, 30, 128, 0.1)
    found = certify_nested_many(smoothed, images, setting.region, mode, centres=3, error=error)
    rows = [
        row_of(outcome, images[outcome.index], smoothed, setting.region, mode) for outcome in found
    ]
    guarantee = "individual"
    if error is not None:
        guarantee = "distributional"
        rows = [changed(row, premise=Premise(error, 0.9, 0.99)) for row in rows]
    require_sound(rows, header_of(smoothed, mode, guarantee=guarantee))
