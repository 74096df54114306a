"""The kit finds a bound by the chord that is too small, and a step after which nothing recurs."""

from __future__ import annotations

from typing import Any

import pytest
from torch import Tensor

from gsmooth.testing import Status, check_results
from gsmooth.transforms.region import Region
from gsmooth_rotation import Rotation
from gsmooth_rotation.rotation import RotationBounds
from gsmooth_similarity import Similarity
from gsmooth_similarity.log_polar import LogPolar

PATCH = "patch_bound_holds"
CHECKS = ("chord_bound_holds", "pulled_back_image_recurs")


class NarrowBounds(RotationBounds):
    def chord_bound(self, *cells: Any) -> Tensor | None:
        found = super().chord_bound(*cells)
        return None if found is None else 0.3 * found


class StraightBounds(RotationBounds):
    def chord_bound(self, *cells: Any) -> Tensor | None:
        """Forgets the kinks: what pixels do that change cells."""
        _, lower, upper, start, end = cells
        bent: Tensor = (end - start).norm(dim=1) * (upper - lower)[:, 0] / 8.0
        return bent


class HastyBounds(RotationBounds):
    def recurrence(self, x: Tensor, axis: int) -> tuple[float, float] | None:
        return 45.0, 1e-4


class OptimisticBounds(RotationBounds):
    def recurrence(self, x: Tensor, axis: int) -> tuple[float, float] | None:
        """Says a quarter where the samples of a ring are no multiple of four."""
        return 90.0, 1e-6


def turning(bounds: type[RotationBounds]) -> Rotation:
    kind = type(f"Rotation{bounds.__name__}", (Rotation,), {"bounds_class": bounds})
    found = kind(low_pass_px=1.0)
    assert isinstance(found, Rotation)
    return found


@pytest.mark.parametrize(
    ("bounds", "shape", "faults"),
    [
        (RotationBounds, (1, 12, 12), set()),
        (NarrowBounds, (1, 12, 12), {CHECKS[0]}),
        (StraightBounds, (1, 12, 12), {CHECKS[0]}),
        (HastyBounds, (1, 12, 12), {CHECKS[1]}),
        (OptimisticBounds, (1, 28, 28), {CHECKS[1]}),
    ],
)
def test_a_rotation_that_is_wrong_about_its_chords_is_found(
    bounds: type[RotationBounds], shape: tuple[int, int, int], faults: set[str]
) -> None:
    region = Region((-30.0,), (30.0,))
    found = check_results(turning(bounds), shape=shape, region=region, examples=15, only=CHECKS)
    assert {each.check for each in found if each.status is Status.FAILED} == faults


class ShallowBounds(LogPolar.bounds_class):  # type: ignore[misc, valid-type]
    def patch_bound(self, *cells: Tensor) -> Tensor | None:
        found: Tensor | None = super().patch_bound(*cells)
        return None if found is None else 0.3 * found


class OneWayBounds(LogPolar.bounds_class):  # type: ignore[misc, valid-type]
    def patch_bound(self, *cells: Tensor) -> Tensor | None:
        """Takes C to bend along the first parameter alone."""
        found: Tensor | None = super().patch_bound(*cells)
        return None if found is None else found * found.new_tensor([1.0, 0.0])


@pytest.mark.parametrize(
    ("bounds", "faults"),
    [(LogPolar.bounds_class, set()), (ShallowBounds, {PATCH}), (OneWayBounds, {PATCH})],
)
def test_a_similarity_that_is_wrong_about_what_lies_between_corners_is_found(
    bounds: type, faults: set[str]
) -> None:
    kind = type(f"Similarity{bounds.__name__}", (Similarity,), {"bounds_class": bounds})
    region = Region((-10.0, -0.1), (10.0, 0.1))
    found = check_results(kind(), shape=(1, 12, 12), region=region, examples=10, only=(PATCH,))
    assert {each.check for each in found if each.status is Status.FAILED} == faults
