"""Summary of the records of one run; abstentions count as wrong in every accuracy (S4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

from gsmooth.report.adversary import searches
from gsmooth.report.reach import about_preimages, asked_for, handed_in
from gsmooth.report.rule import decided_by
from gsmooth.report.settings import REPORT
from gsmooth.report.totals import RowTally, Totals
from gsmooth.runs.inputs import prepared
from gsmooth.runs.records.folder import Records
from gsmooth.text.rounding import percent


@final
@dataclass(frozen=True)
class Share:
    """``count`` of ``total`` images; total >= 1."""

    count: int
    total: int

    @property
    def value(self) -> float:
        """The share as a number in [0, 1]."""
        return self.count / self.total

    def __str__(self) -> str:
        return f"{percent(self.value)} ({self.count}/{self.total})"


@final
@dataclass(frozen=True)
class Summary:
    """One run. In every accuracy an abstention counts as wrong.

    clean: accuracy of f without noise; standard: of g (PREDICT); certified: right and certified on
    the whole region asked for; certified_at: the same on fractions of it, if any; attacked:
    right under the worst transformation found. clean and attacked are None where no row has them,
    and count only the rows that do. searches: how that was looked for. handed_in: whether the
    attacked image is rounded. votes: forward passes of certification an image. premises: what
    distributional certificates rest on. online: the images were taken to be attacked already, and
    certified are all that they can have been; clean and standard are of the attacked ones. decided:
    by which rule, and at which level it gives up. prepared: what was done to the images first.
    planned: images that were to be done, None where that was not recorded (schema 2).
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
        """Certified accuracy beside accuracy under attack, and what the attack was."""
        if self.online:
            certified = f"every original certified {percent(self.certified.value)}"
            right = f"attacked image right {percent(self.standard.value)}"
            return f"{certified}, {right} ({self.handed_in})"
        attacked = "not measured" if self.attacked is None else percent(self.attacked.value)
        how = f" ({self.searches}, {self.handed_in})" if self.searches else f" ({self.handed_in})"
        return f"certified {percent(self.certified.value)}, under attack {attacked}{how}"


def summarize(run: Records | Totals) -> Summary:
    """The summary of one run; RecordError when no image is finished."""
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
