"""certify: certificates for images, as Python objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from gsmooth.api.images import taken_images, taken_labels
from gsmooth.api.progress import is_wanted
from gsmooth.api.results import Results
from gsmooth.api.settings import API
from gsmooth.api.voting import KeyedImages, fitting_region
from gsmooth.certification import CertifyTask
from gsmooth.certification.feasibility import check_feasible
from gsmooth.certification.rules import Mode, RadiusMode, RegionMode, check_choice
from gsmooth.cover import Centres, IndividualCovers, OnlineCovers
from gsmooth.data.dataset import Dataset
from gsmooth.errors import ConfigurationError
from gsmooth.runs.config.resolution import check_steps
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.transforms.region import Region

if TYPE_CHECKING:
    from gsmooth.api.images import ImagesLike, LabelsLike


def certify(
    g: SmoothedClassifier,
    images: ImagesLike,
    region: Region,
    *,
    labels: LabelsLike | None = None,
    alpha: float = 0.001,
    max_votes: int | None = None,
    mode: Literal["region", "radius"] = "region",
    order: Literal["worst-first", "inside-out"] | None = None,
    n: int | None = None,
    bound: Literal["clopper-pearson", "sequence"] | None = None,
    n0: int = 64,
    n0_first: int | None = None,
    rule: Literal["runner-up", "e-process", "fixed"] | None = None,
    centres: int | Literal["clean"] | None = None,
    guarantee: Literal["individual", "online"] = "individual",
    seconds: float | None = None,
    progress: bool | None = None,
) -> Results:
    """Certify that g keeps its class on a whole region of attacks, image by image.

    What is wrong with the arguments is said at once. Votes are cast when results are asked for:
    ``for r in results``, ``results[0]`` or any method.

    The noise of an image follows from the seed of g and the pixels of the image, whatever its
    place in a batch: no two different images share noise, in whatever loops and batches they come.
    alpha is the chance, an image, that its certificate is wrong; it is not that of a whole batch.

    Args:
        g: The smoothed classifier.
        images: One image or a batch: torch, NumPy or PIL, floating (in the input range) or uint8
            (0..255), channels first or last.
        region: What is certified, e.g. ``Region(angle=(-30, 30))``.
        labels: The true classes, one integer an image. Certificates do not depend on them; accuracy
            and records do.
        alpha: Failure probability of each image's certificate, in (0, 0.5].
        max_votes: Region mode: votes spent on an image at most; by default 5,000.
        mode: "region": is g constant on all of the region? Stops as soon as votes decide. "radius":
            on how much of it? Spends n votes a centre.
        order: Region mode: "worst-first" (the default) gives up soonest where the region will not
            pass; "inside-out" certifies the part that was reached.
        n: Radius mode, and rule="fixed": votes a centre, by default 10,000 and 400.
        bound: Radius mode: "clopper-pearson" (the default) for n votes, or "sequence", which stops
            when more votes would gain little.
        n0: Votes at the clean image that select the class.
        n0_first: Region mode with the rule "runner-up": if the first so many of these votes are all
            for one class, no more are cast; by default 16. A value of n0 or more: always n0.
        rule: How votes decide. "runner-up" (the default): a test that may stop after any vote,
            mixed with one of the gap to every other class, which needs fewer votes where other
            votes are spread. "e-process": the former alone. "fixed", region mode: n votes at each
            centre, by default 400, and Clopper-Pearson bounds. In radius mode it is for
            bound="sequence".
        centres: Centres of a cover at most; "clean": the clean image alone; by default as many as
            cost least.
        guarantee: "individual": of the given image. "online": the given image was attacked already,
            and certified is every original that it can have.
        seconds: Online: the search for originals ends then; by default when more gains nothing.
        progress: Show a progress bar on stderr; by default on terminals and in notebooks.

    Returns:
        The results, one an image, in order. A single image gives results of length 1.

    Raises:
        InputError: Images or labels do not fit g.
        ConfigurationError: The region names other parameters (the message lists the right ones), or
            an argument is out of range.
        UnreachableError: Not even unanimous votes could certify the region.
        ModelError: When results are asked for: the network fails, or is no function of its input.

    Example:
        >>> import gsmooth as gs
        >>> import torch
        >>> net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 2))
        >>> _ = torch.nn.init.constant_(net[1].weight[0], 5.0)
        >>> g = gs.SmoothedClassifier(
        ...     net, "gaussian", sigma=0.25, num_classes=2, input_shape=(1, 2, 2), seed=0
        ... )
        >>> results = certify(g, torch.ones(1, 2, 2), gs.Region(l2=0.1))
        >>> results[0].label
        0
        >>> results.certified_accuracy([0])
        1.0
    """
    kept = _dataset(images, g)
    truth = None if labels is None else taken_labels(labels, len(kept), g.classifier.classes)
    asked = fitting_region(g, region)
    check_steps(asked.lower, asked.upper, g.transformation)
    if not asked.lower and asked.l2 == 0.0:
        raise ConfigurationError(
            f"region: {g.transformation.name} has no parameters and l2 is 0, so there is nothing to"
            " certify; give Region(l2=...), a radius in units of the input range"
        )
    decision = _rule(mode, alpha, n0, max_votes, order, n, bound, rule, n0_first)
    online = guarantee == "online"
    if guarantee not in ("individual", "online"):
        raise ConfigurationError(
            f"certify: guarantee={guarantee!r}; expected 'individual' or 'online' (distributional"
            " certificates need a calibration: gsmooth calibrate)"
        )
    if seconds is not None and not online:
        raise ConfigurationError("certify: seconds is for guarantee='online'; leave it out")
    if seconds is not None and not seconds > 0.0:
        raise ConfigurationError(f"certify: seconds={seconds} must be above 0, or left out")
    number = _usual_centres(g, decision, online) if centres is None else centres
    covers = OnlineCovers(number, seconds) if online else IndividualCovers(number)
    task = CertifyTask(g, asked, decision, covers)
    check_feasible(task)
    if online:
        _require_rounding(kept, asked)
    return Results(task, KeyedImages.of(kept), truth, is_wanted(progress))


def _dataset(images: ImagesLike, g: object) -> Dataset:
    """The images for g; ConfigurationError where g is no smoothed classifier."""
    if not isinstance(g, SmoothedClassifier):
        raise ConfigurationError(
            f"certify: g is of type {type(g).__name__}; expected a gsmooth.SmoothedClassifier"
        )
    return taken_images(images, g.classifier, g.image_shape)


def _usual_centres(g: SmoothedClassifier, rule: Mode, online: bool) -> Centres:
    """As for ``gsmooth certify``: region mode chooses for every image, radius mode is told."""
    radius = isinstance(rule, RadiusMode) and not online and not g.law.periodic
    return g.transformation.default_centres if radius else None


def _rule(
    mode: str,
    alpha: float,
    n0: int,
    max_votes: int | None,
    order: Literal["worst-first", "inside-out"] | None,
    n: int | None,
    bound: Literal["clopper-pearson", "sequence"] | None,
    rule: Literal["runner-up", "e-process", "fixed"] | None,
    n0_first: int | None,
) -> Mode:
    """The rule; ConfigurationError for an argument that the mode does not have."""
    others: dict[str, dict[str, object]] = {
        "region": {"bound": bound} if rule == "fixed" else {"n": n, "bound": bound},
        "radius": {"max_votes": max_votes, "order": order, "n0_first": n0_first},
    }
    if mode not in others:
        raise ConfigurationError(f"certify: mode={mode!r}; expected 'region' or 'radius'")
    if strange := [name for name, value in others[mode].items() if value is not None]:
        other = "radius" if mode == "region" else "region"
        raise ConfigurationError(
            f"certify: {strange[0]} is for mode={other!r}; leave it out, or choose that mode"
        )
    chosen = rule or "runner-up"
    if mode == "region":
        most = API.max_votes if max_votes is None else max_votes
        votes, usual = API.votes_fixed if n is None else n, order or "worst-first"
        first = (API.n0_first if n0_first is None else n0_first) if chosen == "runner-up" else None
        return RegionMode(
            alpha, n0, max_votes=most, order=usual, rule=chosen, n=votes, n0_first=first
        )
    if chosen == "fixed":
        raise ConfigurationError(
            "certify: rule='fixed' is for mode='region'; in radius mode votes are fixed in advance"
            " with bound='clopper-pearson'"
        )
    votes, shown = API.votes_per_centre if n is None else n, bound or "clopper-pearson"
    check_choice("bound", shown, ("clopper-pearson", "sequence"))
    return RadiusMode(alpha=alpha, n0=n0, n=votes, bound=shown, rule=chosen)


def _require_rounding(images: Dataset, region: Region) -> None:
    """ConfigurationError where 8-bit images are taken for images that were never rounded."""
    if images.images.dtype == np.uint8 and not 1 <= region.bits <= 8:
        raise ConfigurationError(
            f"region: bits={region.bits}, but the images have 8 bits, so the attacked ones were"
            " rounded, and without that no attack is found that gives them; give bits=8"
        )
