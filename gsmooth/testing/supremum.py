"""Checks of whole covers: every attack lies within the margin of a ball."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import torch
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor

from gsmooth.cover import Cover, build_cover
from gsmooth.cover.pulled_back import PulledBackImage
from gsmooth.cover.regions.one_sided import one_way_axes
from gsmooth.cover.settings import COVER
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.testing.images import SampleImage
from gsmooth.testing.settings import KIT
from gsmooth.testing.transformation_under_test import TransformationUnderTest, no_claim
from gsmooth.theory.normal import normal_quantile
from gsmooth.transforms.base import Transformation
from gsmooth.transforms.region import Region

Floats = NDArray[np.float64]


def certified_supremum_holds(subject: TransformationUnderTest) -> None:
    """Every attack lies within the margin of some ball, also between the sampled points."""
    if not _has_bound(subject):
        raise no_claim("derivative_bound is None, and no supremum is certified")
    _check_supremum(subject, subject.smoothed())


def identity_supremum_holds(subject: TransformationUnderTest) -> None:
    """Every attack lies within some ball's margin, for covers without noise on theta (T = id)."""
    if not _has_bound(subject, identity_action=True):
        raise no_claim("attack_derivative_bound is None, and no supremum is certified for T = id")
    _check_supremum(subject, subject.smoothed(identity_action=True))


def _check_supremum(subject: TransformationUnderTest, smoothed: SmoothedClassifier) -> None:
    def example(sample_image: SampleImage, centres: int, seed: int) -> None:
        image = sample_image.tensor(subject.shape)
        cover = build_cover(smoothed, image[0], subject.region, centres)
        theta, excess = worst_attack(smoothed, image, cover, seed)
        assert excess <= 0.0, (
            f"the attack at theta={theta} exceeds the margin of every one of {len(cover.balls)}"
            f" balls, by {excess:.3g} at least"
        )

    # A cover takes too long to shrink a counterexample: it is printed as found.
    subject.with_examples(0.2).search(
        example,
        shrink=False,
        sample_image=subject.sample_images(),
        centres=st.integers(1, 6),
        seed=st.integers(0, 2**16),
    )


def margins_grow_with_the_region(subject: TransformationUnderTest) -> None:
    """Required shares of a profile ascend with the fraction, up to that of the whole region."""
    smoothed = subject.smoothed(identity_action=not subject.transformation.has_action)

    def example(sample_image: SampleImage, part: float) -> None:
        image = sample_image.tensor(subject.shape)[0]
        whole = build_cover(smoothed, image, subject.region, 1)
        inner = build_cover(smoothed, image, subject.region.scaled(part), 1)
        for ball in whole.balls:
            fractions = [step.fraction for step in ball.profile]
            shares = [step.required_p for step in ball.profile]
            assert fractions == sorted(fractions), f"fractions are out of order: {fractions}"
            assert fractions[-1] == 1.0, f"the profile ends at fraction {fractions[-1]}, not at 1"
            assert shares == sorted(shares), "a larger region needs a smaller share"
            assert shares[-1] == ball.required_p, (
                "the whole region does not need the ball's own share"
            )
        small, large = inner.balls[0].margin, whole.balls[0].margin
        assert small <= KIT.tolerance.ball * large + 2.0 * COVER.refinement.tolerance, (
            f"{part:g} of the region needs margin {small:.4g}, all of it only {large:.4g}"
        )

    subject.with_examples(0.2).search(
        example, shrink=False, sample_image=subject.sample_images(), part=st.floats(0.1, 1.0)
    )


def profiles_hold_on_every_part(subject: TransformationUnderTest) -> None:
    """The required share of a ball's profile for a part of the region suffices for all its attacks.

    Radius mode and inside-out order certify parts of a region by these shares.
    """
    if not _has_bound(subject):
        raise no_claim("derivative_bound is None, and no supremum is certified")
    smoothed = subject.smoothed()

    def example(sample_image: SampleImage, centres: int, part: float, seed: int) -> None:
        image = sample_image.tensor(subject.shape)
        whole = build_cover(smoothed, image[0], subject.region, centres)
        inner = _inner(whole, part)
        theta, excess = worst_attack(smoothed, image, inner, seed)
        assert excess <= 0.0, (
            f"the attack at theta={theta}, in {part:g} of the region, exceeds what every profile"
            f" asks there, by a margin of {excess:.3g} at least"
        )

    subject.with_examples(0.2).search(
        example,
        shrink=False,
        sample_image=subject.sample_images(),
        centres=st.integers(1, 6),
        part=st.floats(0.02, 1.0),
        seed=st.integers(0, 2**16),
    )


def _inner(cover: Cover, part: float) -> Cover:
    """Return the cover of ``region.scaled(part)`` that the profiles define."""
    balls = []
    for ball in cover.balls:
        required_p = next(step.required_p for step in ball.profile if step.fraction >= part)
        if required_p > 0.0:
            balls.append(replace(ball, required_p=required_p, margin=_margin_of(required_p)))
    return replace(cover, region=cover.region.scaled(part), balls=tuple(balls))


def _margin_of(required_p: float) -> float:
    """Return the margin of a share, rounded up, since float64 is coarse for shares near 1."""
    return float(normal_quantile(min(required_p * (1.0 + 2.0**-40), 1.0)))


