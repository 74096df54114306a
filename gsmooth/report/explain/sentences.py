"""Sentences about one image: what was found, where it was decided and what would help."""

from __future__ import annotations

import math
from collections.abc import Iterator

from gsmooth.certificate import AbstainReason
from gsmooth.report.explain.case import Case
from gsmooth.report.explain.centre import CentreVotes
from gsmooth.report.explain.limit import Diagnosis, Limit
from gsmooth.report.reach import at, certified_text, describe
from gsmooth.report.settings import REPORT
from gsmooth.runs.verify.profiles import setting, supported_fraction
from gsmooth.text.rounding import percent, text_down, text_up
from gsmooth.theory.normal import normal_quantile
from gsmooth.theory.radii import round_down

_REASONS = {
    AbstainReason.FUTILE: "the votes show that a centre will not reach what it needs",
    AbstainReason.BUDGET: "the votes that were left could not be expected to suffice",
    AbstainReason.IMPOSSIBLE: "no original in the region can have become this image",
    AbstainReason.UNREACHABLE: "a centre's margin is infinite, so that no number of votes suffices",
}


def verdict(case: Case) -> str:
    """What was found, in one sentence."""
    row = case.row
    asked = describe(row.claim.region, case.parameters)
    if row.certified_region is not None and row.claim.fraction is not None:
        text = certified_text(row.certified_region, case.parameters, case.online)
        part = "all" if row.claim.fraction == 1.0 else text_down(100 * row.claim.fraction, 3) + "%"
        return f"{text}, as {case.named(case.selected)}: {part} of what was asked for ({asked})"
    reason = row.decision.reason
    why = f": {reason} ({_REASONS[reason]})" if reason is not None else ""
    return f"abstained on {asked}{why}"


def what_happened(found: Diagnosis) -> Iterator[str]:
    """Sentences about the votes at the image, the centre that decided, and the attack."""
    case = found.case
    yield _at_the_image(case)
    if found.centre is not None:
        yield from _at_the_centre(found, found.centre)
    yield from _smaller_region(found)
    yield from _attack(case)
    premise = case.row.claim.premise
    if premise is not None:
        yield f"Distributional: {premise.describe()}."


def _at_the_image(case: Case) -> str:
    image, selected = case.row.image, case.selected
    votes = image.prediction_counts
    most = votes[selected] if selected < len(votes) - 1 else 0
    others = sorted(((v, c) for c, v in enumerate(votes[:-1]) if c != selected), reverse=True)
    text = f"{case.named(selected)} had {most} of {sum(votes)} votes"
    if others and others[0][0]:
        text += f", {case.named(others[0][1])} had {others[0][0]}"
    if votes[-1]:
        text += f", {votes[-1]} were ties"
    answer = "g is not sure" if image.prediction is None else f"g answers {case.named(selected)}"
    where = "At the image as it was received" if case.online else "Without an attack"
    told = f"{where} {answer}: {text}."
    plain = image.clean_prediction
    if plain is not None and image.prediction is None:
        told += f" Without noise the network answers {case.named(plain)}."
    if case.truth is not None and selected != case.truth:
        told += f" The true class is {case.named(case.truth)}."
    return told


def _at_the_centre(found: Diagnosis, votes: CentreVotes) -> Iterator[str]:
    case, centre = found.case, votes.centre
    number = len(case.centres)
    which = f"Centre {votes.place + 1} of {number}" if number > 1 else "The only centre"
    where = f"{which}{_place(case, votes)}"
    needs = _needs(found, votes)
    if not votes.tested:
        yield f"{where} decided, without a vote: it {needs}."
        return
    what = "draws passed" if case.row.claim.mode == "nested" else f"votes ({_interval(votes)})"
    had = f"{centre.successes} of {centre.trials} {what}{_rival(case, votes)}"
    yield f"{where} {_role(found, votes)}: {case.named(case.selected)} had {had}."
    if votes.accepted and not case.radius:
        yield f"It {needs}, and the votes show that."
    else:
        yield f"It {needs}. The votes prove {_proved(votes)}."
    if case.law is not None and case.law.periodic:
        names = [case.parameters[k].name for k in case.law.periodic if k < len(case.parameters)]
        free = " and ".join(names) or "it"
        yield (
            f"Under Haar noise on {free} the parameter costs nothing: the margin is that of what"
            " the action does not explain, and of the l2 ball."
        )


