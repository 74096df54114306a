"""A classifier with exact vote shares: a half-space of the network's input (O1, O2).

For fixed theta and an affine readout Q, the score <w, Q(T_theta z + delta)> is normal, with mean
<w, Q T_theta z> and std sigma ||v||, where v is the gradient of <w, Q z> in z. The share of votes
is the integral of its distribution function over the law of theta, computed by quadrature. O1 and
O2 compare certificates and votes of the engine with these shares.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final, final

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import optimize, special, stats
from torch import Tensor, nn

from gsmooth.models.classifier import Classifier
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.testing.images import Point, SampleImage
from gsmooth.testing.settings import KIT
from gsmooth.testing.transformation_under_test import Theta, TransformationUnderTest, nothing
from gsmooth.theory.laws import Law

Floats = NDArray[np.float64]

PICTURE: Final = SampleImage("blob", 3)


@final
class HalfSpace(nn.Module):
    """A network of class 1 where <w, image> > threshold, else class 0, with gradients."""

    def __init__(self, normal: Tensor, threshold: float) -> None:
        super().__init__()
        self.normal = normal
        self.threshold = threshold

    def forward(self, x: Tensor) -> Tensor:
        lead = x.double().flatten(1) @ self.normal.to(x.device) - self.threshold
        return torch.stack([-lead, lead], dim=1)


@final
@dataclass(frozen=True)
class Scene:
    """An image x of class 1 and a smoothed half-space.

    subject: transformation under test. smoothed: the smoothed half-space. x: (1, C, H, W). normal:
    v, (K,). constant: <w, Q 0>. theta (n, m), weights (n,): nodes of the quadrature. threshold: of
    the half-space. error: bound on the error of the exact shares.
    """

    subject: TransformationUnderTest
    smoothed: SmoothedClassifier
    x: Tensor
    normal: Tensor
    constant: float
    theta: Floats
    weights: Floats
    threshold: float = 0.0
    error: float = 0.0

    @property
    def clean(self) -> Tensor:
        """L x, (1, K)."""
        return self.subject.lift(self.x)

    def shares(self, z: Tensor) -> Floats:
        """Return the exact share of votes for class 1 at each z (n, K): (n,)."""
        lead = (self._means(z) - self.threshold) / self._spread
        return np.asarray(special.ndtr(lead) @ self.weights)

    def attacked(self, thetas: list[Theta]) -> Tensor:
        """Return L psi_theta(x), (n, K), for each theta, moved to a possible value if needed."""
        possible = [self.subject.possible(theta) for theta in thetas]
        return torch.cat([self.subject.lift(self.subject.attack(self.x, t)) for t in possible])

    def lead(self) -> float:
        """<w, Q z> - threshold at the clean image (for T = id, ||v|| times the distance)."""
        return float(self._means(self.clean)[0, 0]) - self.threshold

    def settled(self, share: float) -> Scene:
        """Return the scene with the threshold that gives the clean image this exact share."""
        means = self._means(self.clean)[0]

        def excess(threshold: float) -> float:
            return float(special.ndtr((means - threshold) / self._spread) @ self.weights) - share

        reach = 20.0 * self._spread
        threshold = float(optimize.brentq(excess, means.min() - reach, means.max() + reach))
        module = self.smoothed.classifier.module
        assert isinstance(module, HalfSpace)
        module.threshold = threshold
        return replace(self, threshold=threshold)

    @property
    def _spread(self) -> float:
        """Std of the score; rounding to a grid h far below sigma adds a variance of h^2 / 12."""
        sigma, grid = self.smoothed.law.sigma, self.smoothed.grid
        return math.sqrt(sigma**2 + grid**2 / 12.0) * float(self.normal.norm())

    def _means(self, z: Tensor) -> Floats:
        """<w, Q T_theta z> for every z (n, K) and node: (n, nodes)."""
        if self.smoothed.identity_action:
            return (z @ self.normal + self.constant)[:, None].numpy()
        theta = torch.from_numpy(self.theta)
        parts = torch.split(theta, KIT.halfspace.rows)
        rows = [torch.cat([self._moved(point, part) for part in parts]).numpy() for point in z]
        return np.stack(rows)

    def _moved(self, point: Tensor, theta: Tensor) -> Tensor:
        act = self.subject.transformation.act
        columns = [column.clone() for column in theta.tensor_split(theta.shape[1], dim=1)]
        return act(point.repeat(len(theta), 1), *columns) @ self.normal + self.constant


def scene(
    subject: TransformationUnderTest,
    sample_image: SampleImage = PICTURE,
    share: float = KIT.halfspace.p,
) -> Scene:
    """Build a half-space whose boundary lies across the path of the region's attacks.

    Args:
        subject: Transformation under test.
        sample_image: The image.
        share: Exact share of votes for class 1 at the clean image.

    Raises:
        SkipTest: The readout is not affine, or constant, so that shares have no closed form.
    """
    x = sample_image.tensor(subject.shape)
    across = _direction(subject, x)
    network = Classifier(HalfSpace(across, 0.0), classes=2, shape=subject.input_shape)
    smoothed = subject.smoothed(identity_action=not subject.moves, network=network)
    normal, constant = _affine(subject, across)
    theta, weights = _quadrature(smoothed.law, subject.seed or 0)
    errors = KIT.tolerance.quadrature
    error = errors[min(smoothed.law.dimensions, len(errors) - 1)]
    made = Scene(subject, smoothed, x, normal, constant, theta, weights, error=error)
    return made.settled(share)


def _direction(subject: TransformationUnderTest, x: Tensor) -> Tensor:
    """Return a unit vector (C * H * W,) from the farthest attack to x, plus a small random part."""
    chance = Point("normal", 5).tensor(math.prod(subject.input_shape))[0]
    along = torch.zeros_like(chance)
    if subject.dimensions:
        ends = [subject.possible(end) for end in (subject.region.lower, subject.region.upper)]
        seen = [_seen(subject, subject.attack(x, theta)) for theta in ends]
        gaps = [_seen(subject, x) - image for image in seen]
        along = max(gaps, key=lambda gap: float(gap.norm()))
    mixed = along / max(float(along.norm()), 1e-9) + 0.1 * chance / float(chance.norm())
    return mixed / float(mixed.norm())


def _seen(subject: TransformationUnderTest, x: Tensor) -> Tensor:
    """Return the network's input for an image without noise, flat."""
    return subject.transformation.readout(subject.lift(x), subject.shape).reshape(-1).detach()


