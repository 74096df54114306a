"""A check by attacks on certificates of a random network (O4)."""

from __future__ import annotations

from dataclasses import replace
from typing import final

import torch
from torch import Tensor, nn

from gsmooth.attacks import AttackPlan, attack_many
from gsmooth.certificate import Certified
from gsmooth.certification import CertifyTask, RadiusMode
from gsmooth.certification.api import certify_many
from gsmooth.cover import GivenCover, build_cover
from gsmooth.data.item import Item
from gsmooth.models.classifier import Classifier
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.testing.images import Point, SampleImage
from gsmooth.testing.settings import KIT
from gsmooth.testing.transformation_under_test import TransformationUnderTest, nothing
from gsmooth.transforms.region import Region


def attacks_never_beat_certificates(subject: TransformationUnderTest) -> None:
    """No attack in the certified region gets another class by PREDICT, up to chance 1e-6 (O4).

    O4: a search for attacks must not refute a certificate. The search tries a grid, random points
    and gradients. The networks are smooth and random; their thresholds are so close to the image
    that the class can change.
    """
    plan = AttackPlan(points=31, random=32, gradient_steps=6, n=512)
    given = 0
    for kind, seed, part in KIT.adversary.images:
        x = SampleImage(kind, seed).tensor(subject.shape)
        smoothed = _network(subject, x, seed)
        whole = subject.region if subject.dimensions else Region(l2=2.0 * smoothed.law.sigma)
        region = whole.scaled(part)
        cover = build_cover(smoothed, x[0], region, KIT.adversary.centres)
        item, mode = Item(seed, x[0]), RadiusMode(KIT.adversary.alpha, n=KIT.adversary.votes)
        (found,) = certify_many(CertifyTask(smoothed, region, mode, GivenCover(cover)), [item])
        certificate = found.certificate
        if not isinstance(certificate, Certified):
            continue
        given += 1
        proved, label = certificate.region, certificate.label
        (attack,) = attack_many(smoothed, [(item, label)], proved, plan)
        assert not attack.worst.refutes(label), (
            f"class {label} was certified for Picture({kind!r}, {seed}) on {proved}, but at"
            f" theta={attack.theta}, l2={attack.worst.l2:.4g} the votes are"
            f" {attack.worst.strict.counts}"
        )
    if not given:
        raise nothing("no part of the region was certified: it is wide, or residuals are large")


def _network(subject: TransformationUnderTest, x: Tensor, seed: int) -> SmoothedClassifier:
    """Return a smoothed random network for which nearly all votes at x are for class 1."""
    z = subject.lift(x)
    seen = _seen(subject, z)
    units = range(KIT.adversary.hidden_units)
    rows = [Point("normal", seed + unit).tensor(seen.shape[1])[0] for unit in units]
    for unit, theta in enumerate(_scattered(subject, seed)):
        rows[unit] = (seen - _seen(subject, subject.lift(subject.attack(x, theta))))[0]
    first = torch.stack([row / max(float(row.norm()), 1e-9) for row in rows])
    smoothed = subject.smoothed(identity_action=not subject.moves)
    noisy = _noisy(subject, smoothed, z, seed)
    second = 0.5 + Point("normal", seed + 99).tensor(KIT.adversary.hidden_units)[0].abs()
    network = _Smooth(first / (KIT.adversary.unit_width * smoothed.law.sigma), seen[0], second, 0.0)
    lead = network.lead(noisy)
    network.threshold = float(lead.quantile(KIT.adversary.doubt))
    classifier = Classifier(network, classes=2, shape=subject.input_shape)
    return replace(smoothed, classifier=classifier)


@final
class _Smooth(nn.Module):
    """A network of class 1 where <second, tanh(first (image - origin))> > threshold, else 0."""

    def __init__(self, first: Tensor, origin: Tensor, second: Tensor, threshold: float) -> None:
        super().__init__()
        self.first, self.origin, self.second = first, origin, second
        self.threshold = threshold

    def lead(self, x: Tensor) -> Tensor:
        """(N, d) -> (N,)."""
        return torch.tanh((x - self.origin) @ self.first.T) @ self.second

    def forward(self, x: Tensor) -> Tensor:
        lead = self.lead(x.double().flatten(1)) - self.threshold
        return torch.stack([-lead, lead], dim=1)


def _scattered(subject: TransformationUnderTest, seed: int) -> list[tuple[float, ...]]:
    """Return random attacks of the region, for half of the units."""
    if subject.dimensions == 0:
        return []
    draw = torch.Generator().manual_seed(seed)
    part = torch.rand(
        KIT.adversary.hidden_units // 2,
        subject.dimensions,
        generator=draw,
        dtype=torch.float64,
        device="cpu",
    )
    low, high = (
        torch.tensor(end, dtype=torch.float64, device="cpu") for end in _ends(subject.region)
    )
    return [subject.possible(tuple(row)) for row in (low + part * (high - low)).tolist()]


def _ends(region: Region) -> tuple[tuple[float, ...], tuple[float, ...]]:
    return region.lower, region.upper


def _noisy(
    subject: TransformationUnderTest, smoothed: SmoothedClassifier, z: Tensor, seed: int
) -> Tensor:
    """Return noisy inputs of the network at the clean image, flat: (n, d)."""
    law, draw = smoothed.law, torch.Generator().manual_seed(seed)
    u = torch.rand(
        KIT.adversary.votes, law.dimensions, generator=draw, dtype=torch.float64, device="cpu"
    )
    theta = torch.from_numpy(law.theta_from_uniform(u.clamp(2.0**-40, 1.0 - 2.0**-40).numpy()))
    moved = z.repeat(KIT.adversary.votes, 1)
    if law.dimensions:
        moved = subject.transformation.act(moved, *theta.tensor_split(theta.shape[1], dim=1))
    noise = torch.randn(moved.shape, generator=draw, dtype=torch.float64, device="cpu")
    return _seen(subject, moved + law.sigma * noise)


def _seen(subject: TransformationUnderTest, z: Tensor) -> Tensor:
    """Q z, flat."""
    image = subject.transformation.readout(z.clone(), subject.shape)
    if tuple(image.shape[1:]) != subject.input_shape:
        raise nothing("the readout has not the input's shape")
    return image.detach().reshape(len(z), -1)
