"""Gradients: ascent on the smoothed cross-entropy, in the parameters and in the l2 part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from gsmooth.attacks.candidates import attacked_images
from gsmooth.attacks.noisy import noisy
from gsmooth.noise import CHUNK, Coordinate, Purpose
from gsmooth.region import Region
from gsmooth.smoothing import SmoothedClassifier


@final
@dataclass
class Ascent:
    """Steps away from ``label`` on one image x (1, C, H, W); ``spent`` counts forward passes.

    Step k of path ``number`` uses one chunk of noise of its own; the same seed gives the same path.
    """

    smoothed: SmoothedClassifier
    x: Tensor
    label: int
    region: Region
    steps: int
    index: int
    spent: int = 0

    def climb(self, theta: Tensor, spacing: Tensor, number: int) -> Tensor:
        """theta (1, m) after steps of at most ``spacing`` (m,), shrinking to nothing, projected.

        Where the model or the attack has no gradient, theta itself.
        """
        lower, upper = (theta.new_tensor(end) for end in (self.region.lower, self.region.upper))
        for step in range(self.steps):
            leaf = theta.clone().requires_grad_(True)
            image = attacked_images(self.smoothed, self.x, leaf, self.region)
            slope = self._slope(self._scores(image, number, step)[0], leaf)
            if slope is None:
                break
            direction = slope * spacing
            if not bool(direction.any()):
                break
            direction = direction / direction.abs().max()
            theta = theta + direction * spacing * (1.0 - step / self.steps)
            theta = theta.maximum(lower).minimum(upper)
        return theta

    def descend(self, theta: Tensor, number: int) -> Tensor:
        """The additive part (1, C, H, W), inside the open l2 ball of the region, that is worst.

        A model that gives no gradient (an ONNX program) is searched along the noise instead.
        """
        radius = self.region.l2
        added = torch.zeros_like(self.x)
        for step in range(self.steps):
            direction = self._direction(theta, added, number, step)
            added = added + 2.0 * radius / self.steps * direction
            # Just inside the open ball that a certificate speaks of.
            added = added * min(1.0, radius * (1.0 - 1e-6) / max(float(added.norm()), 1e-12))
        return added

    def _direction(self, theta: Tensor, added: Tensor, number: int, step: int) -> Tensor:
        leaf = added.clone().requires_grad_(True)
        image = attacked_images(self.smoothed, self.x, theta, self.region, leaf)
        scores, copies = self._scores(image, number, step)
        gradient = self._slope(scores, leaf)
        if gradient is None:
            operator, shape = self.smoothed.transformation, self.smoothed.classifier.shape
            wrong = scores.argmax(dim=1).cpu() != self.label
            fooled = (copies.detach() * wrong[:, None]).mean(dim=0, keepdim=True)
            here = operator.lift(image.detach()) * wrong.double().mean()
            gradient = operator.readout(fooled, shape) - operator.readout(here, shape)
        return gradient / max(float(gradient.norm()), 1e-12)

    def _scores(self, image: Tensor, number: int, step: int) -> tuple[Tensor, Tensor]:
        """Scores (CHUNK, classes) of one chunk of noisy copies of image (1, C, H, W), and these."""
        where = Coordinate(self.smoothed.seed, self.index, Purpose.SCREENING, -1 - number, step)
        z = noisy(self.smoothed, self.smoothed.transformation.lift(image), [where], CHUNK)
        self.spent += CHUNK
        return self.smoothed.classifier.scores(self.smoothed.readout(z)), z

    def _slope(self, scores: Tensor, leaf: Tensor) -> Tensor | None:
        """Gradient of the cross-entropy at ``leaf``; None where there is none, or only zeros."""
        if not scores.requires_grad:
            return None
        target = torch.full((len(scores),), self.label, device=scores.device)
        loss = torch.nn.functional.cross_entropy(scores, target)
        if not loss.requires_grad:
            return None
        # A model may have parameters that need gradients behind a step that passes none on.
        found: tuple[Tensor | None, ...] = torch.autograd.grad(loss, leaf, allow_unused=True)
        slope = found[0]
        if slope is None or not bool(slope.any()) or not bool(slope.isfinite().all()):
            return None
        return slope
