"""Images and labels of a caller: taken, or refused in one sentence, and always in one form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gsmooth.data.dataset import Dataset
from gsmooth.data.loading import IN_MEMORY
from gsmooth.data.splits import ALL
from gsmooth.errors import InputError
from gsmooth.models.classifier import Classifier

if TYPE_CHECKING:
    from PIL.Image import Image

    ImageLike = Tensor | NDArray[Any] | Image
    """One image, or a batch of them."""
    ImagesLike = ImageLike | Sequence[ImageLike] | Dataset
    """What the verbs take as images; see :func:`taken_images`."""
    LabelsLike = int | Sequence[int] | NDArray[Any] | Tensor
    """What the verbs take as labels: one integer an image."""

Shape = tuple[int, int, int]
_FLOATS: Final = (np.float16, np.float32, np.float64)


def taken_images(images: ImagesLike, classifier: Classifier, shape: Shape | None = None) -> Dataset:
    """The images of a caller, checked against the network that they are for.

    Args:
        images: One image or a batch: a torch tensor (on any device, with or without gradients) or a
            NumPy array, of any floating type (pixels in the input range of the network) or uint8
            (0..255, mapped onto that range), shaped (C, H, W), (H, W, C), (H, W) for C = 1, or with
            a first axis for the batch; a PIL image in 8-bit grey or RGB; a sequence of these; or a
            Dataset.
        classifier: The network; images have its input range.
        shape: Shape (C, H, W) of one image; by default that of the network's input.

    Returns:
        A copy of the images, (N, C, H, W), in the caller's order, without labels.

    Raises:
        InputError: They are of another kind, type, shape or range, there are none, or pixels are
            NaN or infinite.
    """
    form = _Form(shape or classifier.shape, classifier.name)
    if isinstance(images, Dataset):
        pixels: NDArray[Any] = form.shaped(images.images)
    elif isinstance(images, str | bytes):
        raise InputError(
            f"images: a value of type {type(images).__name__}; expected a tensor, an array or a PIL"
            " image (gsmooth.load_data reads files)"
        )
    elif isinstance(images, Sequence):
        pixels = _stacked(images, form)
    else:
        pixels = form.shaped(_array(images))
    if len(pixels) == 0:
        raise InputError("images: there is none; give at least one")
    _check_values(pixels, classifier)
    # Results are lazy: what the caller does to the images later is not done to these.
    pixels = pixels.copy()
    labels = np.zeros(len(pixels), dtype=np.int64)
    return Dataset(
        IN_MEMORY,
        pixels,
        labels,
        ("0",),
        split=ALL,
        input_range=classifier.input_range,
        labelled=False,
    )


def taken_labels(labels: LabelsLike, images: int, classes: int) -> NDArray[np.int64]:
    """The true classes of a caller's images.

    Args:
        labels: One integer an image; for one image the integer alone will do.
        images: Number of images.
        classes: Number of classes of the network.

    Returns:
        int64 (images,).

    Raises:
        InputError: There is another number of labels, or one is no integer from 0 to classes - 1.
    """
    given = labels.detach().cpu().numpy() if isinstance(labels, Tensor) else np.asarray(labels)
    found = given.reshape(1) if given.ndim == 0 else given
    if found.ndim != 1 or not np.issubdtype(found.dtype, np.integer):
        raise InputError(
            f"labels: shape {found.shape} and type {found.dtype}; expected one integer an image"
            " (for one-hot labels take argmax first)"
        )
    if len(found) != images:
        raise InputError(f"labels: {len(found)} labels for {images} images; give one an image")
    wrong = np.flatnonzero((found < 0) | (found >= classes))
    if len(wrong):
        first = int(wrong[0])
        raise InputError(
            f"labels: image {first} has label {int(found[first])}; the network has {classes}"
            f" classes, 0 to {classes - 1}"
        )
    return found.astype(np.int64)


def _array(image: object) -> NDArray[Any]:
    """The pixels of one object of the caller's; uint8 or floating."""
    if isinstance(image, Tensor):
        return _from_tensor(image)
    if _is_picture(image):
        from gsmooth.data.image_file import pixels_of

        return pixels_of(image, "images: the PIL image")  # type: ignore[arg-type]
    if isinstance(image, np.ma.MaskedArray):
        raise InputError("images: a masked array; fill the masked pixels first")
    if not (isinstance(image, np.ndarray) or hasattr(image, "__array__")):
        raise InputError(
            f"images: a value of type {type(image).__name__}; expected a tensor, an array or a PIL"
            " image, or a sequence of them"
        )
    found = np.asarray(image)
    if found.dtype != np.uint8 and found.dtype.type not in _FLOATS:
        raise InputError(
            f"images: pixels of type {found.dtype}; expected floating-point numbers in the input"
            " range, or uint8 from 0 to 255"
        )
    return found


