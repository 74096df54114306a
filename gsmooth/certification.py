"""CERTIFY and PREDICT: from votes to a decision (Cohen et al. 2019, generalized to covers)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from time import perf_counter
from typing import Final, final

import numpy as np
from torch import Tensor

from gsmooth.certificate import Certificate, Guarantee, Prediction
from gsmooth.cover import Centres, Cover, Draft, check_region, draft
from gsmooth.cover.online import build_online_cover, check_online
from gsmooth.cover.survey import MOST_KNOTS
from gsmooth.decision import (
    Counts,
    Decision,
    Finding,
    Mode,
    RadiusMode,
    RegionMode,
    check_level,
    check_votes,
    chunks,
    decide,
    least_votes,
    prediction,
)
from gsmooth.errors import ConfigurationError, ImpossibleError, UnreachableError
from gsmooth.noise import CHUNK, Coordinate, Purpose
from gsmooth.region import Region
from gsmooth.smoothing import Ballot, SmoothedClassifier
from gsmooth.theory.bounds import ceiling
from gsmooth.theory.normal import share_of_margin

__all__ = [
    "IN_FLIGHT",
    "Item",
    "Mode",
    "Outcome",
    "RadiusMode",
    "RegionMode",
    "certify",
    "certify_many",
    "foresee",
    "online_drafter",
    "predict",
    "predict_many",
]

IN_FLIGHT: Final = 16
MOST_TRIED: Final = 256
"""Numbers of centres among which the least votes of a refused run are sought."""


@final
@dataclass(frozen=True)
class Item:
    """An image (C, H, W), float64 in the declared range, and its index: part of every vote."""

    index: int
    image: Tensor


@final
@dataclass(frozen=True)
class Outcome:
    """What certify found for one image.

    prediction: PREDICT on the selection votes at the clean image. votes: forward passes spent,
    selection and pilots included; pilot_votes: those that only chose the cover. seconds: time spent
    on this image (cover, and its share of every batch).
    """

    index: int
    certificate: Certificate
    prediction: Prediction
    votes: int
    seconds: float
    pilot_votes: int = 0


Drafter = Callable[[SmoothedClassifier, Item, Region], Draft]
"""Another way to cover an image than from the image itself and all of its votes."""


@final
@dataclass(frozen=True)
class OnlineCovers:
    """Makes covers of the originals of attacked images: what :func:`online_drafter` returns."""

    centres: int | None
    seconds: float | None

    def __call__(self, smoothed: SmoothedClassifier, item: Item, region: Region) -> Cover:
        """The cover of one image; without balls, so abstained from, where it has no original."""
        image = item.image
        try:
            return build_online_cover(smoothed, image, region, self.centres, seconds=self.seconds)
        except ImpossibleError:
            clean = smoothed.transformation.lift(image[None].double())[0]
            return Cover(region, clean, (), Guarantee.ONLINE)


def online_drafter(centres: Centres = None, seconds: float | None = None) -> OnlineCovers:
    """For ``certify_many``: the items are attacked images, and certified are their originals.

    centres, seconds: see :func:`certify`. A limit of time makes covers, and so counts, depend on
    the machine where it is reached.
    """
    if centres == "clean":
        raise ConfigurationError(
            'online: centres="clean" needs the clean image, which is what is sought; give a number'
        )
    if centres is not None and centres < 1:
        raise ConfigurationError(f"online: centres={centres} must be at least 1")
    if seconds is not None and not seconds >= 0.0:
        raise ConfigurationError(f"online: seconds={seconds} must be at least 0, or None")
    return OnlineCovers(centres, seconds)


def certify(
    smoothed: SmoothedClassifier,
    image: Tensor,
    region: Region,
    mode: Mode | None = None,
    *,
    centres: Centres = None,
    index: int = 0,
    online: bool = False,
    seconds: float | None = None,
) -> Outcome:
    """The certificate of one image (C, H, W) on ``region``; see :class:`RegionMode`.

    centres: at most so many; "clean": the clean image alone; by default as many as cost least.
    online: the image has been attacked, and the certificate is about every original in [0, 1] that
    an attack in ``region`` turns into it. ``seconds`` (online): the search for originals ends then,
    with a larger cover, that is still sound; by default when more gains nothing.
    """
    drafter = online_drafter(centres, seconds) if online else None
    items, rule = [Item(index, image)], mode or RegionMode()
    return next(certify_many(smoothed, items, region, rule, centres=centres, drafter=drafter))


def certify_many(
    smoothed: SmoothedClassifier,
    items: Iterable[Item],
    region: Region,
    mode: Mode,
    *,
    centres: Centres = None,
    in_flight: int = IN_FLIGHT,
    drafter: Drafter | None = None,
) -> Iterator[Outcome]:
    """Outcomes in order of completion; ``in_flight`` images share every batch of votes.

    drafter: makes each image's cover in place of :func:`gsmooth.cover.draft`; see
    :func:`online_drafter`.

    Counts, and so certificates, do not depend on in_flight or batch size. Raises UnreachableError
    before the first image when no votes could reach the region, InputError for an image that does
    not fit the classifier, ModelError for scores that are not finite.
    """
    if in_flight < 1:
        raise ConfigurationError(f"engine: in_flight={in_flight} must be at least 1 image")
    online = isinstance(drafter, OnlineCovers)
    foresee(smoothed, region, mode, centres=centres, online=online)
    waiting = iter(items)
    flights: list[_Flight] = []
    while True:
        while len(flights) < in_flight and (item := next(waiting, None)) is not None:
            smoothed.classifier.check_image(item.image, item.index)
            began = perf_counter()
            plan = (drafter or _drafter(mode, centres))(smoothed, item, region)
            decision = decide(smoothed, item.index, plan, mode)
            flights.append(_Flight(item.index, decision, next(decision), perf_counter() - began))
        if not flights:
            return
        began = perf_counter()
        counts = smoothed.count([ballot for flight in flights for ballot in flight.ballots])
        pace = (perf_counter() - began) / len(counts)
        staying = []
        for flight in flights:
            taken, counts = counts[: len(flight.ballots)], counts[len(flight.ballots) :]
            flight.seconds += pace * len(taken)
            if (found := flight.resume(taken)) is None:
                staying.append(flight)
            else:
                yield Outcome(
                    index=flight.index,
                    certificate=found.certificate,
                    prediction=found.prediction,
                    votes=found.votes,
                    seconds=flight.seconds,
                    pilot_votes=found.pilot_votes,
                )
        flights = staying


def _drafter(mode: Mode, centres: Centres) -> Drafter:
    price = mode.price if isinstance(mode, RegionMode) else None

    def drafted(smoothed: SmoothedClassifier, item: Item, region: Region) -> Draft:
        return draft(smoothed, item.image, region, centres, price)

    return drafted


def predict(
    smoothed: SmoothedClassifier,
    image: Tensor,
    *,
    n: int = 1000,
    alpha: float = 0.001,
    index: int = 0,
) -> Prediction:
    """PREDICT (S3): g's class at ``image``, wrong with probability <= alpha, or an abstention."""
    return next(predict_many(smoothed, [Item(index, image)], n=n, alpha=alpha))[1]


