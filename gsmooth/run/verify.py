"""verify: derive every stored certificate again from its raw counts, without a vote.

An implementation of its own: it shares the theory with ``gsmooth.certify``, and no code.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final, final

from gsmooth.certificate import CentreEvidence, Verdict
from gsmooth.errors import ConfigurationError, UnreachableError
from gsmooth.run.header import RunHeader
from gsmooth.run.records import read_records
from gsmooth.run.row import Row
from gsmooth.theory.bounds import clopper_pearson_lower
from gsmooth.theory.normal import share_of_margin
from gsmooth.theory.sequential import EProcess, StreamedSample

# A share may be rounded further up than by this gsmooth, never down.
_ROUNDED_UP: Final = 1e-9


@final
@dataclass(frozen=True)
class RowFault:
    """What is wrong with one field of one row."""

    index: int
    field: str
    message: str

    def __str__(self) -> str:
        return f"image {self.index}: {self.field}: {self.message}"


@final
@dataclass(frozen=True)
class VerifyReport:
    """``checked`` rows, of which ``certified`` hold a certificate; no faults: all of them hold."""

    checked: int
    certified: int
    faults: tuple[RowFault, ...]

    @property
    def sound(self) -> bool:
        """True when every row follows from its counts."""
        return not self.faults


def verify_records(path: Path | str) -> VerifyReport:
    """Check every row of a folder of records; raises RecordError when they cannot be read.

    What it takes on trust: the counts and the margins. Margins follow from the image and the
    transformation, counts from the seed, and both need the run itself.
    """
    records = read_records(path)
    rows = records.rows
    faults = tuple(fault for row in rows for fault in row_faults(row, records.header))
    return VerifyReport(len(rows), sum(row.outcome == "certified" for row in rows), faults)


def row_faults(row: Row, header: RunHeader) -> Iterator[RowFault]:
    """Everything in ``row`` that its counts or the configuration in ``header`` do not support."""
    for field, message in _messages(row, header):
        yield RowFault(row.index, field, message)


Message = tuple[str, str]


def _messages(row: Row, header: RunHeader) -> Iterator[Message]:
    yield from _against_configuration(row, header.config)
    yield from _against_itself(row)
    faulty = [m for i, c in enumerate(row.evidence) for m in _centre(c, f"evidence[{i}]")]
    yield from faulty
    if not faulty:
        yield from _region_mode(row) if row.mode == "region" else _radius_mode(row)


def _against_configuration(row: Row, config: Mapping[str, object]) -> Iterator[Message]:
    """The row's coordinates are those of the run (a key the run left out is not compared)."""
    stated: dict[str, tuple[str, object]] = {
        "alpha": ("certify.alpha", row.alpha),
        "mode": ("certify.mode", row.mode),
        "seed": ("smoothing.seed", row.seed),
        "law.name": ("smoothing.law", row.law.name),
        "law.scales": ("smoothing.scales", list(row.law.scales)),
        "law.sigma": ("smoothing.sigma", row.law.sigma),
        "region.lower": ("region.lower", list(row.region.lower)),
        "region.upper": ("region.upper", list(row.region.upper)),
        "region.l2": ("region.l2", row.region.l2),
    }
    for field, (path, found) in stated.items():
        section, _, name = path.partition(".")
        values = config.get(section)
        expected = values.get(name) if isinstance(values, Mapping) else None
        if expected is not None and expected != found:
            yield field, f"{found!r}, but the run has {path} = {expected!r}"


def _against_itself(row: Row) -> Iterator[Message]:
    certified = row.outcome == "certified"
    if certified != (row.gauge is not None):
        yield "gauge", f"{row.gauge!r} in an image that is {row.outcome}"
    if certified != (row.certified_label is not None):
        yield "certified_label", f"{row.certified_label!r} in an image that is {row.outcome}"
    if certified == (row.reason is not None):
        yield "reason", f"{row.reason!r} in an image that is {row.outcome}"
    if certified and row.certified_label != row.selected_label:
        yield (
            "certified_label",
            f"{row.certified_label}, but the counts are for class {row.selected_label}",
        )
    elif certified and row.prediction not in (None, row.certified_label):
        yield "certified_label", f"{row.certified_label}, but PREDICT says {row.prediction}"
    spent = sum(centre.trials for centre in row.evidence)
    if row.votes < spent:
        yield "votes", f"{row.votes}, but the centres alone had {spent}"


