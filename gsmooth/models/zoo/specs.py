"""Networks of the zoo by name: built for the images and classes that there are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from torch import nn

from gsmooth.boundaries.user_code import users_code
from gsmooth.errors import ModelError
from gsmooth.models.zoo.denoiser import Denoiser
from gsmooth.models.zoo.mobile import MobileNetwork
from gsmooth.models.zoo.residual import PolarNetwork, ResidualNetwork
from gsmooth.text.spelling import did_you_mean

PREFIX: Final = "zoo:"
_CLASSIFIERS: Final[dict[str, Callable[..., nn.Module]]] = {
    "mobile": MobileNetwork,
    "polar-resnet": PolarNetwork,
    "resnet-small": ResidualNetwork,
}
DENOISER: Final = "denoiser"


def zoo_network(
    name: str,
    *,
    shape: tuple[int, int, int],
    classes: int | None = None,
    options: Mapping[str, object] = {},
) -> nn.Module:
    """Build a network of the zoo, with random weights from torch's generator.

    Args:
        name: One of these, with or without ``zoo:`` in front.

            - ``resnet-small``: a residual network, about 180,000 parameters.
            - ``polar-resnet``: the same in polar coordinates, with convolutions that wrap around
              the angle; for rotations.
            - ``mobile``: the first ``blocks`` (8 by default) of EfficientNet-Lite0, for weights
              that were trained on photographs; about 250,000 parameters.
            - ``denoiser``: a small U-Net from images to images, for the front of another network.
        shape: Shape (C, H, W) of an image.
        classes: Number of classes; the denoiser has none.
        options: Arguments of the network; all take ``width``, the channels of the first layers (16
            by default, of ``mobile`` 32).

    Returns:
        The network: float32 (N, C, H, W) to scores (N, classes), or to images.

    Raises:
        ModelError: There is no such network, an option is not one of it, or ``classes`` is missing.

    Example:
        >>> import torch
        >>> net = zoo_network("polar-resnet", classes=10, shape=(3, 32, 32))
        >>> net(torch.rand(2, 3, 32, 32)).shape
        torch.Size([2, 10])
    """
    plain = name.removeprefix(PREFIX)
    known = (*_CLASSIFIERS, DENOISER)
    if plain not in known:
        raise ModelError(
            f"model 'zoo:{plain}': not in the zoo{did_you_mean(plain, known)}; there are"
            f" {', '.join(known)}"
        )
    with users_code(f"model 'zoo:{plain}' with the options {dict(options)}: ", ModelError):
        if plain == DENOISER:
            return Denoiser(shape[0], **options)  # type: ignore[arg-type]
        if classes is None:
            raise ModelError(f"model 'zoo:{plain}': give the number of classes (model.classes)")
        return _CLASSIFIERS[plain](classes, shape, **options)
