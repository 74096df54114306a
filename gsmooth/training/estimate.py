"""CertifiedEstimate: the certified accuracy of a network, estimated by a few votes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import final

from torch import Tensor, nn

from gsmooth.data.item import Item
from gsmooth.models.classifier import Classifier
from gsmooth.sampling.noise import CHUNK, SampleKey, Stream
from gsmooth.sampling.smoothed_classifier import SampleRequest, SmoothedClassifier
from gsmooth.training.sampled_cover import SampledBall, SampledCovers
from gsmooth.training.settings import TRAINING
from gsmooth.transforms.region import Region


@final
@dataclass
class CertifiedEstimate:
    """The share of validation images that would be certified, by votes without bounds.

    An image counts if the share of votes for its true class exceeds what a cover requires, at every
    centre of a cover with 1, 2, 4 or 8 centres. Votes are those of certificates (sampler, law,
    grid). But shares take the place of lower bounds, and a few attacks that of the whole region, so
    this is an estimate and proves nothing: it is usually a little too high.

    The noise is the same for every network, so networks are compared by the same votes.

    Args:
        smoothed: A smoothed classifier with the noise; its network is replaced.
        items: The validation images.
        labels: Their classes.
        region: What is to be certified.
    """

    smoothed: SmoothedClassifier
    items: Sequence[Item]
    labels: Sequence[int]
    region: Region
    _covers: dict[int, list[list[SampledBall]]] = field(default_factory=dict)

    def __call__(self, module: nn.Module) -> float:
        """The estimate for a network, in [0, 1].

        Args:
            module: The network, (N, C, H, W) -> scores (N, classes); its mode becomes evaluation.

        Raises:
            ModelError: The network fails, or its scores are not finite.
        """
        known = self.smoothed.classifier
        classifier = Classifier(
            module,
            classes=known.classes,
            shape=known.shape,
            input_range=known.input_range,
            name=known.name,
            copy=False,
        )
        smoothed = replace(self.smoothed, classifier=classifier)
        waiting = self._right(smoothed)
        certified = 0
        for centres in TRAINING.estimate.centres:
            passed = set(self._passing(smoothed, waiting, centres))
            certified += len(passed)
            waiting = [place for place in waiting if place not in passed]
        return certified / len(self.items)

    @property
    def classes(self) -> int:
        """Number of classes."""
        return self.smoothed.classifier.classes

    def _right(self, smoothed: SmoothedClassifier) -> list[int]:
        """Images whose true class gets most votes, without an attack."""
        clean = [self._clean(place) for place in range(len(self.items))]
        requests = [
            request
            for place, z in enumerate(clean)
            for request in self._requests(smoothed, place, 0, z, Stream.SELECTION)
        ]
        counts = smoothed.count(requests).reshape(len(clean), -1, self.classes + 1).sum(axis=1)
        found = counts[:, :-1].argmax(axis=1).tolist()
        return [place for place, label in enumerate(found) if label == self.labels[place]]

    def _clean(self, place: int) -> Tensor:
        return self.smoothed.transformation.lift(self.items[place].image[None].double())[0]

    def _passing(self, smoothed: SmoothedClassifier, waiting: list[int], centres: int) -> list[int]:
        """Images of which every centre gets the votes that it requires."""
        balls = {place: self._balls(place, centres) for place in waiting}
        alive = [place for place in waiting if all(required < 1.0 for _, required in balls[place])]
        # The hardest centres first, of all images at once: most that fail, fail there.
        for part in (slice(0, 1), slice(1, None)):
            asked = [(place, ball) for place in alive for ball in _numbered(balls[place])[part]]
            short = self._short(smoothed, asked)
            alive = [place for place in alive if place not in short]
        return alive

    def _short(
        self, smoothed: SmoothedClassifier, asked: Sequence[tuple[int, tuple[int, Tensor, float]]]
    ) -> set[int]:
        """Images of which one of these centres gets too few votes for the true class."""
        requests = [
            request
            for place, (centre, z, _) in asked
            for request in self._requests(smoothed, place, centre, z, Stream.ESTIMATION)
        ]
        if not requests:
            return set()
        counts = smoothed.count(requests).reshape(len(asked), -1, self.classes + 1).sum(axis=1)
        return {
            place
            for (place, (_, _, required)), votes in zip(asked, counts, strict=True)
            # Half a vote for either side: no number of votes shows a share of 1.
            if not (votes[self.labels[place]] + 0.5) / (votes.sum() + 1.0) > required
        }

    def _balls(self, place: int, centres: int) -> list[tuple[Tensor, float]]:
        """Centres and required shares, the hardest first; they do not depend on the network."""
        numbers = TRAINING.estimate.centres
        if place not in self._covers:
            sampled = SampledCovers(self.smoothed, self.items[place].image, self.region)
            self._covers[place] = sampled.covers(numbers)
        cover = self._covers[place][numbers.index(centres)]
        return [(ball.z.double(), ball.required_p) for ball in cover]

    def _requests(
        self, smoothed: SmoothedClassifier, place: int, centre: int, z: Tensor, stream: Stream
    ) -> list[SampleRequest]:
        seed, index = smoothed.seed, self.items[place].index
        chunks = range(-(-TRAINING.estimate.votes // CHUNK))
        return [SampleRequest(SampleKey(seed, index, stream, centre, chunk), z) for chunk in chunks]


def _numbered(balls: Sequence[tuple[Tensor, float]]) -> list[tuple[int, Tensor, float]]:
    return [(centre, z, required) for centre, (z, required) in enumerate(balls)]
