"""Rows and headers for the tests of records, verification and reports."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from gsmooth.certificate import AbstainReason, CentreEvidence, Guarantee, Step, Verdict
from gsmooth.runs.config.certify_section import CertifySection
from gsmooth.runs.config.identity import fingerprint, identity
from gsmooth.runs.config.region_section import RegionSection
from gsmooth.runs.config.run_config import RunConfig
from gsmooth.runs.config.smoothing_section import SmoothingSection
from gsmooth.runs.records.capabilities import Capabilities
from gsmooth.runs.records.header import RunHeader
from gsmooth.runs.records.planned_images import PlannedImages
from gsmooth.runs.records.recorded_noise import AxisNoise, NoiseRecord
from gsmooth.runs.records.row import Row
from gsmooth.runs.records.row_parts import (
    AttackRecord,
    ClaimRecord,
    CountsRecord,
    DecisionRecord,
    ImageRecord,
    Provenance,
    RandomnessRecord,
)
from gsmooth.sampling.noise import SAMPLER
from gsmooth.theory.bounds import clopper_pearson_lower
from gsmooth.theory.normal import required_p_of_margin
from gsmooth.transforms.base import Parameter
from gsmooth.transforms.region import Region

REGION = Region((-30.0,), (30.0,))
RUN = RunConfig(
    certify=CertifySection(attempts=1, rule="e-process"),
    smoothing=SmoothingSection(law="gaussian", scales=(24.0,), sigma=0.2, seed=0),
    region=RegionSection(lower=(-30.0,), upper=(30.0,), l2=0.0),
)
CONFIG: dict[str, object] = RUN.model_dump(mode="json")
IDENTITY = identity(RUN)
FINGERPRINT = fingerprint(RUN)
PLAN = PlannedImages(((0, 10**6 + 1, 1),), 10**6 + 1)
CLAIMS = Capabilities(
    exact=False,
    orthogonal=True,
    lipschitz_bound=True,
    derivative_bound=True,
    action_error=True,
    keeps_range=True,
    preimages=True,
    lift_norm=1.0,
    rounding_norm=28.0,
    guarantee=Guarantee.INDIVIDUAL,
)
PARTS = ("image", "decision", "claim", "randomness", "counts", "provenance")
NOISE = NoiseRecord(0.2, True, (AxisNoise("gaussian", 24.0),))


def make_header(**changes: Any) -> RunHeader:
    """A header of a rotation run, with ``changes``."""
    angle = Parameter("angle", "deg")
    header = RunHeader.create(
        FINGERPRINT, IDENTITY, CONFIG, (angle,), plan=PLAN, capabilities=CLAIMS
    )
    return replace(header, **changes)


def make_centre(
    successes: int = 128, trials: int = 128, margin: float = 0.75, **changes: Any
) -> CentreEvidence:
    """A centre whose share fits its margin, with ``changes``; accepted by default."""
    required_p = float(required_p_of_margin(margin))
    centre = CentreEvidence((0.0,), margin, required_p, successes, trials, Verdict.ACCEPTED)
    return counted(replace(centre, **changes))


def counted(centre: CentreEvidence) -> CentreEvidence:
    """The centre with votes by class: class 7 has the successes, class 1 all others."""
    failures = centre.trials - centre.successes
    votes = tuple(pair for pair in ((1, failures), (7, centre.successes)) if pair[1] > 0)
    return replace(centre, class_votes=votes, ties=0)


def make_row(index: int = 0, **changes: Any) -> Row:
    """A correctly certified region-mode row, with ``changes``."""
    votes = (0, 0, 0, 0, 0, 0, 0, 64, 0, 0, 0)
    evidence = (make_centre(theta=(-15.0,)), make_centre(theta=(15.0,)))
    row = Row(
        image=ImageRecord(index, f"{index:032x}" * 2, 7, 7, 7, votes),
        decision=DecisionRecord("certified", 7, 7, None, None),
        claim=ClaimRecord(REGION, 1.0, Guarantee.INDIVIDUAL, None, 0.001, 1, "region"),
        randomness=RandomnessRecord(0, NOISE, SAMPLER),
        counts=CountsRecord(evidence, 320, 0),
        attack=AttackRecord((28.0,), 7, (990, 10), True, 1500, False),
        provenance=Provenance(0.25, FINGERPRINT, {"gsmooth": "0.1.0", "torch": "2.13.0"}),
    )
    return changed(row, **changes)


def changed(row: Row, **changes: Any) -> Row:
    """Return the row with other values of fields, in any of its parts."""
    parts: dict[str, Any] = {}
    for name, value in changes.items():
        holder = next((p for p in PARTS if hasattr(getattr(row, p), name)), None)
        if holder is None:
            parts[name] = value
        else:
            parts[holder] = replace(parts.get(holder, getattr(row, holder)), **{name: value})
    return replace(row, **parts)


def make_abstention(index: int = 0, **changes: Any) -> Row:
    """A region-mode row that abstained because one centre's votes were too few."""
    futile = make_centre(60, 128, theta=(15.0,), verdict=Verdict.FUTILE)
    base: dict[str, Any] = {
        "outcome": "abstained",
        "certified_label": None,
        "fraction": None,
        "reason": AbstainReason.FUTILE,
        "evidence": (make_centre(theta=(-15.0,)), futile),
        "attack": AttackRecord((-30.0,), 1, (900, 100), False, 1500, True),
    }
    return make_row(index, **{**base, **changes})


def make_radius_row(index: int = 0, successes: int = 960, **changes: Any) -> Row:
    """A radius-mode row with two centres and the fraction that their counts support."""
    steps = tuple(Step(k / 8, float(required_p_of_margin(k / 4))) for k in range(1, 9))
    centre = make_centre(successes, 1024, margin=2.0, profile=steps)
    lower = clopper_pearson_lower(successes, 1024, 0.001)
    fraction = max((step.fraction for step in steps if step.required_p < lower), default=None)
    base: dict[str, Any] = {"mode": "radius", "evidence": (centre, centre), "votes": 64 + 2 * 1024}
    if fraction is None:
        base |= {"outcome": "abstained", "certified_label": None, "reason": AbstainReason.BUDGET}
    return make_row(index, **{**base, "fraction": fraction, **changes})
