"""verify: derive every stored certificate again from its raw counts, without a vote.

An implementation of its own: it shares the theory with ``gsmooth.certification.api``, and no code.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np

from gsmooth.certificate import AbstainReason, CentreEvidence, Guarantee, Verdict
from gsmooth.certification.population import PopulationCertificate
from gsmooth.runs.records.folder import open_records
from gsmooth.runs.records.header import RunHeader, header_faults
from gsmooth.runs.records.population_records import (
    PopulationRecords,
    is_population,
    read_population,
)
from gsmooth.runs.records.row import Row
from gsmooth.runs.settings import RUN
from gsmooth.runs.verify.claims import claims_faults, guarantee_faults
from gsmooth.runs.verify.decisions import radius_faults, region_faults
from gsmooth.runs.verify.nested import nested_faults
from gsmooth.runs.verify.population import certificate_faults, derived_certificate, vote_faults
from gsmooth.runs.verify.presence import Presence
from gsmooth.runs.verify.profiles import (
    fixed_votes,
    profile_faults,
    required_p_faults,
    setting,
)
from gsmooth.runs.verify.reach import reach_faults
from gsmooth.runs.verify.runner_up import has_runner_up
from gsmooth.runs.verify.seed_checks import seed_faults, seed_on_trust, usable_seed
from gsmooth.sampling.noise import SecretSeed, Seed
from gsmooth.theory.selection import SelectionLooks

Message = tuple[str, str]


@final
@dataclass(frozen=True)
class RowFault:
    """What is wrong with one field of one row, or of ``run.json`` where index is None."""

    index: int | None
    field: str
    message: str

    def __str__(self) -> str:
        where = "run.json" if self.index is None else f"image {self.index}"
        return f"{where}: {self.field}: {self.message}"


@final
@dataclass(frozen=True)
class VerifyReport:
    """``checked`` rows, of which ``certified`` hold a certificate; no faults: all of them hold.

    planned: images that the run was to do, ``missing`` of which have no row (``first_missing``: a
    few of them); planned is None where that was not recorded (schema 2). on_trust: what was not
    checked because the run's seed is secret and was not given. population: what the votes of a
    population run prove, derived again.
    """

    checked: int
    certified: int
    faults: tuple[RowFault, ...]
    planned: int | None = None
    missing: int = 0
    first_missing: tuple[int, ...] = ()
    on_trust: tuple[str, ...] = ()
    population: PopulationCertificate | None = None

    @property
    def sound(self) -> bool:
        """True when the header fits itself and every row follows from its counts."""
        return not self.faults

    @property
    def complete(self) -> bool:
        """True when there are rows, and every image that was planned has one."""
        return self.checked > 0 and self.missing == 0

    @property
    def presence(self) -> str:
        """How many of the planned images have a row, in one sentence."""
        if self.planned is None:
            return f"{self.checked} images present; how many were planned is not recorded"
        here = f"{self.planned - self.missing} of {self.planned} images present"
        shown = ", ".join(map(str, self.first_missing))
        more = ", ..." if self.missing > len(self.first_missing) else ""
        return f"{here}; missing: {shown}{more}" if self.missing else here


def verify_records(path: Path | str, seed: SecretSeed | None = None) -> VerifyReport:
    """Check every row of a folder of records; raises RecordError when they cannot be read.

    seed: that of a run with a secret one; ConfigurationError where the run has a public one.

    What it takes on trust: counts, what the image itself adds to margins and to the steps of
    profiles, the values of a premise, and digests (docs/records.md has the whole list). Margins
    follow from the image and the transformation, counts from the seed, and both need the run
    itself. Nothing is signed: records rewritten as a whole, fingerprint included, are records of
    another run.
    """
    if is_population(path):
        return _verified_population(read_population(path), seed)
    records = open_records(path)
    rows, header = records.rows, records.header
    secret = usable_seed(header, seed)
    of_run = (*run_faults(header), *seed_faults(header, seed))
    faults = [RowFault(None, field, message) for field, message in of_run]
    presence, certified = Presence(header), 0
    for row in rows:
        faults += row_faults(row, header, secret)
        faults += [RowFault(row.index, *message) for message in presence.faults_of(row)]
        certified += row.is_certified
    return VerifyReport(
        checked=len(rows),
        certified=certified,
        faults=tuple(faults),
        planned=presence.planned,
        missing=presence.missing,
        first_missing=presence.first_missing(),
        on_trust=seed_on_trust(header, secret),
    )


def _verified_population(records: PopulationRecords, seed: SecretSeed | None) -> VerifyReport:
    header, rows = records.header, records.rows
    secret = usable_seed(header, seed)
    of_run = [*run_faults(header), *seed_faults(header, seed), *certificate_faults(records)]
    faults = [RowFault(None, field, message) for field, message in of_run]
    faults += [
        RowFault(row.index, *message) for row in rows for message in vote_faults(row, records)
    ]
    missing = sorted(set(header.plan or ()) - {row.index for row in rows})
    unstated = records.certificate is None
    return VerifyReport(
        checked=len(rows),
        certified=0,
        faults=tuple(faults),
        planned=None if header.plan is None else len(header.plan),
        missing=len(missing),
        first_missing=tuple(missing[: RUN.verify.missing_shown]),
        on_trust=seed_on_trust(header, secret),
        population=None if unstated or not rows else derived_certificate(records),
    )


def run_faults(header: RunHeader) -> Iterator[Message]:
    """(field, message) for everything in ``run.json`` that contradicts itself."""
    yield from header_faults(header)
    if header.capabilities is not None:
        yield from claims_faults(header.capabilities)


def row_faults(row: Row, header: RunHeader, secret: Seed | None = None) -> Iterator[RowFault]:
    """Everything in ``row`` that its counts or the configuration in ``header`` do not support.

    The configuration counts as it stands: ``header_faults`` says whether it is that of the run.
    secret: the run's seed, where rows do not have it.
    """
    if row.randomness.sampler != header.sampler:
        message = f"{row.randomness.sampler!r}, but the run has {header.sampler!r}"
        yield RowFault(row.index, "sampler", message)
    for field, message in _messages(row, header, secret):
        yield RowFault(row.index, field, message)


def _messages(row: Row, header: RunHeader, secret: Seed | None) -> Iterator[Message]:
    config = header.config
    yield from _against_configuration(row, config)
    yield from guarantee_faults(row, config, header.capabilities)
    yield from _against_itself(row)
    if not 0.0 < row.claim.alpha <= 0.5:
        yield "alpha", f"{row.claim.alpha!r} is no failure probability in (0, 0.5]"
        return
    if row.claim.attempts not in (allowed := _attempts(row, config)):
        expected = " or ".join(map(str, allowed))
        yield "attempts", f"{row.claim.attempts}, but in this run {expected} covers share alpha"
        return
    yield from _selection(row, config)
    yield from ((f"attack.{field}", message) for field, message in _attack(row))
    faulty = [
        m for i, c in enumerate(row.counts.evidence) for m in _centre(c, row, f"evidence[{i}]")
    ]
    yield from faulty
    if faulty:
        return
    yield from reach_faults(row, header)
    if row.claim.mode == "region":
        yield from region_faults(row, config)
    elif row.claim.mode == "radius":
        yield from radius_faults(row, config, secret)
    else:
        yield from nested_faults(row, config)


def _against_configuration(row: Row, config: Mapping[str, object]) -> Iterator[Message]:
    """The row's coordinates are those of the run (a key the run left out is not compared)."""
    stated: dict[str, tuple[str, object]] = {
        "alpha": ("certify.alpha", row.claim.alpha),
        "mode": ("certify.mode", row.claim.mode),
        "noise.axes": ("smoothing.scales", list(row.randomness.noise.scales)),
        "noise.sigma": ("smoothing.sigma", row.randomness.noise.sigma),
        "region.bits": ("region.bits", row.claim.region.bits),
    }
    for field, (path, found) in stated.items():
        expected = setting(config, path)
        if expected is not None and expected != found:
            yield field, f"{found!r}, but the run has {path} = {expected!r}"
    noise, law = config.get("smoothing"), setting(config, "smoothing.law")
    if isinstance(noise, Mapping) and "seed" in noise and noise["seed"] != row.randomness.seed:
        yield "seed", f"{row.randomness.seed!r}, but the run has smoothing.seed = {noise['seed']!r}"
    # Without noise on any parameter (T = id) there is no law to be named.
    if row.randomness.noise.axes and law is not None and law != row.randomness.noise.law:
        yield (
            "noise.axes",
            f"{row.randomness.noise.law!r}, but the run has smoothing.law = {law!r}",
        )
    yield from _asked(row, config)


