"""Outcomes: the images of a run put to the rule that its configuration names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from gsmooth.certification import chunks
from gsmooth.certification.api import (
    Drafter,
    Outcome,
    RegionMode,
    Watch,
    certify_many,
    online_drafter,
)
from gsmooth.certification.feasibility import check_calibrated_feasible, check_feasible
from gsmooth.certification.nested import NestedMode, certify_nested_many, check_nested_feasible
from gsmooth.cover import Cover, PilotEstimates, build_cover
from gsmooth.cover.distributional import cheapest_number
from gsmooth.errors import ConfigurationError
from gsmooth.runs.calibration import CalibratedCover
from gsmooth.runs.config.run_config import RunConfig
from gsmooth.runs.context import Assembly, mode_of, region_of
from gsmooth.runs.seeds.choice import public_notice
from gsmooth.sampling.noise import CHUNK
from gsmooth.transforms.region import Region


def require_feasible(parts: Assembly) -> None:
    """Refuse, before the first vote, what cannot succeed or may not be certified.

    UnreachableError when alpha and the number of votes can certify no image; for the distributional
    guarantee InputError when an image of the run was calibrated on; for the online one
    ConfigurationError when originals cannot be sought.
    """
    region, mode = region_of(parts.config), mode_of(parts.config)
    rule = parts.config.certify
    if isinstance(mode, NestedMode):
        if parts.calibration is not None and parts.calibration.centre != "clean":
            raise ConfigurationError(
                'certify.calibration: mode "nested" measures errors from the clean image; calibrate'
                " with --centre clean"
            )
        check_nested_feasible(parts.smoothed, region, mode, _number_of_centres(parts))
    else:
        online = rule.guarantee == "online"
        check_feasible(parts.smoothed, region, mode, centres=rule.centres, online=online)
        if online:
            _require_rounding(parts, region)
    if parts.calibration is None:
        return
    if not isinstance(mode, NestedMode):
        error, centres = parts.calibration.error, _number_of_centres(parts)
        check_calibrated_feasible(parts.smoothed, region, mode, error, centres)
    for index in parts.indices:
        parts.calibration.require_fresh(parts.dataset.image(index), f"image {index}")


def _require_rounding(parts: Assembly, region: Region) -> None:
    """ConfigurationError where 8-bit images are taken for images that were never rounded."""
    if parts.dataset.images.dtype == np.uint8 and not 1 <= region.bits <= 8:
        raise ConfigurationError(
            f"region.bits={region.bits}: {parts.dataset.name} holds 8-bit images, so the attacked"
            " ones were rounded, and without that no attack is found that gives them; set --bits 8"
        )


def online_notices(asked: RunConfig) -> Iterator[str]:
    """What an online run does otherwise than the user may think."""
    if asked.certify.guarantee != "online":
        return
    yield from public_notice(asked)
    if asked.attack.enabled:
        yield "the images are taken to be attacked already: no further attack is made on them"
    if asked.region.bits == 0:
        yield (
            "region.bits is 0: meant are originals whose attacked image is this one to the last"
            " digit; if it was rounded, say so (--bits 8 for an image file)"
        )


def outcomes(
    parts: Assembly, indices: Iterable[int], watch: Watch | None = None
) -> Iterator[Outcome]:
    """What certify found for the images at these positions, in order of completion.

    watch: see :func:`certify_many`; the nested method works on one image at a time, and tells none.
    """
    config, calibration = parts.config, parts.calibration
    region, mode, items = region_of(config), mode_of(config), parts.items(iter(indices))
    centres = _number_of_centres(parts)
    if isinstance(mode, NestedMode):
        error = None if calibration is None else calibration.error
        found = certify_nested_many(
            parts.smoothed, items, region, mode, centres=centres, error=error
        )
    else:
        found = certify_many(
            parts.smoothed,
            items,
            region,
            mode,
            centres=config.certify.centres,
            in_flight=config.engine.in_flight,
            drafter=_drafter(parts, centres),
            watch=watch,
        )
    return found if calibration is None else _with_premise(found, parts)


def cover_of(parts: Assembly, index: int) -> Cover:
    """The cover of one image where no votes choose it."""
    region, item = region_of(parts.config), parts.item(index)
    drafter = _drafter(parts, _number_of_centres(parts))
    if drafter is None:
        return build_cover(parts.smoothed, item.image, region, parts.config.certify.centres)
    return drafter(parts.smoothed, item, region).drawn(PilotEstimates.empty())


def most_votes(parts: Assembly, index: int) -> int:
    """Votes that one image can cost at most."""
    mode = mode_of(parts.config)
    if isinstance(mode, RegionMode):
        return mode.max_votes
    if isinstance(mode, NestedMode):
        each = mode.n_outer * mode.votes
        return chunks(mode.n0) * CHUNK + _number_of_centres(parts) * each
    balls = len(cover_of(parts, index).balls)
    return chunks(mode.n0) * CHUNK + balls * mode.most


def _drafter(parts: Assembly, centres: int) -> Drafter | None:
    rule = parts.config.certify
    if parts.calibration is not None:
        return CalibratedCover(parts.calibration, centres)
    if rule.guarantee == "online":
        seconds = None if rule.online_seconds == "unlimited" else rule.online_seconds
        return online_drafter(rule.centres, seconds)
    return None


def _with_premise(found: Iterator[Outcome], parts: Assembly) -> Iterator[Outcome]:
    """The same, with what their certificates rest on."""
    assert parts.calibration is not None
    premise = parts.calibration.premise
    for outcome in found:
        certificate = replace(outcome.certificate, premise=premise)
        yield replace(outcome, certificate=certificate)


def _number_of_centres(parts: Assembly) -> int:
    """Equal boxes at most; where none is given, as many as are expected to cost least."""
    asked, mode, calibration = (
        parts.config.certify.centres,
        mode_of(parts.config),
        parts.calibration,
    )
    if isinstance(asked, int):
        return asked
    if asked == "clean" or calibration is None or not isinstance(mode, RegionMode):
        return 1
    region = region_of(parts.config)
    return cheapest_number(parts.smoothed, region, calibration.error, mode.price)
