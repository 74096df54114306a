"""MAITE (JATIC): its models and data sets as ours, and certified accuracy as its metric.

What is here has the form of MAITE's protocols for image classification and needs no MAITE.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gsmooth.api.certify import certify
from gsmooth.api.predict import predict
from gsmooth.data.dataset import Dataset
from gsmooth.errors import ConfigurationError, InputError
from gsmooth.integrations.settings import INTEGRATIONS
from gsmooth.integrations.shares import interval_of, scores_of, scores_of_labels, share_of
from gsmooth.models.classifier import Classifier
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.transforms.region import Region

ABSTAINED = "abstained"
"""Label of the last score of a smoothed model."""


class Metadata(TypedDict):
    """What MAITE asks of a metric: its name."""

    id: str


class LabelledMetadata(TypedDict):
    """What MAITE takes of a model: its name, and the names of the labels by number."""

    id: str
    index2label: dict[int, str]


def from_maite_model(model: Any, shape: tuple[int, int, int]) -> Classifier:
    """A MAITE model for image classification as ours, for :class:`gsmooth.SmoothedClassifier`.

    Args:
        model: It gives scores (classes,) for every image (C, H, W) in [0, 1]; its metadata may have
            ``index2label``. A torch module that is one stays one; any other is asked in NumPy, has
            no gradients, and records cannot tell two of these apart.
        shape: Shape (C, H, W) of one image.

    Returns:
        The network. Labels are numbered as the model numbers them.

    Raises:
        ConfigurationError: Its answers have another form.
    """
    asked = _Asked(model)
    scores = asked(torch.full((2, *shape), 0.5, dtype=torch.float32, device="cpu"))
    if scores.ndim != 2 or len(scores) != 2:
        raise ConfigurationError(
            f"MAITE model: {tuple(scores.shape)} scores for two images; expected one row of scores"
            " an image"
        )
    name = f"in-memory:{_identifier(model)}"
    return Classifier(asked, classes=scores.shape[1], shape=shape, name=name, copy=False)


@final
class _Asked(nn.Module):
    """A MAITE model as a torch module: a batch in, the stacked answers out."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        if isinstance(model, nn.Module):
            self.model = model
        else:
            self._model = [model]

    def forward(self, x: Tensor) -> Tensor:
        if hasattr(self, "model"):
            return torch.stack([_tensor(row) for row in self.model(list(x))])
        answers = self._model[0](list(x.detach().cpu().numpy()))
        rows = np.stack([np.asarray(row) for row in answers])
        return torch.from_numpy(rows).to(x.device)


def from_maite_dataset(dataset: Any, limit: int | None = None) -> Dataset:
    """A MAITE data set for image classification as ours; all images are read.

    Args:
        dataset: Its items are an image (C, H, W), in [0, 1] or 8 bits, a target (one-hot or
            probabilities, whose largest is the true class) and metadata.
        limit: So many images at most; by default all.

    Returns:
        The images and labels, with the names of ``index2label`` where its metadata have them.

    Raises:
        InputError: Images differ in shape, or a target has no largest entry.
    """
    number = len(dataset) if limit is None else min(limit, len(dataset))
    items = [dataset[place] for place in range(number)]
    images = [np.asarray(item[0]) for item in items]
    shapes = {image.shape for image in images}
    if len(shapes) != 1:
        raise InputError(
            f"MAITE dataset {_identifier(dataset)}: images of shapes {sorted(shapes)[:3]}; expected"
            " one shape (C, H, W): resize them before"
        )
    labels = np.array([_label(item[1], place) for place, item in enumerate(items)], dtype=np.int64)
    named = dict(getattr(dataset, "metadata", {}).get("index2label") or {})
    numbered = range(max([int(labels.max()), *map(int, named)]) + 1)
    names = tuple(str(named.get(number, number)) for number in numbered)
    return Dataset(_identifier(dataset), np.stack(images), labels, names, named=bool(named))


def _label(target: Any, place: int) -> int:
    row: NDArray[Any] = np.asarray(target)
    if row.ndim != 1 or (row == row.max()).sum() != 1:
        raise InputError(
            f"MAITE dataset: the target of item {place} is {row}; expected one number a class, with"
            " one largest"
        )
    return int(row.argmax())