def _asked(row: Row, config: Mapping[str, object]) -> Iterator[Message]:
    """The region is the one that was asked for; null there is no parameter, and no l2 ball."""
    region = config.get("region")
    ends: dict[str, object] = {
        "lower": list(row.claim.region.lower),
        "upper": list(row.claim.region.upper),
    }
    for name, found in {**ends, "l2": row.claim.region.l2}.items():
        if not isinstance(region, Mapping) or name not in region:
            continue
        expected = region[name] or (0.0 if name == "l2" else [])
        if expected != found:
            yield f"region.{name}", f"{found!r}, but the run has region.{name} = {expected!r}"


def _out_of_reach(centre: CentreEvidence) -> bool:
    """Whether no number of votes shows what the centre needs."""
    inner = 0.0 if centre.inner is None else centre.inner.required_p
    return max(centre.required_p, inner) >= 1.0


def _against_itself(row: Row) -> Iterator[Message]:
    yield from _decision_against_itself(row)
    yield from _premise_against_guarantee(row)
    votes, counts = row.image.prediction_counts, row.counts
    if not 0 <= row.image.label < max(1, len(votes) - 1):
        yield "label", f"{row.image.label}, but votes are for {len(votes) - 1} classes"
    spent = sum(votes) + counts.pilot_votes + sum(map(_cast, counts.evidence))
    if counts.votes != spent or counts.pilot_votes < 0:
        yield "votes", f"{counts.votes}, but selection, pilots and centres together had {spent}"


