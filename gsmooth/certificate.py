"""What was proved about one image, with all that is needed to derive it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, final

from gsmooth.text.notebook import facts_html, votes_html
from gsmooth.text.rounding import confidence_text, text_inward, text_up
from gsmooth.transforms.region import Region

DECISION_RULE: Final = 2
"""The newest version of the rule that turns the votes of one image into a certificate.

Rule 1 is that of gsmooth 0.1.0. The class with most selection votes is put to the test
at every centre; only its own votes count, against the probability that the centre's margin
requires: by a Clopper-Pearson bound on a number of votes fixed in advance (S1, randomized: S7) or
by an e-process that may look at any time (S6). In region mode every centre has to pass, each at the
full alpha (C5); in radius mode, and inside-out, the largest part of the region that the votes
support is certified. Rule 2 differs where the test may look at any time: it is the mixture of the
e-process with the test of the runner-up (S9) that the selection votes choose, and an image whose
selection and pilot votes are unanimous has one attempt at the full alpha. Records name the version
that they were decided by, and are judged by that one for ever. Raise it with every change that can
turn the same votes into another certificate.
"""


def decision_rule(certify: Mapping[str, object]) -> int:
    """The version of the decision rule that a run's settings name.

    Args:
        certify: The settings under ``certify``. Where votes are fixed in advance it is 1, whatever
            the rule is called.

    Example:
        >>> decision_rule({"mode": "region", "rule": "runner-up"})
        2
    """
    streamed = certify.get("mode") == "region" or (
        certify.get("mode") == "radius" and certify.get("bound") == "sequence"
    )
    return DECISION_RULE if streamed and certify.get("rule") == "runner-up" else 1


MOST_VOTES: Final = 10**8
"""Votes that may be fixed in advance: requests for all of them are held in memory."""


class Guarantee(StrEnum):
    """The assumption under which a certificate holds (Fischer et al. 2020).

    *Individual*: proved of this image. *Distributional*: proved where the image's error is at most
    a calibrated one, which holds for a stated share of images. *Heuristic*: a bound is missing, and
    nothing is proved. *Online*: individual, about every preimage of the image that was given.

    Example:
        >>> Guarantee("individual") is Guarantee.INDIVIDUAL
        True
    """

    INDIVIDUAL = "individual"
    DISTRIBUTIONAL = "distributional"
    HEURISTIC = "heuristic"
    ONLINE = "online"  # individual, of every original that the given image can have come from


class Verdict(StrEnum):
    """The result of the test at one centre."""

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
    """The probability that a class needs at a centre for a part of ``region.scaled(fraction)``.

    Args:
        fraction: Fraction of the region, in [0, 1].
        required_p: Required probability.
    """

    fraction: float
    required_p: float


@final
@dataclass(frozen=True)
class Premise:
    """The assumption of a distributional certificate: this image's error is at most ``error`` (S8).

    S8: it holds for at least a share of all images like those of the calibration, with a confidence
    of its own. The certificate's alpha comes on top.

    Args:
        error: Bound on the error, an l2 norm in z-space.
        share: Share of all images for which the bound holds, in (0, 1).
        confidence: Confidence of that statement, in (0, 1).
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

    T6: an outer vote over parameters counts draws whose inner vote over pixel noise passes.

    Args:
        margin: Margin that the noise votes of every draw of theta must exceed.
        required_p: Phi(margin).
        votes: Noise votes a draw.
        successes: Noise votes for the selected class, draw by draw.
    """

    margin: float
    required_p: float
    votes: int
    successes: tuple[int, ...]


@final
@dataclass(frozen=True)
class CentreEvidence:
    """Counts at one centre of a cover.

    In nested mode a trial is a draw of theta that passes its inner test or does not, so there are
    no votes by class.

    Args:
        theta: Parameters on which the ball is centred, in their units.
        margin: rho; the class needs p > Phi(rho) (T4).
        required_p: Phi(rho).
        successes: Fresh votes for the selected class.
        trials: Fresh votes in all.
        verdict: Result of the test.
        profile: Requirements of the nested sub-regions, ascending in fraction; () where centres
            were tested worst first.
        inner: Inner tests of the nested method.
        class_votes: (class, votes) for every class that had a vote, ascending in the class. None,
            as for ``ties``: they were not kept (records of gsmooth 0.1.0).
        ties: Votes for no class (F3); together with ``class_votes`` they are ``trials``.
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
    """A certificate: g(psi_theta(x)) = label for every attack in ``region``, with confidence 1 -
    alpha.

    An *online* one says that g(x) = label for every x in [0, 1] that an attack in ``region`` turns
    into the image that was given.

    Args:
        label: The certified class.
        region: What is certified.
        fraction: The certified fraction of the region that was asked for; 1 is all of it.
        guarantee: The assumption under which the certificate holds.
        alpha: Probability that the certificate is wrong.
        evidence: Counts at every centre.
        premise: Assumption of a distributional certificate.
        attempts: Covers that shared alpha: every test is made at alpha / attempts.

    Example:
        >>> found: Certificate = Certified(3, Region(l2=0.5), 1.0, Guarantee.INDIVIDUAL, 0.001, ())
        >>> match found:
        ...     case Certified(label=label, region=region):
        ...         print(label, region.l2)
        ...     case Abstained(reason=reason):
        ...         print(reason)
        3 0.5
    """

    label: int
    region: Region
    fraction: float
    guarantee: Guarantee
    alpha: float
    evidence: tuple[CentreEvidence, ...] = field(repr=False)
    premise: Premise | None = None
    attempts: int = 1

    def _repr_html_(self) -> str:
        """For notebooks: what is certified, under which assumption."""
        part = "all of it" if self.fraction == 1.0 else text_inward(self.fraction, 4)
        facts = {"region": self.region, "part of what was asked for": part}
        return facts_html(f"Certified as class {self.label}", facts | _stated(self))


