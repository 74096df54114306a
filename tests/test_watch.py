"""Who watches a run is told of every vote."""

from __future__ import annotations

from collections.abc import Mapping

from gsmooth.certification import RegionMode
from gsmooth.data.item import Item
from gsmooth.transforms.region import Region
from tests.certifying import certify_many
from tests.engine_objects import half_line, pixel


def test_who_watches_sees_every_vote_that_is_cast() -> None:
    seen: dict[int, int] = {}
    last: dict[int, int] = {}

    def watch(spent: Mapping[int, int], seconds: float) -> None:
        assert seconds > 0.0
        assert all(votes >= last.get(index, 0) for index, votes in spent.items())
        last.update(spent)
        seen.update(spent)

    g, items = half_line(0.0, 0.5), [Item(index, pixel(0.2 * index)) for index in range(6)]
    mode = RegionMode()
    for in_flight in (1, 4):
        seen.clear()
        last.clear()
        found = certify_many(g, items, Region(l2=0.3), mode, in_flight=in_flight, watch=watch)
        assert {outcome.index: outcome.votes for outcome in found} == seen
