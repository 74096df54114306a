"""Checks of the attack psi, and of its agreement with the action T."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import torch
from hypothesis import strategies as st
from torch import Tensor

from gsmooth.testing.images import IN_RANGE, SampleImage, sample_images
from gsmooth.testing.settings import KIT
from gsmooth.testing.transformation_under_test import (
    Theta,
    TransformationUnderTest,
    columns,
    near,
    no_claim,
)


def attack_at_zero_is_identity(subject: TransformationUnderTest) -> None:
    """L psi_0(x) = L x: every region contains the untransformed image."""

    def example(sample_image: SampleImage) -> None:
        x = sample_image.tensor(subject.shape)
        found = subject.lift(subject.attack(x, (0.0,) * subject.dimensions))
        clean = subject.lift(x)
        near(found, clean, 1.0 + float(clean.norm()), "L psi_0(x) is not L x")

    subject.search(example, sample_image=sample_images(IN_RANGE))


def attack_is_differentiable(subject: TransformationUnderTest) -> None:
    """Gradients in x and in theta exist and are finite: the adversary uses them.

    For parameters with steps only gradients in x are checked: the adversary tries all their values.
    """

    def example(sample_image: SampleImage, theta: Theta) -> None:
        x = sample_image.tensor(subject.shape).requires_grad_(True)
        moved = [column.requires_grad_(True) for column in columns(theta, x)]
        attacked = subject.transformation.attack(x, *moved)
        assert attacked.requires_grad, "no gradient reaches the attacked image"
        weight = SampleImage("noise", sample_image.seed).tensor(subject.shape)
        free = {
            p.name: column
            for p, column in zip(subject.transformation.parameters, moved, strict=True)
            if not p.step
        }
        leaves = [x, *free.values()]
        gradients = torch.autograd.grad((attacked * weight).sum(), leaves, allow_unused=True)
        for name, gradient in zip(["x", *free], gradients, strict=True):
            assert gradient is not None, f"the attack does not depend on {name} differentiably"
            assert bool(gradient.isfinite().all()), f"a gradient in {name} is not finite"

    subject.search(example, sample_image=subject.sample_images(), theta=subject.attacks())


def attack_keeps_the_range(subject: TransformationUnderTest) -> None:
    """Images in [low, high] stay there if keeps_range is True: a file can store them (F2)."""
    ranges = [(0.0, 1.0), (-1.0, 1.0)]
    kept = [ends for ends in ranges if subject.transformation.keeps_range(*ends)]
    if not kept or not subject.dimensions:
        raise no_claim("keeps_range is False, and with bits certificates are heuristic")

    def example(sample_image: SampleImage, theta: Theta, ends: tuple[float, float]) -> None:
        low, high = ends
        x = low + (high - low) * sample_image.tensor(subject.shape)
        found = subject.attack(x, theta)
        beyond = max(low - float(found.min()), float(found.max()) - high)
        assert beyond <= KIT.tolerance.action, (
            f"keeps_range{ends} is claimed, but at theta={theta} a pixel leaves by {beyond:.3g}"
        )

    ends = st.sampled_from(kept)
    subject.search(
        example, sample_image=sample_images(IN_RANGE), theta=subject.attacks(), ends=ends
    )


def action_follows_attack(subject: TransformationUnderTest) -> None:
    """T_theta L x lies no farther from L psi_theta(x) than T_(-theta) L x does.

    An action with the wrong sign is sound but useless, since every residual is twice the motion; so
    is an action that uses another unit. For each parameter, T at -theta, and T at theta times a
    factor of ``unit_slips`` (degrees for radians, halves, doubles), must not fit the attack much
    better. Small theta are tried, too: for large theta the edges of the image disturb the fit.
    """

    def example(seed: int) -> None:
        x = SampleImage("blob", seed).tensor(subject.shape)
        clean = subject.lift(x)
        slack = 1e-9 * (1.0 + float(clean.norm()))
        for theta in (subject.region.lower, subject.region.upper):
            tried = [(t, _backwards(subject, x, clean, t)) for t in _on_the_way(subject, theta)]
            told = [(there, found) for there, found in tried if found.telling]
            assert not told or any(e.own <= e.scaled + slack for _, e in told), (
                f"at theta={told[0][0]} the attack is {told[0][1].own:.3g} away from the action and"
                f" only {told[0][1].scaled:.3g} from its inverse, and so it is on the way there; is"
                " the sign of a parameter wrong?"
            )

    for axis, parameter in enumerate(subject.transformation.parameters):
        if not parameter.whole:
            _require_own_unit(subject, axis, parameter.name)
    for seed in range(3):
        example(seed)


def _require_own_unit(subject: TransformationUnderTest, axis: int, name: str) -> None:
    for factor in KIT.action.unit_slips:
        told = [e for e in _errors(subject, axis, factor) if e.telling]
        much = sum(e.scaled < e.own / 2.0 for e in told)
        slip = all(e.scaled < e.own for e in told) and much > len(told) / 2.0
        assert not slip, (
            f"the attack follows the action at {factor:.4g} times {name} much better than at"
            f" {name}; is theta of act in another unit than theta of attack?"
        )


@final
@dataclass(frozen=True)
class _Errors:
    """Distances of L psi from T at the same theta (own), at a scaled one, and from L x (motion)."""

    own: float
    scaled: float
    motion: float

    @property
    def telling(self) -> bool:
        """True if one of both fits the attack: its distance is less than half of the motion.

        Where nearly all of an image is clipped, or at its edges, even a correct action fits badly,
        and the comparison has no meaning.
        """
        return min(self.own, self.scaled) < self.motion / 2.0


def _errors(subject: TransformationUnderTest, axis: int, factor: float) -> Iterator[_Errors]:
    """Yield the distances for one parameter, with T at theta and at ``factor`` times theta.

    The other parameters are 0. theta are those of KIT.action.parts for which ``factor`` times theta
    is no farther out than noise.
    """
    for end in (subject.region.lower, subject.region.upper):
        alone = tuple(value if place == axis else 0.0 for place, value in enumerate(end))
        for theta in _on_the_way(subject, alone):
            scaled = subject.whole(tuple(factor * value for value in theta))
            if abs(scaled[axis]) > subject.reach[axis]:
                continue
            for seed in range(3):
                x = SampleImage("blob", seed).tensor(subject.shape)
                clean = subject.lift(x)
                attacked = subject.lift(subject.attack(x, theta))
                # A motion must exceed rounding errors.
                slack = 1e-9 * (1.0 + float(clean.norm()))
                yield _Errors(
                    own=float((attacked - subject.act(clean, theta)).norm()),
                    scaled=float((attacked - subject.act(clean, scaled)).norm()) + slack,
                    motion=float((attacked - clean).norm()),
                )


def _on_the_way(subject: TransformationUnderTest, theta: Theta) -> list[Theta]:
    """Return attacks between 0 and theta, without 0."""
    scaled = (tuple(part * value for value in theta) for part in KIT.action.parts)
    found = dict.fromkeys(subject.possible(there) for there in scaled)
    end = subject.possible(theta)
    return [there for there in found if any(there)] or ([end] if any(end) else [])


def _backwards(subject: TransformationUnderTest, x: Tensor, clean: Tensor, theta: Theta) -> _Errors:
    """Return the distances with T at theta and at -theta."""
    attacked = subject.lift(subject.attack(x, theta))
    against = subject.act(clean, subject.inverse(theta))
    return _Errors(
        own=float((attacked - subject.act(clean, theta)).norm()),
        scaled=float((attacked - against).norm()),
        motion=float((attacked - clean).norm()),
    )
