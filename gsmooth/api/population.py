"""certify_population: a bound on the accuracy of single votes under attack, over a population."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from gsmooth.api.images import taken_images, taken_labels
from gsmooth.api.progress import Waiting, is_wanted
from gsmooth.api.voting import as_voting, fitting_region
from gsmooth.certification.population import (
    PopulationCertificate,
    check_population,
    population_votes,
    usual_max_margin,
)
from gsmooth.certification.rules import check_level
from gsmooth.data.item import Item
from gsmooth.errors import ConfigurationError
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.theory.population import PopulationBound
from gsmooth.transforms.region import Region

if TYPE_CHECKING:
    from gsmooth.api.images import ImagesLike, LabelsLike


def certify_population(
    g: SmoothedClassifier,
    images: ImagesLike,
    labels: LabelsLike,
    region: Region,
    *,
    alpha: float = 0.001,
    bound: Literal["betting", "clopper-pearson"] = "betting",
    typical_p: float = 0.95,
    max_margin: float | None = None,
    progress: bool | None = None,
) -> PopulationCertificate:
    """Bound the robust accuracy of single votes, over the distribution of the images (S10).

    S10: one vote is cast for each image, at the centre of a single ball that holds the image and
    all attacks on it. From the margins of the balls and the votes follows a lower bound on how
    often one vote is right under the worst attack. It costs one forward pass an image.

    The bound holds if the images were drawn independently of each other (or from a finite set with
    replacement), and independently of the network and of the other arguments. Their number has to
    be fixed in advance: going on until the bound pleases is not covered by alpha. The same is true
    of trying several seeds and keeping the best.

    Args:
        g: The smoothed classifier. Its answer is one vote here, and not a majority.
        images: A batch of images, as for :func:`certify`. Noise follows from the seed of g and the
            place in the batch, so that an image that was drawn twice gets fresh noise.
        labels: The true classes, one integer an image.
        region: The attacks.
        alpha: Probability that the bound is wrong, in (0, 0.5].
        bound: "betting": each image counts by its own margin. "clopper-pearson": all images count
            as if they had the margin ``max_margin``; better where margins hardly differ.
        typical_p: "betting": about the share of votes for the true class that is expected.
        max_margin: Images with a larger margin count as not robust; by default the standard normal
            quantile of ``typical_p``, and without parameters a little more than l2 / sigma.
        progress: Show a progress bar on stderr; by default on terminals and in notebooks.

    Returns:
        The certificate: ``robust_accuracy`` is the bound, ``describe()`` the statement.

    Raises:
        InputError: Images or labels do not fit g.
        ConfigurationError: The noise is neither Gaussian nor Haar, the action does not keep
            lengths, or an argument is out of range.
        ModelError: The network fails, or is no function of its input.

    Example:
        >>> import gsmooth as gs
        >>> images, labels = gs.data.digits(limit=50)
        >>> g = gs.SmoothedClassifier(
        ...     gs.load_model("shipped:digits-l2"), "gaussian", sigma=0.25, seed=0
        ... )
        >>> found = gs.certify_population(
        ...     g, images, labels, gs.Region(l2=0.1), bound="clopper-pearson"
        ... )
        >>> found.images, found.covered, 0.5 < found.robust_accuracy < found.right / 50
        (50, 50, True)
    """
    if not isinstance(g, SmoothedClassifier):
        raise ConfigurationError(
            f"certify_population: g is of type {type(g).__name__}; expected a"
            " gsmooth.SmoothedClassifier"
        )
    check_level("alpha", alpha)
    kept = taken_images(images, g.classifier, g.image_shape)
    truth = taken_labels(labels, len(kept), g.classifier.classes).tolist()
    asked = fitting_region(g, region)
    most = usual_max_margin(g, asked, typical_p) if max_margin is None else max_margin
    how = PopulationBound(bound, typical_p, most)
    check_population(g, asked, how)
    margins: list[float] = []
    right: list[bool] = []
    waiting = Waiting(len(kept), is_wanted(progress))
    with waiting:
        smoothed = as_voting(g, kept)
        items = (Item(place, kept.image(place)) for place in range(len(kept)))
        for vote in population_votes(smoothed, items, asked):
            margins.append(vote.margin)
            right.append(vote.label == truth[vote.index])
            waiting.update(len(margins), len(margins))
    return PopulationCertificate.of(asked, how, margins, right, alpha)
