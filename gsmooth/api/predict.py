"""predict: what the smoothed classifier answers at the images themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gsmooth.api.images import taken_images
from gsmooth.api.progress import Waiting, is_wanted
from gsmooth.api.voting import KeyedImages, as_voting
from gsmooth.certificate import Prediction
from gsmooth.certification.answering import AnswerRule, answer_many
from gsmooth.certification.api import predict_many
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier

if TYPE_CHECKING:
    from gsmooth.api.images import ImagesLike


def predict(
    g: SmoothedClassifier,
    images: ImagesLike,
    *,
    n: int = 1000,
    alpha: float = 0.001,
    adaptive: bool = False,
    progress: bool | None = None,
) -> list[Prediction]:
    """PREDICT (S3) at every image: the class that g answers, or an abstention.

    The noise of an image follows from the seed of g and the pixels of the image. Whoever knows the
    seed can make images that are answered wrongly (S2): deploy a secret one, the default.

    Args:
        g: The smoothed classifier.
        images: One image or a batch, as for :func:`certify`.
        n: Votes an image, rounded up to a multiple of 64; with ``adaptive`` the most of them.
        alpha: Probability that an answer is not the class of g, in (0, 0.5].
        adaptive: Stop as soon as the class is sure (S3b): after 12 votes, at alpha = 0.001, if they
            all agree.
            An image that n votes just decide needs about twice as many. alpha holds in both ways.
        progress: Show a progress bar on stderr; by default on terminals and in notebooks.

    Returns:
        One prediction an image, in order: ``label`` is the class or None, ``counts`` are the votes
        by class and, last, ties.

    Raises:
        InputError: The images do not fit g.
        ConfigurationError: n or alpha is out of range.
        ModelError: The network fails, or is no function of its input.

    Example:
        >>> import gsmooth as gs
        >>> import torch
        >>> net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 2))
        >>> _ = torch.nn.init.constant_(net[1].weight[0], 5.0)
        >>> g = gs.SmoothedClassifier(
        ...     net, "gaussian", sigma=0.25, num_classes=2, input_shape=(1, 2, 2), seed=0
        ... )
        >>> [p.label for p in predict(g, torch.ones(3, 1, 2, 2), n=100)]
        [0, 0, 0]
        >>> [sum(p.counts) for p in predict(g, torch.ones(1, 1, 2, 2), adaptive=True)]
        [12]
    """
    rule = AnswerRule(alpha, n)
    keyed = KeyedImages.of(taken_images(images, g.classifier, g.image_shape))
    found: dict[int, Prediction] = {}
    waiting = Waiting(len(keyed.keys), is_wanted(progress))
    with waiting:
        smoothed = as_voting(g, keyed.images)
        answers = (
            answer_many(smoothed, keyed.items(), rule)
            if adaptive
            else predict_many(smoothed, keyed.items(), n=n, alpha=alpha)
        )
        for key, prediction in answers:
            found[key] = prediction
            waiting.update(len(found), sum(sum(p.counts) for p in found.values()))
    return [found[key] for key in keyed.keys]
