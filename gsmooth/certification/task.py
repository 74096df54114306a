"""CertifyTask: what is certified of every image, and how."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import final

from gsmooth.certification.rules import Mode
from gsmooth.cover import CoverBuilder, IndividualCovers
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.transforms.region import Region


@final
@dataclass(frozen=True)
class CertifyTask:
    """What is the same for all images that are certified together.

    Args:
        smoothed: The smoothed classifier.
        region: The attacks that are certified.
        rule: The rule of decision, with its numbers of votes.
        covers: How the cover of each image is built; by default individual covers with as many
            centres as cost least.
    """

    smoothed: SmoothedClassifier
    region: Region
    rule: Mode
    covers: CoverBuilder = field(default_factory=IndividualCovers)
