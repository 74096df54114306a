"""What was proved about one image, with everything needed to derive it again (no sentinels)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import final

from gsmooth.region import Region


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
    BUDGET = "budget"  # the votes allowed ran out, or could never suffice
    IMPOSSIBLE = "impossible"  # online: no original in the region can have become this image


@final
@dataclass(frozen=True)
class Step:
    """The share of votes that a centre needs for its part of ``region.scaled(gauge)``."""

    gauge: float
    share: float


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
            f"for a fraction of at least {self.share:g} of images like the calibration ones"
            f" (confidence {self.confidence:g}): their error is at most {self.error:.4g}, and where"
            " it is, a certificate is wrong with probability at most alpha"
        )


@final
@dataclass(frozen=True)
class InnerEvidence:
    """The inner tests of the nested method at one centre (T6).

    margin, share: what the noise votes of every draw of theta must exceed. votes: noise votes a
    draw. successes: how many of them were for the selected class, draw by draw.
    """

    margin: float
    share: float
    votes: int
    successes: tuple[int, ...]


@final
@dataclass(frozen=True)
class CentreEvidence:
    """Raw counts at one centre of a cover.

    theta: the parameter the ball is centred on. margin: its rho (T4), share: the required vote
    share. successes of trials fresh votes were for the selected class. profile: the shares of the
    nested sub-regions, ascending in gauge (empty where centres were tested worst first). inner:
    nested mode only, where a trial is a draw of theta that passes its inner test or does not.
    """

    theta: tuple[float, ...]
    margin: float
    share: float
    successes: int
    trials: int
    verdict: Verdict
    profile: tuple[Step, ...] = ()
    inner: InnerEvidence | None = None


@final
@dataclass(frozen=True)
class Certified:
    """g(psi_theta(x)) = label for every attack in ``region``, with confidence 1 - alpha.

    *Online*: g(x) = label for every x in [0, 1] that an attack in ``region`` turns into the image.

    gauge: the certified fraction of the region that was asked for; 1 is all of it. premise: of a
    distributional certificate. attempts: covers that shared alpha: tests are at alpha / attempts.
    """

    label: int
    region: Region
    gauge: float
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
