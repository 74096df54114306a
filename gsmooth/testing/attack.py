"""Checks of the attack psi, and of how it and the action belong together."""

from __future__ import annotations

import torch
from hypothesis import strategies as st

from gsmooth.testing.pictures import Picture, pictures
from gsmooth.testing.subject import ROUNDING, Subject, Theta, columns, near, no_claim


def attack_at_zero_is_identity(subject: Subject) -> None:
    """L psi_0(x) = L x: the untransformed image belongs to every region."""

    def example(picture: Picture) -> None:
        x = picture.tensor(subject.shape)
        found = subject.lift(subject.attack(x, (0.0,) * subject.dimensions))
        clean = subject.lift(x)
        near(found, clean, 1.0 + float(clean.norm()), "L psi_0(x) is not L x")

    subject.search(example, picture=pictures())


def attack_is_differentiable(subject: Subject) -> None:
    """Gradients in x and in theta exist and are finite: the opponent searches along them."""

    def example(picture: Picture, theta: Theta) -> None:
        x = picture.tensor(subject.shape).requires_grad_(True)
        moved = [column.requires_grad_(True) for column in columns(theta, x)]
        attacked = subject.transformation.attack(x, *moved)
        assert attacked.requires_grad, "no gradient reaches the attacked image"
        weight = Picture("noise", picture.seed).tensor(subject.shape)
        names = ["x", *(p.name for p in subject.transformation.parameters)]
        gradients = torch.autograd.grad((attacked * weight).sum(), [x, *moved], allow_unused=True)
        for name, gradient in zip(names, gradients, strict=True):
            assert gradient is not None, f"the attack does not depend on {name} differentiably"
            assert bool(gradient.isfinite().all()), f"a gradient in {name} is not finite"

    subject.search(example, picture=pictures(), theta=subject.attacks())


def attack_keeps_the_range(subject: Subject) -> None:
    """Images in [low, high] stay there where keeps_range says so: an image file holds them (F2)."""
    ranges = [(0.0, 1.0), (-1.0, 1.0)]
    kept = [ends for ends in ranges if subject.transformation.keeps_range(*ends)]
    if not kept or not subject.dimensions:
        raise no_claim("keeps_range is False, and with bits certificates are heuristic")

    def example(picture: Picture, theta: Theta, ends: tuple[float, float]) -> None:
        low, high = ends
        x = low + (high - low) * picture.tensor(subject.shape)
        found = subject.attack(x, theta)
        beyond = max(low - float(found.min()), float(found.max()) - high)
        assert beyond <= ROUNDING, (
            f"keeps_range{ends} is claimed, but at theta={theta} a pixel leaves by {beyond:.3g}"
        )

    ends = st.sampled_from(kept)
    subject.search(example, picture=pictures(), theta=subject.attacks(), ends=ends)


def action_follows_attack(subject: Subject) -> None:
    """T_theta L x lies no farther from L psi_theta(x) than T_(-theta) L x does.

    An action that turns the other way is sound and useless: every residual is twice the motion.
    """
    if any(subject.one_sided):
        raise no_claim("T_(-theta) does not exist: a parameter is one-sided")

    def example(seed: int) -> None:
        x = Picture("blob", seed).tensor(subject.shape)
        clean = subject.lift(x)
        for theta in (subject.region.lower, subject.region.upper):
            part = tuple(0.5 * value for value in theta)
            attacked = subject.lift(subject.attack(x, part))
            along = float((attacked - subject.act(clean, part)).norm())
            against = subject.act(clean, tuple(-value for value in part))
            backwards = float((attacked - against).norm())
            assert along <= backwards + 1e-9 * (1.0 + float(clean.norm())), (
                f"at theta={part} the attack is {along:.3g} away from the action and only"
                f" {backwards:.3g} from its inverse; is the sign of a parameter wrong?"
            )

    for seed in range(3):
        example(seed)
