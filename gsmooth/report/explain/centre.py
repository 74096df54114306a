"""CentreVotes: what the votes at one centre show, and how many more would do."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

from gsmooth.certificate import CentreEvidence, Verdict
from gsmooth.errors import GsmoothError
from gsmooth.report.settings import REPORT
from gsmooth.runs.records.row import Row
from gsmooth.runs.verify.profiles import supported_fraction
from gsmooth.runs.verify.runner_up import class_counts
from gsmooth.theory.bounds import clopper_pearson_lower, clopper_pearson_upper
from gsmooth.theory.centre_test import (
    ONE_SIDED,
    CentreMixture,
    CentreTest,
    ClassCounts,
    anytime_required_p,
)
from gsmooth.theory.normal import normal_quantile


@final
@dataclass(frozen=True)
class CentreVotes:
    """The votes at one centre, and the test that they were put to.

    Args:
        place: Position in the record.
        centre: The counts as they were recorded.
        counts: The same as the tests see them.
        prior: The selection votes, at the clean image.
        level: Of the test.
        mixture: Of the test that may stop at any time; None where the votes were fixed in advance.
        rival: The class with most of the other votes, and its votes; None without such votes.
    """

    place: int
    centre: CentreEvidence
    counts: ClassCounts
    prior: ClassCounts
    level: float
    mixture: CentreMixture | None
    rival: tuple[int, int] | None

    @staticmethod
    def of(
        place: int, row: Row, level: float, mixture: CentreMixture | None, prior: ClassCounts
    ) -> CentreVotes:
        """The votes at the centre with this position in the record."""
        centre = row.counts.evidence[place]
        if row.claim.mode == "nested":  # Its trials are draws of theta, which are for no class.
            failed = centre.trials - centre.successes
            counts = ClassCounts(centre.successes, (failed,), centre.trials)
        else:
            counts = class_counts(centre, row)
        selected = row.decision.selected_label
        others = [pair for pair in centre.class_votes or () if pair[0] != selected]
        rival = max(others, key=lambda pair: pair[1], default=None)
        return CentreVotes(place, centre, counts, prior, level, mixture, rival)

    @property
    def tested(self) -> bool:
        """Whether it had votes."""
        return self.centre.trials > 0

    @property
    def accepted(self) -> bool:
        """Whether its test was passed."""
        return self.centre.verdict is Verdict.ACCEPTED

    @property
    def share(self) -> float:
        """The selected class's share of the votes; of the selection votes if it had none."""
        counts = self.counts if self.tested else self.prior
        return counts.won / counts.trials if counts.trials else 0.0

    def interval(self) -> tuple[float, float]:
        """An exact interval for the probability behind ``share`` (S1, both sides)."""
        counts, miss = self.counts, 0.5 * (1.0 - REPORT.explain.confidence)
        low = clopper_pearson_lower(counts.won, counts.trials, miss)
        return low, clopper_pearson_upper(counts.won, counts.trials, miss)

    @property
    def proved_p(self) -> float:
        """The largest required probability that the votes prove at the level of the test (S1, S9).

        S9: in a test that may stop at any time a lead over every other class stands for a share.
        """
        if not self.tested:
            return 0.0
        if self.mixture is None:
            return clopper_pearson_lower(self.counts.won, self.counts.trials, self.level)
        # Jeffreys' prior, whose e-values fall as the margin grows (S6, inverted).
        mixture = CentreMixture(self.mixture.runner_up, ONE_SIDED.near_one)
        return anytime_required_p(self.counts, self.level, mixture)

    @property
    def proved_margin(self) -> float:
        """The margin that the votes prove, in standard deviations of the noise; 0 for none."""
        return max(0.0, float(normal_quantile(self.proved_p))) if self.proved_p else 0.0

    @property
    def supported(self) -> float:
        """The fraction of the region that this centre's votes support, by its profile."""
        return supported_fraction([self.centre], [self.proved_p]) or 0.0

    @property
    def next_required_p(self) -> float:
        """The share that the first part of the region needs which the votes do not support."""
        proved = self.proved_p
        steps = (s.required_p for s in self.centre.profile if 0.0 < s.required_p >= proved)
        return next(steps, self.centre.required_p)

    @property
    def lost(self) -> bool:
        """Whether another class had more votes."""
        return self.rival is not None and self.rival[1] > self.counts.won

    def enough_votes(self, required_p: float | None = None) -> int | None:
        """Votes that would pass the test if the classes kept their shares; None if none would.

        Where the centre had no votes, the shares are those of the selection votes.

        Args:
            required_p: What is to be shown; None: what all of the region needs.
        """
        asked = self.centre.required_p if required_p is None else required_p
        counts = self.counts if self.tested else self.prior
        if asked >= 1.0 or counts.trials == 0:
            return None
        low, high = 0, max(1, counts.trials)
        while not self._passes(counts, high, asked):
            if high >= REPORT.explain.most_votes:
                return None
            low, high = high, min(2 * high, REPORT.explain.most_votes)
        while high - low > 1:
            middle = (low + high) // 2
            passed = self._passes(counts, middle, asked)
            low, high = (low, middle) if passed else (middle, high)
        return high

    def _passes(self, counts: ClassCounts, votes: int, required_p: float) -> bool:
        made = at_same_shares(counts, votes)
        if self.mixture is None:
            return clopper_pearson_lower(made.won, votes, self.level) > required_p
        try:
            return CentreTest(required_p, self.level, self.mixture).accepts(made)
        except GsmoothError:  # A share or level that no test can have.
            return False


def at_same_shares(counts: ClassCounts, votes: int) -> ClassCounts:
    """So many votes with the shares of ``counts``, rounded against the selected class.

    Example:
        >>> at_same_shares(ClassCounts(60, (3, 1, 0), 64), 640)
        ClassCounts(won=600, rivals=(30, 10, 0), trials=640)
    """
    won = counts.won * votes // counts.trials
    rivals = {min(math.ceil(r * votes / counts.trials), votes - won) for r in counts.rivals}
    return ClassCounts(won, tuple(sorted(rivals, reverse=True)), votes)
