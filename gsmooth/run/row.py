"""Row: what is recorded of one image (docs/records.md, schema version 2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, final

from gsmooth.certificate import (
    Abstained,
    AbstainReason,
    CentreEvidence,
    Certified,
    Guarantee,
    Premise,
)
from gsmooth.errors import RecordError
from gsmooth.noise import SAMPLER
from gsmooth.region import Region
from gsmooth.run.codec import decode, encode, parse, to_line
from gsmooth.theory.laws import (
    ExponentialLaw,
    FoldedNormalLaw,
    GaussianLaw,
    LaplaceLaw,
    Law,
    ProductLaw,
    UniformLaw,
    law_from_name,
)

if TYPE_CHECKING:
    from gsmooth.attacks import AttackOutcome
    from gsmooth.certification import Outcome

SCHEMA_VERSION = 2
Mode = Literal["region", "radius", "nested"]


@final
@dataclass(frozen=True)
class LawRecord:
    """A smoothing law as plain values: the arguments of ``law_from_name``.

    Which parameter admits no negative value, the transformation says.
    """

    name: str
    scales: tuple[float, ...]
    sigma: float
    orthogonal: bool

    @staticmethod
    def of(law: Law) -> LawRecord:
        """The plain values of ``law``; RecordError for a law that has no name in records."""
        match law:
            case GaussianLaw():
                return LawRecord(law.name, law.scales, law.sigma, law.orthogonal)
            case ProductLaw():
                return LawRecord(law.name, law.scales, law.sigma, True)
            case UniformLaw():
                return LawRecord(law.name, (law.half_width,), law.sigma, True)
            case ExponentialLaw() | FoldedNormalLaw() | LaplaceLaw():
                return LawRecord(law.name, (law.scale,), law.sigma, True)
        raise RecordError(f"a law of type {type(law).__name__} cannot be recorded")

    def build(self, one_sided: tuple[int, ...] = ()) -> Law:
        """The law itself; ``one_sided``: the axes of parameters that admit no negative value."""
        given = self.name, self.scales, self.sigma, self.orthogonal
        return law_from_name(*given, one_sided=one_sided)


@final
@dataclass(frozen=True)
class AttackRecord:
    """PREDICT at the worst theta that the attack found; ``robust``: it gave the true class."""

    theta: tuple[float, ...]
    label: int | None
    counts: tuple[int, ...]
    robust: bool
    forwards: int

    @staticmethod
    def of(outcome: AttackOutcome) -> AttackRecord:
        """What is kept of an attack."""
        found = outcome.prediction
        return AttackRecord(
            outcome.theta, found.label, found.counts, outcome.robust, outcome.forwards
        )


@final
@dataclass(frozen=True)
class Row:
    """One image: raw counts, what was proved from them and what an attack could do.

    index: position in the data set. label: the true class. clean_prediction: the class of f without
    noise, behind lift and readout. prediction, prediction_counts: PREDICT at the image.
    selected_label: the class that all counts in ``evidence`` are for. region: what was asked;
    gauge: the fraction of it that is certified (None: abstained), see ``certified_region``.
    prediction_counts: votes for each class, then ties. sampler: how seed and index became noise.
    votes: forward passes of certification, selection included; pilot_votes: those among them that
    only chose the cover. premise: what a distributional certificate rests on. attempts: covers that
    shared alpha, each centre being tested at alpha / attempts.
    """

    index: int
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
    gauge: float | None
    guarantee: Guarantee
    premise: Premise | None
    alpha: float
    attempts: int
    mode: Mode
    seed: int
    law: LawRecord
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
        seed: int,
        law: Law,
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
            gauge=certified.gauge if certified else None,
            guarantee=found.guarantee,
            premise=found.premise,
            alpha=found.alpha,
            attempts=found.attempts,
            mode=mode,
            seed=seed,
            law=LawRecord.of(law),
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
        return None if self.gauge is None else self.region.scaled(self.gauge)

    def correct_up_to(self, gauge: float) -> bool:
        """True when the true class is certified for the region scaled by ``gauge`` (S4)."""
        certified = self.gauge is not None and self.gauge >= gauge
        return certified and self.certified_label == self.label

    def to_json(self) -> str:
        """One line, without its newline. Raises RecordError on NaN."""
        try:
            return to_line({"schema": SCHEMA_VERSION, **self._fields()})
        except ValueError as error:
            raise RecordError(f"image {self.index}: {error}") from error

    @staticmethod
    def from_json(line: str | bytes, where: str = "row") -> Row:
        """The row that was written; RecordError (``where`` leads it) unless it fits exactly."""
        found = parse(line, where)
        if not isinstance(found, dict):
            raise RecordError(f"{where}: {found!r} found; expected an object")
        require_schema(found.pop("schema", None), where)
        return decode(Row, found, where)

    def _fields(self) -> dict[str, object]:
        fields = encode(self)
        assert isinstance(fields, dict)
        return fields


def require_schema(version: object, where: str) -> None:
    """RecordError unless ``version`` is the one this gsmooth writes and reads."""
    if version != SCHEMA_VERSION:
        raise RecordError(
            f"{where}: schema version {version!r}; this gsmooth reads version {SCHEMA_VERSION}"
            " (docs/records.md)"
        )
