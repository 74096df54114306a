"""The shear plugin: its promises, and what a shear does."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from gsmooth import Region, load_transformation
from gsmooth.testing import transformation_checks
from gsmooth_shear import Shear

REGION = Region(lower=(-0.2,), upper=(0.2,))
CHECKS = [
    *transformation_checks(Shear(), shape=(1, 8, 10), region=REGION, examples=10),
    *transformation_checks(Shear("vertical"), shape=(2, 8, 7), region=REGION, examples=5),
]


@pytest.mark.parametrize("check", CHECKS)
def test_shear_keeps_its_promises(check: Callable[[], None]) -> None:
    check()


@pytest.mark.parametrize("direction", ["horizontal", "vertical"])
def test_a_shear_by_whole_pixels_moves_every_line_by_its_distance(direction: str) -> None:
    shear = load_transformation("gsmooth_shear:Shear", {"direction": direction})
    image = torch.rand(1, 1, 5, 9, dtype=torch.float64)
    if direction == "vertical":
        image = image.mT
    sheared = shear.for_shape((1, *image.shape[2:])).attack(image, torch.ones(1, 1))
    lines, moved = (
        (v.mT if direction == "vertical" else v)[0, 0].contiguous() for v in (image, sheared)
    )
    for y in range(5):
        assert torch.allclose(moved[y], lines[y].roll(y - 2))


def test_a_misspelt_direction_is_refused() -> None:
    with pytest.raises(Exception, match="direction"):
        load_transformation("gsmooth_shear:Shear", {"direction": "sideways"})
