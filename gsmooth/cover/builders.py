"""Cover builders: how the cover of each image is made, and which guarantee it gives."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import final

from gsmooth.certificate import Guarantee
from gsmooth.cover.bounds.margin_model import check_region
from gsmooth.cover.build import Cover
from gsmooth.cover.online import build_online_cover, check_online
from gsmooth.cover.planning.plan import CoverPlan
from gsmooth.cover.planning.planned import build_cover, plan_cover
from gsmooth.cover.planning.planner import Centres, Price
from gsmooth.data.item import Item
from gsmooth.errors import ConfigurationError, ImpossibleError
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.transforms.region import Region


class CoverBuilder(ABC):
    """Builds the cover of one image after the other.

    A builder is independent of the images, of the smoothed classifier and of the region.
    """

    @property
    @abstractmethod
    def guarantee(self) -> Guarantee:
        """The guarantee of its covers; a cover with an unproved bound is heuristic."""

    @property
    def centres(self) -> Centres:
        """The number of centres, see :data:`Centres`; by default None, the cheapest number."""
        return None

    @property
    def error(self) -> float | None:
        """A bound on the error of every image, given in advance; None if covers bound it."""
        return None

    def check(self, smoothed: SmoothedClassifier, region: Region) -> None:
        """Refuse what this builder has no covers for, whatever the images are.

        Raises:
            ConfigurationError: The region or the transformation does not fit.
        """
        check_region(smoothed, region)

    @abstractmethod
    def cover(self, smoothed: SmoothedClassifier, item: Item, region: Region) -> Cover:
        """The cover of one image, made without any vote."""

    def plan(
        self,
        smoothed: SmoothedClassifier,
        item: Item,
        region: Region,
        price: Price | None,
    ) -> Cover | CoverPlan:
        """A cover of one image, or a plan that pilot votes turn into a cover.

        Args:
            smoothed: The smoothed classifier whose votes will be counted.
            item: The image.
            region: What has to be covered.
            price: The expected cost of centres, by which a plan may choose them; None where votes
                may not choose the cover.
        """
        return self.cover(smoothed, item, region)


@final
@dataclass(frozen=True)
class IndividualCovers(CoverBuilder):
    """Covers of the attacks on the given image; suprema are bounded for each image (C2).

    Args:
        number: At most so many centres; "clean": the clean image is the only centre; None: the
            cheapest number if there is a price, else the transformation's default number.
    """

    number: Centres = None

    def __post_init__(self) -> None:
        _check_number("certify", self.number)

    @property
    def guarantee(self) -> Guarantee:
        """Individual."""
        return Guarantee.INDIVIDUAL

    @property
    def centres(self) -> Centres:
        """The given number."""
        return self.number

    def cover(self, smoothed: SmoothedClassifier, item: Item, region: Region) -> Cover:
        """The cover with the given number of centres, or the transformation's default number."""
        return build_cover(smoothed, item.image, region, self.number)

    def plan(
        self, smoothed: SmoothedClassifier, item: Item, region: Region, price: Price | None
    ) -> Cover | CoverPlan:
        """The plan of the cheapest cover, if no number of centres is given; else the cover."""
        return plan_cover(smoothed, item.image, region, self.number, price)


@final
@dataclass(frozen=True)
class OnlineCovers(CoverBuilder):
    """Covers of the preimages of images that have been attacked already.

    Args:
        number: At most so many centres; by default the transformation's default number.
        seconds: The search for preimages ends after this time, with a larger cover, that is still
            sound. Covers, and so counts, then depend on the machine. None: no limit.
    """

    number: Centres = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        if self.number == "clean":
            raise ConfigurationError(
                'online: centres="clean" needs the clean image, which is unknown; give a number'
            )
        _check_number("online", self.number)
        if self.seconds is not None and not self.seconds >= 0.0:
            raise ConfigurationError(f"online: seconds={self.seconds} must be at least 0, or None")

    @property
    def guarantee(self) -> Guarantee:
        """Online."""
        return Guarantee.ONLINE

    @property
    def centres(self) -> Centres:
        """The given number."""
        return self.number

    def check(self, smoothed: SmoothedClassifier, region: Region) -> None:
        """Refuse transformations and regions whose preimages cannot be enclosed."""
        check_online(smoothed, region)

    def cover(self, smoothed: SmoothedClassifier, item: Item, region: Region) -> Cover:
        """The cover of all preimages; without balls, so abstained from, if there is no preimage."""
        number = self.number if isinstance(self.number, int) else None
        try:
            return build_online_cover(smoothed, item.image, region, number, seconds=self.seconds)
        except ImpossibleError:
            clean = smoothed.transformation.lift(item.image[None].double())[0]
            return Cover(region, clean, (), Guarantee.ONLINE)


@final
@dataclass(frozen=True)
class GivenCover(CoverBuilder):
    """The same finished cover for every image."""

    given: Cover

    @property
    def guarantee(self) -> Guarantee:
        """That of the given cover."""
        return self.given.guarantee

    def cover(self, smoothed: SmoothedClassifier, item: Item, region: Region) -> Cover:
        """The given cover."""
        return self.given


def _check_number(where: str, number: object) -> None:
    if number is None or number == "clean":
        return
    if not isinstance(number, int) or isinstance(number, bool):
        raise ConfigurationError(
            f"{where}: centres={number!r}; expected a whole number of at least 1, or 'clean'"
        )
    if number < 1:
        raise ConfigurationError(f"{where}: centres={number} must be at least 1")
