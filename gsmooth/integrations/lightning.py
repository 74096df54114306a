"""Certified accuracy of a few validation images while Lightning trains (extra ``lightning``)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, final

import torch
from torch import Tensor, nn

from gsmooth.api.certify import certify
from gsmooth.errors import ConfigurationError, InputError
from gsmooth.integrations.settings import INTEGRATIONS
from gsmooth.integrations.torchmetrics import CertifiedAccuracy
from gsmooth.models.hub_network import Normalize
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.transforms.region import Region

try:
    from lightning.pytorch import Callback
    from lightning.pytorch.utilities.seed import isolate_rng
except ModuleNotFoundError:
    from pytorch_lightning import Callback
    from pytorch_lightning.utilities.seed import isolate_rng

Unpack = Callable[[Any], tuple[Tensor, Tensor]]
_NEAR = 1e-4
"""So far outside of [0, 1] an image may be because of the rounding of its normalization."""


@final
class CertifyCallback(Callback):
    """Certifies some validation images after every k-th epoch, and logs how many hold.

    Logged are ``certified_accuracy`` and the ends of its interval, ``certified_accuracy_lower`` and
    ``_upper``. The images are the first ones of the first validation, and the same every time. The
    network in training is copied, its mode (train or eval) and all random numbers are left as they
    were, so that a training is the same with the callback and without.

    Args:
        smooth: Makes the smoothed classifier of a network for images in [0, 1]. A fixed seed makes
            epochs comparable.
        region: What has to be certified.
        images: So many images, of the first validation data loader; shared among all processes.
        every: Epochs from one time to the next. ``trainer.validate`` certifies every time.
        alpha: Failure probability of each image's certificate.
        max_votes: Votes spent on an image at most.
        mean: Where the data loader normalizes images: the mean it subtracts, one number a channel.
            The images are brought back to [0, 1], and the network gets the normalization.
        std: Likewise, the standard deviation it divides by.
        network: What is smoothed of the LightningModule; by default the module itself, whose
            ``forward`` then gives scores (N, classes).
        unpack: Images and labels of a batch; by default its first two parts, or its entries
            ``image`` or ``pixel_values`` and ``label`` or ``labels``.
        name: Of what is logged.

    Example:
        >>> import gsmooth as gs
        >>> def smooth(net):
        ...     return gs.SmoothedClassifier(
        ...         net, "gaussian", sigma=0.25, num_classes=10, input_shape=(1, 28, 28), seed=0
        ...     )
        >>> callback = CertifyCallback(smooth, gs.Region(l2=0.25), images=64, every=5)
    """

    def __init__(
        self,
        smooth: Callable[[nn.Module], SmoothedClassifier],
        region: Region,
        *,
        images: int = INTEGRATIONS.callback_images,
        every: int = INTEGRATIONS.callback_every,
        alpha: float = 0.001,
        max_votes: int = INTEGRATIONS.callback_votes,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        network: Callable[[Any], nn.Module] | None = None,
        unpack: Unpack | None = None,
        name: str = "certified_accuracy",
    ) -> None:
        if images < 1 or every < 1:
            raise ConfigurationError(f"images={images}, every={every}: expected 1 or more of each")
        if (mean is None) != (std is None):
            raise ConfigurationError("CertifyCallback: give mean and std, or neither of them")
        self.smooth = smooth
        self.region = region
        self.images = images
        self.every = every
        self.alpha = alpha
        self.max_votes = max_votes
        self.normalize = None if mean is None else Normalize(tuple(mean), tuple(std or ()))
        self.network = network
        self.unpack = unpack or _usual
        self.name = name
        self._kept: list[tuple[Tensor, Tensor]] = []
        self._complete = False

    def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
        """Say before the first step what cannot be certified.

        Raises:
            UnreachableError: Not even unanimous votes could certify the region.
            ConfigurationError: The region or the classifier do not fit.
        """
        with _as_it_was(pl_module):
            g = self._smoothed(pl_module)
            blank = torch.zeros(1, *g.image_shape, dtype=torch.float32, device="cpu")
            self._results(g, blank)

    def on_validation_batch_end(
        self,
        trainer: Any,
        pl_module: Any,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Keep the first images of the first validation."""
        wanted = -(-self.images // max(1, trainer.world_size))
        missing = wanted - sum(len(labels) for _, labels in self._kept)
        if trainer.sanity_checking or self._complete or dataloader_idx or missing < 1:
            return
        images, labels = self.unpack(batch)
        self._kept.append((images[:missing].detach().cpu(), labels[:missing].detach().cpu()))

    def on_validation_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Certify the images and log, if it is time to.

        Raises:
            InputError: The images are not in the input range; give mean and std.
        """
        if trainer.sanity_checking:
            return
        self._complete = bool(self._kept)
        training = trainer.state.fn == "fit"
        if training and (trainer.current_epoch + 1) % self.every:
            return
        with _as_it_was(pl_module):
            metric = self._measured(pl_module)
            low, high = metric.interval()
            found = {"": float(metric.compute()), "_lower": low, "_upper": high}
        logged = {f"{self.name}{end}": value for end, value in found.items()}
        pl_module.log_dict(logged, sync_dist=trainer.world_size > 1, batch_size=self.images)

    def _measured(self, pl_module: Any) -> CertifiedAccuracy:
        metric = CertifiedAccuracy(self.region, alpha=self.alpha)
        metric.to(pl_module.device)
        if self._kept:
            images = torch.cat([batch for batch, _ in self._kept])
            labels = torch.cat([truth for _, truth in self._kept])
            metric.update(self._results(self._smoothed(pl_module), self._plain(images)), labels)
        return metric

    def _results(self, g: SmoothedClassifier, images: Tensor) -> Any:
        return certify(
            g, images, self.region, alpha=self.alpha, max_votes=self.max_votes, progress=False
        )

    def _smoothed(self, pl_module: Any) -> SmoothedClassifier:
        net: nn.Module = pl_module if self.network is None else self.network(pl_module)
        if self.normalize is not None:
            net = nn.Sequential(self.normalize.to(pl_module.device), net)
        return self.smooth(net)

    def _plain(self, images: Tensor) -> Tensor:
        """The images before the normalization of the data loader."""
        if self.normalize is None:
            if images.is_floating_point() and float(images.min()) < 0.0:
                raise InputError(
                    f"CertifyCallback: the validation images have values in [{images.min():g},"
                    f" {images.max():g}]; if the data loader normalizes them, give the callback its"
                    " mean and std: noise is added to images in [0, 1]"
                )
            return images
        here = self.normalize.to("cpu")
        plain = images * here.get_buffer("std") + here.get_buffer("mean")
        if float(plain.min()) < -_NEAR or float(plain.max()) > 1.0 + _NEAR:
            raise InputError(
                f"CertifyCallback: without the normalization the images have values in"
                f" [{plain.min():g}, {plain.max():g}], not in [0, 1]; are mean and std those of the"
                " data loader?"
            )
        return plain.clamp(0.0, 1.0)


def _usual(batch: Any) -> tuple[Tensor, Tensor]:
    """Images and labels of a batch as most data loaders make it."""
    if isinstance(batch, dict):
        images = next((batch[key] for key in ("image", "pixel_values") if key in batch), None)
        labels = next((batch[key] for key in ("label", "labels") if key in batch), None)
    else:
        images, labels = (batch[0], batch[1]) if isinstance(batch, Sequence) else (None, None)
    if not isinstance(images, Tensor) or not isinstance(labels, Tensor):
        raise InputError(
            f"CertifyCallback: a batch of type {type(batch).__name__} without images and labels in"
            " a usual place; give unpack, a function that returns both"
        )
    return images, labels


@contextmanager
def _as_it_was(module: nn.Module) -> Iterator[None]:
    """Restore the mode of every part of a module, and all random numbers.

    Tensors that are made inside are ordinary ones: Lightning validates in inference mode.
    """
    modes = [(part, part.training) for part in module.modules()]
    with isolate_rng(), torch.inference_mode(False), torch.no_grad():
        try:
            yield
        finally:
            for part, training in modes:
                part.training = training
