"""Cover builders carry their guarantee, and their covers have it or are heuristic."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from gsmooth.certificate import Guarantee
from gsmooth.certification import RegionMode
from gsmooth.cover import (
    Cover,
    CoverBuilder,
    GivenCover,
    IndividualCovers,
    OnlineCovers,
    build_cover,
    plan_cover,
)
from gsmooth.data.item import Item
from gsmooth.errors import ConfigurationError
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.transforms.region import Region
from gsmooth_rotation import Rotation
from tests.cover.subjects import smoothed
from tests.engine_objects import BoxCovers

SHAPE = (1, 6, 6)
TURNS = Region((-4.0,), (6.0,))
PRICE = RegionMode().price


def turning() -> SmoothedClassifier:
    return smoothed(Rotation(), SHAPE, (6.0,), 0.3)


def item() -> Item:
    generator = torch.Generator().manual_seed(3)
    return Item(7, torch.rand(SHAPE, generator=generator, dtype=torch.float64))


@pytest.mark.parametrize("covers", [IndividualCovers(3), OnlineCovers(3), BoxCovers(0.5, 3)])
def test_a_cover_has_the_guarantee_of_its_builder(covers: CoverBuilder) -> None:
    found = covers.cover(turning(), item(), TURNS)
    assert found.guarantee is covers.guarantee
    assert len(found.balls) <= 3 == covers.centres


@pytest.mark.parametrize("covers", [IndividualCovers(3), OnlineCovers(3), BoxCovers(0.5, 3)])
def test_a_cover_without_a_grid_is_heuristic_whatever_its_builder(covers: CoverBuilder) -> None:
    found = covers.cover(replace(turning(), grid=0.0), item(), TURNS)
    assert found.guarantee is Guarantee.HEURISTIC


def test_votes_plan_individual_covers_only_where_no_number_is_given() -> None:
    g, image = turning(), item()
    assert not isinstance(IndividualCovers().plan(g, image, TURNS, PRICE), Cover)
    assert isinstance(IndividualCovers().plan(g, image, TURNS, None), Cover)
    for covers in (IndividualCovers(2), IndividualCovers("clean"), OnlineCovers(), BoxCovers(1, 2)):
        assert isinstance(covers.plan(g, image, TURNS, PRICE), Cover)


def test_a_region_that_leaves_no_choice_gets_a_finished_cover() -> None:
    assert isinstance(
        plan_cover(turning(), item().image, Region((0.0,), (0.0,)), None, PRICE), Cover
    )


def test_a_given_cover_is_used_for_every_image() -> None:
    g = turning()
    given = build_cover(g, item().image, TURNS, 2)
    covers = GivenCover(given)
    assert covers.plan(g, Item(1, torch.zeros(SHAPE)), TURNS, PRICE) is given
    assert covers.guarantee is given.guarantee


def test_an_online_cover_of_an_image_without_preimage_has_no_balls() -> None:
    found = OnlineCovers().cover(turning(), Item(0, torch.full(SHAPE, 2.0)), TURNS)
    assert found.balls == ()
    assert found.guarantee is Guarantee.ONLINE


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: IndividualCovers(0), "certify: centres=0 must be at least 1"),
        (lambda: OnlineCovers(0), "online: centres=0 must be at least 1"),
        (lambda: OnlineCovers("clean"), "needs the clean image"),
        (lambda: OnlineCovers(seconds=-1.0), r"seconds=-1\.0 must be at least 0"),
    ],
)
def test_a_builder_refuses_what_it_cannot_build(make: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        make()
