"""Translation by whole pixels: what is moved, what is lost, and covers of a finite set."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from torch import Tensor

from gsmooth import Parameter, Region, load_transformation
from gsmooth.attacks import AttackPlan, attack_many
from gsmooth.attacks.candidates import grid, scattered
from gsmooth.certificate import Certified, Guarantee
from gsmooth.certification import RadiusMode, RegionMode
from gsmooth.cover import IndividualCovers, build_cover
from gsmooth.cover.bounds.supremum import pulled_back_suprema
from gsmooth.cover.pulled_back import PulledBackImage
from gsmooth.cover.regions.grid import ParameterGrid, lay_parameter_grid
from gsmooth.data.item import Item
from gsmooth.errors import ConfigurationError, UnreachableError
from gsmooth.report.contact_sheet import spread
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.testing import SampleImage, transformation_checks
from gsmooth.theory.laws import GaussianLaw
from gsmooth.training.noise import NoisyInputs
from gsmooth_translation import IntegerTranslation, Translation
from tests.certifying import certify_many, check_feasible
from tests.engine_objects import Labels, classifier, decided
from tests.plugins.pointwise import network

SHAPE = (1, 8, 9)


CHECKS = transformation_checks(
    IntegerTranslation(pad_px=2), shape=SHAPE, region=Region((-2.0, -1.0), (2.0, 3.0)), examples=8
)


@pytest.mark.parametrize("check", CHECKS)
def test_integer_translation_keeps_its_promises(check: Callable[[], None]) -> None:
    check()


def column(*values: float) -> Tensor:
    """(n, 1) float64."""
    return torch.tensor(values, dtype=torch.float64)[:, None]


@settings(max_examples=40)
@given(dx=st.integers(-12, 12), dy=st.integers(-12, 12), seed=st.integers(0, 99))
def test_whole_pixels_move_as_scipy_moves_them(dx: int, dy: int, seed: int) -> None:
    x = torch.from_numpy(np.random.default_rng(seed).random((2, 3, 8, 9)))
    found = IntegerTranslation().attack(x, column(dx, 0), column(dy, 0))
    expected = ndimage.shift(x[0].numpy(), (0, dy, dx), order=0, mode="constant")
    assert np.array_equal(found[0].numpy(), expected)
    assert torch.equal(found[1], x[1])


def test_fractions_of_a_pixel_are_refused_by_name() -> None:
    x = torch.zeros(1, *SHAPE, dtype=torch.float64)
    with pytest.raises(ValueError, match=r"dy moves by whole pixels \(in steps of 1 px\); got 0.5"):
        IntegerTranslation().attack(x, column(1.0), column(0.5))


@settings(max_examples=25)
@given(dx=st.integers(-3, 3), dy=st.integers(-3, 3), seed=st.integers(0, 99))
def test_the_action_undoes_the_attack_but_for_what_is_lost(dx: int, dy: int, seed: int) -> None:
    operator = IntegerTranslation().for_shape(SHAPE)
    x = torch.from_numpy(np.random.default_rng(seed).random((1, *SHAPE)))
    theta = column(dx), column(dy)
    back = operator.act(operator.lift(operator.attack(x, *theta)), *(-t for t in theta))
    kept = operator.attack(operator.attack(x, *theta), *(-t for t in theta))
    torch.testing.assert_close(back, operator.lift(kept), rtol=0.0, atol=1e-12)


def smoothed(operator: IntegerTranslation | Translation, *scales: float) -> SmoothedClassifier:
    """A random network of images of SHAPE."""
    return SmoothedClassifier(network(SHAPE), operator, GaussianLaw(scales, 0.5), seed=0)


def test_without_noise_every_attack_can_have_a_centre_with_nothing_to_answer_for() -> None:
    x = SampleImage("noise", 3).tensor(SHAPE)[0]
    for region, count in (
        (Region((-2.0, 0.0), (2.0, 0.0)), 5),
        (Region((-1.0, -1.0), (1.0, 1.0)), 9),
    ):
        cover = build_cover(smoothed(IntegerTranslation()), x, region, count)
        assert cover.guarantee is Guarantee.INDIVIDUAL
        assert len(cover.balls) == count
        assert max(ball.margin for ball in cover.balls) < 1e-6
        few = build_cover(smoothed(IntegerTranslation()), x, region, count - 1)
        assert max(ball.margin for ball in few.balls) > 0.1


def test_margins_are_those_of_the_worst_attack_among_finitely_many() -> None:
    law = GaussianLaw((1.5, 1.5), 2.0)
    g = SmoothedClassifier(network(SHAPE), IntegerTranslation(), law, seed=0)
    x = SampleImage("noise", 3).tensor(SHAPE)[0]
    region = Region((-2.0, -1.0), (2.0, 1.0), 0.05, 8)
    cover = build_cover(g, x, region, "clean")
    assert cover.guarantee is Guarantee.INDIVIDUAL
    operator = IntegerTranslation().for_shape(SHAPE)
    margins = []
    for dx in range(-2, 3):
        for dy in range(-1, 2):
            theta = column(dx), column(dy)
            lifted = operator.lift(operator.attack(x[None], *theta))
            back = operator.act(lifted, *(-t for t in theta))
            residual = float((back - operator.lift(x[None])).norm())
            extra = 0.05 + 0.5 / 255.0 * 72.0**0.5
            margins.append(float(g.law.margin([[dx, dy]], [residual + extra])[0]))
    assert cover.balls[0].margin == pytest.approx(max(margins), abs=1e-4)
    assert cover.balls[0].margin >= max(margins)


def test_no_more_is_asked_than_for_fractions_of_a_pixel() -> None:
    x = SampleImage("blob", 3).tensor(SHAPE)[0]
    region = Region((-2.0, -2.0), (2.0, 2.0))
    whole = build_cover(smoothed(IntegerTranslation(), 1.0, 1.0), x, region, "clean")
    same = Translation(low_pass_px=0.0, pad_px=4, cutoff=0.5)
    every = build_cover(smoothed(same, 1.0, 1.0), x, region, "clean")
    assert whole.balls[0].margin <= every.balls[0].margin


def test_a_part_of_a_region_holds_the_whole_values_in_it() -> None:
    g, x = smoothed(IntegerTranslation(), 1.0, 1.0), SampleImage("noise", 3).tensor(SHAPE)[0]
    wide, narrow = (Region((-r, -r), (r, r)) for r in (1.9, 1.0))
    margins = [build_cover(g, x, region, "clean").balls[0].margin for region in (wide, narrow)]
    assert margins[0] == margins[1]
    (ball,) = build_cover(g, x, Region((-2.0, -2.0), (2.0, 2.0)), "clean").balls
    # Nothing but the clean image below one half (and a hundredth of a step), nothing new between.
    fractions = [step.fraction for step in ball.profile]
    assert fractions == pytest.approx([0.495, 0.995, 1.0], abs=1e-9)


def test_what_leaves_the_image_is_lost_and_only_whole_pixels_leave() -> None:
    dot = torch.zeros(SHAPE, dtype=torch.float64)
    dot[0, 4, 0] = 64.0
    module = Labels(lambda x: x.double().sum(dim=(1, 2, 3)) > 32.0)
    g = SmoothedClassifier(
        classifier(module, SHAPE), IntegerTranslation(), GaussianLaw((), 0.25), seed=0
    )
    mode = RegionMode(alpha=0.001, max_votes=2000)
    for left, kept in ((0.0, True), (-0.9, True), (-1.0, False)):
        cover = build_cover(g, dot, Region((left, -1.0), (2.0, 1.0)), 12)
        found = [f.certificate for f in decided(g, cover, mode, 4)]
        assert all(isinstance(c, Certified) == kept for c in found)


@pytest.mark.parametrize(("fatal", "end"), [(5, 6), (6, 6), (9, 10)])
def test_a_certified_region_ends_before_the_first_value_that_fails(fatal: int, end: int) -> None:
    def far(x: Tensor) -> Tensor:
        return x[:, :, :, fatal:].sum(dim=(1, 2, 3)) > x[:, :, :, :fatal].sum(dim=(1, 2, 3))

    shape = (1, 1, end + 2)
    smoothed = SmoothedClassifier(
        classifier(Labels(far), shape=shape), IntegerTranslation(), GaussianLaw((), 0.1), seed=0
    )
    x = torch.zeros(shape)
    x[..., 0] = 1.0
    region = Region((0.0, 0.0), (float(end), 0.0))
    (found,) = certify_many(smoothed, [Item(0, x)], region, RadiusMode(), IndividualCovers(end + 1))
    assert isinstance(found.certificate, Certified)
    reached = found.certificate.region
    # fatal / end, rounded down, times end may be fatal again: that value was never certified.
    assert fatal - 1.0 < reached.upper[0] < fatal
    assert f" {fatal}]" not in reached.describe(("dx", "dy"), ("px", "px"))


def test_the_adversary_finds_the_one_attack_that_matters() -> None:
    dot = torch.zeros(SHAPE, dtype=torch.float64)
    dot[0, 4, 0] = 64.0
    module = Labels(lambda x: x.double().sum(dim=(1, 2, 3)) > 32.0)
    g = SmoothedClassifier(
        classifier(module, SHAPE), IntegerTranslation(), GaussianLaw((), 0.25), seed=0
    )
    plan = AttackPlan(points=11, random=4, gradient_steps=3, n=300)
    for left, kept in ((-0.9, True), (-1.0, False)):
        region = Region((left, -1.0), (2.0, 1.0))
        (outcome,) = attack_many(g, [(Item(0, dot), 1)], region, plan)
        assert outcome.robust == kept
        assert all(value == int(value) for value in outcome.theta)


def test_cells_along_steps_are_points_and_fill_the_other_axes_as_ever() -> None:
    parameter_grid = lay_parameter_grid(
        IntegerTranslation(), Region((-2.5, 0.0), (1.0, 3.0)), np.ones(2)
    )
    assert parameter_grid.axes == ((-2.0, -1.0, 0.0, 1.0), (0.0, 1.0, 2.0, 3.0))
    lower, upper = parameter_grid.boxes
    assert np.array_equal(lower, upper)
    assert np.array_equal(lower, parameter_grid.theta)
    mixed = ParameterGrid(((0.0, 1.0), (0.0, 0.5, 1.0)), stepped=(0,))
    assert not mixed.is_chain
    lower, upper = mixed.boxes
    assert lower.tolist() == [[0.0, 0.0], [0.0, 0.5], [1.0, 0.0], [1.0, 0.5]]
    assert (upper - lower).tolist() == [[0.0, 0.5]] * 4


def test_bounds_are_refused_for_cells_that_are_no_points() -> None:
    operator = IntegerTranslation().for_shape(SHAPE)
    x, ends = torch.zeros(1, *SHAPE, dtype=torch.float64), torch.tensor([[0.0, 1.0]])
    for bound in (operator.bounds.derivative_bound, operator.bounds.attack_derivative_bound):
        at, across = bound(x, ends, ends), bound(x, ends, ends + torch.tensor([[1.0, 0.0]]))
        assert at is not None
        assert across is not None
        assert at.tolist() == [[0.0, 0.0]]
        assert across.tolist() == [[float("inf"), 0.0]]


def test_the_error_of_a_region_is_that_of_its_worst_whole_shift() -> None:
    operator, x = IntegerTranslation().for_shape(SHAPE), SampleImage("noise", 3).tensor(SHAPE)
    pulled_back, clean = PulledBackImage(operator, x), operator.lift(x)[0]
    lower, upper = np.array([[-1.0, 0.0], [0.2, 0.0]]), np.array([[1.9, 2.0], [0.9, 2.0]])
    found, proved = pulled_back_suprema(pulled_back, clean, lower, upper)
    points = pulled_back.points(
        torch.tensor([[dx, dy] for dx in (-1.0, 0.0, 1.0) for dy in (0, 1, 2)])
    )
    assert proved
    assert found[0] == pytest.approx(float((points - clean).norm(dim=1).max()), abs=1e-8)
    assert found[1] == 0.0  # No whole shift lies in the second box.


@settings(max_examples=50)
@given(reach=st.floats(0.0, 4.0), step=st.sampled_from([0.1, 0.25, 1.0]), part=st.floats(0.0, 1.0))
def test_values_of_a_parameter_are_the_multiples_in_its_interval(
    reach: float, step: float, part: float
) -> None:
    parameter = Parameter("t", "", step=step)
    values = parameter.values(-reach, reach)
    assert 0.0 in values
    assert list(values) == sorted(set(values))
    assert all(abs(value) <= reach for value in values)
    assert len(values) in (2 * int(reach / step + 1e-9) + 1, 2 * int(reach / step - 1e-9) + 1)
    drawn = parameter.between(-reach, reach, torch.tensor([part], dtype=torch.float64))
    assert float(drawn) in values


def test_adversaries_and_training_take_whole_pixels_only() -> None:
    steps, region = IntegerTranslation.parameters, Region((-2.5, -1.0), (2.5, 0.0))
    tried = torch.cat([grid(region, 31, steps), scattered(region, 64, 0, 0, steps)])
    assert torch.equal(tried, tried.round())
    assert set(map(tuple, tried.tolist())) == {(x, y) for x in range(-2, 3) for y in (-1, 0)}
    law = GaussianLaw((1.0, 1.0), 0.25)
    views = NoisyInputs(IntegerTranslation(), law, region, 1.5, 2.0**-8)
    assert views(torch.rand(8, *SHAPE)).shape == (8, *SHAPE)
    assert spread(Region((-2.5,), (2.5,)), steps[:1]) == [(v,) for v in (-2.0, -1.0, 0.0, 1.0, 2.0)]


@pytest.mark.parametrize("centres", [4, 5])
def test_as_many_centres_as_attacks_are_not_refused_beforehand(centres: int) -> None:
    # Noise so narrow that no vote share bears a shift of one pixel.
    g = smoothed(IntegerTranslation(), 0.05, 0.05)
    region, mode = Region((-2.0, 0.0), (2.0, 0.0)), RegionMode(alpha=0.001, max_votes=10**6)
    if centres == 5:
        check_feasible(g, region, mode, IndividualCovers(centres))
    else:
        with pytest.raises(UnreachableError):
            check_feasible(g, region, mode, IndividualCovers(centres))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"low_pass_px": -1.0}, "low_pass_px=-1.0"),
        ({"pad_px": -1}, "pad_px=-1"),
        ({"cutoff": 0.7}, "cutoff=0.7"),
    ],
)
def test_options_that_make_no_sense_are_named(options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        load_transformation("integer-translation", options)


def test_a_step_below_zero_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="step=-1"):
        Parameter("t", "px", step=-1.0)
