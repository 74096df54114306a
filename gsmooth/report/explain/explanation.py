"""explain: why an image was certified or not, in sentences, from its record alone."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import final

from gsmooth.report.explain.case import Case, case_of
from gsmooth.report.explain.limit import Diagnosis, Limit, diagnosis_of
from gsmooth.report.explain.sentences import verdict, what_happened, what_helps
from gsmooth.runs.records.folder import Records
from gsmooth.text.display import plain


@final
@dataclass(frozen=True)
class Explanation:
    """Why an image was certified or not; printing it shows all sentences.

    Args:
        index: Position of the image.
        verdict: What was found.
        why: What the votes show.
        helps: What is missing, and what to do about it.
        diagnosis: The numbers behind the sentences.
    """

    index: int
    verdict: str
    why: tuple[str, ...]
    helps: tuple[str, ...]
    diagnosis: Diagnosis

    @property
    def limit(self) -> Limit:
        """What the image lacks for a certificate of its true class on the whole region."""
        return self.diagnosis.limit

    def lines(self) -> tuple[str, ...]:
        """All sentences, the verdict first."""
        head = f"image {self.index}: {self.verdict}"
        return tuple(map(plain, (head, *self.why, *self.helps)))

    def __str__(self) -> str:
        first, *rest = self.lines()
        return "\n".join([first, *(f"  {line}" for line in rest)])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """For notebooks: the verdict, and a list of the sentences."""
        first, *rest = map(html.escape, self.lines())
        items = "".join(f"<li>{line}</li>" for line in rest)
        return f"<p><b>{first}</b></p><ul>{items}</ul>"

    def as_document(self) -> dict[str, object]:
        """For ``--json``: the sentences and the numbers behind them."""
        found, votes = self.diagnosis, self.diagnosis.centre
        document: dict[str, object] = {
            "image": self.index,
            "limit": str(self.limit),
            "verdict": self.verdict,
            "why": list(self.why),
            "helps": list(self.helps),
            "votes": found.case.row.counts.votes,
            "expected_votes": found.expected_votes if self.limit is Limit.VOTES else None,
        }
        if votes is not None:
            document["centre"] = {
                "place": votes.place,
                "theta": list(votes.centre.theta),
                "successes": votes.centre.successes,
                "trials": votes.centre.trials,
                "rival": None if votes.rival is None else list(votes.rival),
                "required_p": found.needed_p,
                "proved_p": votes.proved_p,
                "enough_votes": found.enough,
            }
        return document


def explained(case: Case) -> Explanation:
    """The explanation of one image.

    Args:
        case: What its record and the settings of the run say.
    """
    found = diagnosis_of(case)
    return Explanation(
        case.row.index, verdict(case), tuple(what_happened(found)), tuple(what_helps(found)), found
    )


def explain(records: Records, index: int) -> Explanation:
    """Say why an image of a run was certified or not, and what would help.

    No vote is cast and nothing that the records name is opened. The numbers are derived from the
    counts by the functions that ``gsmooth verify`` judges them by (S1, S6, S9). What "more votes"
    would give is a forecast, at the shares that were seen.

    S1, S6, S9: bounds on a share, for votes that were fixed in advance or may stop at any time.

    Args:
        records: The records of the run.
        index: Position of the image in the data set.

    Returns:
        The explanation.

    Raises:
        RecordError: The image has no row.
    """
    return explained(case_of(records, index))


def tally(records: Records) -> dict[Limit, list[int]]:
    """The images of a run by what they lack for a certificate, in the order of :class:`Limit`.

    Args:
        records: The records of the run.
    """
    found: dict[Limit, list[int]] = {limit: [] for limit in Limit}
    for row in records.rows:
        found[diagnosis_of(Case.of(records, row)).limit].append(row.index)
    return {limit: places for limit, places in found.items() if places}
