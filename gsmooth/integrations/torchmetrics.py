"""Certified accuracy as a metric of torchmetrics (extra ``metrics``)."""

from __future__ import annotations

from typing import Any, ClassVar, final

import torch
from torch import Tensor
from torchmetrics import Metric

from gsmooth.api.certify import certify
from gsmooth.api.images import taken_labels
from gsmooth.api.results import Results
from gsmooth.certificate import Certified
from gsmooth.errors import ConfigurationError
from gsmooth.integrations.settings import INTEGRATIONS
from gsmooth.integrations.shares import interval_of, share_of
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.transforms.region import Region


@final
class CertifiedAccuracy(Metric):
    """Share of images whose true class is certified on all of a region.

    An abstention counts as wrong. The states are sums of whole numbers, so that the value of
    several processes is that of all their images.

    Args:
        region: What has to be certified.
        g: The smoothed classifier, for :meth:`update` with images; it is not needed for one with
            results.
        alpha: Failure probability of each image's certificate.
        max_votes: Votes spent on an image at most; by default those of :func:`gsmooth.certify`.
        confidence: Of :meth:`interval`.
        options: Of ``torchmetrics.Metric``, such as ``sync_on_compute``.

    Example:
        >>> import gsmooth as gs
        >>> images, labels = gs.data.digits(limit=2)
        >>> g = gs.SmoothedClassifier(
        ...     gs.load_model("shipped:digits-l2"), "gaussian", sigma=0.25, seed=0
        ... )
        >>> metric = CertifiedAccuracy(gs.Region(l2=0.25), g)
        >>> metric.update(images, labels)
        >>> float(metric.compute())
        1.0
    """

    is_differentiable = False
    higher_is_better = True
    full_state_update = False
    plot_lower_bound: ClassVar[float] = 0.0
    plot_upper_bound: ClassVar[float] = 1.0
    certified: Tensor
    images: Tensor
    abstained: Tensor

    def __init__(
        self,
        region: Region,
        g: SmoothedClassifier | None = None,
        *,
        alpha: float = 0.001,
        max_votes: int | None = None,
        confidence: float = INTEGRATIONS.confidence,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        interval_of(0, 0, confidence)
        self.region = region
        self.g = g
        self.alpha = alpha
        self.max_votes = max_votes
        self.confidence = confidence
        self._counted = (0, 0)
        for name in ("certified", "images", "abstained"):
            zero = torch.zeros((), dtype=torch.int64, device="cpu")
            self.add_state(name, default=zero, dist_reduce_fx="sum")

    def update(self, images: Any, target: Any) -> None:
        """Certify images, or take results that are there already, and count.

        Args:
            images: One image or a batch in the input range of the network, before any
                normalization (as for :func:`gsmooth.certify`), or :class:`gsmooth.Results`.
            target: The true classes, one integer an image.

        Raises:
            ConfigurationError: There is no g for images, or results are about another region.
            InputError: Images or labels do not fit.
        """
        results = images if isinstance(images, Results) else self._certified(images)
        if results.region != self.region:
            raise ConfigurationError(
                f"CertifiedAccuracy is about {self.region}, but these results are about"
                f" {results.region}; make a metric for each region"
            )
        truth = taken_labels(target, len(results), results.smoothed.classifier.classes)
        held = [
            isinstance(one.certificate, Certified)
            and one.certificate.fraction == 1.0
            and one.label == label
            for one, label in zip(results, truth.tolist(), strict=True)
        ]
        self.certified += sum(held)
        self.images += len(results)
        self.abstained += sum(not one.certified for one in results)

    def _certified(self, images: Any) -> Results:
        if self.g is None:
            raise ConfigurationError(
                "CertifiedAccuracy has no smoothed classifier for these images; give it one,"
                " CertifiedAccuracy(region, g), or update it with the results of gsmooth.certify"
            )
        return certify(
            self.g,
            images,
            self.region,
            alpha=self.alpha,
            max_votes=self.max_votes,
            progress=False,
        )

    def compute(self) -> Tensor:
        """Return the share of images, of all processes where there are several; NaN without any."""
        self._counted = int(self.certified), int(self.images)
        return torch.tensor(share_of(*self._counted), dtype=torch.float32, device=self.device)

    def interval(self) -> tuple[float, float]:
        """Exact binomial interval of the certified accuracy on the population of the images.

        It is that of :meth:`compute`, and so of all processes: call it in all of them.
        """
        self.compute()
        return interval_of(*self._counted, self.confidence)
