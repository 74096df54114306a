"""What was proved about one image, with everything needed to derive it again (no sentinels)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, final

from gsmooth.text.rounding import confidence_text, text_up
from gsmooth.transforms.region import Region

DECISION_RULE: Final = 1
"""The version of the rule that turns the votes of one image into a certificate.

Rule 1 is that of gsmooth 0.1.0 and of today. The class with most selection votes is put to the test
at every centre; only its own votes count, against the probability that the centre's margin
requires: by a Clopper-Pearson bound on a number of votes fixed in advance (S1, randomized: S7) or
by an e-process that may look at any time (S6). In region mode every centre has to pass, each at the
full alpha (C5); in radius mode, and inside-out, the largest part of the region that the votes
support is certified. Records name the version that they were decided by, and are judged by that one
for ever. Raise it with every change that can turn the same votes into another certificate.
"""

MOST_VOTES: Final = 10**8
"""Votes that may be fixed in advance: requests for all of them are held in memory."""


class Guarantee(StrEnum):
    """Under which assumption a certificate holds (Fischer et al. 2020; docs/theory.md)."""

    INDIVIDUAL = "individual"
    DISTRIBUTIONAL = "distributional"
    HEURISTIC = "heuristic"
    ONLINE = "online"  # individual, of every original that the given image can have come from


class Verdict(StrEnum):
    """What the votes at one centre said."""

    ACCEPTED = "accepted"
    FUTILE = "futile"
    EXHAUSTED = "exhausted"
    UNTESTED = "untested"


class AbstainReason(StrEnum):
    """Why no certificate was given."""

    FUTILE = "futile"  # a centre's votes will not reach its required share
    BUDGET = "budget"  # the votes allowed ran out, or are fewer than could suffice
    IMPOSSIBLE = "impossible"  # online: no original in the region can have become this image
    UNREACHABLE = "unreachable"  # a centre's margin is infinite: no number of votes could pass it


@final
@dataclass(frozen=True)
class Step:
    """The share of votes that a centre needs for its part of ``region.scaled(fraction)``."""

    fraction: float
    required_p: float


@final
@dataclass(frozen=True)
class Premise:
    """What a distributional certificate assumes: this image's error is at most ``error``.

    True of a fraction of at least ``share`` of images like those of the calibration, a statement
    that has the confidence stated here. The certificate's own alpha comes on top.
    """

    error: float
    share: float
    confidence: float

    def describe(self) -> str:
        """The statement that a distributional certificate makes, in one sentence."""
        return (
            f"for a fraction of at least {confidence_text(self.share)} of images like the"
            f" calibration ones (confidence {confidence_text(self.confidence)}): their error is at"
            f" most {text_up(self.error, 4)}, and where it is, a certificate is wrong with"
            " probability at most alpha"
        )


@final
@dataclass(frozen=True)
class InnerEvidence:
    """The inner tests of the nested method at one centre (T6).

    margin, share: what the noise votes of every draw of theta must exceed. votes: noise votes a
    draw. successes: how many of them were for the selected class, draw by draw.
    """

    margin: float
    required_p: float
    votes: int
    successes: tuple[int, ...]


@final
@dataclass(frozen=True)
class CentreEvidence:
    """Raw counts at one centre of a cover.

    theta: the parameter the ball is centred on. margin: its rho, where the class needs p > Phi(rho)
    (T4). share: Phi(rho). successes of trials fresh votes were for the selected class. profile: the
    shares of the nested sub-regions, ascending in fraction (empty where centres were tested worst
    first). inner: nested mode only, where a trial is a draw of theta that passes its inner test or
    does not.

    class_votes: (class, votes) for every class that had a vote, ascending in the class; with
    ``ties``, votes for no class, they add up to ``trials``, and the selected class has
    ``successes`` of them. In nested mode trials are no votes: class_votes is empty, ties is 0. None
    in both: counts by class were not kept (records of gsmooth 0.1.0).
    """

    theta: tuple[float, ...]
    margin: float
    required_p: float
    successes: int
    trials: int
    verdict: Verdict
    profile: tuple[Step, ...] = ()
    inner: InnerEvidence | None = None
    class_votes: tuple[tuple[int, int], ...] | None = None
    ties: int | None = None


@final
@dataclass(frozen=True)
class Certified:
    """g(psi_theta(x)) = label for every attack in ``region``, with confidence 1 - alpha.

    *Online*: g(x) = label for every x in [0, 1] that an attack in ``region`` turns into the image.

    fraction: the certified fraction of the region that was asked for; 1 is all of it. premise: of a
    distributional certificate. attempts: covers that shared alpha: tests are at alpha / attempts.
    """

    label: int
    region: Region
    fraction: float
    guarantee: Guarantee
    alpha: float
    evidence: tuple[CentreEvidence, ...]
    premise: Premise | None = None
    attempts: int = 1


@final
@dataclass(frozen=True)
class Abstained:
    """No certificate. ``label`` is the selected class; ``least_n``: votes that could have sufficed.

    guarantee, alpha, evidence, premise and attempts as in :class:`Certified`.
    """

    reason: AbstainReason
    label: int
    least_n: int | None
    guarantee: Guarantee
    alpha: float
    evidence: tuple[CentreEvidence, ...]
    premise: Premise | None = None
    attempts: int = 1


Certificate = Certified | Abstained


@final
@dataclass(frozen=True)
class Prediction:
    """PREDICT's answer (S3): the class, or None for an abstention; votes spent and top counts."""

    label: int | None
    counts: tuple[int, ...]
    alpha: float
