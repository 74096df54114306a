"""verify of a population run: its certificate is derived again from its votes (S10)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

from gsmooth.certification.population import PopulationCertificate
from gsmooth.errors import RecordError
from gsmooth.runs.records.header import RunHeader
from gsmooth.runs.records.population_records import PopulationRecords, VoteRow
from gsmooth.runs.verify.profiles import setting
from gsmooth.runs.verify.reach import input_range_of
from gsmooth.text.rounding import text_down
from gsmooth.theory.population import PopulationBound
from gsmooth.transforms.region import Region

Message = tuple[str, str]
_BOUND: Final = ("bound", "typical_p", "max_margin")
_CLOSE: Final = 1e-9
"""Relative difference between a margin here and there: sums are rounded in another order."""


def derived_certificate(records: PopulationRecords) -> PopulationCertificate:
    """What the votes prove under the settings of ``run.json``; the votes are taken on trust."""
    config, rows = records.header.config, records.rows
    alpha = setting(config, "certify.alpha")
    assert isinstance(alpha, float)
    return PopulationCertificate.of(
        region_of(records.header),
        _bound(records),
        [row.distance for row in rows],
        [row.right for row in rows],
        alpha,
    )


def certificate_faults(records: PopulationRecords) -> Iterator[Message]:
    """(field, message) wherever the certificate claims more than its votes, or of another run."""
    stated = records.certificate
    if stated is None:
        return
    derived = derived_certificate(records)
    for name in ("alpha", "region", "bound", "images", "right", "covered"):
        there, here = getattr(stated, name), getattr(derived, name)
        if there != here:
            yield f"population.{name}", f"{there}, but the votes and run.json give {here}"
    plan = records.header.plan
    if plan is not None and stated.images != len(plan):
        yield (
            "population.images",
            f"{stated.images} of {len(plan)} images planned; a bound without the others, whose"
            " votes may have been seen, is not covered by alpha",
        )
    if stated.robust_accuracy > derived.robust_accuracy + 1e-9:
        yield (
            "population.robust_accuracy",
            f"{stated.robust_accuracy!r}, but its votes support at most"
            f" {text_down(derived.robust_accuracy, 8)}",
        )


def vote_faults(row: VoteRow, records: PopulationRecords) -> Iterator[Message]:
    """(field, message) for a row that no image of the run can have."""
    plan = records.header.plan
    if plan is not None and row.index not in plan:
        yield "index", f"{row.index}, which is none of the {len(plan)} images planned"
    if row.margin is not None and not (math.isfinite(row.margin) and row.margin >= 0.0):
        yield "margin", f"{row.margin!r}; expected a finite number of at least 0"
    elif row.margin is not None and row.margin < (least := least_margin(records.header)):
        yield "margin", f"{row.margin!r}; the region alone asks for {least!r}"
    if row.margin is None and row.vote is not None:
        yield "vote", f"{row.vote}, but no vote is cast without a proved margin"
    if row.label < 0 or (row.vote is not None and row.vote < 0):
        yield "vote", f"vote {row.vote} and label {row.label}; expected classes from 0"
    if len(row.image_digest) != 64 or not set(row.image_digest) <= set("0123456789abcdef"):
        yield "image_digest", f"{row.image_digest!r}; expected 64 hexadecimal digits"


def least_margin(header: RunHeader) -> float:
    """What every margin pays at least: l2 ball and rounding, in standard deviations (T1, T4).

    Rounded down; 0 where the header does not say.
    """
    claims, sigma = header.capabilities, setting(header.config, "smoothing.sigma")
    if claims is None or not isinstance(sigma, float) or not sigma > 0.0:
        return 0.0
    region = region_of(header)
    moved = (claims.lift_norm or 0.0) * region.l2
    moved += (claims.rounding_norm or 0.0) * region.half_level(input_range_of(header.config))
    return max(0.0, moved / sigma * (1.0 - _CLOSE) - _CLOSE)


def region_of(header: RunHeader) -> Region:
    """The region of the configuration, without names."""
    config = header.config
    ends = [setting(config, f"region.{name}") or () for name in ("lower", "upper")]
    lower, upper = (tuple(float(end) for end in part) for part in ends)  # type: ignore[attr-defined]
    l2, bits = setting(config, "region.l2"), setting(config, "region.bits")
    return Region(lower, upper, float(l2 or 0.0), int(bits or 0))  # type: ignore[call-overload, arg-type]


def _bound(records: PopulationRecords) -> PopulationBound:
    """As configured; ConfigurationError for settings that are out of range."""
    config = records.header.config
    given = [setting(config, f"population.{name}") for name in _BOUND]
    if not all(isinstance(value, str | float) for value in given):
        raise RecordError(f"run.json: config.population: {given}; expected {', '.join(_BOUND)}")
    return PopulationBound(*given)  # type: ignore[arg-type]
