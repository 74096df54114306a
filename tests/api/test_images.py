"""Images of a caller are taken in any usual form, or refused in one sentence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from gsmooth import Classifier
from gsmooth.api.images import taken_images, taken_labels
from gsmooth.data.dataset import dataset_from_arrays
from gsmooth.errors import InputError

SHAPE = (3, 2, 4)
PIXELS: NDArray[np.uint8] = np.arange(24, dtype=np.uint8).reshape(SHAPE) * 10
FLOAT = PIXELS.astype(np.float64) / 255.0
WANTED = torch.from_numpy(FLOAT)[None]


def network(
    shape: tuple[int, int, int] = SHAPE, input_range: tuple[float, float] = (0.0, 1.0)
) -> Classifier:
    return Classifier(
        nn.Flatten(), classes=2, shape=shape, input_range=input_range, name="the network"
    )


def taken(images: Any, classifier: Classifier | None = None) -> torch.Tensor:
    found = taken_images(images, classifier or network())
    return torch.stack([found.image(place) for place in range(len(found))])


@pytest.mark.parametrize(
    "form",
    [
        lambda: PIXELS,
        lambda: PIXELS[None],
        lambda: np.moveaxis(PIXELS, 0, 2),
        lambda: np.moveaxis(PIXELS, 0, 2)[None],
        lambda: torch.from_numpy(PIXELS),
        lambda: torch.from_numpy(PIXELS)[None],
        lambda: Image.fromarray(np.ascontiguousarray(np.moveaxis(PIXELS, 0, 2))),
        lambda: [Image.fromarray(np.ascontiguousarray(np.moveaxis(PIXELS, 0, 2)))],
        lambda: [torch.from_numpy(PIXELS)],
        lambda: (np.moveaxis(PIXELS, 0, 2),),
        lambda: dataset_from_arrays("d", PIXELS[None], np.array([0])),
        lambda: FLOAT,
        lambda: torch.from_numpy(FLOAT),
        lambda: torch.from_numpy(FLOAT).requires_grad_(),
        lambda: np.asfortranarray(FLOAT),
        lambda: np.flip(np.flip(FLOAT, 1).copy(), 1),
    ],
)
def test_one_image_is_the_same_in_every_form(form: Any) -> None:
    assert torch.equal(taken(form()), WANTED)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_every_floating_type_keeps_its_values(dtype: torch.dtype) -> None:
    image = torch.rand(SHAPE, generator=torch.Generator().manual_seed(0)).to(dtype)
    assert torch.equal(taken(image)[0], image.double())


def test_a_tensor_of_the_caller_stays_as_it_is() -> None:
    image = torch.rand(SHAPE, generator=torch.Generator().manual_seed(0)).requires_grad_()
    before = image.detach().clone()
    taken(image)
    assert image.requires_grad
    assert image.grad is None
    assert torch.equal(image.detach(), before)


def test_bytes_are_mapped_onto_the_input_range() -> None:
    image = np.full(SHAPE, 255, np.uint8)
    image[0, 0, 0] = 0
    found = taken(image, network(input_range=(-1.0, 1.0)))
    assert (float(found.min()), float(found.max())) == (-1.0, 1.0)


@pytest.mark.parametrize("shape", [(5, 7), (3, 5, 7), (5, 7, 1), (3, 5, 7, 1), (3, 1, 5, 7)])
def test_grey_images_need_no_channel(shape: tuple[int, ...]) -> None:
    number = 3 if shape[0] == 3 else 1
    assert taken(np.zeros(shape), network((1, 5, 7))).shape == (number, 1, 5, 7)


def test_a_batch_keeps_its_order() -> None:
    batch = np.stack([FLOAT, FLOAT / 2, FLOAT / 4])
    assert torch.equal(taken(batch), torch.from_numpy(batch))
    assert torch.equal(taken(list(np.moveaxis(batch, 1, 3))), torch.from_numpy(batch))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            np.zeros((3, 4, 2)),
            r"shape \(3, 4, 2\); expected \(3, 2, 4\) or \(2, 4, 3\), or a batch",
        ),
        (np.zeros((2, 4)), r"shape \(2, 4\)"),
        (np.zeros((0, *SHAPE)), "there is none"),
        ([], "there is none"),
        (PIXELS.astype(np.int64), r"type int64; expected floating-point numbers .* or uint8"),
        (torch.from_numpy(PIXELS).long(), r"torch\.int64"),
        (PIXELS > 3, "type bool"),
        (FLOAT * 255.0, r"values in \[0, 230\], outside of the input range \[0, 1\]"),
        (-FLOAT, "outside of the input range"),
        (FLOAT + np.nan, "NaN or infinite"),
        (np.full(SHAPE, np.inf), "NaN or infinite"),
        (np.ones(SHAPE, np.uint8), "nothing but 0 and 1"),
        (FLOAT + 0j, "type complex128"),
        ("photos/cat.png", r"a value of type str; .*load_data reads files"),
        (3.0, "a value of type float"),
        ({"x": FLOAT}, "a value of type dict"),
        (None, "a value of type NoneType"),
        ([FLOAT, PIXELS], "some are uint8 and some floating"),
        ([np.stack([FLOAT, FLOAT])], "item 0 of the sequence holds 2 images"),
        (torch.from_numpy(FLOAT).to_sparse(), "sparse, quantized or nested"),
        (np.ma.masked_array(FLOAT, FLOAT > 0.5), "masked array"),
        (np.array([[None]]), "type object"),
    ],
)
def test_what_is_no_image_of_the_network_is_refused_in_one_sentence(
    given: Any, message: str
) -> None:
    with pytest.raises(InputError, match=message) as error:
        taken(given)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("mode", "message"),
    [("RGBA", "transparent pixels"), ("CMYK", "no one RGB"), ("I;16", "more than 8 bits")],
)
def test_a_picture_that_would_lose_something_is_refused(mode: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        taken(Image.new(mode, (4, 2)))


def test_an_opaque_picture_with_an_alpha_channel_is_taken() -> None:
    picture = Image.new("RGBA", (4, 2), (255, 0, 0, 255))
    assert torch.equal(taken(picture)[0, :, 0, 0], torch.tensor([1.0, 0.0, 0.0]).double())


def test_the_image_at_fault_is_named() -> None:
    batch = np.stack([FLOAT, FLOAT, FLOAT + 1.0])
    with pytest.raises(InputError, match="image 2 has values"):
        taken(batch)


@pytest.mark.parametrize(
    "labels", [[1, 0], (1, 0), np.array([1, 0]), np.array([1, 0], np.uint8), torch.tensor([1, 0])]
)
def test_labels_are_taken_in_any_usual_form(labels: Any) -> None:
    assert taken_labels(labels, 2, 2).tolist() == [1, 0]


def test_the_label_of_one_image_may_stand_alone() -> None:
    assert taken_labels(1, 1, 2).tolist() == [1]
    assert taken_labels(torch.tensor(1), 1, 2).tolist() == [1]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0], "1 labels for 2 images"),
        ([0, 1, 1], "3 labels for 2 images"),
        ([0.0, 1.0], "type float64; expected one integer an image"),
        ([[0, 1], [1, 0]], "take argmax first"),
        ([0, 2], "image 1 has label 2; the network has 2 classes, 0 to 1"),
        ([-1, 0], "image 0 has label -1"),
        ([True, False], "type bool"),
        (["cat", "dog"], "expected one integer"),
    ],
)
def test_other_labels_are_refused(labels: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        taken_labels(labels, 2, 2)
