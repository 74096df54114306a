"""Outcomes: the images of a run put to the rule that its configuration names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from gsmooth.attacks import AttackOutcome, attack_many
from gsmooth.certification import Outcome, RegionMode, chunks
from gsmooth.certification.api import certify_feasible
from gsmooth.certification.feasibility import check_feasible
from gsmooth.certification.flights import Watch
from gsmooth.certification.nested import (
    NestedMode,
    certify_nested_feasible,
    check_nested_feasible,
)
from gsmooth.certification.population import check_population
from gsmooth.cover import Cover
from gsmooth.errors import ConfigurationError
from gsmooth.runs.config.run_config import RunConfig
from gsmooth.runs.context import RunContext
from gsmooth.runs.seeds.choice import public_notice
from gsmooth.sampling.noise import CHUNK
from gsmooth.transforms.region import Region


def require_feasible(context: RunContext) -> None:
    """Refuse, before the first vote, what cannot succeed or may not be certified.

    UnreachableError when alpha and the number of votes can certify no image; for the distributional
    guarantee InputError when an image of the run was calibrated on; for the online one
    ConfigurationError when originals cannot be sought.
    """
    region, mode = context.region, context.rule
    if context.config.certify.guarantee == "population":
        check_population(context.smoothed, region, context.population_bound)
    elif isinstance(mode, NestedMode):
        if context.calibration is not None and context.calibration.centre != "clean":
            raise ConfigurationError(
                'certify.calibration: mode "nested" measures errors from the clean image; calibrate'
                " with --centre clean"
            )
        check_nested_feasible(context.smoothed, region, mode, context.centres)
    else:
        check_feasible(context.certify_task)
        if context.config.certify.guarantee == "online":
            _require_rounding(context, region)
    if context.calibration is None:
        return
    for index in context.indices:
        context.calibration.require_fresh(context.dataset.image(index), f"image {index}")


def _require_rounding(context: RunContext, region: Region) -> None:
    """ConfigurationError where 8-bit images are taken for images that were never rounded."""
    if context.dataset.images.dtype == np.uint8 and not 1 <= region.bits <= 8:
        raise ConfigurationError(
            f"region.bits={region.bits}: {context.dataset.name} holds 8-bit images, so the attacked"
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
    context: RunContext, indices: Iterable[int], watch: Watch | None = None
) -> Iterator[Outcome]:
    """What certify found for the images at these positions, in order of completion.

    watch: see :func:`certify_feasible`; the nested method certifies one image at a time, and does
    not call it. The caller has called :func:`require_feasible`.
    """
    mode, calibration = context.rule, context.calibration
    items = context.items(iter(indices))
    if isinstance(mode, NestedMode):
        error = None if calibration is None else calibration.error
        found = certify_nested_feasible(
            context.smoothed,
            items,
            context.region,
            mode,
            centres=context.centres,
            error=error,
        )
    else:
        found = certify_feasible(
            context.certify_task, items, in_flight=context.config.engine.in_flight, watch=watch
        )
    return found if calibration is None else _with_premise(found, context)


def attack_on(context: RunContext, outcome: Outcome) -> AttackOutcome | None:
    """What the adversary finds at one certified image; None where none searches."""
    if (plan := context.attack_plan) is None:
        return None
    image = context.item(outcome.index), context.dataset.label(outcome.index)
    found = {outcome.index: outcome}
    return next(attack_many(context.smoothed, [image], context.region, plan, found))


def cover_of(context: RunContext, index: int) -> Cover:
    """The cover of one image, made without any vote."""
    return context.covers.cover(context.smoothed, context.item(index), context.region)


def most_votes(context: RunContext, index: int) -> int:
    """Votes that one image can cost at most."""
    mode = context.rule
    if isinstance(mode, RegionMode):
        return mode.max_votes
    if isinstance(mode, NestedMode):
        each = mode.n_outer * mode.votes
        return chunks(mode.n0) * CHUNK + context.centres * each
    balls = len(cover_of(context, index).balls)
    return mode.looks.n0 + balls * mode.most


def _with_premise(found: Iterator[Outcome], context: RunContext) -> Iterator[Outcome]:
    """The same, with what their certificates rest on."""
    assert context.calibration is not None
    premise = context.calibration.premise
    for outcome in found:
        certificate = replace(outcome.certificate, premise=premise)
        yield replace(outcome, certificate=certificate)