def _decision_against_itself(row: Row) -> Iterator[Message]:
    found, claim, evidence = row.decision, row.claim, row.counts.evidence
    where, label = f"in an image that is {found.outcome}", found.certified_label
    if row.is_certified != (claim.fraction is not None):
        yield "fraction", f"{claim.fraction!r} {where}"
    if row.is_certified != (label is not None):
        yield "certified_label", f"{label!r} {where}"
    if row.is_certified == (found.reason is not None):
        yield "reason", f"{found.reason!r} {where}"
    if row.is_certified and label != found.selected_label:
        yield "certified_label", f"{label}, but the counts are for class {found.selected_label}"
    if found.reason is AbstainReason.UNREACHABLE and not any(map(_out_of_reach, evidence)):
        yield "reason", f"{found.reason}, but no centre needs a share of 1"
    without_original = not evidence and claim.guarantee is Guarantee.ONLINE
    if found.reason is AbstainReason.IMPOSSIBLE and not without_original:
        yield "reason", f"{found.reason}, with {len(evidence)} centres, guarantee {claim.guarantee}"


def _premise_against_guarantee(row: Row) -> Iterator[Message]:
    premise, guarantee = row.claim.premise, row.claim.guarantee
    if guarantee is Guarantee.DISTRIBUTIONAL and premise is None:
        yield "premise", "none, but the guarantee is distributional"
    if premise is not None and guarantee in (Guarantee.INDIVIDUAL, Guarantee.ONLINE):
        yield "premise", f"{premise}, but the guarantee is {guarantee}"


def _selection(row: Row, config: Mapping[str, object]) -> Iterator[Message]:
    """The selected class leads (the first of equals), and PREDICT is decided by its lead (S3)."""
    counts, selected = row.image.prediction_counts, row.decision.selected_label
    votes = counts[:-1]  # The last count is of ties.
    if len(votes) < 2 or min(counts) < 0:
        yield "prediction_counts", f"{counts}; expected votes by class, then ties"
        return
    n0, cast = setting(config, "certify.n0"), sum(counts)
    looks = _looks(row, config)
    if isinstance(n0, int) and not looks.allows(counts):
        yield "prediction_counts", f"{cast} votes, but n0={n0} gives {fixed_votes(n0)}"
    top = votes.index(max(votes))
    if selected != top:
        yield "selected_label", f"{selected}, but class {top} has most selection votes"
    expected = looks.prediction(counts)
    if row.image.prediction != expected:
        yield "prediction", f"{row.image.prediction}, but the selection votes give {expected}"


def _looks(row: Row, config: Mapping[str, object]) -> SelectionLooks:
    """When the row's selection votes could end; without a setting, where they did."""
    n0, first = setting(config, "certify.n0"), setting(config, "certify.n0_first")
    early = has_runner_up(config) and row.claim.mode == "region"
    most = fixed_votes(n0) if isinstance(n0, int) else sum(row.image.prediction_counts)
    least = first if early and isinstance(first, int) else None
    return SelectionLooks(most, least, row.claim.alpha)