def predict_many(
    smoothed: SmoothedClassifier,
    items: Iterable[Item],
    *,
    n: int = 1000,
    alpha: float = 0.001,
    purpose: Purpose = Purpose.PREDICTION,
) -> Iterator[tuple[int, Prediction]]:
    """(index, prediction) for every item, in order. n is rounded up to whole chunks."""
    check_level("alpha", alpha)
    check_votes(n=n)
    for item in items:
        smoothed.classifier.check_image(item.image, item.index)
        z = smoothed.transformation.lift(item.image[None].double())[0]
        counts = smoothed.count(
            [
                Ballot(Coordinate(smoothed.seed, item.index, purpose, 0, chunk), z)
                for chunk in range(chunks(n))
            ]
        )
        yield item.index, prediction(counts.sum(axis=0), alpha)


def foresee(
    smoothed: SmoothedClassifier,
    region: Region,
    mode: Mode,
    *,
    centres: Centres = None,
    online: bool = False,
) -> None:
    """Refuse what no votes can reach (S5): UnreachableError with the least number of votes.

    Region mode only, and the parameters' part only: with k centres some ball has to reach
    1 / (2k) of the region's length, whatever the image; an l2 ball has to reach its radius. What
    the image adds can still make it abstain, with reason *budget*. An *online* cover may be one
    small ball, since most of the region cannot have given the image: there, only a number of votes
    is refused that shows no majority at all.
    """
    check_region(smoothed, region)
    if online:
        check_online(smoothed, region)
        _check_secret(smoothed)
    transformation, law = smoothed.transformation, smoothed.law
    if isinstance(centres, int) and centres < 1:
        raise ConfigurationError(f"certify: centres={centres} must be at least 1")
    if isinstance(mode, RadiusMode):
        return
    spans = np.array([h - low for low, h in zip(region.lower, region.upper, strict=True)])
    moving = 0 if online else int((spans > 0.0).sum())
    count = 1 if online else _most_centres(mode, centres)
    residual = transformation.lift_norm(smoothed.classifier.shape) * region.l2

    def margin_of(balls: int) -> float:
        # Some of k intervals that cover a length is at least 1/k of it; boxes of several parameters
        # may be long in one and short in another, so nothing is refused for them here.
        part = spans / (2.0 * balls) if moving == 1 else np.zeros_like(spans)
        shift = np.zeros((1, 0)) if smoothed.still else part[None]
        return float(law.margin(shift, np.array([residual]))[0])

    def needed_for(balls: int, others: int) -> int | None:
        # The other centres cost a chunk each at least.
        least = _least(mode, float(share_of_margin(margin_of(balls))), balls)
        return None if least is None else chunks(mode.n0) * CHUNK + others * _cheapest(mode) + least

    free = centres is None and moving == 1
    needed = needed_for(count, count - 1 if moving == 1 and not free else 0)
    if needed is None or needed > mode.max_votes:
        if free:  # More votes would pay for more centres, which need fewer votes each.
            offers = (needed_for(balls, balls - 1) for balls in range(1, MOST_TRIED))
            needed = min((offer for offer in offers if offer is not None), default=None)
        remedy = (
            f"max_votes has to be at least {needed}"
            if needed is not None
            else "no number of votes suffices"
        )
        plural = "s" if count > 1 else ""
        number = (
            f"the {count} centre{plural} that it pays for" if free else f"{count} centre{plural}"
        )
        raise UnreachableError(
            f"max_votes={mode.max_votes} cannot certify {_text(smoothed, region)} at"
            f" alpha={mode.alpha:g} with {number}: even unanimous votes fall short"
            f" (margin {margin_of(count):.3g}); {remedy}. Use more votes, a smaller region, more"
            " centres or more noise",
            needed,
        )