def _affine(subject: TransformationUnderTest, across: Tensor) -> tuple[Tensor, float]:
    """Return v (K,) and c with <w, Q z> = <v, z> + c."""
    leaf = torch.zeros(1, subject.size, dtype=torch.float64, requires_grad=True, device="cpu")
    start = _score(subject, leaf, across)
    if not start.requires_grad:
        raise nothing("the readout passes no gradient on, and shares have no closed form")
    normal: Tensor = torch.autograd.grad(start.sum(), leaf)[0][0]
    constant = float(start.detach())
    for number in (1, 2):
        z = 4.0 * Point("normal", number).tensor(subject.size)
        found, expected = float(_score(subject, z, across)), float(z @ normal) + constant
        if abs(found - expected) > KIT.tolerance.action * (1.0 + abs(expected) + float(z.norm())):
            raise nothing("the readout is not affine, and shares have no closed form")
    if not float(normal.norm()) > 1e-6:
        raise nothing("the readout hides what the attack changes")
    return normal, constant


def _score(subject: TransformationUnderTest, z: Tensor, across: Tensor) -> Tensor:
    image = subject.transformation.readout(z.clone(), subject.shape)
    if tuple(image.shape) != (1, *subject.input_shape):
        raise nothing("the readout has not the input's shape")
    return image.double().reshape(1, -1) @ across


def _quadrature(law: Law, seed: int) -> tuple[Floats, Floats]:
    """Return quadrature nodes theta (n, m) and weights (n,) of the law."""
    if law.dimensions == 0:
        return np.zeros((1, 0)), np.ones(1)
    if law.dimensions == 1:
        nodes, weights = np.polynomial.legendre.leggauss(KIT.halfspace.nodes)
        return law.theta_from_uniform((nodes[:, None] + 1.0) / 2.0), weights / 2.0
    u = stats.qmc.Sobol(law.dimensions, rng=seed).random(KIT.halfspace.points)
    inside = np.clip(u, 2.0**-40, 1.0 - 2.0**-40)
    return law.theta_from_uniform(inside), np.full(KIT.halfspace.points, 1.0 / KIT.halfspace.points)