def _centre(centre: CentreEvidence, where: str) -> Iterator[Message]:
    if not 0 <= centre.successes <= centre.trials:
        yield f"{where}.successes", f"{centre.successes} of {centre.trials} votes"
    if centre.trials == 0 and centre.verdict is not Verdict.UNTESTED:
        yield f"{where}.verdict", f"{centre.verdict} without a vote"
    needed = float(share_of_margin(centre.margin))
    if not needed <= centre.share <= needed + _ROUNDED_UP:
        yield f"{where}.share", f"{centre.share!r}; margin {centre.margin!r} requires {needed!r}"
    steps = centre.profile
    for before, after in pairwise(steps):
        if not (before.gauge < after.gauge and before.share <= after.share):
            yield f"{where}.profile", f"not ascending at gauge {after.gauge!r}"
            return
    if steps and max(steps[-1].share, centre.share) > centre.share:
        yield f"{where}.profile", f"share {steps[-1].share!r} exceeds that of the whole region"


def _region_mode(row: Row) -> Iterator[Message]:
    """Every centre is accepted at the full alpha (C5, S6)."""
    accepted = [_accepts(centre, row.alpha) for centre in row.evidence]
    for number, (centre, holds) in enumerate(zip(row.evidence, accepted, strict=True)):
        where = f"evidence[{number}].verdict"
        if centre.verdict is Verdict.ACCEPTED and not holds:
            yield where, f"accepted, but {_counts(centre)} do not show a share above {centre.share}"
        elif row.outcome == "certified" and centre.verdict is not Verdict.ACCEPTED:
            yield where, f"{centre.verdict}; a certificate needs every centre accepted"
    proved = bool(accepted) and all(accepted)
    if proved != (row.outcome == "certified"):
        support = "do" if proved else "do not"
        yield "outcome", f"{row.outcome}, but the counts {support} support a certificate"
    if row.gauge is not None and row.gauge != 1.0:
        yield "gauge", f"{row.gauge!r}; in region mode it is 1"


def _radius_mode(row: Row) -> Iterator[Message]:
    """The largest gauge up to which every centre's lower bound exceeds its required shares."""
    supported = supported_gauge(row.evidence, row.alpha)
    if (supported is None) != (row.outcome != "certified"):
        support = "do not" if supported is None else "do"
        yield "outcome", f"{row.outcome}, but the counts {support} support a certificate"
    elif row.gauge is not None and row.gauge != supported:
        yield "gauge", f"{row.gauge!r}, but the counts support {supported!r}"


def supported_gauge(evidence: tuple[CentreEvidence, ...], alpha: float) -> float | None:
    """Largest gauge that the counts at all centres prove; None when they prove nothing.

    A step of a profile speaks for every gauge from the step before it up to its own.
    """
    gauges = [_reach(centre, _lower_bound(centre, alpha)) for centre in evidence]
    proved = min(gauges, default=0.0)
    return proved if proved > 0.0 else None


def _reach(centre: CentreEvidence, p_lower: float) -> float:
    """Gauge of the last step before the first whose share p_lower does not exceed."""
    reach = 0.0
    for step in centre.profile:
        # A share of 0 asks for nothing: the region does not meet this centre's part yet.
        if step.share > 0.0 and step.share >= p_lower:
            break
        reach = step.gauge
    return reach


def _lower_bound(centre: CentreEvidence, alpha: float) -> float:
    if centre.trials == 0:
        return 0.0
    return clopper_pearson_lower(centre.successes, centre.trials, alpha)


def _accepts(centre: CentreEvidence, alpha: float) -> bool:
    if centre.trials == 0:
        return False
    try:
        test = EProcess(centre.share, alpha)
    except (UnreachableError, ConfigurationError):  # A share or alpha that no test can have.
        return False
    return test.accepts(StreamedSample(centre.successes, centre.trials))


def _counts(centre: CentreEvidence) -> str:
    return f"{centre.successes} of {centre.trials} votes"
