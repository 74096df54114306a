"""Row: what is recorded of one image (docs/records.md, schema version 3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, final

from gsmooth.certificate import (
    Abstained,
    AbstainReason,
    CentreEvidence,
    Certified,
    Guarantee,
    Premise,
)
from gsmooth.errors import RecordError
from gsmooth.runs.records import schema2
from gsmooth.runs.records.codec import decode, parse, to_line
from gsmooth.runs.records.recorded_noise import NoiseRecord
from gsmooth.sampling.noise import SAMPLER
from gsmooth.theory.laws import Law
from gsmooth.transforms.region import Region

if TYPE_CHECKING:
    from gsmooth.attacks import AttackOutcome
    from gsmooth.certification.api import Outcome

SCHEMA_VERSION: Final = 3
READABLE: Final = (schema2.VERSION, SCHEMA_VERSION)
Mode = Literal["region", "radius", "nested"]


@final
@dataclass(frozen=True)
class AttackRecord:
    """PREDICT at the worst theta that the attack found; ``robust``: it gave the true class.

    missing_gradient: gradients were asked for, and none was to be had of the model (or the
    transformation); None in schema 2, which does not say.
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
@dataclass(frozen=True, kw_only=True)
class Row:
    """One image: raw counts, what was proved from them and what an attack could do.

    index: position in the data set; image_digest: sha256 (hex) of the image's float64 bytes, None
    in schema 2. label: the true class. clean_prediction: the class of f without
    noise, behind lift and readout. prediction, prediction_counts: PREDICT at the image.
    selected_label: the class that all counts in ``evidence`` are for. region: what was asked;
    fraction: the fraction of it that is certified (None: abstained), see ``certified_region``.
    prediction_counts: votes for each class, then ties. seed: None where it is secret. sampler: how
    seed and index became noise.
    votes: forward passes of certification, selection included; pilot_votes: those among them that
    only chose the cover. premise: what a distributional certificate rests on. attempts: covers that
    shared alpha, each centre being tested at alpha / attempts.
    """

    schema: int = SCHEMA_VERSION
    index: int
    image_digest: str | None
    label: int
    clean_prediction: int | None
    prediction: int | None
    prediction_counts: tuple[int, ...]
    outcome: Literal["certified", "abstained"]
    selected_label: int
    certified_label: int | None
    reason: AbstainReason | None
    least_n: int | None
    region: Region
    fraction: float | None
    guarantee: Guarantee
    premise: Premise | None
    alpha: float
    attempts: int
    mode: Mode
    seed: int | None
    noise: NoiseRecord
    sampler: str
    evidence: tuple[CentreEvidence, ...]
    votes: int
    pilot_votes: int
    attack: AttackRecord | None
    seconds: float
    fingerprint: str
    versions: Mapping[str, str]

    @staticmethod
    def from_outcome(
        outcome: Outcome,
        *,
        label: int,
        region: Region,
        mode: Mode,
        seed: int | None,
        law: Law,
        image_digest: str,
        fingerprint: str,
        versions: Mapping[str, str],
        sampler: str = SAMPLER,
        clean_prediction: int | None = None,
        attack: AttackOutcome | None = None,
    ) -> Row:
        """The row of one certified image; ``region``: what was asked, ``label``: the true class."""
        found = outcome.certificate
        certified = found if isinstance(found, Certified) else None
        abstained = found if isinstance(found, Abstained) else None
        return Row(
            index=outcome.index,
            image_digest=image_digest,
            label=label,
            clean_prediction=clean_prediction,
            prediction=outcome.prediction.label,
            prediction_counts=outcome.prediction.counts,
            outcome="abstained" if certified is None else "certified",
            selected_label=found.label,
            certified_label=certified.label if certified else None,
            reason=abstained.reason if abstained else None,
            least_n=abstained.least_n if abstained else None,
            region=region,
            fraction=certified.fraction if certified else None,
            guarantee=found.guarantee,
            premise=found.premise,
            alpha=found.alpha,
            attempts=found.attempts,
            mode=mode,
            seed=seed,
            noise=NoiseRecord.of(law),
            sampler=sampler,
            evidence=found.evidence,
            votes=outcome.votes,
            pilot_votes=outcome.pilot_votes,
            attack=None if attack is None else AttackRecord.of(attack),
            seconds=outcome.seconds,
            fingerprint=fingerprint,
            versions=dict(versions),
        )

    @property
    def certified_region(self) -> Region | None:
        """What is certified; None for an abstention."""
        return None if self.fraction is None else self.region.scaled(self.fraction)

    def correct_up_to(self, fraction: float) -> bool:
        """True when the true class is certified for the region scaled by ``fraction`` (S4)."""
        certified = self.fraction is not None and self.fraction >= fraction
        return certified and self.certified_label == self.label

    def to_json(self) -> str:
        """One line, without its newline. Raises RecordError on NaN, and for rows of schema 2."""
        self._require_complete(f"image {self.index}")
        try:
            return to_line(self)
        except ValueError as error:
            raise RecordError(f"image {self.index}: {error}") from error

    @staticmethod
    def from_json(line: str | bytes, where: str = "row") -> Row:
        """The row that was written; RecordError (``where`` leads it) unless it fits exactly."""
        found = parse(line, where)
        if not isinstance(found, dict):
            raise RecordError(f"{where}: {found!r} found; expected an object")
        if require_schema(found.get("schema"), where) == schema2.VERSION:
            return decode(Row, schema2.row_fields(found, where), where)
        row = decode(Row, found, where)
        row._require_complete(where)
        return row

    def _require_complete(self, where: str) -> None:
        """RecordError where something is absent that only schema 2 may lack."""
        if self.schema != SCHEMA_VERSION:
            raise RecordError(f"{where}: schema {self.schema}; only {SCHEMA_VERSION} is written")
        if self.attack is not None and self.attack.missing_gradient is None:
            raise RecordError(
                f"{where}.attack.missing_gradient: null found; expected a truth value"
            )
        if self.image_digest is None:
            raise RecordError(f"{where}.image_digest: null found; expected a digest")
        for place, centre in enumerate(self.evidence):
            if centre.class_votes is None or centre.ties is None:
                raise RecordError(f"{where}.evidence[{place}]: null found; expected votes by class")
        if not all(axis.stated for axis in self.noise.axes):
            raise RecordError(f"{where}.noise: it is not stated which axis has which law")


def require_schema(version: object, where: str) -> int:
    """The version; RecordError unless it is one that this gsmooth reads."""
    if type(version) is int and version in READABLE:
        return version
    known = " and ".join(map(str, READABLE))
    raise RecordError(
        f"{where}: schema version {version!r}; this gsmooth reads versions {known}"
        " (docs/records.md)"
    )
