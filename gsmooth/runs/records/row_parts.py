"""The parts of a row: the image, the decision, the claim, the randomness, the votes, the attack."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, final

from gsmooth.certificate import (
    Abstained,
    AbstainReason,
    CentreEvidence,
    Certificate,
    Certified,
    Guarantee,
    Premise,
)
from gsmooth.runs.records.recorded_noise import NoiseRecord
from gsmooth.transforms.region import Region

if TYPE_CHECKING:
    from gsmooth.attacks import AttackOutcome

Mode = Literal["region", "radius", "nested"]


@final
@dataclass(frozen=True)
class ImageRecord:
    """Which image it is, and its classes: the true one, that of f and that of g.

    index: position in the data set. image_digest: sha256 (hex) of the image's float64 bytes; None
    in schema 2. label: the true class. clean_prediction: the class of f behind lift and readout,
    without noise; None for a tie. prediction: PREDICT at the image; None for an abstention.
    prediction_counts: its votes for each class, then ties.
    """

    index: int
    image_digest: str | None
    label: int
    clean_prediction: int | None
    prediction: int | None
    prediction_counts: tuple[int, ...]


@final
@dataclass(frozen=True)
class DecisionRecord:
    """Certified, and as which class, or abstained, and why.

    selected_label: the class that all counts of evidence are for. certified_label: the same class
    where it is certified. reason, least_n: of an abstention; see ``gsmooth.certificate.Abstained``.
    """

    outcome: Literal["certified", "abstained"]
    selected_label: int
    certified_label: int | None
    reason: AbstainReason | None
    least_n: int | None

    @staticmethod
    def of(found: Certificate) -> DecisionRecord:
        """What is kept of a decision."""
        if isinstance(found, Certified):
            return DecisionRecord("certified", found.label, found.label, None, None)
        assert isinstance(found, Abstained)
        return DecisionRecord("abstained", found.label, None, found.reason, found.least_n)


@final
@dataclass(frozen=True)
class ClaimRecord:
    """What a certificate of this row states, and at which level.

    region: the region of the run. fraction: the certified fraction of it; None for an abstention.
    premise: the statement that a distributional certificate rests on. attempts: covers that shared
    alpha, so that each centre was tested at alpha / attempts.
    """

    region: Region
    fraction: float | None
    guarantee: Guarantee
    premise: Premise | None
    alpha: float
    attempts: int
    mode: Mode

    @staticmethod
    def of(found: Certificate, region: Region, mode: Mode) -> ClaimRecord:
        """What is kept of a certificate for ``region``."""
        fraction = found.fraction if isinstance(found, Certified) else None
        return ClaimRecord(
            region, fraction, found.guarantee, found.premise, found.alpha, found.attempts, mode
        )


@final
@dataclass(frozen=True)
class RandomnessRecord:
    """What the noise of every vote follows from.

    seed: None where it is secret. noise: the distribution. sampler: the name of the method that
    turns seed, index and place into noise.
    """

    seed: int | None
    noise: NoiseRecord
    sampler: str


@final
@dataclass(frozen=True)
class CountsRecord:
    """The raw counts at every centre, and what they cost.

    votes: forward passes of certification, those that selected a class included. pilot_votes: those
    among them that only chose the cover.
    """

    evidence: tuple[CentreEvidence, ...]
    votes: int
    pilot_votes: int


@final
@dataclass(frozen=True)
class AttackRecord:
    """PREDICT at the worst theta that the attack found.

    robust: PREDICT gave the true class there. missing_gradient: gradients were asked for, and the
    model or the transformation has none; None in schema 2, which does not state it.
    """

    theta: tuple[float, ...]
    label: int | None
    counts: tuple[int, ...]
    robust: bool
    forwards: int
    missing_gradient: bool | None

    @staticmethod
    def of(outcome: AttackOutcome) -> AttackRecord:
        """What is kept of an attack."""
        found = outcome.prediction
        return AttackRecord(
            outcome.theta,
            found.label,
            found.counts,
            outcome.robust,
            outcome.forwards,
            outcome.missing_gradient is not None,
        )


@final
@dataclass(frozen=True)
class Provenance:
    """Which run the row belongs to, and what it took.

    seconds: time spent on the image. fingerprint: that of the run. versions: of the installed
    packages, by name.
    """

    seconds: float
    fingerprint: str
    versions: Mapping[str, str]
