"""The population: one vote an image, and a bound on the accuracy of one vote under attack (S10)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import final

import numpy as np
import torch

from gsmooth.certificate import Guarantee
from gsmooth.certification.settings import CERTIFICATION
from gsmooth.cover import build_cover, check_region
from gsmooth.data.item import Item
from gsmooth.errors import ConfigurationError, InputError
from gsmooth.sampling.noise import SampleKey, Stream
from gsmooth.sampling.smoothed_classifier import SampleRequest, SmoothedClassifier
from gsmooth.text.notebook import facts_html
from gsmooth.text.rounding import confidence_text, percent_down, text_down, text_up
from gsmooth.theory.haar import HaarLaw
from gsmooth.theory.laws import GaussianLaw
from gsmooth.theory.population import PopulationBound
from gsmooth.transforms.region import Region


@final
@dataclass(frozen=True)
class PopulationVote:
    """One vote at the centre of a single ball that holds an image and all attacks on it.

    Args:
        index: The index of the image.
        margin: d, the proved margin of the ball; inf where none is proved.
        label: The class that the vote is for; None for a tie, and where no vote was cast because
            the margin is infinite.
    """

    index: int
    margin: float
    label: int | None


@final
@dataclass(frozen=True)
class PopulationCertificate:
    """A lower bound on the robust accuracy of a classifier over a population (S10).

    S10: the classifier answers every query with *one* vote, with fresh noise. The bound is about
    the distribution that the images were drawn from, and it holds if they were drawn independently
    of each other (or from a finite set with replacement). It states nothing about one image, nor
    about the majority of many votes.

    Args:
        robust_accuracy: The bound: for at least this share of (image, label) pairs, counted with
            the probability of the vote, the answer is the label under the worst attack.
        alpha: Probability that the bound is wrong, over the draw of images and votes.
        region: The attacks.
        bound: How the bound was computed; chosen before the votes.
        images: Images, one vote each.
        right: Votes for the true class.
        covered: Images with a proved margin of at most ``bound.max_margin``; others count as lost.
        estimate: The estimate that the bound is below; nothing is proved of it.

    Example:
        >>> found = PopulationCertificate.of(
        ...     Region(l2=0.5),
        ...     PopulationBound("clopper-pearson", max_margin=0.5),
        ...     margins=[0.5] * 1000,
        ...     right=[True] * 980 + [False] * 20,
        ...     alpha=0.001,
        ... )
        >>> round(found.robust_accuracy, 3), found.images, found.right
        (0.899, 1000, 980)
    """

    robust_accuracy: float
    alpha: float
    region: Region
    bound: PopulationBound
    images: int
    right: int
    covered: int
    estimate: float = field(compare=False)

    def _repr_html_(self) -> str:
        """For notebooks: the bound, and what it was counted from."""
        facts = {
            "robust accuracy, at least": percent_down(self.robust_accuracy),
            "alpha": text_up(self.alpha),
            "region": self.region,
            "images, one vote each": f"{self.images:,}",
            "right votes": f"{self.right:,}",
        }
        return facts_html("A bound for a population", facts)

    @staticmethod
    def of(
        region: Region,
        bound: PopulationBound,
        margins: Sequence[float],
        right: Sequence[bool],
        alpha: float,
    ) -> PopulationCertificate:
        """The certificate that follows from the margins of images and one vote at each.

        Args:
            region: The attacks that the margins are of.
            bound: How the bound is computed.
            margins: The margin of each image, (n,); inf where none is proved.
            right: Whether each vote is the true class, (n,).
            alpha: Failure probability, in (0, 1/2].

        Raises:
            InputError: There is no image.
        """
        if not margins:
            raise InputError("population: no images; expected at least one, and better thousands")
        return PopulationCertificate(
            robust_accuracy=bound.lower(margins, right, alpha),
            alpha=alpha,
            region=region,
            bound=bound,
            images=len(margins),
            right=sum(map(bool, right)),
            covered=int((np.asarray(margins) <= bound.max_margin).sum()),
            estimate=bound.estimate(margins, right),
        )

    def describe(self) -> str:
        """The statement, in two sentences."""
        share = text_down(100.0 * self.robust_accuracy, 4)
        return (
            f"one vote gives the true class under every attack of the region with a probability of"
            f" at least {share}%, on average over images drawn as these were"
            f" (confidence {confidence_text(1.0 - self.alpha)}). It holds if the images were drawn"
            " independently, or from a finite set with replacement, and every query is answered"
            " with fresh noise that the adversary does not know; it is no statement about one image"
        )


def usual_max_margin(smoothed: SmoothedClassifier, region: Region, typical_p: float) -> float:
    """The largest margin that counts where none is given: Phi^-1(typical_p), or that of an l2 ball.

    An l2 ball without parameters has nearly the same margin for all images, a little above
    ||L|| l2 / sigma.
    """
    if region.dimensions:
        return PopulationBound.largest_margin(typical_p)
    norm = smoothed.transformation.bounds.lift_norm(smoothed.image_shape)
    return 1.01 * norm * region.l2 / smoothed.law.sigma + 0.001


def check_population(smoothed: SmoothedClassifier, region: Region, bound: PopulationBound) -> None:
    """Refuse what S10 is not proved for, whatever the images are.

    S10 takes the probability at an attacked image from that at the centre by Phi(Phi^-1(p) - d).
    That is proved for Gaussian noise (T1, T4) and beside Haar noise (T7), where the action keeps
    lengths.

    Raises:
        ConfigurationError: The noise is of another law, the action lengthens, or nothing is proved
            without a grid.
    """
    check_region(smoothed, region)
    if not isinstance(smoothed.law, GaussianLaw | HaarLaw):
        raise ConfigurationError(
            f"population: the noise on the parameters is {smoothed.law.name}; the bound for one"
            " vote is proved for gaussian and haar noise: choose one of them"
        )
    if not smoothed.orthogonal:
        raise ConfigurationError(
            f"population: the action of {smoothed.transformation.name} does not keep lengths; the"
            " bound for one vote is proved for actions that do"
        )
    if smoothed.grid == 0.0:
        raise ConfigurationError(
            "population: smoothing.grid is 0, so no margin is proved; leave it out"
        )
    # Float noise depends on the number of values in z, not on which they are.
    blank = torch.zeros((1, *smoothed.image_shape), dtype=torch.float64, device="cpu")
    z = smoothed.transformation.lift(blank)[0]
    if (variation := smoothed.total_variation(z)) > bound.variation:
        raise ConfigurationError(
            f"population: float noise changes votes in a share of {variation:.2g}, more than the"
            f" {bound.variation:.2g} that the bound pays for; use more noise (sigma)"
        )


def population_votes(
    smoothed: SmoothedClassifier, items: Iterable[Item], region: Region
) -> Iterator[PopulationVote]:
    """One vote for each image, at the centre of the single ball of its cover, in order.

    The votes have a stream of their own (S2), and no vote chooses anything: centre and margin
    follow from the image. The caller has called :func:`check_population`.

    Args:
        smoothed: The smoothed classifier.
        items: The images, each with an index of its own: equal images need fresh noise too.
        region: The attacks.

    Raises:
        InputError: An image does not fit the classifier.
        ModelError: The network's scores are not finite.
    """
    waiting = iter(items)
    while some := list(islice(waiting, CERTIFICATION.images_in_flight)):
        margins: list[float] = []
        requests: list[SampleRequest] = []
        for item in some:
            smoothed.check_image(item.image, item.index)
            cover = build_cover(smoothed, item.image, region, 1)
            (ball,) = cover.balls
            proved = cover.guarantee is Guarantee.INDIVIDUAL
            margins.append(ball.margin if proved else math.inf)
            if math.isfinite(margins[-1]):
                key = SampleKey(smoothed.seed, item.index, Stream.POPULATION, 0, 0)
                requests.append(SampleRequest(key, ball.z, 1))
        labels = iter(_labels(smoothed, requests))
        for item, margin in zip(some, margins, strict=True):
            label = next(labels) if math.isfinite(margin) else None
            yield PopulationVote(item.index, margin, label)


def _labels(smoothed: SmoothedClassifier, requests: list[SampleRequest]) -> list[int | None]:
    """The class of each single vote; None for a tie."""
    if not requests:
        return []
    found = np.argmax(smoothed.count(requests), axis=1).tolist()
    classes = smoothed.classifier.classes
    return [label if label < classes else None for label in found]