@final
class CertifiedModel:
    """A MAITE model whose answer to an image is the class that is certified there, or none.

    Its scores are one longer than the number of classes: the last one, ``abstained``, is 1 where
    nothing is certified, so that no abstention can be taken for a class.

    Args:
        g: The smoothed classifier.
        region: What has to be certified; None: nothing, and the answer is that of PREDICT.
        alpha: Failure probability of each answer.
        max_votes: Votes spent on an image at most; without a region, the votes of an answer.
        labels: Names of the classes; by default their numbers.

    Example:
        >>> import gsmooth as gs
        >>> net = gs.load_model("shipped:digits-l2")
        >>> g = gs.SmoothedClassifier(net, "gaussian", sigma=0.25, seed=0)
        >>> images, labels = gs.data.digits(limit=2)
        >>> [int(row.argmax()) for row in CertifiedModel(g, gs.Region(l2=0.25))(list(images))]
        [0, 1]
    """

    def __init__(
        self,
        g: SmoothedClassifier,
        region: Region | None = None,
        *,
        alpha: float = 0.001,
        max_votes: int | None = None,
        labels: Sequence[str] | None = None,
    ) -> None:
        classes = g.classifier.classes
        names = tuple(map(str, range(classes))) if labels is None else tuple(labels)
        if len(names) != classes:
            raise ConfigurationError(f"{len(names)} labels for {classes} classes; give one a class")
        self.g = g
        self.region = region
        self.alpha = alpha
        self.max_votes = max_votes
        self.metadata = LabelledMetadata(
            id=f"{g!r} on {region}", index2label=dict(enumerate((*names, ABSTAINED)))
        )

    def __call__(self, input_batch: Sequence[Any], /) -> Sequence[NDArray[np.float32]]:
        """Answer a batch of images (C, H, W): scores (classes + 1,) of each."""
        images = np.stack([np.asarray(image) for image in input_batch])
        classes = self.g.classifier.classes
        if self.region is None:
            n = INTEGRATIONS.predict_votes if self.max_votes is None else self.max_votes
            answers = predict(self.g, images, n=n, alpha=self.alpha, progress=False)
            return list(scores_of(answers, classes))
        results = certify(
            self.g,
            images,
            self.region,
            alpha=self.alpha,
            max_votes=self.max_votes,
            progress=False,
        )
        return list(scores_of_labels([result.label for result in results], classes))


@final
class CertifiedAccuracy:
    """A MAITE metric: the share of images whose true class a :class:`CertifiedModel` answers with.

    Args:
        confidence: Of the interval.

    Example:
        >>> import numpy as np
        >>> metric = CertifiedAccuracy()
        >>> metric.update([np.array([1, 0, 0]), np.array([0, 0, 1])], [np.array([1, 0])] * 2, [])
        >>> found = metric.compute()
        >>> found["certified_accuracy"], found["abstained"]
        (0.5, 0.5)
    """

    def __init__(self, confidence: float = INTEGRATIONS.confidence) -> None:
        interval_of(0, 0, confidence)
        self.metadata = Metadata(id="certified_accuracy")
        self.confidence = confidence
        self.reset()

    def reset(self) -> None:
        """Forget all images."""
        self._certified = self._images = self._abstained = 0

    def update(
        self,
        pred_batch: Sequence[Any],
        target_batch: Sequence[Any],
        metadata_batch: Sequence[Any],
        /,
    ) -> None:
        """Count a batch.

        Args:
            pred_batch: Scores (classes + 1,) of a :class:`CertifiedModel`.
            target_batch: Targets (classes,).
            metadata_batch: Not used.

        Raises:
            InputError: The scores are those of another model: they have no place for abstentions.
        """
        for place, (scores, target) in enumerate(zip(pred_batch, target_batch, strict=True)):
            row, truth = np.asarray(scores), np.asarray(target)
            if len(row) != len(truth) + 1:
                raise InputError(
                    f"certified accuracy: {len(row)} scores for {len(truth)} classes; expected one"
                    " more, for abstentions: evaluate a gsmooth CertifiedModel"
                )
            answer, label = int(row.argmax()), _label(truth, place)
            self._images += 1
            self._abstained += answer == len(truth)
            self._certified += answer == label

    def compute(self) -> Mapping[str, float]:
        """The share with its exact binomial interval, the share of abstentions, and the number."""
        low, high = interval_of(self._certified, self._images, self.confidence)
        return {
            "certified_accuracy": share_of(self._certified, self._images),
            "lower": low,
            "upper": high,
            "abstained": share_of(self._abstained, self._images),
            "images": float(self._images),
        }


def _identifier(thing: Any) -> str:
    found = getattr(thing, "metadata", {}).get("id") if hasattr(thing, "metadata") else None
    return str(found or type(thing).__name__)


def _tensor(row: Any) -> Tensor:
    """Scores as the tensor that they are, or of the array that they are."""
    return row if isinstance(row, torch.Tensor) else torch.from_numpy(np.asarray(row))
