"""attack: search a region for attacks that change the answer of the smoothed classifier."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gsmooth.api.images import taken_images, taken_labels
from gsmooth.api.progress import Waiting, is_wanted
from gsmooth.api.results import Result, Results
from gsmooth.api.voting import KeyedImages, as_voting, fitting_region
from gsmooth.attacks import AttackOutcome, AttackPlan, Attempt, attack_many
from gsmooth.certificate import Certified, Guarantee
from gsmooth.cover import check_region
from gsmooth.errors import ConfigurationError, ViolationError
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.transforms.region import Region

if TYPE_CHECKING:
    from gsmooth.api.images import ImagesLike, LabelsLike


def attack(
    g: SmoothedClassifier,
    images: ImagesLike,
    labels: LabelsLike,
    region: Region,
    *,
    certificates: Results | None = None,
    points: int = 31,
    random: int = 32,
    gradient_steps: int = 10,
    screening_votes: int = 16,
    n: int = 1000,
    alpha: float = 0.001,
    progress: bool | None = None,
) -> list[AttackOutcome]:
    """Search the region for the attack that hurts most, image by image.

    A grid of parameters, random ones and steps along the gradient of the smoothed loss are
    screened; the worst is put to PREDICT with fresh votes.

    Args:
        g: The smoothed classifier.
        images: One image or a batch, as for :func:`certify`.
        labels: The true classes, one integer an image.
        region: Where attacks are sought.
        certificates: The results of :func:`certify` for the same g, images and region. Each
            certificate is then attacked where it holds.
        points: Grid points a parameter, 1,024 in all at most.
        random: Random parameters.
        gradient_steps: Steps along the gradient from the worst of these; 0: none.
        screening_votes: Votes that each candidate is screened with, 1 to 64.
        n: Votes of PREDICT at the worst.
        alpha: Level of PREDICT, in (0, 0.5].
        progress: Show a progress bar on stderr; by default on terminals and in notebooks.

    Returns:
        One outcome an image, in order: ``robust`` says whether g keeps the true class at the worst
        attack found, ``theta`` are its parameters.

    Raises:
        InputError: Images or labels do not fit g.
        ConfigurationError: The region names other parameters, or the certificates are of another
            classifier, other images or another region.
        ViolationError: An attack inside of a certified region changed the answer at level 1e-9: a
            bug in gsmooth, a false claim of the transformation, or a failed assumption of a
            heuristic or distributional certificate.

    Example:
        >>> import gsmooth as gs
        >>> import torch
        >>> net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 2))
        >>> _ = torch.nn.init.constant_(net[1].weight[0], 5.0)
        >>> g = gs.SmoothedClassifier(
        ...     net, "gaussian", sigma=0.25, num_classes=2, input_shape=(1, 2, 2), seed=0
        ... )
        >>> image, region = torch.ones(1, 2, 2), gs.Region(l2=0.1)
        >>> attack(g, image, 0, region, certificates=gs.certify(g, image, region))[0].robust
        True
    """
    keyed = KeyedImages.of(taken_images(images, g.classifier, g.image_shape))
    truth = taken_labels(labels, len(keyed.keys), g.classifier.classes).tolist()
    asked = fitting_region(g, region)
    check_region(g, asked)
    plan = AttackPlan(points, random, gradient_steps, screening_votes, n, alpha)
    if certificates is not None:
        _require_same(g, keyed, asked, certificates)
    found: list[AttackOutcome] = []
    waiting, spent = Waiting(len(keyed.keys), is_wanted(progress)), 0
    with waiting:
        smoothed = as_voting(g, keyed.images)
        for place, label in enumerate(truth):
            item = next(keyed.items([place]))
            result = None if certificates is None else certificates[place]
            known = None if result is None else {item.index: result.outcome}
            outcome = next(attack_many(smoothed, [(item, label)], asked, plan, known))
            if result is not None:
                _raise_if_refuted(result, outcome)
            found.append(replace(outcome, index=place))
            spent += outcome.forwards
            waiting.update(len(found), spent)
    return found


def _require_same(
    g: SmoothedClassifier, images: KeyedImages, region: Region, results: Results
) -> None:
    """ConfigurationError unless the results are about the same g, images and region."""
    if not isinstance(results, Results):
        raise ConfigurationError(
            f"attack: certificates of type {type(results).__name__}; expected the results of"
            " gsmooth.certify"
        )
    same = {
        "smoothed classifier": results.smoothed == g,
        "images": results.keys == images.keys,
        "region": results.region == region,
    }
    if different := [what for what, equal in same.items() if not equal]:
        raise ConfigurationError(
            f"attack: the certificates are not about the same {' and '.join(different)}; give"
            " the results of certify for what is attacked, or leave certificates out"
        )


def _raise_if_refuted(result: Result, outcome: AttackOutcome) -> None:
    """ViolationError where PREDICT at level 1e-9 gave another class inside a certified region."""
    found = result.certificate
    if not isinstance(found, Certified) or found.guarantee is Guarantee.ONLINE:
        return
    for attempt in outcome.attempts:
        if attempt.refutes(found.label) and _holds(found.region, attempt):
            raise ViolationError(
                f"image {result.index}: certified as class {found.label}, but at theta ="
                f" {list(attempt.theta)}, l2 = {attempt.l2:g} the smoothed classifier answers"
                f" {attempt.strict.label} (PREDICT at alpha = {attempt.strict.alpha:g}); the"
                f" certificate was {found.guarantee}: unless an assumption of it fails, this is a"
                " bug in gsmooth or a false claim of the transformation: please report it"
            )


def _holds(region: Region, attempt: Attempt) -> bool:
    """Whether the attack lies in the region."""
    if not (attempt.l2 < region.l2 or attempt.l2 == 0.0):
        return False
    ends = zip(region.lower, attempt.theta, region.upper, strict=True)
    return all(low <= value <= high for low, value, high in ends)
