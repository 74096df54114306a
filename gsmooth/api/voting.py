"""The smoothed classifier as its votes are cast, and the images that they are cast for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, final
from weakref import WeakKeyDictionary

from gsmooth.data.dataset import Dataset
from gsmooth.data.image_key import image_key
from gsmooth.data.item import Item
from gsmooth.errors import ConfigurationError
from gsmooth.runs.fixed_batch import checked_on
from gsmooth.runs.settings import RUN
from gsmooth.sampling.counting import Counter
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.transforms.region import Region

_CHECKED: Final[WeakKeyDictionary[Counter, SmoothedClassifier]] = WeakKeyDictionary()


def as_voting(smoothed: SmoothedClassifier, images: Dataset) -> SmoothedClassifier:
    """The classifier with which votes are cast, once the network has been looked at.

    A network whose labels depend on the batch size keeps to the one of ``smoothed``. It is looked
    at once: no network changes after it has been smoothed.

    Raises:
        ModelError: The network is no function of its input (dropout, statistics of the batch).
    """
    if smoothed.counter not in _CHECKED:
        first = [images.image(index) for index in range(min(RUN.function.images, len(images)))]
        fixed = checked_on(smoothed, first).kind == "batch_dependent" and not smoothed.fixed_batch
        _CHECKED[smoothed.counter] = replace(smoothed, fixed_batch=fixed or smoothed.fixed_batch)
    return _CHECKED[smoothed.counter]


def fitting_region(smoothed: SmoothedClassifier, region: Region) -> Region:
    """The region with its intervals in the order of the transformation's parameters.

    Raises:
        ConfigurationError: It is no region, or names other parameters; the message lists the
            right ones.
    """
    if not isinstance(region, Region):
        names = ", ".join(f"{one.name}=(-1, 1)" for one in smoothed.transformation.parameters)
        raise ConfigurationError(
            f"region: a value of type {type(region).__name__}; expected a gsmooth.Region, such as"
            f" Region({names or 'l2=0.25'})"
        )
    units = {parameter.name: parameter.unit for parameter in smoothed.transformation.parameters}
    return region.along(units, smoothed.transformation.name)


@final
@dataclass(frozen=True)
class KeyedImages:
    """Images by the keys of their noise: a hash of the pixels, whatever their place in a batch.

    So no two different images share noise, in whatever batches and loops they are handed over, and
    equal images share it: they get the same votes and the same certificate.
    """

    images: Dataset
    keys: tuple[int, ...]

    @staticmethod
    def of(images: Dataset) -> KeyedImages:
        """Every image is read once."""
        keys = tuple(image_key(images.image(index)) for index in range(len(images)))
        return KeyedImages(images, keys)

    def places(self, key: int) -> list[int]:
        """Where the images with these pixels stand."""
        return [place for place, own in enumerate(self.keys) if own == key]

    def items(self, places: Iterable[int] | None = None) -> Iterator[Item]:
        """One item for every different image among these places, each read when it is asked for."""
        seen: set[int] = set()
        chosen: Sequence[int] | Iterable[int] = range(len(self.keys)) if places is None else places
        for place in chosen:
            if self.keys[place] not in seen:
                seen.add(self.keys[place])
                yield Item(self.keys[place], self.images.image(place))
