"""RunMonitor: the running sums of a run, from which it says where it stands and what is to come."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import Self, final

from gsmooth.boundaries.host_memory import peak_memory
from gsmooth.runs.config.run_config import RunConfig
from gsmooth.runs.cost.forecast import Timeline
from gsmooth.runs.monitor.progress import RunProgress
from gsmooth.runs.records.row import Row
from gsmooth.runs.settings import RUN

_SOME = "rightly certified at some radius"
_MERIT = {"region": "certified accuracy", "radius": _SOME, "nested": _SOME}


@final
@dataclass
class RunMonitor:
    """The sums behind a RunProgress; images of an earlier, resumed run are in ``before`` only."""

    total: int
    before: int
    mode: str
    timeline: Timeline
    began: float = field(default_factory=time.monotonic)
    fresh: int = 0
    votes: int = 0
    attack_s: float = 0.0
    certified: int = 0
    correct: int = 0
    warned: bool = False
    foretold: bool = False
    missing_gradient: str | None = None
    gradient_told: bool = False

    @classmethod
    def opened(cls, config: RunConfig, total: int, todo: int) -> Self:
        """At the start of a run of ``total`` images, of which ``todo`` are not recorded yet."""
        rule = config.certify
        most = float(rule.max_votes) if rule.mode == "region" else math.inf
        return cls(total, total - todo, rule.mode, Timeline(todo, most))

    def add(
        self, row: Row, forwards: int, seconds: float, missing_gradient: str | None = None
    ) -> None:
        """One image is finished, after an attack of so many votes and seconds.

        missing_gradient: what the attack did without.
        """
        self.missing_gradient = self.missing_gradient or missing_gradient
        self.fresh += 1
        self.votes += row.counts.votes + forwards
        self.attack_s += seconds
        self.timeline.finished(row.index, row.counts.votes, seconds)
        whole = self.mode == "region"
        self.certified += row.correct_up_to(1.0 if whole else 0.0)
        self.correct += row.image.prediction == row.image.label

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self.began

    def progress(self) -> RunProgress:
        """Where the run stands; votes of images in flight are counted."""
        done, seconds = self.before + self.fresh, self.seconds
        votes, left = self.votes + sum(self.timeline.spent.values()), self.timeline.left(seconds)
        merit = _MERIT[self.mode]
        return RunProgress(
            done, self.total, votes, seconds, self.certified, self.fresh, merit, left
        )

    def online_notices(self) -> list[str]:
        """What is worth saying now, each once."""
        found = (self._warning(), self._gradient(), self._forecast())
        return [notice for notice in found if notice is not None]

    def _gradient(self) -> str | None:
        """When the model (or the attack) has no gradient for the adversary to follow."""
        if self.gradient_told or self.missing_gradient is None:
            return None
        self.gradient_told = True
        return (
            f"no gradient is to be had ({self.missing_gradient}): the adversary searches the grid"
            " and random points, and an l2 part along the noise. Certificates do not depend on it"
        )

    def _warning(self) -> str | None:
        """When g is wrong (or abstains) on most images."""
        if self.warned or self.fresh < RUN.monitor.warn_after or 2 * self.correct >= self.fresh:
            return None
        self.warned = True
        return (
            f"warning: under its own noise the model is right on {self.correct} of {self.fresh}"
            " images; train it under this noise (gsmooth train), or lower sigma"
        )

    def _forecast(self) -> str | None:
        """When the run turns out to be a long one."""
        if self.foretold or self.fresh < RUN.monitor.forecast_after:
            return None
        state = self.progress()
        if state.done >= self.total:
            return None
        if state.left is None or state.seconds + state.left.mean < RUN.monitor.long_s:
            return None
        self.foretold = True
        return (
            f"forecast from the first {self.fresh} images: {state.left.spoken()} for the other"
            f" {self.total - state.done:,} ({self.votes / self.fresh:,.0f} votes an image, the"
            f" adversary's included; {state.votes_per_second:,.0f} votes/s; memory {peak_memory()})"
        )