def _check_secret(smoothed: SmoothedClassifier) -> None:
    """Votes are a function of the seed and the image: who knows one and makes the other can choose.

    alpha speaks of votes that are drawn independently of the image (S2). An attacker who knows the
    seed can try attacks until one is certified falsely, and send that one.
    """
    if smoothed.seed == 0:
        raise ConfigurationError(
            "online: the seed is 0, which everyone knows, and the images come from an attacker;"
            " draw a secret one after the images have arrived, e.g. secrets.randbits(62) (in a run:"
            " smoothing.seed)"
        )


def _most_centres(mode: RegionMode, centres: Centres) -> int:
    """The number of centres that a cover can have and pay for."""
    if centres == "clean":
        return 1
    if isinstance(centres, int):
        return min(centres, MOST_KNOTS)
    return max(1, (mode.max_votes - chunks(mode.n0) * CHUNK) // _cheapest(mode))


def _cheapest(mode: RegionMode) -> int:
    """The least votes that any centre costs."""
    return CHUNK if mode.rule == "e-process" else chunks(mode.n) * CHUNK


def _least(mode: RegionMode, share: float, count: int) -> int | None:
    """Least unanimous votes at one of ``count`` centres that show ``share``."""
    if mode.rule == "e-process":
        return least_votes(share, mode.alpha)
    cast = _cheapest(mode)
    return cast if ceiling(cast, mode.alpha / count) > share else None


def _text(smoothed: SmoothedClassifier, region: Region) -> str:
    parameters = smoothed.transformation.parameters
    return region.describe(tuple(p.name for p in parameters), tuple(p.unit for p in parameters))


@dataclass
class _Flight:
    index: int
    decision: Decision
    ballots: list[Ballot]
    seconds: float

    def resume(self, counts: Counts) -> Finding | None:
        """Hand over the counts of ``ballots``; the finding, or None when it asks for more."""
        began = perf_counter()
        try:
            self.ballots = self.decision.send(counts)
        except StopIteration as finished:
            found: Finding = finished.value
            return found
        finally:
            self.seconds += perf_counter() - began
        return None
