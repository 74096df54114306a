"""Loading of torchvision's classifiers with their normalization (extra ``torchvision``)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from gsmooth.boundaries.user_code import one_line
from gsmooth.errors import ModelError
from gsmooth.models.hub_network import HubInputs, HubNetwork
from gsmooth.models.weights import load_weights

PREFIX: Final = "torchvision:"


def load_torchvision(
    name: str, weights: Path | None, classes: int | None, shape: tuple[int, int, int] | None
) -> HubNetwork:
    """Load a classifier of torchvision, preceded by the normalization of its weights.

    Args:
        name: Name of the model, such as ``resnet50``, or with the weights that are meant,
            ``resnet50@IMAGENET1K_V1``; by default torchvision's own choice.
        weights: State dict of the network without normalization; None: the weights of that name,
            which torchvision downloads.
        classes: Number of classes of a network with ``weights``; None: 1,000.
        shape: Input shape (C, H, W); None: that of the weights' own transforms.

    Returns:
        The network, for images in [0, 1].

    Raises:
        ModelError: torchvision is not installed, has no such model or weights, or these are for
            something else than classification.
    """
    try:
        from torchvision import models
    except Exception as error:  # A torchvision for another torch raises many types of errors.
        raise ModelError(
            f"model torchvision:{name}: torchvision cannot be imported ({one_line(error)}); install"
            ' the one for your torch: pip install "gsmooth[torchvision]"'
        ) from error
    kind, _, chosen = name.partition("@")
    try:
        known = models.get_model_weights(kind)
        one = known[chosen] if chosen else known.DEFAULT
    except (ValueError, KeyError) as error:
        raise ModelError(
            f"model torchvision:{name}: torchvision has no classifier or weights of that name"
            f" ({one_line(error)}); expected a name such as torchvision:resnet50, or with the"
            " weights torchvision:resnet50@IMAGENET1K_V1"
        ) from error
    inputs = _inputs(name, one, shape)
    more = {} if weights is None or classes is None else {"num_classes": classes}
    try:
        network = models.get_model(kind, weights=one if weights is None else None, **more)
    except Exception as error:  # No connection, no such number of classes.
        raise ModelError(f"model torchvision:{name}: {one_line(error)}") from error
    if weights is not None:
        load_weights(network, weights, f"torchvision:{name}")
    return HubNetwork(network, inputs)


def _inputs(name: str, weights: Any, shape: tuple[int, int, int] | None) -> HubInputs:
    """Return what the transforms of the weights make of an image."""
    made = weights.transforms()
    sizes = [getattr(made, part, None) for part in ("resize_size", "crop_size", "mean", "std")]
    if type(made).__name__ != "ImageClassification" or None in sizes:
        raise ModelError(
            f"model torchvision:{name}: its weights come with {type(made).__name__}; expected the"
            " transforms of an image classifier"
        )
    resize, crop = (_size(size) for size in sizes[:2])
    height, width = (crop, crop) if isinstance(crop, int) else crop
    return HubInputs(
        shape or (3, height, width),
        tuple(map(float, made.mean)),
        tuple(map(float, made.std)),
        resize,
        crop,
        tuple(map(str, weights.meta.get("categories", ()))),
    )


def _size(given: Any) -> int | tuple[int, int]:
    """Return one number for the shortest side, or (height, width)."""
    sides = [given] if isinstance(given, int) else list(given)
    return int(sides[0]) if len(sides) == 1 else (int(sides[0]), int(sides[1]))
