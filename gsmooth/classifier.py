"""What the engine asks of a model: a batch of images in, one label each out."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn

from gsmooth.errors import ConfigurationError, InputError, ModelError


@final
class Classifier:
    """A PyTorch module as a function from images to labels; nothing else is asked of it.

    The module maps float32 (N, C, H, W) to (N, classes) scores and holds its own normalization,
    applied after the noise. It is put in eval mode and never trained here.
    """

    def __init__(
        self,
        module: nn.Module,
        *,
        classes: int,
        shape: tuple[int, int, int],
        input_range: tuple[float, float] = (0.0, 1.0),
        name: str = "model",
        device: str = "cpu",
    ) -> None:
        if classes < 2:
            raise ConfigurationError(f"classes={classes}: a classifier needs at least two classes")
        if not input_range[0] < input_range[1]:
            raise ConfigurationError(f"input_range={input_range}: expected (low, high), low < high")
        self.module = module.eval().to(device)
        self.classes = classes
        self.shape = shape
        self.input_range = input_range
        self.name = name
        self.device = torch.device(device)

    @torch.inference_mode()
    def labels(self, batch: Tensor) -> Tensor:
        """(N, C, H, W) float32 -> (N,) int64 in 0..classes; ``classes`` itself marks a tie (F3).

        ModelError when the scores are not (N, classes) or not finite.
        """
        if self.module.training:  # Trained further since; batch neighbours must not matter.
            self.module.eval()
        scores = self.module(batch)
        if not isinstance(scores, Tensor) or scores.shape != (len(batch), self.classes):
            given = tuple(scores.shape) if isinstance(scores, Tensor) else type(scores).__name__
            raise ModelError(
                f"{self.name}: a batch {tuple(batch.shape)} gave {given}, expected scores"
                f" ({len(batch)}, {self.classes}); declare the right number of classes, or wrap"
                " the model so that it returns logits only"
            )
        best, label = scores.max(dim=1)
        # Two finite extremes show that every score is finite: NaN spreads to both.
        if not bool(torch.isfinite(best).all() and torch.isfinite(scores.amin(dim=1)).all()):
            row = int((~torch.isfinite(scores).all(dim=1)).nonzero()[0])
            raise ModelError(
                f"{self.name}: NaN or infinite scores, first at row {row} of a batch of"
                f" {len(batch)}; no vote of this batch was counted. Check the model's weights and"
                f" that it expects inputs in [{self.input_range[0]}, {self.input_range[1]}]"
            )
        tied = (scores == best[:, None]).sum(dim=1) > 1
        return label.masked_fill(tied, self.classes)

    def check_image(self, image: Tensor, index: int) -> None:
        """InputError unless ``image`` is (C, H, W), finite and inside the declared range."""
        if tuple(image.shape) != self.shape:
            raise InputError(
                f"image {index}: shape {tuple(image.shape)}, but {self.name} takes {self.shape}"
            )
        if not bool(torch.isfinite(image).all()):
            raise InputError(f"image {index}: NaN or infinite pixels; clean the data set")
        low, high = float(image.min()), float(image.max())
        if low < self.input_range[0] or high > self.input_range[1]:
            raise InputError(
                f"image {index}: values in [{low:g}, {high:g}], outside the declared input range"
                f" [{self.input_range[0]:g}, {self.input_range[1]:g}]; rescale the data (8-bit"
                " images: divide by 255) or declare model.input_range"
            )
