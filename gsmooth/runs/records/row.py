"""Row: what is recorded of one image (docs/records.md, schema version 3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, final

from gsmooth.errors import RecordError
from gsmooth.runs.records import schema2
from gsmooth.runs.records.codec import INLINE, decode, parse, to_line
from gsmooth.runs.records.recorded_noise import NoiseRecord
from gsmooth.runs.records.row_parts import (
    AttackRecord,
    ClaimRecord,
    CountsRecord,
    DecisionRecord,
    ImageRecord,
    Mode,
    Provenance,
    RandomnessRecord,
)
from gsmooth.sampling.noise import SAMPLER, SecretSeed
from gsmooth.transforms.region import Region

if TYPE_CHECKING:
    from gsmooth.attacks import AttackOutcome
    from gsmooth.certification import Outcome
    from gsmooth.sampling.smoothed_classifier import SmoothedClassifier

SCHEMA_VERSION: Final = 3
READABLE: Final = (schema2.VERSION, SCHEMA_VERSION)


@final
@dataclass(frozen=True, kw_only=True)
class Row:
    """One image: raw counts, what was proved from them and what an attack could do.

    In JSON the fields of all parts but ``attack`` lie side by side in one object.
    """

    schema: int = SCHEMA_VERSION
    image: ImageRecord = field(metadata=INLINE)
    decision: DecisionRecord = field(metadata=INLINE)
    claim: ClaimRecord = field(metadata=INLINE)
    randomness: RandomnessRecord = field(metadata=INLINE)
    counts: CountsRecord = field(metadata=INLINE)
    attack: AttackRecord | None
    provenance: Provenance = field(metadata=INLINE)

    @staticmethod
    def from_outcome(
        outcome: Outcome,
        *,
        smoothed: SmoothedClassifier,
        region: Region,
        fingerprint: str,
        versions: Mapping[str, str],
        sampler: str = SAMPLER,
        mode: Mode,
        label: int,
        image_digest: str,
        clean_prediction: int | None = None,
        attack: AttackOutcome | None = None,
    ) -> Row:
        """The row of one image.

        Args:
            outcome: What certification found.
            smoothed: The smoothed classifier of the run.
            region: The region of the run.
            fingerprint: That of the run.
            versions: Of the installed packages, by name.
            sampler: The name of the method that turns seed, index and place into noise.
            mode: The rule of decision of the run.
            label: The true class.
            image_digest: See :class:`ImageRecord`, as for ``clean_prediction``.
            clean_prediction: None for a tie.
            attack: The worst attack that was found; None without a search.
        """
        found, guess = outcome.certificate, outcome.prediction
        seed = None if isinstance(smoothed.seed, SecretSeed) else smoothed.seed
        return Row(
            image=ImageRecord(
                outcome.index, image_digest, label, clean_prediction, guess.label, guess.counts
            ),
            decision=DecisionRecord.of(found),
            claim=ClaimRecord.of(found, region, mode),
            randomness=RandomnessRecord(seed, NoiseRecord.of(smoothed.law), sampler),
            counts=CountsRecord(found.evidence, outcome.votes, outcome.pilot_votes),
            attack=None if attack is None else AttackRecord.of(attack),
            provenance=Provenance(outcome.seconds, fingerprint, dict(versions)),
        )

    @property
    def index(self) -> int:
        """Position of the image in the data set."""
        return self.image.index

    @property
    def region(self) -> Region:
        """The region of the run, of which parameters with Haar noise stay whole (T7)."""
        return self.claim.region.staying(self.randomness.noise.periodic)

    @property
    def certified_region(self) -> Region | None:
        """What is certified; None for an abstention."""
        fraction = self.claim.fraction
        return None if fraction is None else self.region.scaled(fraction)

    @property
    def is_certified(self) -> bool:
        """Whether the row states a certificate; the counts may say otherwise (``verify``)."""
        return self.decision.outcome == "certified"

    def correct_up_to(self, fraction: float) -> bool:
        """True when the true class is certified for the region scaled by ``fraction`` (S4)."""
        certified = self.claim.fraction is not None and self.claim.fraction >= fraction
        return certified and self.decision.certified_label == self.image.label

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
        if self.image.image_digest is None:
            raise RecordError(f"{where}.image_digest: null found; expected a digest")
        for place, centre in enumerate(self.counts.evidence):
            if centre.class_votes is None or centre.ties is None:
                raise RecordError(f"{where}.evidence[{place}]: null found; expected votes by class")
        if not all(axis.stated for axis in self.randomness.noise.axes):
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
