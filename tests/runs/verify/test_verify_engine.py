"""What the engine writes, verify derives again: two implementations, one answer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, final

import pytest
import torch
from torch import Tensor, nn

from gsmooth import Classifier, Parameter, Region, SmoothedClassifier, Transformation
from gsmooth.certificate import CentreEvidence
from gsmooth.certification import Mode, RadiusMode, RegionMode
from gsmooth.cover import IndividualCovers
from gsmooth.data.item import Item
from gsmooth.runs.records.row import Row
from gsmooth.runs.verify.profiles import lower_bounds, supported_fraction
from gsmooth.runs.verify.verify import row_faults
from gsmooth.theory.laws import GaussianLaw, Law
from gsmooth.transforms.bounds import TransformationBounds
from tests.certifying import certify_many
from tests.runs.samples import FINGERPRINT, changed, make_header


class StillBounds(TransformationBounds["Still"]):
    def action_error(
        self, z: Tensor, reach: tuple[float, ...], offset: tuple[float, ...]
    ) -> float | None:
        return 0.0


@final
@dataclass(frozen=True)
class Still(Transformation):
    """Plain additive noise."""

    name = "identity_action"
    orthogonal = True
    bounds_class = StillBounds

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        return z


class BrightnessBounds(TransformationBounds["Brightness"]):
    def action_error(
        self, z: Tensor, reach: tuple[float, ...], offset: tuple[float, ...]
    ) -> float | None:
        return 1e-9


@final
@dataclass(frozen=True)
class Brightness(Transformation):
    """z + theta: an isometry whose attack is its action."""

    name = "brightness"
    parameters: ClassVar[tuple[Parameter, ...]] = (Parameter("light", ""),)
    orthogonal = True
    bounds_class = BrightnessBounds

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        return z + theta[0]


class Threshold(nn.Module):
    """Class 1 where the mean exceeds a half."""

    def forward(self, x: Tensor) -> Tensor:
        lead = x.flatten(1).mean(1) - 0.5
        return torch.stack([-lead, lead], dim=1)


MODES: list[Mode] = [
    RegionMode(max_votes=1500),
    RegionMode(max_votes=1500, order="inside-out"),
    RadiusMode(n=400),
    RadiusMode(n=400, bound="randomized"),
    RegionMode(rule="fixed", n=400),
    RadiusMode(n=400, bound="sequence", within=0.2),
    RegionMode(rule="e-process", max_votes=1500),
    RadiusMode(n=400, bound="sequence", within=0.2, rule="e-process"),
]
LIGHT = (Brightness(), GaussianLaw((0.2,), 0.25), Region((-0.3,), (0.3,)))
PLAIN = (Still(), GaussianLaw((), 0.25), Region((), (), 0.5))


def rows(setting: tuple[Transformation, Law, Region], mode: Mode) -> list[Row]:
    transformation, law, region = setting
    network = Classifier(Threshold(), classes=2, shape=(1, 4, 4))
    smoothed = SmoothedClassifier(network, transformation, law, seed=0)
    items = [
        Item(index, torch.full((1, 4, 4), level, dtype=torch.float64))
        for index, level in enumerate([0.0, 0.35, 0.5, 0.7, 0.8])
    ]
    return [
        Row.from_outcome(
            outcome,
            smoothed=smoothed,
            label=0,
            region=region,
            mode="region" if isinstance(mode, RegionMode) else "radius",
            image_digest="0" * 64,
            fingerprint=FINGERPRINT,
            versions={},
        )
        for outcome in certify_many(smoothed, items, region, mode, IndividualCovers(4))
    ]


def halved(centre: CentreEvidence, label: int) -> CentreEvidence:
    """The centre with half of its successes, the others being ties."""
    won = centre.successes // 2
    lost = centre.trials - won
    votes = ((label, won),) if won else ()
    return replace(centre, successes=won, class_votes=votes, ties=lost)


def config(mode: Mode) -> dict[str, object]:
    rule, bound = getattr(mode, "rule", None), getattr(mode, "bound", "clopper-pearson")
    named = "region" if isinstance(mode, RegionMode) else "radius"
    return {"certify": {"mode": named, "n": 400, "bound": bound, "rule": rule}}


CASES = [
    pytest.param(LIGHT, MODES[0], id="light-region"),
    pytest.param(LIGHT, MODES[1], id="light-inside-out"),
    pytest.param(LIGHT, MODES[2], id="light-fixed"),
    pytest.param(LIGHT, MODES[3], id="light-randomized"),
    pytest.param(LIGHT, MODES[4], id="light-rule-fixed"),
    pytest.param(LIGHT, MODES[5], id="light-sequence"),
    pytest.param(PLAIN, MODES[0], id="plain-region"),
    pytest.param(PLAIN, MODES[1], id="plain-inside-out"),
    pytest.param(PLAIN, MODES[2], id="plain-fixed"),
    pytest.param(PLAIN, MODES[3], id="plain-randomized"),
    pytest.param(PLAIN, MODES[5], id="plain-sequence"),
]


@pytest.mark.parametrize(("setting", "mode"), CASES)
def test_every_row_of_the_engine_follows_from_its_counts(
    setting: tuple[Transformation, Law, Region], mode: Mode
) -> None:
    found = rows(setting, mode)
    header = make_header(config=config(mode))
    assert {row.decision.outcome for row in found} == {"certified", "abstained"}
    for row in found:
        assert [str(fault) for fault in row_faults(row, header)] == []
        assert Row.from_json(row.to_json()) == row


@pytest.mark.parametrize("setting", [LIGHT, PLAIN])
def test_counts_of_radius_mode_lowered_by_hand_void_the_certificate(
    setting: tuple[Transformation, Law, Region],
) -> None:
    mode = MODES[2]
    header = make_header(config=config(mode))
    for row in rows(setting, mode):
        if row.claim.fraction is None:
            continue
        lower = lower_bounds(row)
        assert supported_fraction(row.counts.evidence, lower) == row.claim.fraction
        worse = tuple(halved(c, row.decision.selected_label) for c in row.counts.evidence)
        assert "outcome" in [f.field for f in row_faults(changed(row, evidence=worse), header)]


@pytest.mark.parametrize("setting", [LIGHT, PLAIN])
def test_a_sequence_is_held_to_its_own_bound_and_to_its_most_votes(
    setting: tuple[Transformation, Law, Region],
) -> None:
    mode = MODES[5]
    header = make_header(config=config(mode))
    streamed = [row for row in rows(setting, mode) if row.claim.fraction is not None]
    assert any(c.trials % 64 for row in streamed for c in row.counts.evidence)
    for row in streamed:
        # A bound for numbers fixed in advance would claim more than one that was looked at often.
        fixed = make_header(config=config(MODES[2]))
        assert "evidence[0].trials" in [f.field for f in row_faults(row, fixed)]
        worse = tuple(halved(c, row.decision.selected_label) for c in row.counts.evidence)
        assert "outcome" in [f.field for f in row_faults(changed(row, evidence=worse), header)]
        first = row.counts.evidence[0]
        more = (first.ties or 0) + 500 - first.trials
        longer = (replace(first, trials=500, ties=more), *row.counts.evidence[1:])
        faults = [f.field for f in row_faults(changed(row, evidence=longer), header)]
        assert "evidence[0].trials" in faults
