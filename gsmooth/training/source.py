"""Sources of training images: in memory, or read by workers while the network is trained."""

from __future__ import annotations

import signal
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, Protocol, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from gsmooth.errors import InputError


class Pictures(Protocol):
    """Images by position, such as :class:`gsmooth.data.dataset.Dataset`."""

    def pixels(
        self, part: int | NDArray[np.integer[Any]], dtype: type[np.floating[Any]]
    ) -> NDArray[Any]:
        """Images as floating-point numbers in the input range."""


class ImageSource(ABC):
    """Labelled images that come in batches.

    Attributes:
        labels: Classes (N,), int64.
    """

    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    @abstractmethod
    def batches(self, parts: Sequence[Tensor]) -> Iterator[Tensor]:
        """Yield the images of one batch after the other, float32 (N, C, H, W).

        Args:
            parts: Positions (N,) of the images of each batch.
        """


@final
class TensorSource(ImageSource):
    """Images in memory.

    Args:
        images: Images (N, C, H, W), float32.
        labels: Classes (N,), int64.
    """

    def __init__(self, images: Tensor, labels: Tensor) -> None:
        if len(images) == 0 or len(images) != len(labels):
            raise InputError(
                f"train: {len(images)} images and {len(labels)} labels; expected one label an"
                " image, and at least one image"
            )
        self.images = images
        self.labels = labels

    def batches(self, parts: Sequence[Tensor]) -> Iterator[Tensor]:
        """Yield parts of the images."""
        return (self.images[part] for part in parts)


@final
class StreamedSource(ImageSource):
    """Images that are made float32, and read where they are files, batch by batch.

    Args:
        pictures: All images.
        part: Positions of those that are trained on, (N,).
        labels: Classes of these, (N,).
        workers: Processes that read batches ahead; 0: read in this one.
        pin: Put batches into page-locked memory, for a GPU.
    """

    def __init__(
        self,
        pictures: Pictures,
        part: NDArray[np.int64],
        labels: Tensor,
        workers: int = 0,
        pin: bool = False,
    ) -> None:
        self.pictures = pictures
        self.part = part
        self.labels = labels
        self.workers = workers
        self.pin = pin

    def batches(self, parts: Sequence[Tensor]) -> Iterator[Tensor]:
        """Yield the batches in order; workers draw no random numbers."""
        whole = _Batches(self.pictures, [self.part[part.numpy()] for part in parts])
        if not self.workers:
            yield from (whole[place] for place in range(len(parts)))
            return
        yield from DataLoader(
            whole,
            batch_size=None,
            num_workers=self.workers,
            pin_memory=self.pin,
            worker_init_fn=_ignore_interrupts,
            generator=torch.Generator().manual_seed(0),
        )


@final
class _Batches(TorchDataset[Tensor]):
    def __init__(self, pictures: Pictures, parts: Sequence[NDArray[np.int64]]) -> None:
        self.pictures = pictures
        self.parts = parts

    def __len__(self) -> int:
        return len(self.parts)

    def __getitem__(self, place: int) -> Tensor:
        return torch.from_numpy(self.pictures.pixels(self.parts[place], np.float32))


def _ignore_interrupts(worker: int) -> None:
    """Leave Ctrl-C, which reaches every process of a terminal, to the one that trains."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
