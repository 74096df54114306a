"""Feasibility: regions that no votes can reach are refused before the first vote (S5)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, final

import numpy as np

from gsmooth.certificate import Guarantee
from gsmooth.certification import (
    CertifyTask,
    RadiusMode,
    RegionMode,
    chunks,
    least_votes,
)
from gsmooth.certification.mixture import check_variation, unanimous_mixture
from gsmooth.certification.settings import CERTIFICATION
from gsmooth.cover import Centres
from gsmooth.cover.distributional import equal_margin
from gsmooth.cover.settings import COVER
from gsmooth.errors import ConfigurationError, UnreachableError
from gsmooth.sampling.noise import CHUNK
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.text.rounding import text_up
from gsmooth.theory.bounds import BELOW_ONE, ceiling, least_n_fixed
from gsmooth.theory.centre_test import (
    ONE_SIDED,
    CentreMixture,
    ClassCounts,
    anytime_required_p,
)
from gsmooth.theory.normal import Floats, required_p_of_margin
from gsmooth.transforms.region import Region

MORE_THAN_VOTES: Final = (
    "Use more noise (sigma, std), a smaller region, more low-pass or more centres"
)
"""What to change if no number of votes suffices."""


def check_feasible(task: CertifyTask) -> None:
    """Refuse what no votes can reach, whatever the image is (S5). Called once, before any vote.

    S5: n unanimous votes show at most the share alpha^(1/n), so a larger required share needs more
    votes. Only the part of the margin that all images have in common is checked: that of the
    parameters, and a calibrated error if the builder has one. In region mode one of k balls has to
    reach 1 / (2k) of the region's length, and an l2 ball its radius. In radius mode a number of
    votes is refused only if it supports no region at all, because a smaller region is an answer.
    The rest of the margin can still make an image abstain, with reason *budget*. An *online* cover
    may be one small ball, since most of the region cannot have given the image, so only votes that
    cannot show a majority are refused.

    Args:
        task: What is to be certified, and how.

    Raises:
        UnreachableError: Unanimous votes fall short; with the least number that could suffice.
        ConfigurationError: The covers cannot be built for this region or transformation.
    """
    task.covers.check(task.smoothed, task.region)
    check_variation(task)
    if task.covers.guarantee is Guarantee.ONLINE:
        _check_secret(task.smoothed)
    if task.covers.error is not None:
        _check_error(task, task.covers.error)
    if isinstance(task.rule, RadiusMode):
        _check_radius(task.rule, unanimous_mixture(task))
    else:
        _check_region_mode(_RegionCheck(task, task.rule))


def _check_error(task: CertifyTask, error: float) -> None:
    """UnreachableError if unanimous votes fall short of the margins with a calibrated error.

    Region mode has to reach the whole region; radius mode its least part.
    """
    rule, number = task.rule, task.covers.centres
    centres = number if isinstance(number, int) else 1
    if isinstance(rule, RegionMode):
        name, cast, within, balls = "max_votes", rule.max_votes, task.region, centres
    else:
        smallest = task.region.scaled(CERTIFICATION.feasibility.smallest_fraction)
        name, cast, within, balls = "n", rule.most, smallest, 1
    margin = equal_margin(task.smoothed, within, error, balls)
    needed = _needed_by_all(task, float(required_p_of_margin(margin)), centres)
    if needed is not None and needed <= cast:
        return
    remedy = (
        f"no number suffices. {MORE_THAN_VOTES}, or a transformation with a smaller error"
        if needed is None
        else f"it has to be at least {needed}. Use more votes, a smaller region, more noise or a"
        " transformation with a smaller error"
    )
    raise UnreachableError(
        f"{name}={cast} cannot certify images with the calibrated error {text_up(error, 4)}: margin"
        f" {margin:.3g} at {balls} centre{_s(balls)}; {remedy}",
        needed,
    )


def largest_p_lower(mode: RadiusMode, mixture: CentreMixture = ONE_SIDED) -> float:
    """The lower bound of radius mode for n unanimous votes."""
    if mode.bound == "sequence":
        return anytime_required_p(ClassCounts(mode.most, (0,), mode.most), mode.alpha, mixture)
    # A randomized bound may, rarely, be anything below 1.
    return BELOW_ONE if mode.bound == "randomized" else ceiling(mode.most, mode.alpha)


def least_supporting(
    mode: RadiusMode, required_p: float, mixture: CentreMixture = ONE_SIDED
) -> int | None:
    """The least unanimous votes a centre that show ``required_p``; None if no number does."""
    if mode.bound == "randomized" and required_p < BELOW_ONE:
        return CHUNK
    if mode.bound == "sequence":
        return least_votes(required_p, mode.alpha, mixture)
    return _fixed_votes(required_p, mode.alpha)


def _needed_by_all(task: CertifyTask, required_p: float, centres: int) -> int | None:
    """The least votes (radius mode: a centre) if each of the centres requires ``required_p``."""
    mode, mixture = task.rule, unanimous_mixture(task)
    if isinstance(mode, RadiusMode):
        return least_supporting(mode, required_p, mixture)
    if mode.streamed:
        least = least_votes(required_p, mode.alpha, mixture)
    else:
        least = _fixed_votes(required_p, mode.alpha / centres)
    return None if least is None else mode.looks.least + centres * least


def _check_radius(mode: RadiusMode, mixture: CentreMixture) -> None:
    """Refuse numbers of votes that support no fraction above 0, whatever the image is.

    Every cover has a ball at the clean image. As the fraction goes to 0, its margin goes to the
    part that the image adds, so at best to 0, a required share of 1/2.
    """
    needed = least_supporting(mode, 0.5, mixture)
    if needed is None or needed > mode.most:
        raise UnreachableError(
            f"n={mode.n} votes cannot certify any radius at alpha={mode.alpha:g}: even if all agree"
            f" they do not show a majority; n has to be at least {needed}",
            needed,
        )


@final
@dataclass(frozen=True)
class _RegionCheck:
    """Whether region mode can succeed.

    mode: the rule of the task.
    """

    task: CertifyTask
    mode: RegionMode

    @property
    def region(self) -> Region:
        return self.task.region

    @property
    def smoothed(self) -> SmoothedClassifier:
        return self.task.smoothed

    @property
    def centres(self) -> Centres:
        return self.task.covers.centres

    @property
    def online(self) -> bool:
        return self.task.covers.guarantee is Guarantee.ONLINE

    @property
    def spans(self) -> Floats:
        return np.subtract(self.region.upper, self.region.lower)

    @property
    def moving(self) -> int:
        """How many parameters a cover has to span."""
        return 0 if self.online else int((self.spans > 0.0).sum())

    @property
    def free(self) -> bool:
        """True if the number of centres is chosen by their cost."""
        return self.centres is None and self.moving == 1

    @property
    def count(self) -> int:
        """The most centres that a cover can have within max_votes."""
        if self.online or self.centres == "clean":
            return 1
        if isinstance(self.centres, int):
            return min(self.centres, COVER.grid.most_points)
        mode = self.mode
        each = self.cheapest_centre or chunks(mode.n) * CHUNK
        return max(1, (mode.max_votes - mode.looks.least) // each)

    @property
    def level(self) -> float:
        """The level of every test: two attempts share alpha if the cover is chosen by its cost.

        With the rule "runner-up" unanimous votes leave it at one.
        """
        once = self.mode.rule == "runner-up" or not self.free
        return self.mode.alpha / (1 if once else self.mode.tries)

    @property
    def mixture(self) -> CentreMixture:
        """The tests of an image whose votes are unanimous."""
        return unanimous_mixture(self.task)

    @property
    def cheapest_centre(self) -> int:
        """The least votes that show a majority; 0 for the fixed rule, where all cost the same."""
        if not self.mode.streamed:
            return 0
        return least_votes(0.5, self.level, self.mixture) or 1

    def margin(self, balls: int) -> float:
        """The least margin that one of ``balls`` centres must have."""
        # One of k intervals that cover a length has at least 1/k of it. Boxes of several parameters
        # may be long in one and short in another, so they have no such bound here.
        halves = np.full(len(self.spans), 2.0)
        halves[list(self.smoothed.law.forward_axes)] = 1.0
        widths = self._widths(balls) if self.moving == 1 else np.zeros_like(self.spans)
        part = widths / halves
        shift = np.zeros((1, 0)) if self.smoothed.identity_action else part[None]
        norm = self.smoothed.transformation.bounds.lift_norm(self.smoothed.image_shape)
        return float(self.smoothed.law.margin(shift, np.array([norm * self.region.l2]))[0])

    def _widths(self, balls: int) -> Floats:
        """The least width of the longest of ``balls`` parts of the region, by axis (m,)."""
        widths = np.asarray(self.spans / balls)
        for axis, parameter in enumerate(self.smoothed.transformation.parameters):
            if parameter.step:  # So many values have so many gaps between them, less one.
                values = len(parameter.values(self.region.lower[axis], self.region.upper[axis]))
                widths[axis] = (math.ceil(values / balls) - 1) * parameter.step
        return widths

    def unanimous(self, balls: int, added: float = 0.0) -> int | None:
        """The least unanimous votes at the centre with the largest margin, and ``added`` to it."""
        margin, mode = self.margin(balls), self.mode
        if mode.streamed:
            required_p = float(required_p_of_margin(margin + added))
            return least_votes(required_p, self.level, self.mixture)
        required_p = float(required_p_of_margin(margin))  # Rounding up to whole chunks leaves room.
        return _fixed_votes(required_p, mode.alpha / balls)

    def needed(self, balls: int, added: float = 0.0) -> Needed | None:
        """The least votes with which ``balls`` centres can pass."""
        least, mode = self.unanimous(balls, added), self.mode
        if least is None:
            return None
        if mode.rule == "fixed":
            least = max(least, chunks(mode.n) * CHUNK)
        others = balls - 1 if self.moving == 1 else 0
        each = self.cheapest_centre or least
        return Needed(mode.looks.least + others * each + least, least)

    def cheapest(self) -> Needed | None:
        """The least votes with which any number of centres can pass."""
        settings = CERTIFICATION.feasibility
        counts = range(1, settings.most_centres)
        offers = (self.needed(balls, settings.safety_margin) for balls in counts)
        return min((offer for offer in offers if offer is not None), default=None)

    def passes(self) -> bool:
        """True if unanimous votes could certify the region."""
        least, mode = self.unanimous(self.count), self.mode
        if least is None:
            return False
        if mode.rule == "fixed" and least > chunks(mode.n) * CHUNK:
            return False
        if self.free:  # Their number follows from max_votes: only the hardest centre is in doubt.
            return mode.looks.least + least <= mode.max_votes
        needed = self.needed(self.count)
        return needed is not None and needed.votes <= mode.max_votes


@final
@dataclass(frozen=True, order=True)
class Needed:
    """Votes of an image that could suffice, and those of them at the hardest centre."""

    votes: int
    centre: int


def _check_region_mode(check: _RegionCheck) -> None:
    if check.passes():
        return
    mode, count = check.mode, check.count
    safety_margin = CERTIFICATION.feasibility.safety_margin
    needed = check.cheapest() if check.free else check.needed(count, safety_margin)
    remedy = f"no number of votes suffices. {MORE_THAN_VOTES}"
    if needed is not None:
        remedy = f"max_votes has to be at least {needed.votes}"
        if mode.rule == "fixed" and needed.centre > mode.n:
            remedy = f"n has to be at least {needed.centre} and {remedy}"
        remedy += ". Use more votes, a smaller region, more centres or more noise"
    number = f"{count} centre{_s(count)}"
    raise UnreachableError(
        f"max_votes={mode.max_votes} cannot certify {_text(check.smoothed, check.region)} at"
        f" alpha={mode.alpha:g} with {f'the {number} that it allows' if check.free else number}:"
        f" even unanimous votes fall short (margin {check.margin(count):.3g}); {remedy}",
        None if needed is None else needed.votes,
    )


def _fixed_votes(required_p: float, alpha: float) -> int | None:
    """The least unanimous votes, in whole chunks, with a Clopper-Pearson bound above the share."""
    try:
        return chunks(least_n_fixed(required_p, alpha)) * CHUNK
    except UnreachableError:
        return None


def _check_secret(smoothed: SmoothedClassifier) -> None:
    """ConfigurationError if the seed is 0, which is public knowledge.

    alpha is a probability over votes that are drawn independently of the image (S2). Votes are a
    function of seed and image, so an adversary with the seed can try attacks until one is certified
    falsely, and send that one.
    """
    if smoothed.seed == 0:
        raise ConfigurationError(
            "online: the seed is 0, which is no secret, and the images come from an attacker;"
            " leave the seed out, and a secret one is drawn"
        )


def _text(smoothed: SmoothedClassifier, region: Region) -> str:
    parameters = smoothed.transformation.parameters
    return region.describe(tuple(p.name for p in parameters), tuple(p.unit for p in parameters))


def _s(number: int) -> str:
    return "" if number == 1 else "s"