def _attack(row: Row) -> Iterator[Message]:
    """What the adversary found is about this image: its parameters and its true class."""
    attack = row.attack
    if attack is None:
        return
    if len(attack.theta) != row.claim.region.dimensions:
        yield "theta", f"{len(attack.theta)} numbers for {row.claim.region.dimensions} parameters"
    if attack.robust != (attack.label == row.image.label):
        yield "robust", f"{attack.robust}, but {attack.label} was found for class {row.image.label}"


def _centre(centre: CentreEvidence, row: Row, where: str) -> Iterator[Message]:
    if not 0 <= centre.successes <= centre.trials:
        yield f"{where}.successes", f"{centre.successes} of {centre.trials} votes"
    yield from ((f"{where}.class_votes", message) for message in _class_votes(centre, row))
    inner = centre.inner.margin if centre.inner else 0.0
    if not (centre.margin >= 0.0 and inner >= 0.0):
        yield f"{where}.margin", f"{min(centre.margin, inner)!r}; expected a number >= 0"
    if (centre.trials == 0) != (centre.verdict is Verdict.UNTESTED):
        yield f"{where}.verdict", f"{centre.verdict} after {centre.trials} votes"
    yield from ((f"{where}.required_p", message) for message in required_p_faults(centre))
    identity_action = row.claim.region.dimensions == 0
    yield from (
        (f"{where}.profile", message) for message in profile_faults(centre, identity_action)
    )


def _class_votes(centre: CentreEvidence, row: Row) -> Iterator[str]:
    """Votes by class add up to the trials, and the selected class has the successes."""
    votes, ties = centre.class_votes, centre.ties
    if votes is None or ties is None:
        return  # Schema 2 has none.
    if row.claim.mode == "nested":
        if votes or ties:
            yield f"{list(votes)}, but trials of the nested method are no votes"
        return
    labels, classes = [label for label, _ in votes], len(row.image.prediction_counts) - 1
    if labels != sorted(set(labels)) or not all(0 <= label < classes for label in labels):
        yield f"classes {labels}; expected some of 0..{classes - 1}, ascending"
    if ties < 0 or any(count < 1 for _, count in votes):
        yield "counts below 1, or ties below 0"
    if (cast := sum(count for _, count in votes) + ties) != centre.trials:
        yield f"{cast} votes in all, but {centre.trials} trials"
    if (won := dict(votes).get(row.decision.selected_label, 0)) != centre.successes:
        yield f"{won} for class {row.decision.selected_label}, but {centre.successes} successes"


def _attempts(row: Row, config: Mapping[str, object]) -> tuple[int, ...]:
    """How many covers may share alpha: those that pilot votes choose may be drawn again.

    With the rule "runner-up" unanimous pilots end that; their votes by class are not recorded. So
    does a single ball without pilots, with any rule that looks at any time.
    """
    asked = setting(config, "certify.attempts")
    chosen = row.claim.mode == "region" and setting(config, "certify.rule") != "fixed"
    chosen = chosen and (row.counts.pilot_votes > 0 or _has_pilots(row, config))
    most = asked if chosen and isinstance(asked, int) and asked >= 1 else 1
    unanimous = has_runner_up(config) and _unanimous(row)
    settled = row.counts.pilot_votes == 0 and len(row.counts.evidence) == 1
    return (1, most) if most > 1 and (unanimous or settled) else (most,)


def _unanimous(row: Row) -> bool:
    """Whether all selection votes are for one class."""
    return max(row.image.prediction_counts[:-1], default=0) == sum(row.image.prediction_counts)


def _has_pilots(row: Row, config: Mapping[str, object]) -> bool:
    """Whether the covers of such a run are chosen by pilot votes, said or not."""
    rule = config.get("certify")
    if not isinstance(rule, Mapping) or "centres" not in rule:
        return False
    own = rule["centres"] is None and rule.get("guarantee") == "individual"
    return own and any(np.subtract(row.claim.region.upper, row.claim.region.lower) > 0.0)


def _cast(centre: CentreEvidence) -> int:
    """Forward passes at one centre."""
    return centre.trials * (1 if centre.inner is None else centre.inner.votes)
