"""Checks of the lift L and the readout Q."""

from __future__ import annotations

import torch
from hypothesis import strategies as st
from torch import Tensor

from gsmooth.testing.images import Point, SampleImage, points, sample_images
from gsmooth.testing.settings import KIT
from gsmooth.testing.transformation_under_test import TransformationUnderTest, near, no_claim
from gsmooth.transforms.bounds import TransformationBounds


def lift_is_linear(subject: TransformationUnderTest) -> None:
    """L(a x + b y) = a L x + b L y: the lift of a difference is the difference of the lifts."""
    factors = st.floats(-4.0, 4.0, allow_subnormal=False)

    def example(x: SampleImage, y: SampleImage, a: float, b: float) -> None:
        one, other = x.tensor(subject.shape), y.tensor(subject.shape)
        direct = subject.linear_lift(a * one + b * other)
        parts = a * subject.linear_lift(one) + b * subject.linear_lift(other)
        near(direct, parts, 1.0 + float(parts.norm()), f"L is not linear at a={a}, b={b}")

    subject.search(example, x=sample_images(), y=sample_images(), a=factors, b=factors)


def normalization_follows_the_linear_lift(subject: TransformationUnderTest) -> None:
    """L x = N(L' x), for an action of orthogonal maps that N commutes with (T9)."""
    normalization = subject.transformation.normalization(subject.shape)
    if normalization is None:
        raise no_claim("the lift is not normalized")
    assert subject.transformation.orthogonal, "an action that is not orthogonal is normalized"

    def example(sample_image: SampleImage) -> None:
        x = sample_image.tensor(subject.shape)
        linear, found = subject.linear_lift(x), subject.lift(x)
        scale = 1.0 + normalization.level + float(linear.norm())
        near(found, normalization(linear), scale, "L x is not its linear lift, normalized")
        moved = subject.act(linear, subject.region.upper)
        apart = subject.act(found, subject.region.upper) - normalization(moved)
        # What rounding moves grows by the factor that the shortest points are lengthened by.
        slack = 1e-9 * scale * max(1.0, normalization.level / normalization.least)
        assert float(apart.norm()) <= slack, "the normalization does not commute with T"

    subject.search(example, sample_image=sample_images())


def lift_norm_bounds_lift(subject: TransformationUnderTest) -> None:
    """||L x|| <= lift_norm ||x||, also for x from a power iteration."""
    bound = subject.transformation.bounds.lift_norm(subject.shape)

    def example(sample_image: SampleImage) -> None:
        x = sample_image.tensor(subject.shape)
        stretched = max(
            _lipschitz_bound(subject, x), _lipschitz_bound(subject, _steepest(subject, x))
        )
        assert stretched <= bound * (1.0 + 1e-12), (
            f"||L x|| = {stretched:.12g} ||x||, but lift_norm claims {bound:.12g}"
        )

    subject.with_examples(0.25).search(example, sample_image=sample_images(("noise", "pixel")))


def rounding_norm_bounds_lift(subject: TransformationUnderTest) -> None:
    """||L r|| <= rounding_norm for |pixels| <= 1: the effect of rounding an attacked image (F2).

    F2: rounding of pixels adds at most half a level times this norm to a residual. The worst r
    has all pixels at -1 or 1; iterations of r -> sign(L^T L r) from several starts search for it.
    """
    operator = subject.transformation
    if operator.bounds_class.rounding_norm is TransformationBounds.rounding_norm:
        raise no_claim("rounding_norm is the default, which follows from lift_norm")
    bound = operator.bounds.rounding_norm(subject.shape)

    def example(sample_image: SampleImage) -> None:
        r = (2.0 * sample_image.tensor(subject.shape) - 1.0).sign()
        worst = 0.0
        for _ in range(KIT.action.power_steps):
            worst = max(worst, float(subject.linear_lift(r).norm()))
            r = _pulled(subject, r).sign()
        assert worst <= bound * (1.0 + 1e-12), (
            f"||L r|| = {worst:.12g} with |pixels| <= 1, but rounding_norm claims {bound:.12g}"
        )

    subject.with_examples(0.25).search(example, sample_image=sample_images(("noise", "pixel")))


def readout_has_the_image_shape(subject: TransformationUnderTest) -> None:
    """Q maps (N, K) to the network's input (N, C, H, W), as input_shape says it."""

    def example(point: Point, rows: int) -> None:
        z = point.tensor(subject.size, rows)
        found = tuple(subject.transformation.readout(z, subject.shape).shape)
        expected = (rows, *subject.input_shape)
        assert found == expected, f"z {tuple(z.shape)} was read out as {found}, not {expected}"

    subject.with_examples(0.25).search(example, point=points(), rows=st.integers(1, 4))


def _lipschitz_bound(subject: TransformationUnderTest, x: Tensor) -> float:
    return float(subject.linear_lift(x).norm()) / max(float(x.norm()), 1e-300)


def _steepest(subject: TransformationUnderTest, start: Tensor) -> Tensor:
    """Return the direction with the largest ||L x|| / ||x||, by power iteration on L^T L."""
    # A small part of all directions, so that the start is orthogonal to none.
    x = start + 0.01 * SampleImage("noise", 1).tensor(subject.shape)
    for _ in range(KIT.action.power_steps):
        pulled = _pulled(subject, x / x.norm())
        if not bool(pulled.norm() > 0.0):
            break
        x = pulled
    return x


def _pulled(subject: TransformationUnderTest, x: Tensor) -> Tensor:
    """L^T L x."""
    leaf = x.clone().requires_grad_(True)
    pulled: Tensor = torch.autograd.grad(subject.linear_lift(leaf).square().sum() / 2.0, leaf)[0]
    return pulled
