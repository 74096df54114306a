"""Many images at once: full batches, and certificates that do not know of each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

import pytest
import torch
from torch import Tensor, nn

from gsmooth.certification import Mode, RadiusMode, RegionMode
from gsmooth.certification.settings import CERTIFICATION
from gsmooth.data.item import Item
from gsmooth.errors import ConfigurationError
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.theory.laws import GaussianLaw
from gsmooth.transforms.region import Region
from tests.certifying import certify, certify_many
from tests.engine_objects import Turn, classifier, on_ring, phase_deg

MOST_IN_FLIGHT = CERTIFICATION.images_in_flight


class Near(nn.Module):
    """Class 1 up to 12 degrees; keeps the sizes of its batches."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []

    def forward(self, x: Tensor) -> Tensor:
        self.sizes.append(len(x))
        return nn.functional.one_hot((phase_deg(x) < 12.0).long(), 2).float()


def turning(batch_size: int, devices: tuple[str, ...] = ()) -> SmoothedClassifier:
    """Angles with noise of 9 degrees: some of the images below pass soon, some late, some never."""
    return SmoothedClassifier(
        classifier(Near(), (1, 1, 2)),
        Turn(),
        GaussianLaw((9.0,), 2.0**-8),
        seed=7,
        batch_size=batch_size,
        devices=devices,
    )


def images(count: int) -> list[Item]:
    return [Item(index, on_ring(index * 40.0 / count - 25.0)) for index in range(count)]


REGION = Region((-5.0,), (5.0,))
MODES: list[Mode] = [RegionMode(max_votes=1000), RadiusMode(n=320)]


@pytest.mark.parametrize("mode", MODES)
def test_certificates_are_the_same_however_many_images_are_in_flight(mode: Mode) -> None:
    g, items = turning(256), images(12)
    expected = {
        item.index: replace(certify(g, item.image, REGION, mode, index=item.index), seconds=0.0)
        for item in items
    }
    assert len({outcome.votes for outcome in expected.values()}) > 1 or isinstance(mode, RadiusMode)
    arrangements: list[tuple[int, int | Literal["auto"], tuple[str, ...]]] = [
        (64, "auto", ()),
        (256, "auto", ("cpu", "cpu")),
        (100, 1, ()),
        (1024, 5, ("cpu", "cpu", "cpu")),
        (4096, "auto", ()),
    ]
    for batch_size, in_flight, devices in arrangements:
        work = certify_many(
            turning(batch_size, devices), items[::-1], REGION, mode, in_flight=in_flight
        )
        assert {o.index: replace(o, seconds=0.0) for o in work} == expected


def test_batches_are_full_as_long_as_there_are_images() -> None:
    g = turning(256)
    work = certify_many(g, images(60), REGION, RegionMode(max_votes=600))
    votes = sum(outcome.votes for outcome in work)
    module = g.classifier.module
    assert isinstance(module, Near)
    assert sum(module.sizes) == votes
    # The last images leave batches that nothing is left to fill.
    early = module.sizes[: len(module.sizes) // 2]
    assert sum(early) > 0.9 * 256 * len(early)


def test_images_are_not_begun_long_before_their_votes() -> None:
    begun: list[int] = []

    def items() -> Iterator[Item]:
        for item in images(200):
            begun.append(item.index)
            yield item

    work = certify_many(turning(4096), items(), REGION, RegionMode(max_votes=600))
    next(work)
    assert len(begun) <= 2 * MOST_IN_FLIGHT


def test_one_image_with_many_votes_fills_its_batches() -> None:
    g = turning(256)
    outcome = certify(g, on_ring(), REGION, RadiusMode(n=6400), centres=1)
    module = g.classifier.module
    assert isinstance(module, Near)
    assert outcome.votes == sum(module.sizes) >= 6400
    assert set(module.sizes[1:]) == {256}


def test_no_image_in_flight_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="in_flight=0 must be at least 1"):
        next(certify_many(turning(64), images(1), REGION, RegionMode(), in_flight=0))


def test_points_that_the_engine_moves_are_left_untouched() -> None:
    g, image = turning(64), on_ring()
    before = image.clone()
    certify(g, image, REGION)
    assert torch.equal(image, before)
