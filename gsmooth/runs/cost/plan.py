"""Plan: what a run will take, before it is begun: votes, time and memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, final

import numpy as np

from gsmooth.boundaries.host_memory import device_bytes, peak_bytes
from gsmooth.certification import RadiusMode
from gsmooth.certification.feasibility import largest_p_lower
from gsmooth.certification.mixture import unanimous_mixture
from gsmooth.runs.context import RunContext
from gsmooth.runs.cost.dry_run import ImageCost, expected_forwards, tried_images
from gsmooth.runs.cost.forecast import Span
from gsmooth.runs.records.folder import stored_header, stored_indices
from gsmooth.runs.records.header import require_same_run
from gsmooth.runs.settings import RUN
from gsmooth.sampling import FunctionCheck, Pace, batch_bytes, measured_pace
from gsmooth.theory.normal import normal_quantile


@final
@dataclass(frozen=True)
class Plan:
    """A forecast, and what it was measured on; nothing of it is recorded.

    images of the run, todo of them not in its folder yet. pace: of this machine, on batches as the
    run has them; batch_bytes: memory of one. function: what was found of f.
    tried: the images that were certified for it. forwards: what the adversary costs an image.
    host_bytes: peak of this process so far, device_bytes that of tensors on GPUs. l2: in radius
    mode, the largest radius that unanimous votes support, None in other modes.
    """

    images: int
    todo: int
    device: str
    in_flight: int | Literal["auto"]
    pace: Pace
    batch_bytes: int
    fixed_batch: bool
    function: FunctionCheck | None
    tried: tuple[ImageCost, ...]
    forwards: int
    host_bytes: int | None
    device_bytes: int | None
    l2: float | None

    @property
    def votes_an_image(self) -> Span:
        """From the cheapest image of the dry run to the most expensive one."""
        least, most = [t.votes for t in self.tried], [t.most for t in self.tried]
        return Span(min(least), float(np.mean([least, most])), max(most))

    @property
    def votes(self) -> Span:
        """Of the whole run, without the adversary's."""
        return self.votes_an_image.times(self.todo)

    @property
    def cover_s(self) -> float:
        """Seconds an image for its cover and the tests, votes apart."""
        return float(np.mean([t.cover_s for t in self.tried]))

    @property
    def attack_s(self) -> float:
        """Seconds an image for the adversary; where it was not tried, at the pace of the votes."""
        seconds = [t.attack_s for t in self.tried if t.attack_s is not None]
        return float(np.mean(seconds)) if seconds else self.forwards / self.pace.votes_per_second

    @property
    def seconds(self) -> Span:
        """Of the whole run."""
        fixed = self.cover_s + self.attack_s
        an_image = self.votes_an_image.times(1.0 / self.pace.votes_per_second).plus(fixed)
        return an_image.times(self.todo)


def planned(
    context: RunContext, images: int = RUN.dry_run.images, seconds: float = RUN.dry_run.seconds
) -> Plan:
    """Measure the machine and try ``images`` images, spread evenly over what is left to do.

    RecordError where the run's folder holds the records of another run.
    """
    todo = _todo(context)
    smoothed = context.smoothed
    pace = measured_pace(smoothed.counter, smoothed.blank, (smoothed.batch_size,))
    tried = tried_images(context, _spread(todo, images), seconds) if todo else ()
    forwards = [t.attack_votes for t in tried if t.attack_votes is not None]
    return Plan(
        images=len(context.indices),
        todo=len(todo),
        device=context.config.model.device,
        in_flight=context.config.engine.in_flight,
        pace=pace,
        batch_bytes=batch_bytes(smoothed.counter, smoothed.blank),
        fixed_batch=smoothed.fixed_batch,
        function=context.function,
        tried=tried or (ImageCost(0, 0, 0, 0.0, 0.0, 0, 0.0),),
        forwards=round(float(np.mean(forwards))) if forwards else expected_forwards(context),
        host_bytes=peak_bytes(),
        device_bytes=device_bytes(),
        l2=_largest_l2(context),
    )


def _todo(context: RunContext) -> list[int]:
    folder: Path = context.config.output.folder
    if (old := stored_header(folder)) is None:
        return list(context.indices)
    require_same_run(old, context.header, str(folder))
    done = stored_indices(folder)
    return [index for index in context.indices if index not in done]


def _spread(todo: Sequence[int], images: int) -> list[int]:
    """So many of them, from the middles of as many equal parts."""
    count = min(images, len(todo))
    return [todo[(2 * k + 1) * len(todo) // (2 * count)] for k in range(count)]


def _largest_l2(context: RunContext) -> float | None:
    """The l2 radius of n unanimous votes, p_lower = alpha^(1/n) (S5); None with parameters."""
    mode, region, smoothed = context.rule, context.region, context.smoothed
    if not isinstance(mode, RadiusMode) or region.l2 == 0.0 or any(region.lower + region.upper):
        return None
    norm = smoothed.transformation.bounds.lift_norm(smoothed.image_shape)
    mixture = unanimous_mixture(context.certify_task)
    margin = float(normal_quantile(largest_p_lower(mode, mixture)))
    return min(region.l2, smoothed.law.sigma * margin / norm)
