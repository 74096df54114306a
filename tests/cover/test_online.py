"""Online covers: whatever the original of an attacked image is, some ball holds it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gsmooth import Classifier, Guarantee, Region, SmoothedClassifier, load_data
from gsmooth.cover import Cover
from gsmooth.cover.online import beside_levels, build_online_cover
from gsmooth.cover.preimages import PreimageCells, enclose_preimages
from gsmooth.errors import ConfigurationError, InputError
from gsmooth.theory.laws import GaussianLaw, Law
from gsmooth.transforms.base import Transformation
from gsmooth_gaussian import Gaussian
from gsmooth_rotation import Rotation
from gsmooth_translation import Translation
from tests.cover.subjects import Weave

SHAPE = (1, 28, 28)
TEN_DEGREES = Region((-10.0,), (10.0,), bits=8)
SIGMA = 0.25


def defended(
    transformation: Transformation, law: Law | None = None, grid: float = 2.0**-8
) -> SmoothedClassifier:
    """Return a smoothed classifier whose network is not called."""
    network = Classifier(nn.Identity(), classes=2, shape=SHAPE)
    return SmoothedClassifier(
        network, transformation, law or GaussianLaw((8.0,), SIGMA), grid=grid, seed=0
    )


ROTATION = Rotation(low_pass_px=1.0)


def digit(index: int) -> Tensor:
    return torch.from_numpy(load_data("shipped:digits").images[index : index + 1] / 255.0)


def sent(smoothed: SmoothedClassifier, x: Tensor, theta: tuple[float, ...], bits: int) -> Tensor:
    """The attacked image (C, H, W) as it arrives."""
    columns = (torch.tensor([[value]], dtype=torch.float64) for value in theta)
    moved = smoothed.transformation.attack(x, *columns)[0]
    return (moved * 255.0).round() / 255.0 if bits else moved


def needed(smoothed: SmoothedClassifier, cover: Cover, original: Tensor, near: float) -> float:
    """How far the joint distance of an original exceeds the margin of the ball that holds it best.

    Found without knowing how the cover was made: over many ways T_t (z_j + e) to write L x.
    """
    z, law = smoothed.transformation.lift(original)[0], smoothed.law
    best = np.inf
    for ball in cover.balls:
        theta = np.array(ball.theta)
        ways = np.linspace(-0.5, 0.5, 401)[:, None] - near - theta
        if smoothed.identity_action:
            ways = np.zeros((1, 1))
            carried = z[None]
        else:
            carried = smoothed.transformation.act(z.expand(401, -1), torch.from_numpy(-ways))
        away = (carried - ball.z).norm(dim=1).numpy()
        distance = law.margin(ways[:, : law.dimensions], away).min()
        best = min(best, float(distance) - ball.margin)
    return best


@pytest.mark.parametrize("bits", [0, 8])
@pytest.mark.parametrize("law", [GaussianLaw((8.0,), SIGMA), GaussianLaw((), SIGMA)])
def test_every_known_original_lies_in_a_ball(law: Law, bits: int) -> None:
    smoothed = defended(ROTATION, law)
    region = replace(TEN_DEGREES, bits=bits)
    for index, angle in ((0, 6.3), (5, -9.99), (8, 0.02)):
        image = sent(smoothed, digit(index), (angle,), bits)
        cover = build_online_cover(smoothed, image, region)
        assert cover.guarantee is Guarantee.ONLINE
        assert needed(smoothed, cover, digit(index), angle) <= 0.0
        # An image that was not attacked at all is its own original.
        assert needed(smoothed, cover, image[None], 0.0) <= 0.0


def test_two_balls_do_for_a_rotated_digit_and_ask_for_few_votes() -> None:
    smoothed = defended(ROTATION)
    cover = build_online_cover(smoothed, sent(smoothed, digit(0), (6.3,), 8), TEN_DEGREES)
    assert len(cover.balls) == 2
    assert cover.balls[0].margin < 1.0
    assert [ball.margin for ball in cover.balls] == sorted(
        (ball.margin for ball in cover.balls), reverse=True
    )
    near, far = sorted(cover.balls, key=lambda ball: ball.start)
    assert near.start == 0.0
    # The angle that was used: where the region grows to it, and not before, its ball is needed.
    assert 0.6 < far.start < 0.63
    for ball in cover.balls:
        shares = [step.required_p for step in ball.profile]
        assert shares == sorted(shares)
        assert ball.profile[-1].fraction == 1.0
        assert ball.profile[-1].required_p == ball.required_p


def test_a_cover_that_lost_a_ball_or_shrank_one_is_caught() -> None:
    smoothed = defended(ROTATION)
    image = sent(smoothed, digit(0), (6.3,), 8)
    cover = build_online_cover(smoothed, image, TEN_DEGREES)
    near, far = sorted(cover.balls, key=lambda ball: ball.start)
    assert needed(smoothed, replace(cover, balls=(near,)), digit(0), 6.3) > 0.0
    assert needed(smoothed, replace(cover, balls=(far,)), image[None], 0.0) > 0.0
    small = replace(far, margin=0.1 * far.margin)
    assert needed(smoothed, replace(cover, balls=(near, small)), digit(0), 6.3) > 0.0


def test_one_centre_holds_everything_too_at_a_larger_margin() -> None:
    smoothed = defended(ROTATION)
    image = sent(smoothed, digit(0), (6.3,), 8)
    cover = build_online_cover(smoothed, image, TEN_DEGREES, 1)
    assert len(cover.balls) == 1
    assert needed(smoothed, cover, digit(0), 6.3) <= 0.0
    assert cover.balls[0].margin > build_online_cover(smoothed, image, TEN_DEGREES).balls[0].margin


def test_without_time_the_cover_is_larger_and_still_holds_the_original() -> None:
    smoothed = defended(ROTATION)
    image = sent(smoothed, digit(2), (-4.4,), 8)
    hasty = build_online_cover(smoothed, image, TEN_DEGREES, seconds=0.0)
    patient = build_online_cover(smoothed, image, TEN_DEGREES)
    assert hasty.balls[0].margin > patient.balls[0].margin
    assert needed(smoothed, hasty, digit(2), -4.4) <= 0.0


def test_the_originals_of_translated_digits_are_held_by_the_cells_of_their_shift() -> None:
    smoothed = defended(Translation(low_pass_px=1.0, frame_px=4), GaussianLaw((1.0, 1.0), SIGMA))
    region = Region((-1.0, 0.0), (1.0, 0.0), bits=8)
    x = digit(4)
    image = sent(smoothed, x, (0.37, 0.0), 8)
    operator = smoothed.transformation
    cells = enclose_preimages(operator, image[None], region, region.half_level(), tolerance=0.01)
    here = (cells.lower <= [0.37, 0.0]).all(axis=1) & (cells.upper >= [0.37, 0.0]).all(axis=1)
    assert here.any()
    away = (operator.lift(x) - cells.centre[torch.from_numpy(here)]).norm(dim=1).numpy()
    assert (away <= cells.radius[here]).all()
    cover = build_online_cover(smoothed, image, region)
    assert cover.guarantee is Guarantee.ONLINE
    assert cover.balls[0].margin < 3.0


def test_refining_keeps_every_cell_that_can_have_given_the_image() -> None:
    operator = ROTATION.for_shape(SHAPE)
    smoothed = defended(ROTATION)
    image = sent(smoothed, digit(1), (3.3,), 8)[None]
    half = TEN_DEGREES.half_level()
    coarse = enclose_preimages(operator, image, TEN_DEGREES, half, tolerance=10.0)
    fine = enclose_preimages(operator, image, TEN_DEGREES, half, tolerance=0.01)
    assert fine.radius.max() < coarse.radius.max()
    for cells in (coarse, fine):
        assert _holds(cells, 0.0)
        assert _holds(cells, 3.3)
    assert not _holds(fine, -5.0)


def _holds(cells: PreimageCells, angle: float) -> bool:
    return bool(((cells.lower <= angle) & (cells.upper >= angle)).any())


def test_all_the_way_round_cells_start_too_wide_to_be_inverted_and_end_narrow() -> None:
    operator = ROTATION.for_shape(SHAPE)
    region = Region((-180.0,), (180.0,), bits=8)
    image = sent(defended(ROTATION), digit(1), (77.7,), 8)[None]
    hasty = enclose_preimages(
        operator, image, region, region.half_level(), tolerance=0.02, seconds=0.0
    )
    assert np.isinf(hasty.radius).all()
    cells = enclose_preimages(operator, image, region, region.half_level(), tolerance=0.02)
    assert _holds(cells, 77.7)
    assert not _holds(cells, 60.0)
    assert cells.radius.max() < 0.5


def test_without_any_time_nothing_is_known_and_no_share_of_votes_suffices() -> None:
    smoothed = defended(ROTATION)
    image = sent(smoothed, digit(1), (77.7,), 8)
    cover = build_online_cover(smoothed, image, Region((-180.0,), (180.0,), bits=8), seconds=0.0)
    assert cover.balls[0].margin == np.inf
    assert cover.balls[0].required_p == 1.0


def test_switching_the_grid_off_makes_the_cover_heuristic() -> None:
    smoothed = defended(ROTATION, grid=0.0)
    image = sent(smoothed, digit(0), (2.0,), 8)
    assert build_online_cover(smoothed, image, TEN_DEGREES).guarantee is Guarantee.HEURISTIC


def test_an_image_that_no_original_gives_is_refused_with_the_reason() -> None:
    smoothed = defended(ROTATION)
    with pytest.raises(InputError, match=r"under rotation with angle in \[-10, 10\] deg"):
        build_online_cover(smoothed, torch.full(SHAPE, 2.0), TEN_DEGREES)


@pytest.mark.parametrize(
    ("transformation", "law", "region", "message"),
    [
        (ROTATION, None, Region((-1.0,), (1.0,), l2=0.1), "l2=0.1"),
        (Gaussian(), GaussianLaw((), SIGMA), Region(l2=0.5), "gaussian has no method"),
        (
            Weave(),
            GaussianLaw((1.0, 1.0), SIGMA),
            Region((-1.0,) * 2, (1.0,) * 2),
            "weave has no method",
        ),
    ],
)
def test_what_cannot_be_undone_is_refused_with_the_reason(
    transformation: Transformation, law: Law | None, region: Region, message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        build_online_cover(defended(transformation, law), torch.zeros(SHAPE), region)


def test_images_in_another_range_are_refused() -> None:
    network = Classifier(nn.Identity(), classes=2, shape=SHAPE, input_range=(-1.0, 1.0))
    smoothed = SmoothedClassifier(network, ROTATION, GaussianLaw((8.0,), SIGMA), seed=0)
    with pytest.raises(ConfigurationError, match="input_range"):
        build_online_cover(smoothed, torch.zeros(SHAPE), TEN_DEGREES)


def test_pixels_beside_their_levels_have_preimages_farther_away() -> None:
    levels = torch.arange(256, dtype=torch.float64) / 255.0
    held = levels.float().double()
    assert beside_levels(levels, 8) == 0.0
    assert beside_levels(held, 8) == float((held - levels).abs().max()) > 0.0
    assert beside_levels(held, 0) == 0.0
    assert beside_levels(levels[:-1] + 0.3 / 255.0, 8) == 0.0


def test_an_image_held_in_float32_gets_larger_balls() -> None:
    smoothed = defended(ROTATION)
    exact = sent(smoothed, digit(0), (3.0,), 8)
    point = Region((0.0,), (0.0,), bits=8)
    near, far = (
        build_online_cover(smoothed, image, point, 1).balls[0].margin
        for image in (exact, exact.float().double())
    )
    assert far > near
