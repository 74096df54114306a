"""Crew: the workers of a run, which come and go, and the leases that they hold."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, final

from gsmooth.errors import WorkerError
from gsmooth.runs.machines.leases import Lease, Leases
from gsmooth.runs.machines.ray_session import asked, started_worker
from gsmooth.runs.machines.worker import Job, Ready, Stopped
from gsmooth.runs.open_run import Finished
from gsmooth.runs.records.header import differences
from gsmooth.runs.settings import RUN

Say = Callable[[str], None]


@final
@dataclass
class _Place:
    """Place ``number`` of the crew, and who works there now.

    waiting: what the worker will answer next: whether it is ready, or a row. pulse: a question that
    is not answered yet. heard: when it last answered one; None before it has begun.
    """

    number: int
    actor: Any = None
    waiting: Any = None
    lease: Lease | None = None
    ready: bool = False
    pulse: Any = None
    heard: float | None = None
    deaths: int = 0
    error: str = ""
    given_up: bool = False


@final
@dataclass
class Crew:
    """Workers that Ray runs; a dead one is replaced.

    Args:
        ray: The module ray, connected.
        job: What every worker is told.
        say: Prints a line for the user.
        first: The answer of the first worker, with which all others have to agree.
    """

    ray: Any
    job: Job
    say: Say
    first: Ready | None = None
    places: list[_Place] = field(default_factory=list)
    leases: Leases | None = None
    _told: bool = False
    _alone_since: float = field(default_factory=time.monotonic)
    _listened: float = field(default_factory=time.monotonic)

    def begin(self) -> Ready:
        """Start one worker and wait until it is ready: it says what the run is.

        Raises:
            GsmoothError: The run is not possible; the error is that of one process.
            WorkerError: Workers die before they are ready.
        """
        self._hire(_Place(0))
        while self.first is None:
            self._receive()
            self._require_someone()
        return self.first

    def work(self, leases: Leases, commit: Callable[[Finished], None]) -> None:
        """Certify the images of all leases; ``commit`` is called once for each image.

        Raises:
            WorkerError: No worker is left.
            RecordError: Two workers found different rows of an image.
        """
        assert self.first is not None
        self.leases = leases
        fixed_batch = self.job.fixed_batch or "engine" in self.first.header.identity
        self.job = Job(self.first.config, self.job.seed, self.job.folder, fixed_batch)
        for number in range(len(self.places), min(leases.left, self.first.config.engine.workers)):
            self._hire(_Place(number))
        while leases.left:
            for place in self.places:
                self._give(place)
            found = self._receive()
            if found is not None and leases.commit(found.row):
                commit(found)
            self._require_someone()

    def _hire(self, place: _Place) -> None:
        """Start a new worker at a place."""
        if place not in self.places:
            self.places.append(place)
        place.actor = started_worker(self.ray, self.job.config)
        place.waiting = place.actor.prepare.remote(self.job)
        place.ready, place.pulse, place.heard = False, None, None

    def _give(self, place: _Place) -> None:
        """Give a lease to a worker that has none."""
        assert self.leases is not None
        if place.given_up or not place.ready or place.lease is not None:
            return
        if (lease := self.leases.issue(place.number)) is None:
            return
        place.lease = lease
        method = place.actor.certify.options(num_returns="streaming")
        place.waiting = method.remote(lease.indices)

    def _receive(self) -> Finished | None:
        """Wait a moment for an answer of any worker; the image that it finished, if it did."""
        open_ = [place for place in self.places if place.waiting is not None]
        if not open_:
            return None
        answers = [place.waiting for place in open_]
        come, _ = self.ray.wait(answers, num_returns=1, timeout=RUN.monitor.refresh_s)
        self._listen()
        for place in open_:
            # A pulse that failed to come has replaced what the worker was to answer.
            if come and place.waiting is come[0]:
                return self._heard(place)
        return None

    def _heard(self, place: _Place) -> Finished | None:
        errors = self.ray.exceptions
        try:
            if place.lease is None:
                self._joined(place, self.ray.get(place.waiting))
                return None
            found = self.ray.get(next(place.waiting))
        except StopIteration:
            self._returned(place)
            return None
        except (errors.RayActorError, errors.ObjectLostError, errors.WorkerCrashedError) as error:
            self._died(place, _short(error))
            return None
        except errors.RayTaskError as error:
            cause = getattr(error, "cause", None)
            raise WorkerError(
                f"worker {place.number + 1} failed: {_short(cause or error)}"
            ) from error
        if isinstance(found, Stopped):
            raise found.error()
        place.deaths = 0
        return found  # type: ignore[no-any-return]

    def _joined(self, place: _Place, answer: Ready | Stopped) -> None:
        """A worker has loaded everything, or cannot."""
        place.waiting = None
        if isinstance(answer, Stopped):
            if self.first is None:
                raise answer.error()
            self._give_up(place, str(answer.error()))
        elif self.first is None:
            self.first, place.ready = answer, True
        elif wrong := _disagreement(self.first, answer):
            self._give_up(
                place,
                f"it does not compute what the first worker does ({'; '.join(wrong)}; 'there': the"
                " first, 'here': this one), and a run is made by one kind of worker",
            )
        else:
            place.ready = True

    def _returned(self, place: _Place) -> None:
        assert self.leases is not None
        assert place.lease is not None
        self.leases.returned(place.lease)
        place.lease = place.waiting = None

    def _died(self, place: _Place, error: str) -> None:
        """Give the images of a dead worker to others, and begin again with a new one."""
        self.ray.kill(place.actor)
        lease, place.lease, place.waiting = place.lease, None, None
        place.deaths, place.error = place.deaths + 1, error
        if lease is not None and self.leases is not None:
            self.leases.lost(lease)
        if place.deaths >= RUN.workers.deaths:
            self._give_up(place, f"it died {place.deaths} times in succession: {error}")
            return
        self.say(f"worker {place.number + 1} died ({error}); its images are given out again")
        self._hire(place)

    def _give_up(self, place: _Place, error: str) -> None:
        self.say(f"worker {place.number + 1} is given up: {error}")
        self.ray.kill(place.actor)
        place.given_up, place.ready, place.waiting, place.error = True, False, None, error

    def _listen(self) -> None:
        """Ask all workers whether they are there; one that is silent for long counts as dead."""
        now = time.monotonic()
        # This process was stopped itself: it is no worker's fault that nothing was heard.
        deaf = now - self._listened >= RUN.workers.silence_s / 2
        self._listened = now
        for place in self.places:
            if deaf and place.heard is not None:
                place.heard = now
            if place.given_up or place.actor is None:
                continue
            if place.pulse is None:
                if place.heard is None or now - place.heard >= RUN.workers.pulse_s:
                    place.pulse = asked(place.actor)
                continue
            come, _ = self.ray.wait([place.pulse], timeout=0)
            if come:
                place.pulse, place.heard = None, now
            elif place.heard is not None and now - place.heard >= RUN.workers.silence_s:
                self._died(place, f"no answer for {now - place.heard:.0f} s")

    def _require_someone(self) -> None:
        """WorkerError where all are given up; a notice where none has begun for a while."""
        if all(place.given_up for place in self.places):
            raise WorkerError(f"no worker is left; the last one: {self.places[-1].error}")
        now = time.monotonic()
        if any(place.heard is not None for place in self.places):
            self._alone_since = now
        elif now - self._alone_since >= RUN.workers.waiting_s and not self._told:
            self._told = True
            self.say(
                "no worker has begun yet: Ray waits for a machine with as many free CPUs and GPUs"
                " as a worker asks for (engine.threads, --gpus-per-worker)"
            )


def _disagreement(first: Ready, other: Ready) -> list[str]:
    """In what two workers differ that have to compute the same."""
    wrong = first.kind.differences(other.kind)
    if first.header.fingerprint != other.header.fingerprint:
        wrong += differences(first.header.identity, other.header.identity)
    mine, theirs = first.header.capabilities, other.header.capabilities
    if not wrong and mine is not None and theirs is not None and not mine.same_claims(theirs):
        wrong.append("the claims of the transformation")
    return wrong


def _short(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    exits = [line for line in lines if "exit detail" in line or "exit type" in line]
    text = (exits or lines or ["no message"])[0]
    return f"{type(error).__name__}: {text[:200]}"
