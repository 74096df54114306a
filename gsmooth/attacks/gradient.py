"""Gradients: ascent on the smoothed cross-entropy, in the parameters and in the l2 part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import final

import torch
from torch import Tensor

from gsmooth.attacks.candidates import attacked_images
from gsmooth.attacks.missing_gradient import Forward, Slope, slope, without_gradient
from gsmooth.attacks.noisy import noisy, scores_at
from gsmooth.sampling.noise import CHUNK, SampleKey, Stream
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.transforms.base import Transformation
from gsmooth.transforms.region import Region


@final
@dataclass
class Ascent:
    """Gradient steps that lower the score of ``label`` on one image.

    Step k of path ``number`` has a chunk of noise of its own; the same seed gives the same path.

    Args:
        smoothed: The smoothed classifier.
        x: The image (1, C, H, W).
        label: The class whose score is lowered.
        region: Where the steps stay.
        steps: The number of steps.
        index: The index of the image.
        spent: Forward passes so far.
        missing: Why the model or the attack has no gradient; None as long as none is missing.
    """

    smoothed: SmoothedClassifier
    x: Tensor
    label: int
    region: Region
    steps: int
    index: int
    spent: int = 0
    missing: str | None = None

    def climb(self, theta: Tensor, spacing: Tensor, number: int) -> Tensor:
        """theta (1, m) after projected steps of at most ``spacing`` (m,), whose size falls to 0.

        If the model or the attack has no gradient, theta itself.
        """
        lower, upper = (theta.new_tensor(end) for end in (self.region.lower, self.region.upper))
        for step in range(self.steps):
            found = slope(self._pass(self._attacked, number, step), theta, self.label)
            self.missing = self.missing or found.missing
            if found.value is None:
                break
            direction = found.value * spacing
            if not bool(direction.any()):
                break
            direction = direction / direction.abs().max()
            theta = theta + direction * spacing * (1.0 - step / self.steps)
            theta = theta.maximum(lower).minimum(upper)
        return theta

    def descend(self, theta: Tensor, number: int) -> Tensor:
        """The worst additive part found, (1, C, H, W), inside the open l2 ball of the region.

        If the model has no gradient (an ONNX program), the steps follow the noise that fools it.
        """
        radius, added = self.region.l2, torch.zeros_like(self.x)
        missing: str | None = None
        for step in range(self.steps):
            forward = self._pass(partial(self._attacked, theta), number, step)
            found = (
                slope(forward, added, self.label)
                if missing is None
                else without_gradient(forward, added, missing)
            )
            missing = found.missing
            direction = self._direction(found, theta, added)
            added = added + 2.0 * radius / self.steps * direction
            # Just inside the open ball that a certificate covers.
            added = added * min(1.0, radius * (1.0 - 1e-6) / max(float(added.norm()), 1e-12))
        self.missing = self.missing or missing
        return added

    def _attacked(self, theta: Tensor, added: Tensor | None = None) -> Tensor:
        return attacked_images(self.smoothed, self.x, theta, self.region, added)

    def _direction(self, found: Slope, theta: Tensor, added: Tensor) -> Tensor:
        """The unit vector (1, C, H, W) along the gradient, or towards noisy copies that fool f."""
        direction = found.value
        if direction is None:
            operator, shape = self.smoothed.transformation, self.smoothed.image_shape
            wrong = found.scores.argmax(dim=1) != self.label
            fooled = (found.copies * wrong[:, None]).mean(dim=0, keepdim=True).to(self.x.device)
            here = operator.lift(self._attacked(theta, added)) * wrong.double().mean()
            if operator.input_shape(shape) == shape:
                direction = operator.readout(fooled, shape) - operator.readout(here, shape)
            else:
                direction = _pulled_back(operator, fooled - here, self.x)
        return direction / max(float(direction.norm()), 1e-12)

    def _pass(self, attacked: Callable[[Tensor], Tensor], number: int, step: int) -> Forward:
        """A function that gives scores (CHUNK, classes) of noisy copies of an attacked image, and
        the copies."""
        where = SampleKey(self.smoothed.seed, self.index, Stream.SCREENING, -1 - number, step)

        def forward(leaf: Tensor) -> tuple[Tensor, Tensor]:
            image = attacked(leaf)
            z = noisy(self.smoothed, self.smoothed.transformation.lift(image), [where], CHUNK)
            scores = scores_at(self.smoothed, z)
            self.spent += CHUNK
            return scores, z

        return forward


def _pulled_back(operator: Transformation, direction: Tensor, x: Tensor) -> Tensor:
    """L^T direction, (1, C, H, W), where the readout gives inputs of another shape than images."""
    with torch.enable_grad():
        leaf = x.detach().clone().requires_grad_(True)
        return torch.autograd.grad((operator.lift(leaf) * direction).sum(), leaf)[0]
