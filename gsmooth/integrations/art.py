"""The Adversarial Robustness Toolbox: g as its classifier, and its as ours (extra ``art``)."""

from __future__ import annotations

from typing import Any, final

import numpy as np
import torch
from art.estimators.classification import BlackBoxClassifierNeuralNetwork, PyTorchClassifier
from numpy.typing import NDArray
from torch import Tensor, nn

from gsmooth.api.predict import predict
from gsmooth.errors import ConfigurationError, ModelError
from gsmooth.integrations.settings import INTEGRATIONS
from gsmooth.integrations.shares import scores_of
from gsmooth.models.classifier import Classifier
from gsmooth.models.hub_network import Normalize
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier


def to_art(
    g: SmoothedClassifier, *, n: int = INTEGRATIONS.predict_votes, alpha: float = 0.001
) -> Any:
    """The smoothed classifier as one of ART, for its black-box attacks and its metrics.

    It has one class more than g, the last one, which stands for an abstention (see
    :func:`gsmooth.integrations.shares.scores_of`): ``argmax`` of a row is never a class where g
    abstains, and an accuracy counts an abstention as wrong. An attack that looks for a wrong class
    counts an abstention as found; look at ``argmax == g.classifier.classes`` to tell them apart.

    Args:
        g: The smoothed classifier.
        n: Votes of an answer.
        alpha: Probability that an answer is not the class of g.

    Returns:
        An ``art.estimators.classification.BlackBoxClassifierNeuralNetwork`` for images (N, C, H, W)
        in the input range. It has no gradients.

    Example:
        >>> import gsmooth as gs
        >>> net = gs.load_model("shipped:digits-l2")
        >>> victim = to_art(gs.SmoothedClassifier(net, "gaussian", sigma=0.25))
        >>> victim.nb_classes
        11
    """
    classes = g.classifier.classes

    def scores(x: NDArray[Any]) -> NDArray[np.float32]:
        images = np.asarray(x).reshape(-1, *g.image_shape)
        return scores_of(predict(g, images, n=n, alpha=alpha, progress=False), classes)

    return BlackBoxClassifierNeuralNetwork(
        scores,
        g.image_shape,
        nb_classes=classes + 1,
        channels_first=True,
        clip_values=g.classifier.input_range,
    )


def from_art(classifier: Any) -> Classifier:
    """A classifier of ART as ours, for :class:`gsmooth.SmoothedClassifier`.

    Args:
        classifier: One for images (C, H, W) or (H, W, C). A ``PyTorchClassifier`` without defences
            becomes its own network behind its preprocessing, with gradients; every other one is
            asked for its ``predict``, in NumPy, and has none. Records cannot tell two of these
            apart.

    Returns:
        The network; its input range is that of ``clip_values``, by default [0, 1].

    Raises:
        ConfigurationError: Its images have another form, or clip_values are no two numbers.
        ModelError: Its network does not compute what its ``predict`` returns.
    """
    shape, channels_first = tuple(classifier.input_shape), bool(classifier.channels_first)
    if len(shape) != 3:
        raise ConfigurationError(
            f"ART classifier: input_shape={shape}; expected that of an image, three numbers"
        )
    ours = (shape[0], shape[1], shape[2]) if channels_first else (shape[2], shape[0], shape[1])
    module = _module(classifier, channels_first)
    made = Classifier(
        module,
        classes=int(classifier.nb_classes),
        shape=ours,
        input_range=_range(classifier.clip_values),
        name=f"in-memory:{type(classifier).__name__}",
        copy=not isinstance(module, _Asked),
    )
    _require_same(made, classifier, channels_first)
    return made


def _range(clip_values: Any) -> tuple[float, float]:
    if clip_values is None:
        return 0.0, 1.0
    low, high = (np.unique(np.asarray(end)) for end in clip_values)
    if len(low) != 1 or len(high) != 1:
        raise ConfigurationError(
            "ART classifier: clip_values differ from pixel to pixel; expected two numbers"
        )
    return float(low[0]), float(high[0])


def _module(classifier: Any, channels_first: bool) -> nn.Module:
    if not isinstance(classifier, PyTorchClassifier) or not channels_first:
        return _Asked(classifier, channels_first)
    defences = [classifier.preprocessing_defences, classifier.postprocessing_defences]
    if any(defences):
        return _Asked(classifier, channels_first)
    # ART wraps the network in one that returns the outputs of all layers; this is the network.
    inner = classifier.model
    mean, std = _preprocessing(classifier)
    return nn.Sequential(Normalize(mean, std), inner)


def _preprocessing(classifier: Any) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of its preprocessing, one number a channel or one for all."""
    step = classifier.preprocessing
    if step is None:
        return (), ()
    pair = step if isinstance(step, tuple) else (step.mean, step.std)
    mean, std = (tuple(float(v) for v in np.asarray(part).flatten()) for part in pair)
    return mean, std


@final
class _Asked(nn.Module):
    """A classifier of ART that is asked for its scores, whatever it is made of."""

    def __init__(self, classifier: Any, channels_first: bool) -> None:
        super().__init__()
        self._classifier = [classifier]
        self._channels_first = channels_first

    def forward(self, x: Tensor) -> Tensor:
        images = x if self._channels_first else x.permute(0, 2, 3, 1)
        scores = self._classifier[0].predict(images.detach().cpu().contiguous().numpy())
        return torch.from_numpy(np.asarray(scores)).to(x.device)


def _require_same(made: Classifier, classifier: Any, channels_first: bool) -> None:
    low, high = made.input_range
    count = 2 * int(np.prod(made.shape))
    images = torch.linspace(low, high, count, dtype=torch.float32, device="cpu")
    images = images.reshape(2, *made.shape)
    with torch.no_grad():
        ours = made.scores(images.to(made.device)).cpu().numpy()
    theirs = np.asarray(
        classifier.predict((images if channels_first else images.permute(0, 2, 3, 1)).numpy())
    )
    drift = INTEGRATIONS.drift * max(1.0, float(np.abs(theirs).max()))
    if ours.shape != theirs.shape or not np.allclose(ours, theirs, atol=drift):
        raise ModelError(
            f"ART classifier {type(classifier).__name__}: its network does not compute what its"
            " predict returns; is there a step behind or before it that is not its preprocessing?"
        )