def _needs(found: Diagnosis, votes: CentreVotes) -> str:
    """What the centre had to show: a share, which stands for a margin (T1, T4), or a lead (S9)."""
    if not math.isfinite(votes.centre.margin):
        return "needs an infinite margin, which no share of the votes gives"
    margin = max(0.0, float(normal_quantile(found.needed_p)))
    told = f"needs a share of more than {_share_up(found.needed_p)}"
    told += f" (a margin of {text_up(margin, 3)} standard deviations of the noise)"
    if votes.mixture is not None and votes.mixture.runner_up:
        told += " or twice this margin between it and every other class"
    if found.case.radius and found.needed_p < votes.centre.required_p:
        told += " for the next larger part of the region"
    return told


def _role(found: Diagnosis, votes: CentreVotes) -> str:
    if found.case.row.is_certified and (votes.accepted or found.case.radius):
        return "is the hardest one"
    return "set the limit" if found.case.row.is_certified else "failed"


def _interval(votes: CentreVotes) -> str:
    low, high = votes.interval()
    ends = f"{text_down(100 * low, 3)}% to {text_up(100 * high, 3)}%"
    return f"{percent(votes.share)}; {REPORT.explain.confidence:.0%} interval {ends}"


def _rival(case: Case, votes: CentreVotes) -> str:
    return f", {case.named(votes.rival[0])} {votes.rival[1]}" if votes.rival else ""


def _proved(votes: CentreVotes) -> str:
    if votes.proved_p < 0.5:
        return "no majority"
    share = text_down(100 * votes.proved_p, 4)
    return f"a margin of {text_down(votes.proved_margin, 3)} (as a share of {share}% does)"


def _place(case: Case, votes: CentreVotes) -> str:
    """`` at angle +22.5° (75% of the way to the end of the region)``."""
    theta, region = votes.centre.theta, case.row.claim.region
    if not theta:
        return ""
    ends = zip(theta, region.lower, region.upper, strict=False)
    parts = [value / (high if value > 0.0 else low) for value, low, high in ends if value]
    if max(parts, default=0.0) < REPORT.explain.at_the_image:
        return ", at the image itself,"
    names = ", ".join(parameter.name for parameter in case.parameters[: len(theta)])
    way = f" ({max(parts):.0%} of the way to the end of the region)" if not case.online else ""
    return f" at {names} {at(theta, case.parameters)}{way}"


def _share_up(required_p: float) -> str:
    return "100%" if required_p >= 1.0 else f"{text_up(100 * required_p, 4)}%"


def _smaller_region(found: Diagnosis) -> Iterator[str]:
    """Whether the same votes certify a smaller region."""
    case, votes = found.case, found.centre
    if votes is None or case.online or case.row.is_certified:
        return
    if case.radius:
        if votes.tested:
            yield "No part of the region, however small, follows from these votes."
    elif setting(case.config, "certify.order") == "inside-out":
        yield "The region is reached from the image outwards, and this centre is needed first."
    elif not any(case.row.claim.region.upper) and not any(case.row.claim.region.lower):
        yield _smaller_ball(case, votes)
    else:
        yield _up_to_here(case, votes)


def _smaller_ball(case: Case, votes: CentreVotes) -> str:
    """T1: the margin of an l2 ball grows in proportion to its radius."""
    if not votes.tested or not votes.proved_margin or not math.isfinite(votes.centre.margin):
        return "No smaller radius follows from these votes."
    radius = case.row.claim.region.l2 * votes.proved_margin / votes.centre.margin
    return (
        f"A smaller ball would have been certified by these votes: up to about l2 < {_r(radius)}."
    )


def _r(value: float) -> str:
    return f"{round_down(value, 3):g}"


def _up_to_here(case: Case, votes: CentreVotes) -> str:
    """A region that ends half way between the centre that failed and those within."""
    passed = [c for c in case.centres if c.accepted]
    here, theta = votes.centre.theta, [c.centre.theta for c in case.centres]
    inner = [c for c in case.centres if c is not votes and _size(c.centre.theta) < _size(here)]
    if len(here) == 1 and inner and all(c.accepted for c in inner):
        side = [t[0] for t in (c.centre.theta for c in inner) if t[0] * here[0] >= 0.0]
        nearest = max(map(abs, side), default=0.0)
        end = round_down(0.5 * (abs(here[0]) + nearest), 2)
        unit = case.parameters[0].unit if case.parameters else ""
        sign = {"deg": "°"}.get(unit, f" {unit}" if unit else "")
        return (
            f"All {len(inner)} centres nearer to the image were passed: a region up to about"
            f" ±{end:g}{sign} is likely to be certified."
        )
    return (
        f"{len(passed)} of {len(theta)} centres were passed; the hardest is tested first, so how"
        " far a smaller region would have been certified was not tried."
        " --set certify.order=inside-out tries it."
    )


