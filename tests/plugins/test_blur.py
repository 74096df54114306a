"""Blur against SciPy's filter, extended precision and a classifier whose radius is known."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import ArrayLike
from scipy import ndimage, special
from torch import Tensor

import gsmooth
from gsmooth import Region
from gsmooth.certificate import Certified, Guarantee
from gsmooth.certification import RadiusMode, RegionMode
from gsmooth.certification.nested import NestedMode, certify_nested_many
from gsmooth.cover import build_cover
from gsmooth.cover.distributional import distributional_cover
from gsmooth.cover.online import build_online_cover
from gsmooth.data.item import Item
from gsmooth.errors import ConfigurationError
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.testing import transformation_checks
from gsmooth.theory.forward import FoldedNormalLaw
from gsmooth.theory.law import Law
from gsmooth.theory.laws import ExponentialLaw, GaussianLaw, LaplaceLaw, UniformLaw
from gsmooth.theory.normal import Floats
from gsmooth_blur import Blur
from gsmooth_blur.attack import SampledKernel
from tests.engine_objects import Labels, classifier, decided, most_by_chance

SHAPE = (1, 6, 7)
KERNELS: list[Literal["exact", "sampled"]] = ["exact", "sampled"]
each_kernel = pytest.mark.parametrize("kernel", KERNELS)


def in_extended_precision(z: Tensor, *theta: float) -> Tensor:
    """T_theta z for z (n, 6 * 7) in 80-bit floats, from the definition."""
    pi = 4 * np.arctan(np.longdouble(1))
    down, along = (np.arange(n, dtype=np.longdouble) * pi / n for n in SHAPE[1:])
    rate = (down[:, None] ** 2 + along**2) / 2
    damped = z.numpy().reshape(-1, *SHAPE[1:]) * np.exp(-np.longdouble(theta[0]) * rate)
    return torch.from_numpy(damped.astype(np.float64).reshape(len(z), -1))


CHECKS = [
    pytest.param(check, id=f"{kernel}-{check.__name__}")
    for kernel in KERNELS
    for check in transformation_checks(
        Blur(kernel, radius_px=9),
        shape=SHAPE,
        region=Region((0.0,), (2.0,)),
        examples=5,
        exact=in_extended_precision,
    )
]


@pytest.mark.parametrize("check", CHECKS)
def test_blur_keeps_every_promise(check: Callable[[], None]) -> None:
    check()


def images(count: int, height: int, width: int) -> Tensor:
    return torch.from_numpy(np.random.default_rng(5).random((count, 2, height, width)))


@pytest.mark.parametrize("radius", [1, 4, 40])
def test_the_sampled_kernel_is_scipys(radius: int) -> None:
    x, variance = images(3, 12, 9), torch.tensor([[0.05], [1.3], [20.0]], dtype=torch.float64)
    found = Blur("sampled", radius).attack(x, variance)
    for image, blurry, v in zip(x, found, variance.flatten().tolist(), strict=True):
        for channel in range(2):
            expected = ndimage.gaussian_filter(
                image[channel].numpy(), math.sqrt(v), mode="reflect", radius=radius
            )
            np.testing.assert_allclose(blurry[channel].numpy(), expected, atol=1e-14)


def test_a_wide_exact_blur_is_the_gaussian_filter_and_a_narrow_one_is_not() -> None:
    x = images(1, 30, 25)

    def apart(v: float) -> float:
        blurry = Blur().for_shape((2, 30, 25)).attack(x, torch.full((1, 1), v, dtype=torch.float64))
        filtered = ndimage.gaussian_filter(
            x.numpy(), (0, 0, math.sqrt(v), math.sqrt(v)), mode="reflect", radius=40
        )
        return float(np.abs(blurry.numpy() - filtered).max())

    assert apart(4.0) < 1e-9  # What lies beyond the band is exp(-v pi^2 / 2) of it.
    assert apart(0.25) > 0.01


@settings(max_examples=30)
@given(a=st.floats(0.0, 50.0), b=st.floats(0.0, 50.0), seed=st.integers(0, 99))
def test_variances_add_exactly(a: float, b: float, seed: int) -> None:
    x = torch.from_numpy(np.random.default_rng(seed).random((1, 2, 12, 9)))
    blur, both = (
        Blur().for_shape((2, 12, 9)),
        torch.tensor([[a], [b], [a + b]], dtype=torch.float64),
    )
    once = blur.attack(blur.attack(x, both[1:2]), both[:1])
    # a + b is rounded, which moves T by rate * spacing at most.
    assert float((once - blur.attack(x, both[2:])).norm()) < 1e-12 * float(x.norm())


def test_sampled_kernels_do_not_compose() -> None:
    x, half = images(1, 12, 9), torch.full((1, 1), 0.15, dtype=torch.float64)
    sampled = Blur("sampled")
    twice = sampled.attack(sampled.attack(x, half), half)
    assert float((twice - sampled.attack(x, 2.0 * half)).norm()) > 0.05


def test_nothing_undoes_a_blur() -> None:
    blur, x = Blur().for_shape((2, 12, 9)), images(1, 12, 9)
    back = torch.full((1, 1), -0.1, dtype=torch.float64)
    assert bool(blur.act(blur.lift(x), back).isnan().all())
    assert bool(Blur("sampled").attack(x, back).isnan().all())


@pytest.mark.parametrize("lower", [0.0, 0.02, 0.1, 0.3, 1.0, 5.0])
@pytest.mark.parametrize("width", [0.01, 0.3])
def test_slopes_of_the_kernel_bound_dense_differences(lower: float, width: float) -> None:
    kernel, omega = SampledKernel(12), torch.linspace(0.0, math.pi, 41, dtype=torch.float64)
    v = torch.linspace(lower, lower + width, 801, dtype=torch.float64)
    first, second = kernel.slopes(v[:1], v[-1:])
    m, slope = kernel.transfer(v, omega)
    step = float(v[1] - v[0])
    assert float((m.diff(dim=0) / step).abs().max()) <= float(first) + 1e-9
    assert float((slope.diff(dim=0) / step).abs().max()) <= float(second) + 1e-7
    between = (slope[1:] + slope[:-1]) / 2.0
    assert float((m.diff(dim=0) / step - between).abs().max()) <= float(second) * step + 1e-9


# A classifier of one coefficient: two pixels, the second coefficient A exp(-v w), w = (pi / 2)^2 /
# 2; class 1 above TAU. Under noise b on the variance class 1 has b < REACH - v.
RATE = math.pi**2 / 8.0
SIZE, TAU = 64.0, 8.0
REACH = math.log(SIZE / TAU) / RATE


def contrast(x: Tensor) -> Tensor:
    return (x[:, 0, 0, 0] - x[:, 0, 0, 1]) / math.sqrt(2.0)


def fading(law: Law, *, seed: int = 0, kept: bool = True) -> SmoothedClassifier:
    """Class 1 where the second coefficient is large, or with ``kept=False`` where it is small."""
    network = Labels(lambda x: (contrast(x) > TAU) == kept)
    return SmoothedClassifier(
        classifier(network, (1, 1, 2)), Blur(), law, seed=seed, batch_size=4096
    )


STRIPES = torch.tensor([[[SIZE, -SIZE]]], dtype=torch.float64) / math.sqrt(2.0)
# Each with the radius of the classifier above: where half of the noise exceeds REACH - v.
LAWS: list[tuple[Law, float]] = [
    (ExponentialLaw(0.4, 2.0**-8), REACH - 0.4 * math.log(2.0)),
    (FoldedNormalLaw(0.9, 2.0**-8), REACH - 0.9 * float(special.ndtri(0.75))),
    (UniformLaw(0.9, 2.0**-8), REACH - 0.9),
]
each_law = pytest.mark.parametrize(("law", "true"), LAWS, ids=lambda v: getattr(v, "name", ""))


@each_law
def test_the_radius_approaches_the_true_one_from_below(law: Law, true: float) -> None:
    g = fading(law)
    cover = build_cover(g, STRIPES, Region((0.0,), (1.5,)), "clean")
    assert cover.guarantee is Guarantee.INDIVIDUAL
    assert cover.balls[0].theta == (0.0,)
    reached = []
    for n in (256, 1024, 8192):
        found = [f.certificate for f in decided(g, cover, RadiusMode(n=n), 6)]
        ends = [c.region.upper[0] for c in found if isinstance(c, Certified) and c.label == 1]
        assert len(ends) == 6
        assert max(ends) < true
        reached.append(float(np.median(ends)))
    assert reached == sorted(reached)
    assert reached[-1] > 0.85 * true


@each_law
def test_regions_inside_the_true_radius_are_certified_and_no_others(law: Law, true: float) -> None:
    g, mode = fading(law), RegionMode(alpha=0.001, max_votes=4000)
    for part, expected in ((0.7, 12), (1.1, 0)):
        cover = build_cover(g, STRIPES, Region((0.0,), (part * true,)), 3)
        found = [f.certificate for f in decided(g, cover, mode, 12)]
        assert sum(isinstance(c, Certified) and c.label == 1 for c in found) == expected


def test_false_radii_are_no_more_frequent_than_alpha() -> None:
    law, true = LAWS[0]
    g, runs, alpha = fading(law), 300, 0.05
    cover = build_cover(g, STRIPES, Region((0.0,), (true * (1.0 + 1e-3),)), 1)
    found = [f.certificate for f in decided(g, cover, RadiusMode(alpha, n=128), runs)]
    false = [c for c in found if isinstance(c, Certified) and c.region.upper[0] > true]
    assert len(false) <= most_by_chance(alpha, runs)


class Signless(Law):
    """A planted fault: an exponential law that takes a shift backwards for one forwards."""

    name = "signless"

    def __init__(self, true: ExponentialLaw) -> None:
        self.true, self.sigma = true, true.sigma

    @property
    def dimensions(self) -> int:
        return 1

    def margin(
        self, shift: ArrayLike, residual: ArrayLike = 0.0, *, rho0: float = 0.0, tv: float = 0.0
    ) -> Floats:
        return self.true.margin(np.abs(shift), residual, rho0=rho0, tv=tv)

    def radius(self, p_lower: float) -> float:
        return self.true.radius(p_lower)

    def required_p_for_radius(self, radius: float) -> float:
        return self.true.required_p_for_radius(radius)

    def theta_from_uniform(self, u: ArrayLike) -> Floats:
        return self.true.theta_from_uniform(u)

    def one_sided(self) -> Law:
        return self


def check_nothing_false_is_certified(law: Law) -> None:
    """Class 1 once the coefficient has faded: at the clean image in .45 of the votes only."""
    g, runs = fading(law, kept=False), 60
    cover = build_cover(g, STRIPES, Region((0.0,), (2.0 * REACH,)), 1)
    found = [f.certificate for f in decided(g, cover, RegionMode(alpha=0.001), runs)]
    # At REACH all votes are for class 1; neither class has all of the region.
    false = sum(isinstance(c, Certified) for c in found)
    assert false <= most_by_chance(0.001, runs)


def test_a_centre_in_the_middle_of_its_piece_is_caught() -> None:
    law = ExponentialLaw(REACH / math.log(1.0 / 0.45), 2.0**-8)
    check_nothing_false_is_certified(law)
    with pytest.raises(AssertionError):
        check_nothing_false_is_certified(Signless(law))


@pytest.mark.parametrize("law", [GaussianLaw((1.0,), 0.25), LaplaceLaw(1.0, 0.25)])
def test_laws_that_draw_negative_variances_are_refused_with_those_that_fit(law: Law) -> None:
    with pytest.raises(ConfigurationError, match=r"exponential, folded-normal or uniform"):
        fading(law)


def test_a_uniform_law_starts_at_zero_where_nothing_undoes_the_attack() -> None:
    g = fading(UniformLaw(1.0, 0.25))
    assert g.law == UniformLaw(1.0, 0.25, non_negative=True)


def test_negative_variances_and_guarantees_that_carry_back_are_refused() -> None:
    g = fading(ExponentialLaw(0.4, 0.25), seed=3)
    with pytest.raises(ConfigurationError, match=r"use the interval \[0, 1\]"):
        build_cover(g, STRIPES, Region((-0.5,), (1.0,)))
    region = Region((0.0,), (1.0,))
    with pytest.raises(ConfigurationError, match="blur has no inverse"):
        distributional_cover(g, STRIPES, region, 0.1, 1)
    with pytest.raises(ConfigurationError, match="no method that encloses the preimages"):
        build_online_cover(g, STRIPES, region)
    with pytest.raises(ConfigurationError, match="blur has no inverse"):
        list(certify_nested_many(g, [Item(0, STRIPES)], region, NestedMode()))


def test_without_noise_on_the_variance_blur_is_covered_as_it_is() -> None:
    g = SmoothedClassifier(
        classifier(Labels(lambda x: contrast(x) > 0.0), (1, 1, 2)),
        Blur(),
        GaussianLaw((), 4.0),
        seed=0,
    )
    cover = build_cover(g, STRIPES, Region((0.0,), (1.0,)), 1)
    assert cover.guarantee is Guarantee.INDIVIDUAL
    # The ends are SIZE and SIZE exp(-w) along one line: the ball around their middle.
    assert cover.balls[0].margin >= SIZE * (1.0 - math.exp(-RATE)) / 2.0 / 4.0
    assert cover.balls[0].margin <= 1.1 * SIZE * (1.0 - math.exp(-RATE)) / 2.0 / 4.0


def test_balls_and_rounding_on_top_cost_no_more_than_themselves() -> None:
    law, x = (
        ExponentialLaw(0.5, 0.25),
        torch.rand(SHAPE, generator=torch.Generator().manual_seed(1)),
    )
    network = gsmooth.Classifier(torch.nn.Identity(), classes=2, shape=SHAPE)
    g = SmoothedClassifier(network, Blur("sampled"), law, seed=0)
    exact = SmoothedClassifier(network, Blur(), law, seed=0)
    region = Region((0.0,), (0.2,), l2=0.1, bits=8)
    (ball,) = build_cover(exact, x, Region((0.0,), (0.2,), l2=0.1), 1).balls
    assert ball.margin == pytest.approx(float(law.margin([0.2], 0.1)), abs=1e-3)
    assert build_cover(g, x, region).guarantee is Guarantee.INDIVIDUAL
    # Side lobes leave the range, and clipping could move the image: not proved.
    assert build_cover(exact, x, region).guarantee is Guarantee.HEURISTIC


@pytest.mark.parametrize(
    ("options", "message"),
    [({"kernel": "box"}, "kernel"), ({"radius_px": 0}, "radius_px=0")],
)
def test_options_that_make_no_sense_are_named(options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        gsmooth.load_transformation("blur", options)