def _from_tensor(image: Tensor) -> NDArray[Any]:
    if image.layout != torch.strided or image.is_quantized or image.is_meta or image.is_nested:
        raise InputError("images: a sparse, quantized or nested tensor; give a dense one")
    if image.dtype != torch.uint8 and not image.is_floating_point():
        raise InputError(
            f"images: pixels of type {image.dtype}; expected floating-point numbers in the input"
            " range, or torch.uint8 from 0 to 255"
        )
    exact = image.detach().cpu()
    # NumPy has no bfloat16; float64 holds every number of the 16-bit types.
    found: NDArray[Any] = (exact.double() if exact.itemsize == 2 else exact).numpy()
    return found


def _is_picture(image: object) -> bool:
    """Whether it is a PIL image, without importing PIL for it."""
    return type(image).__module__.startswith("PIL.")


def _stacked(images: Sequence[object], form: _Form) -> NDArray[Any]:
    """A sequence of single images, all uint8 or all floating."""
    parts = [form.shaped(_array(image)) for image in images]
    if not parts:
        return np.empty((0, *form.shape), dtype=np.float64)
    for place, part in enumerate(parts):
        if len(part) != 1:
            raise InputError(
                f"images: item {place} of the sequence holds {len(part)} images; expected one each"
            )
    bytes_ = {part.dtype == np.uint8 for part in parts}
    if len(bytes_) > 1:
        raise InputError("images: some are uint8 and some floating; give all in one type")
    return np.concatenate(parts)


@final
@dataclass(frozen=True)
class _Form:
    """The shape (C, H, W) of the images for one network, in any usual order of axes."""

    shape: Shape
    network: str

    def shaped(self, pixels: NDArray[Any]) -> NDArray[Any]:
        """(N, C, H, W) from any of the shapes that are taken; InputError for another."""
        channels, height, width = self.shape
        first, last = (channels, height, width), (height, width, channels)
        shape = tuple(pixels.shape)
        if shape == first:
            return pixels[np.newaxis]
        if shape[1:] == first:
            return pixels
        if shape == last:
            return np.moveaxis(pixels, 2, 0)[np.newaxis]
        if shape[1:] == last:
            return np.moveaxis(pixels, 3, 1)
        if channels == 1 and shape[-2:] == (height, width) and len(shape) in (2, 3):
            return pixels.reshape(-1, 1, height, width)
        grey = f", ({height}, {width})" if channels == 1 else ""
        raise InputError(
            f"images: shape {shape}; expected {first} or {last}{grey}, or a batch of them: the"
            f" input of {self.network}"
        )


def _check_values(pixels: NDArray[Any], classifier: Classifier) -> None:
    """InputError where pixels cannot be what the network takes for an image."""
    low, high = classifier.input_range
    if pixels.dtype == np.uint8:
        if pixels.max() == 1:
            raise InputError(
                "images: uint8 pixels of nothing but 0 and 1; is 1 white, or nearly black? Multiply"
                " by 255, or give floating-point images"
            )
        return
    for place, image in enumerate(pixels):
        if not np.isfinite(image).all():
            raise InputError(f"images: image {place} holds NaN or infinite pixels")
        least, most = float(image.min()), float(image.max())
        if least < low or most > high:
            raise InputError(
                f"images: image {place} has values in [{least:g}, {most:g}], outside of the input"
                f" range [{low:g}, {high:g}] of the network; rescale them (8-bit images: divide by"
                " 255, or give them as uint8), or give the network's input_range"
            )
