"""Zero-padded translation as a torus: Haar noise on a canvas that the network sees whole (T7)."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import gsmooth as gs
from gsmooth.certificate import Guarantee
from gsmooth.cover import build_cover
from gsmooth.models.classifier import Classifier
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.testing import SampleImage, Status, check_results
from gsmooth.testing.supremum import worst_attack
from gsmooth.theory.haar import HaarLaw
from gsmooth_translation import Translation

SHAPE = (1, 9, 9)
LAW = HaarLaw((0, 1), (0.0, 0.0), 0.25)
CANVAS = Translation(low_pass_px=1.0, pad_px=3, view="canvas")
GROUP = (
    "action_obeys_composition_law",
    "periods_are_those_of_the_action",
    "action_preserves_distances",
    "action_error_bounds_rounding",
    "readout_has_the_image_shape",
    "derivative_bound_holds",
    "certified_supremum_holds",
)


def columns(*theta: float) -> tuple[Tensor, ...]:
    return tuple(torch.full((1, 1), value, dtype=torch.float64) for value in theta)


def bright_inside(border: int) -> Tensor:
    """An image (1, 1, 9, 9) that is 0 near its frame."""
    x = torch.zeros(1, *SHAPE, dtype=torch.float64)
    inner = SampleImage("blob", 3).tensor((1, 9 - 2 * border, 9 - 2 * border))
    x[:, :, border:-border, border:-border] = inner
    return x


def smoothed(operator: Translation) -> SmoothedClassifier:
    shape = operator.for_shape(SHAPE).input_shape(SHAPE)
    model = Classifier(nn.Identity(), classes=2, shape=shape)
    return SmoothedClassifier(model, operator, LAW, image_shape=SHAPE, seed=0)


def test_the_canvas_keeps_its_promises() -> None:
    found = list(check_results(CANVAS, shape=SHAPE, examples=4, only=GROUP))
    assert [each.check for each in found if each.status is Status.FAILED] == []
    assert {each.check for each in found} == set(GROUP)


def test_a_period_that_is_the_images_side_is_found_by_the_kit() -> None:
    class Short(Translation):  # type: ignore[misc]
        def periods(self, shape: tuple[int, int, int]) -> tuple[float, ...]:
            return float(shape[2]), float(shape[1])

    (found,) = check_results(
        Short(low_pass_px=1.0, pad_px=3), shape=SHAPE, only=("periods_are_those_of_the_action",)
    )
    assert found.status is Status.FAILED


@pytest.mark.parametrize("shift", [(0, 0), (2, -1), (-3, 3), (7, 5)])
def test_the_network_sees_the_image_anywhere_on_the_canvas(shift: tuple[int, int]) -> None:
    """Without a low-pass and with all frequencies of an odd canvas, Q T_theta L x is a roll."""
    operator = Translation(low_pass_px=0.0, pad_px=3, cutoff=0.5, view="canvas").for_shape(SHAPE)
    x = SampleImage("noise", 2).tensor(SHAPE)
    seen = operator.readout(operator.act(operator.lift(x), *columns(*shift)), SHAPE)
    expected = torch.nn.functional.pad(x, (3, 3, 3, 3)).roll((shift[1], shift[0]), (2, 3))
    assert seen.shape == (1, *operator.input_shape(SHAPE))
    assert torch.allclose(seen, expected, atol=1e-12)


def test_the_period_of_the_noise_is_the_canvas() -> None:
    law = smoothed(CANVAS).law
    assert isinstance(law, HaarLaw)
    assert law.scales == (15.0, 15.0)


def test_one_ball_holds_all_shifts_that_lose_no_ink_and_ink_that_is_lost_is_paid_for() -> None:
    """The residual is interpolation and lost ink; a wider region alone costs little."""
    g = smoothed(CANVAS)
    margins = {}
    for border, reach in ((3, 1.0), (3, 2.0), (1, 2.0)):
        x, region = bright_inside(border), gs.Region((-reach,) * 2, (reach,) * 2)
        cover = build_cover(g, x[0], region, 1)
        assert cover.guarantee is Guarantee.INDIVIDUAL
        theta, excess = worst_attack(g, x, cover)
        assert excess <= 0.0, theta
        margins[border, reach] = cover.balls[0].margin
    assert margins[3, 2.0] <= 1.1 * margins[3, 1.0]
    assert margins[1, 2.0] >= 2.0 * margins[3, 2.0]


def test_a_canvas_of_pixels_is_refused() -> None:
    with pytest.raises(ValueError, match="view='canvas' needs space='fourier'"):
        Translation(space="pixels", view="canvas")
