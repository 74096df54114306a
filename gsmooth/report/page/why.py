"""Why an image has no right certificate, and which of its centres have least to spare."""

from __future__ import annotations

from collections.abc import Sequence

from gsmooth.certificate import CentreEvidence
from gsmooth.certificate import Verdict as CentreVerdict
from gsmooth.errors import GsmoothError
from gsmooth.report.explain.case import Case
from gsmooth.report.explain.explanation import explained
from gsmooth.runs.records.folder import Records
from gsmooth.runs.records.row import Row
from gsmooth.text.display import plain


def why(records: Records, row: Row) -> tuple[str, ...]:
    """Explain an image that has no certificate, or one for a wrong class; () for any other.

    Args:
        records: The records of the run.
        row: One of them.

    Returns:
        The sentences of ``gsmooth explain``; none where the records do not hold what it needs.
    """
    if row.is_certified and row.decision.certified_label == row.image.label:
        return ()
    try:
        found = explained(Case.of(records, row))
    except GsmoothError:  # Records may come from anybody; the page shows what it can.
        return ()
    return tuple(map(plain, (*found.why, *found.helps)))


def least_to_spare(evidence: Sequence[CentreEvidence]) -> list[CentreEvidence]:
    """Sort centres: failed ones first, then by how far the votes exceed the required share."""
    return sorted(evidence, key=_slack)


def _slack(centre: CentreEvidence) -> tuple[int, float]:
    if centre.verdict is CentreVerdict.UNTESTED:
        return 2, centre.required_p
    failed = 0 if centre.verdict is not CentreVerdict.ACCEPTED else 1
    share = centre.successes / centre.trials if centre.trials else 0.0
    return failed, share - centre.required_p