def worst_attack(
    smoothed: SmoothedClassifier, x: Tensor, cover: Cover, seed: int = 0
) -> tuple[tuple[float, ...], float]:
    """Search for the theta that lies farthest outside a cover.

    The search tries a dense grid, as many random points, and then gradient-free ascent from the
    best of these.

    Args:
        smoothed: The smoothed classifier.
        x: Image (1, C, H, W).
        cover: Cover of the image.
        seed: Seed of the random points.

    Returns:
        theta and its distance beyond the margin of the nearest ball; at most 0 if every theta tried
        lies within a margin.
    """
    rng = np.random.default_rng(seed)
    steps = np.array([parameter.step for parameter in smoothed.transformation.parameters])
    theta = _towards_zero(_candidates(cover.region, rng), steps)
    found = excess(smoothed, x, cover, theta)
    best = np.argsort(found)[-KIT.search.climbers :]
    theta, found = theta[best], found[best]
    span = np.array(cover.region.upper) - np.array(cover.region.lower)
    low, high = np.array(cover.region.lower), np.array(cover.region.upper)
    for climb in range(KIT.search.climbs):
        step = span * 0.5**climb / len(best) ** 2 * rng.choice([-1.0, 1.0], size=theta.shape)
        tried = np.clip(theta + step * rng.uniform(0.0, 1.0, size=theta.shape), low, high)
        tried = _towards_zero(tried, steps)
        values = excess(smoothed, x, cover, tried)
        better = values > found
        theta[better], found[better] = tried[better], values[better]
    top = int(np.argmax(found))
    return tuple(theta[top].tolist()), float(found[top])


def excess(smoothed: SmoothedClassifier, x: Tensor, cover: Cover, theta: Floats) -> Floats:
    """Return how far each theta (n, m) lies outside the margin of the best ball, (n,); <= 0 inside.

    By T4, the margin of ball j bounds the shift gamma = theta - theta_j together with the residual
    e = T_(-gamma) L psi_theta(x) - z_j. Without noise on theta, e = L psi_theta(x) - z_j. For a
    contraction without inverse (T5), the smaller of both parameters is moved up to the larger one:
    e = T_(gamma-) L psi_theta(x) - T_(gamma+) z_j.
    """
    operator = smoothed.transformation
    moved = torch.from_numpy(theta)
    attacked = operator.attack(x.repeat(len(theta), 1, 1, 1), *_columns(moved))
    lifted = operator.lift(attacked)
    outside = np.full(len(theta), np.inf)
    one_way = list(one_way_axes(operator))

    for ball in cover.balls:
        shift, back, z = moved[:, :0], lifted, ball.z[None]
        if not smoothed.identity_action:
            shift = moved - torch.tensor([ball.theta], dtype=torch.float64, device="cpu")
            way, ahead = -shift, torch.zeros_like(shift)
            way[:, one_way] = way[:, one_way].clamp(min=0.0)
            ahead[:, one_way] = shift[:, one_way].clamp(min=0.0)
            back = _pulled_back(operator, lifted, moved, ball.theta, way)
            if one_way:
                z = operator.act(z.repeat(len(theta), 1), *_columns(ahead))
        residual = _read(smoothed, back - z, shift).norm(dim=1).numpy()
        margin = smoothed.law.margin(shift.numpy(), residual)
        # A ball with an infinite margin certifies nothing, and no theta lies outside it.
        beyond = (
            margin - ball.margin if math.isfinite(ball.margin) else np.full(len(theta), -np.inf)
        )
        outside = np.minimum(outside, beyond)
    return outside


def _read(smoothed: SmoothedClassifier, apart: Tensor, shift: Tensor) -> Tensor:
    """The part of differences from a ball's centre that votes read (T8), where T can be undone."""
    operator = smoothed.transformation
    if one_way_axes(operator):
        return apart
    none = apart.new_zeros((len(apart), len(operator.parameters)))
    if smoothed.identity_action:
        return operator.bounds.visible(apart, none, none, (0.0,) * none.shape[1])
    counted = shift.clone()
    counted[:, list(smoothed.law.unsmoothed)] = 0.0
    return operator.bounds.visible(apart, none, counted, smoothed.law.reach)


def _pulled_back(
    operator: Transformation, lifted: Tensor, theta: Tensor, centre: tuple[float, ...], way: Tensor
) -> Tensor:
    """T_(theta_j - theta) L psi, or T_theta_j T_theta^-1 L psi for groups that do not add up."""
    if operator.additive:
        return operator.act(lifted.clone(), *_columns(way))
    origin = operator.act(lifted.clone(), *operator.inverse(tuple(_columns(theta))))
    placed = torch.tensor([centre], dtype=torch.float64, device="cpu").expand(len(theta), -1)
    return operator.act(origin, *_columns(placed))


def _candidates(region: Region, rng: np.random.Generator) -> Floats:
    low, high = np.array(region.lower), np.array(region.upper)
    each = max(2, round(KIT.search.grid ** (1.0 / len(low))))
    axes = [np.linspace(a, b, each) for a, b in zip(low, high, strict=True)]
    dense = np.stack([axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")], axis=1)
    return np.concatenate([dense, rng.uniform(low, high, size=(KIT.search.grid, len(low)))])


def _towards_zero(theta: Floats, steps: Floats) -> Floats:
    """Move theta (n, m) towards 0 to whole multiples of steps (m,); a step of 0 changes nothing."""
    units = np.where(steps > 0.0, steps, 1.0)
    return np.where(steps > 0.0, np.trunc(theta / units) * units, theta)


def _columns(theta: Tensor) -> list[Tensor]:
    return [theta[:, axis : axis + 1] for axis in range(theta.shape[1])]


def _has_bound(subject: TransformationUnderTest, identity_action: bool = False) -> bool:
    blank = torch.zeros(1, *subject.shape, dtype=torch.float64, device="cpu")
    origin = torch.zeros(1, subject.dimensions, dtype=torch.float64, device="cpu")
    return (
        PulledBackImage(subject.transformation, blank, identity_action).derivative(origin, origin)
        is not None
    )
