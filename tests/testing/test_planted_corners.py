"""Faults at the corners of what is tried are found with the settings of ``gsmooth check``."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gsmooth.errors import ConfigurationError
from gsmooth.testing import Status, check_results, shapes_tried
from gsmooth.testing.checks import EVERY
from gsmooth.transforms.base import Transformation
from gsmooth.transforms.region import Region
from tests.testing import planted, planted_corners
from tests.testing.planted import TurnBounds

SLOPE = "derivative_bound_holds"
LAW = "action_obeys_composition_law"

FAULTS: list[tuple[Transformation, list[str]]] = [
    (planted_corners.Smoothed(), [SLOPE, "curvature_bound_holds"]),
    (planted_corners.Positive(), [SLOPE]),
    (planted_corners.Clamped(), [LAW, "action_at_zero_is_identity", "action_preserves_distances"]),
    (planted_corners.ColourBlind(), [SLOPE]),
    (planted_corners.Square(), [SLOPE]),
    (planted_corners.SingleCrowd(), ["rows_are_independent", "action_error_bounds_rounding"]),
    (planted_corners.SingleAttack(), ["rows_are_independent"]),
    (planted_corners.CrowdedBound(), [SLOPE]),
    (planted_corners.Tabulated(), [SLOPE]),
    (planted_corners.TabulatedAction(), [LAW]),
]


@pytest.mark.parametrize(
    ("broken", "faults"), FAULTS, ids=[type(broken).__name__ for broken, _ in FAULTS]
)
def test_a_fault_in_a_corner_is_found_by_default(broken: Transformation, faults: list[str]) -> None:
    found = {result.check: result for result in check_results(broken, only=faults)}
    assert {name: str(found[name].status) for name in faults} == dict.fromkeys(faults, "failed")
    for result in found.values():
        with pytest.raises(AssertionError):
            exec(result.code, {})


def test_an_honest_kink_is_found_out_for_none() -> None:
    only = [body.__name__ for body in EVERY if "bound" in body.__name__]
    found = check_results(planted_corners.Kinked(), only=only)
    assert not [result.why for result in found if result.status is Status.FAILED]


def test_a_transformation_that_refuses_colours_is_tried_with_grey_images_alone() -> None:
    class Grey(planted.Turn):
        def for_shape(self, shape: tuple[int, int, int]) -> Grey:
            if shape[0] != 1:
                raise ConfigurationError("grey images only")
            return self

    assert shapes_tried(planted.Turn(), None) == [(1, 16, 16), (3, 9, 12)]
    assert shapes_tried(Grey(), None) == [(1, 16, 16)]
    assert shapes_tried(Grey(), (1, 4, 4)) == [(1, 4, 4)]
    (found,) = check_results(Grey(), only=["lift_is_linear"])
    assert found.status is Status.PASSED


def test_a_bound_that_fails_at_negative_zero_is_found() -> None:
    class CubicBounds(TurnBounds):
        def derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor | None:
            bound = super().derivative_bound(x, lower, upper)
            assert bound is not None
            return torch.where(torch.signbit(lower) & (lower == 0.0), -torch.inf, bound)

    class Cubic(planted.Turn):
        """What 1 / theta^3 does to a cell that begins at -0.0."""

        bounds_class = CubicBounds

    (found,) = check_results(Cubic(), region=Region((0.0,), (1.0,)), only=[SLOPE])
    assert found.status is Status.FAILED
    assert "-inf" in found.why
