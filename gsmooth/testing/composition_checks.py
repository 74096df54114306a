"""Checks of the claims that compositions need: linear actions, fixed parts, affine intensities."""

from __future__ import annotations

import torch
from torch import Tensor

from gsmooth.testing.images import Point, SampleImage, points
from gsmooth.testing.transformation_under_test import (
    Theta,
    TransformationUnderTest,
    columns,
    near,
    no_claim,
)
from gsmooth.transforms.composition.flows import gain, shift


def named_action_is_linear(subject: TransformationUnderTest) -> None:
    """T_theta (y + 2 z) = T_theta y + 2 T_theta z if the z-space has a name."""
    _require_z_space(subject)

    def example(point: Point, theta: Theta) -> None:
        y, z = (point.tensor(subject.size, rows=2)[row : row + 1] for row in (0, 1))
        one, other = subject.act(y, theta), subject.act(z, theta)
        together = subject.act(y + 2.0 * z, theta)
        what = f"z_space is named, but T_{theta} is not linear"
        near(together, one + 2.0 * other, _scale(y, z, one, other), what)

    subject.search(example, point=points(), theta=subject.thetas())


def fixed_part_stays(subject: TransformationUnderTest) -> None:
    """fixed_part is an orthogonal projection, and no T_theta moves its image."""
    _require_z_space(subject)
    operator = subject.transformation

    def example(point: Point, theta: Theta) -> None:
        z = point.tensor(subject.size)
        fixed = operator.fixed_part(z.clone())
        near(operator.fixed_part(fixed.clone()), fixed, _scale(z), "fixed_part is no projection")
        square = _scale(z) ** 2
        near((fixed * (z - fixed)).sum(), z.new_zeros(()), square, "fixed_part is not orthogonal")
        moved = subject.act(fixed, theta)
        near(moved, fixed, _scale(z), f"T_{theta} moves what fixed_part gives")

    subject.search(example, point=points(), theta=subject.thetas())


def action_derivative_bounds_motion(subject: TransformationUnderTest) -> None:
    """||T_(theta + h) z - T_theta z|| <= h action_derivative: it bounds the speed of T."""
    _require_z_space(subject)
    operator = subject.transformation
    if (
        operator.bounds.action_derivative(
            torch.zeros(1, subject.size, dtype=torch.float64, device="cpu")
        )
        is None
    ):
        raise no_claim("action_derivative is None, and compositions have no bound")

    def example(point: Point, theta: Theta) -> None:
        z = point.tensor(subject.size)
        claimed = operator.bounds.action_derivative(z.clone())
        assert claimed is not None, "action_derivative answers at first and None later"
        for axis, reach in enumerate(subject.reach):
            # One-sided parameters have no negative values.
            step = (
                operator.parameters[axis].step
                if operator.parameters[axis].whole
                else 2.0**-12 * reach
            )
            further = tuple(v + step if n == axis else v for n, v in enumerate(theta))
            moved = float((subject.act(z, further) - subject.act(z, theta)).norm())
            allowed = step * float(claimed[0, axis]) + 1e-9 * _scale(z)
            assert moved <= allowed, (
                f"T_theta z moves by {moved:.6g} from theta={theta} to {further}, action_derivative"
                f" allows {allowed:.6g}"
            )

    subject.search(example, point=points(), theta=subject.thetas())


def exact_attack_is_the_action(subject: TransformationUnderTest) -> None:
    """L psi_theta(x) = T_theta L x if ``exact`` is True: the residual is 0."""
    if not subject.transformation.exact:
        raise no_claim("exact is False, and what is left over is bounded")

    def example(sample_image: SampleImage, theta: Theta) -> None:
        x = sample_image.tensor(subject.shape)
        attacked, acted = (
            subject.lift(subject.attack(x, theta)),
            subject.act(subject.lift(x), theta),
        )
        what = f"exact is claimed, but L psi(x) is not T L x at theta={theta}"
        near(attacked, acted, _scale(attacked, acted), what)

    subject.search(example, sample_image=subject.sample_images(), theta=subject.attacks())


def affine_intensity_is_the_attack(subject: TransformationUnderTest) -> None:
    """psi_theta(x) = gain x + shift in every pixel, with gain and shift of ``affine_intensity``."""
    affine_intensity = subject.transformation.affine_intensity()
    if affine_intensity is None:
        raise no_claim("affine_intensity is None: pixels do not move by an affine law of their own")

    def example(sample_image: SampleImage, theta: Theta) -> None:
        x = sample_image.tensor(subject.shape)
        time = columns(theta, x)[0][:, :, None, None]
        attacked, told = (
            subject.attack(x, theta),
            gain(affine_intensity, time) * x + shift(affine_intensity, time),
        )
        what = f"psi(x) is not what affine_intensity={affine_intensity} says at theta={theta}"
        near(attacked, told, _scale(attacked, told), what)

    subject.search(example, sample_image=subject.sample_images(), theta=subject.attacks())


def _require_z_space(subject: TransformationUnderTest) -> None:
    if subject.transformation.z_space is None:
        raise no_claim("z_space is None, and compositions are refused")


def _scale(*tensors: Tensor) -> float:
    return 1.0 + max(float(tensor.norm()) for tensor in tensors)
