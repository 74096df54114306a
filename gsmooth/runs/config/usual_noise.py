"""Noise and lift of a run that names no noise at all, by the rules of ``gsmooth tune``.

They follow from transformation and region alone, so train and certify agree on them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gsmooth.runs.config.region_section import RegionSection
from gsmooth.runs.config.run_config import RunConfig
from gsmooth.runs.config.smoothing_section import SmoothingSection
from gsmooth.transforms.base import Transformation
from gsmooth.transforms.region import Region
from gsmooth.tuning.noises import NoiseChoice, noise_choices, rounded_up
from gsmooth.tuning.settings import TUNING

_SOME_SHAPE: Final = (3, 32, 32)


def names_no_noise(config: RunConfig) -> bool:
    """Whether neither sigma nor scales nor a law are given."""
    noise = config.smoothing
    return noise.sigma is None and noise.scales is None and noise.law is None


def with_usual_lift(operator: Transformation, given: Mapping[str, object]) -> Transformation:
    """The transformation with its usual lift, but for the options that are given."""
    return operator.with_usual_lift(frozenset(given))


def usual_smoothing(
    smoothing: SmoothingSection, operator: Transformation, region: RegionSection
) -> SmoothingSection:
    """The section with the usual noise for the region (``TUNING.noise``).

    sigma is what the transformation says, or what its l2 part asks for where that is more; the std
    of each parameter is a part of the half-width of its interval; the law is the first that fits,
    but Haar where the region is at least half of a period.
    """
    box = Region(region.lower or (), region.upper or (), region.l2 or 0.0)
    choice = _choice(operator, box)
    sigma = max(operator.usual_sigma, rounded_up(box.l2 / TUNING.noise.ratio))
    return smoothing.model_copy(
        update={
            "sigma": sigma,
            "scales": choice.sizes,
            "law": choice.laws if len(set(choice.laws)) > 1 else next(iter(choice.laws), None),
        }
    )


def _choice(operator: Transformation, region: Region) -> NoiseChoice:
    # The data are not read yet; only periods of the image's size depend on its shape.
    fixed = all(not isinstance(p.period, str) for p in operator.parameters)
    choices = noise_choices(operator, region, _SOME_SHAPE)
    if not fixed:  # Periods of the image's size are not known yet.
        choices = [one for one in choices if not one.haar]
    widths = [high - low for low, high in zip(region.lower, region.upper, strict=True)]
    periods = operator.periods(_SOME_SHAPE)
    for one in choices:
        wide = [widths[axis] >= TUNING.noise.haar_from * periods[axis] for axis in one.haar]
        if one.haar and all(wide):
            return one
    return choices[0]