def _size(theta: tuple[float, ...]) -> float:
    return math.hypot(*theta)


def _attack(case: Case) -> Iterator[str]:
    attack = case.row.attack
    if attack is None or case.online:
        return
    where = f" at {at(attack.theta, case.parameters)}" if attack.theta else ""
    cast, tried = sum(attack.counts), f"{attack.forwards:,} forward passes of attack"
    if attack.label is None:
        yield f"{tried}: at the worst place found{where} g is not sure of any class."
    elif attack.label == case.selected:
        votes = attack.counts[attack.label] if attack.label < len(attack.counts) else 0
        yield (
            f"{tried} changed nothing: at the worst place found{where} g still answers"
            f" {case.named(attack.label)} ({votes} of {cast} votes)."
        )
    else:
        yield f"{tried}: at{where.removeprefix(' at')} g answers {case.named(attack.label)}."


def what_helps(found: Diagnosis) -> Iterator[str]:
    """What is missing, and what to do about it."""
    case, votes = found.case, found.centre
    train = "train the network under this transformation and noise (gsmooth train)"
    match found.limit:
        case Limit.NONE:
            yield "Nothing is missing."
        case Limit.WRONG_CLASS:
            yield (
                "The network is the limit: g is sure of a wrong class, so that the image counts as"
                f" wrong whatever the votes. Look at its label, or {train}."
            )
        case Limit.ATTACKED:
            yield (
                "The network is the limit: in the region there is an attack that changes the"
                f" answer, so that no votes can certify it. Ask for a smaller region, or {train}."
            )
        case Limit.NOISE:
            yield from _noise(case, train)
        case Limit.CLASS_LOST:
            yield (
                "The network is the limit: at this centre another class has more votes. More votes"
                f" will not help; ask for a smaller region, or {train}."
            )
        case Limit.VOTES:
            yield from _votes(found)
        case Limit.MARGIN:
            assert votes is not None
            yield (
                f"The margin is the limit: the class leads at this centre, but a share of"
                f" {percent(votes.share)} is less than it needs, so more votes are not expected to"
                " help. A larger sigma or std makes margins smaller, and so do more centres"
                f" (certify.centres) and a smaller region; or {train}, so that the share grows."
            )
        case Limit.UNREACHABLE:
            yield (
                "The proof is the limit: use a larger sigma, a smaller region, a low-pass option of"
                " the transformation or more centres (certify.centres)."
            )
        case Limit.IMPOSSIBLE:
            yield "Check the region, and --bits: the image cannot have come from such an attack."


def _noise(case: Case, train: str) -> Iterator[str]:
    plain = case.row.image.clean_prediction
    known = case.selected if case.truth is None else case.truth
    if plain is None:
        yield f"g is not sure of this image under this noise. Use less noise, or {train}."
    elif plain == known:
        yield (
            "The noise is the limit: without it the network is right, and under it g is not sure."
            f" Use less noise, or {train}."
        )
    else:
        yield f"The network is the limit: it is wrong about this image without noise; {train}."


def _votes(found: Diagnosis) -> Iterator[str]:
    case, total = found.case, found.expected_votes
    assert found.enough is not None
    assert found.centre is not None
    shares = "its shares" if found.centre.tested else "the shares of the selection votes"
    if case.row.claim.mode == "nested":
        yield f"More draws are expected to help: {found.enough:,} if {shares} stay as they are."
        return
    if case.radius or not case.streamed:
        yield from _ceiling(found)
        yield (
            f"More votes are expected to help: about {found.enough:,} at each centre if {shares}"
            f" stay as they are (--set certify.n={_rounded(found.enough)})."
        )
        return
    more = "More votes are expected to help"
    yield f"{more}: about {found.enough:,} at this centre if {shares} stay as they are."
    if total is not None:
        yield (
            f"For the whole image that is about {total:,}"
            f" (--set certify.max_votes={_rounded(total)}; {case.row.counts.votes:,} were cast)."
        )


def _ceiling(found: Diagnosis) -> Iterator[str]:
    """What the shares themselves support, so what no number of votes is expected to exceed."""
    case = found.case
    if not case.radius:
        return
    shares = [centre.share for centre in case.centres]
    fraction = supported_fraction([c.centre for c in case.centres], shares)
    if fraction is not None and fraction < 1.0:
        text = describe(case.row.region.scaled(fraction), case.parameters)
        yield f"At the shares that were seen no number of votes certifies more than about {text}."


def _rounded(votes: int) -> int:
    """A budget with room: two significant digits, half as much again."""
    scale = 10 ** max(0, len(str(votes)) - 2)
    return int(math.ceil(1.5 * votes / scale) * scale)
