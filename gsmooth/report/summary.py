"""Summary of the records of one run; abstentions count as wrong in every accuracy (S4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

from gsmooth.report.adversary import searches
from gsmooth.report.reach import about_preimages, asked_for, handed_in
from gsmooth.report.rule import decided_by
from gsmooth.report.settings import REPORT
from gsmooth.report.share import Share
from gsmooth.report.totals import RowTally, Totals
from gsmooth.runs.inputs import prepared
from gsmooth.runs.records.folder import Records
from gsmooth.text.rounding import percent


@final
@dataclass(frozen=True)
class Summary:
    """The summary of a run. In every accuracy an abstention counts as wrong.

    Args:
        name: Name of the run.
        images: Number of finished images.
        region: The region, as a text.
        mode: Mode of certification.
        clean: Accuracy of the base classifier f without noise; None if no row has it.
        standard: Accuracy of the smoothed classifier g (PREDICT).
        certified: Share of images that are correctly certified on the whole region.
        certified_at: The same share on fractions of the region.
        abstentions: Number of abstentions by reason.
        attacked: Share of attacked images that are right under the worst attack found; None
            without attacks.
        searches: How attacks were searched for.
        handed_in: Whether the attacked image is rounded.
        votes: Mean forward passes of certification for an image.
        attack_forwards: Mean forward passes of the attack on an image; None without attacks.
        seconds: Seconds of the run.
        guarantees: Number of certificates by guarantee.
        premises: Assumptions of distributional certificates.
        alpha: Largest probability of a false certificate.
        online: True if images are attacked already and certificates are about their originals;
            clean and standard are then accuracies on the attacked images.
        decided: Decision rule and level of futility.
        prepared: How images were resized and cropped.
        planned: Planned number of images; None if it was not recorded (schema 2).
    """

    name: str
    images: int
    region: str
    mode: str
    clean: Share | None
    standard: Share
    certified: Share
    certified_at: tuple[tuple[float, Share], ...]
    abstentions: Mapping[str, int]
    attacked: Share | None
    searches: str
    handed_in: str
    votes: float
    attack_forwards: float | None
    seconds: float
    guarantees: Mapping[str, int]
    premises: tuple[str, ...]
    alpha: float
    online: bool = False
    decided: str = ""
    prepared: str = ""
    planned: int | None = None

    def caption(self) -> str:
        """A caption with certified accuracy, accuracy under attack and the kind of attack."""
        if self.online:
            certified = f"every original certified {percent(self.certified.value)}"
            right = f"attacked image right {percent(self.standard.value)}"
            return f"{certified}, {right} ({self.handed_in})"
        attacked = "not measured" if self.attacked is None else percent(self.attacked.value)
        how = f" ({self.searches}, {self.handed_in})" if self.searches else f" ({self.handed_in})"
        return f"certified {percent(self.certified.value)}, under attack {attacked}{how}"


def summarize(run: Records | Totals) -> Summary:
    """Summarize a run.

    Args:
        run: Records of the run, or their totals.

    Raises:
        RecordError: No image is finished.
    """
    totals = Totals.of(run)
    records, images = totals.run, totals.images
    first = records.rows[0]
    fractions = REPORT.fractions if first.claim.mode == "radius" or totals.partial else ()
    attacked = totals.attacked.total
    return Summary(
        name=records.path.parent.name,
        images=images,
        region=asked_for(records),
        mode=first.claim.mode,
        clean=_share(totals.clean),
        standard=Share(totals.standard.count, images),
        certified=Share(totals.certified(1.0), images),
        certified_at=tuple(
            (fraction, Share(totals.certified(fraction), images)) for fraction in fractions
        ),
        abstentions=dict(sorted(totals.reasons.items())),
        attacked=_share(totals.attacked),
        searches=searches(records, blind=totals.blind / attacked) if attacked else "",
        handed_in=handed_in(first.claim.region),
        votes=totals.votes / images,
        attack_forwards=totals.forwards / attacked if attacked else None,
        seconds=totals.seconds,
        guarantees=dict(sorted(totals.guarantees.items())),
        premises=tuple(sorted(totals.premises)),
        alpha=totals.alpha,
        online=about_preimages(records),
        decided=decided_by(records),
        prepared=prepared(records.header.config),
        planned=None if records.header.plan is None else len(records.header.plan),
    )


def _share(tally: RowTally) -> Share | None:
    return Share(tally.count, tally.total) if tally.total else None