@final
@dataclass(frozen=True)
class Abstained:
    """No certificate, with the reason.

    Args:
        reason: Why no certificate was given.
        label: The class that the selection votes chose.
        least_n: Votes that could have sufficed; None if no number could.
        guarantee: The assumption under which a certificate would have held.
        alpha: Probability that a certificate would have been wrong.
        evidence: Counts at every centre.
        premise: Assumption of a distributional certificate.
        attempts: Covers that shared alpha: every test is made at alpha / attempts.

    Example:
        >>> found = Abstained(AbstainReason.BUDGET, 3, 6080, Guarantee.INDIVIDUAL, 0.001, ())
        >>> print(found.reason, found.least_n)
        budget 6080
    """

    reason: AbstainReason
    label: int
    least_n: int | None
    guarantee: Guarantee
    alpha: float
    evidence: tuple[CentreEvidence, ...] = field(repr=False)
    premise: Premise | None = None
    attempts: int = 1

    def _repr_html_(self) -> str:
        """For notebooks: the reason, and what was voted on."""
        facts: dict[str, object] = {"reason": self.reason, "class that was tested": self.label}
        facts["votes that could have sufficed"] = self.least_n
        return facts_html("Abstained", facts | _stated(self))


Certificate = Certified | Abstained


def _stated(found: Certificate) -> dict[str, object]:
    """What both kinds of answer state, for notebooks."""
    return {
        "guarantee": found.guarantee,
        "alpha": text_up(found.alpha),
        "premise": found.premise.describe() if found.premise else None,
        "centres": len(found.evidence),
        "votes at the centres": f"{sum(centre.trials for centre in found.evidence):,}",
    }


@final
@dataclass(frozen=True)
class Prediction:
    """The answer of PREDICT (S3).

    S3: the class is another one than g's with probability at most alpha.

    Args:
        label: The class; None for an abstention.
        counts: Votes by class; the last number counts ties.
        alpha: Level of the test.

    Example:
        >>> Prediction(label=1, counts=(2, 62, 0), alpha=0.001).label
        1
    """

    label: int | None
    counts: tuple[int, ...]
    alpha: float

    def _repr_html_(self) -> str:
        """For notebooks: the answer, and the votes of the classes that had most."""
        answer = "no class is sure" if self.label is None else f"class {self.label}"
        return votes_html(f"g answers: {answer} (alpha = {text_up(self.alpha)})", self.counts)
