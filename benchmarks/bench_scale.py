"""How long a run takes on many workers, from a simulation of its leases with measured costs."""

from __future__ import annotations

import argparse
import heapq
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final, final

from benchmarks.suite.benchmark import Facts, Line, NothingToMeasureError
from gsmooth.errors import RecordError
from gsmooth.runs.machines.leases import Lease, Leases
from gsmooth.runs.records.folder import open_records

HOUR: Final = 3600.0


@final
@dataclass(frozen=True)
class Machines:
    """What the machines are like.

    slow: share of workers at half speed. life_h: mean hours until a worker dies; inf: never.
    restart_s: seconds until another one is ready.
    """

    workers: int
    slow: float
    life_h: float
    restart_s: float


def scale(options: argparse.Namespace, facts: Facts) -> Iterator[Line]:
    """Simulate the run for each number of workers, without and with stragglers and deaths."""
    costs = measured(options.run, options.votes, options.rate, options.cover)
    facts |= {"images": options.images, "lease": options.lease}
    facts |= {"mean_s": sum(costs) / len(costs), "costs": "records" if options.run else "assumed"}
    work = [costs[index % len(costs)] for index in range(options.images)]
    Random(options.seed).shuffle(work)
    for workers in options.workers:
        calm = Machines(workers, 0.0, math.inf, options.restart)
        rough = Machines(workers, options.slow, options.life, options.restart)
        quiet_s, _ = makespan(work, calm, options.lease, options.seed)
        rough_s, repeated = makespan(work, rough, options.lease, options.seed)
        yield {
            "workers": workers,
            "hours": quiet_s / HOUR,
            "efficiency": sum(work) / workers / quiet_s,
            "rough_hours": rough_s / HOUR,
            "repeated": repeated,
            "machine_hours": workers * rough_s / HOUR,
        }


def measured(run: Path | None, votes: float, rate: float, cover: float) -> list[float]:
    """Seconds of each image: those of the rows of a run, or votes at a rate, and a cover.

    Where no run is given votes are drawn as many runs have them: half of the images end after half
    of the mean, and a few take several times as many (an exponential).
    """
    if run is None:
        quantiles = [(k + 0.5) / 1000 for k in range(1000)]
        return [cover - math.log1p(-q) * votes / rate for q in quantiles]
    try:
        found = [row.provenance.seconds for row in open_records(run).rows]
    except RecordError as error:
        raise NothingToMeasureError(str(error)) from error
    if not found:
        raise NothingToMeasureError(f"{run} has no rows")
    return found


def makespan(work: Sequence[float], machines: Machines, most: int, seed: int) -> tuple[float, int]:
    """Seconds until the last image is committed, and images that were certified twice or begun.

    Args:
        work: Seconds of each image on a worker of full speed.
        machines: The workers.
        most: Images of a lease, at most.
        seed: Of deaths and of which workers are slow.
    """
    rng, leases = Random(seed), Leases(range(len(work)), most, machines.workers)
    slow = set(rng.sample(range(machines.workers), round(machines.slow * machines.workers)))
    # (time, number of the event, worker, position in its lease)
    events: list[tuple[float, int, int, int]] = []
    held: dict[int, Lease] = {}
    dies = {worker: _life(rng, machines) for worker in range(machines.workers)}
    repeated = count = 0
    idle = set(range(machines.workers))
    now = 0.0

    def begin(worker: int, place: int) -> None:
        """The next event of a worker: an image is finished, or the worker dies before that."""
        nonlocal count
        if dies[worker] <= now:  # It died while it waited, and another one is ready.
            dies[worker] = now + _life(rng, machines)
        seconds = work[held[worker].indices[place]] * (2.0 if worker in slow else 1.0)
        count += 1
        heapq.heappush(events, (min(now + seconds, dies[worker]), count, worker, place))

    while leases.left:
        for worker in sorted(idle):
            if (lease := leases.issue(worker)) is not None:
                held[worker] = lease
                idle.discard(worker)
                begin(worker, 0)
        now, _, worker, place = heapq.heappop(events)
        if worker not in held:  # A new one is ready in the place of a dead one.
            idle.add(worker)
        elif now >= dies[worker]:
            leases.lost(held.pop(worker))
            repeated += 1
            dies[worker] = now + machines.restart_s + _life(rng, machines)
            count += 1
            heapq.heappush(events, (now + machines.restart_s, count, worker, 0))
        else:
            lease = held[worker]
            leases.done(lease.indices[place], b"")
            if place + 1 < len(lease.indices):
                begin(worker, place + 1)
            else:
                leases.returned(held.pop(worker))
                idle.add(worker)
    return now, repeated


def _life(rng: Random, machines: Machines) -> float:
    """Seconds until a worker dies."""
    if math.isinf(machines.life_h):
        return math.inf
    return rng.expovariate(1.0 / (machines.life_h * HOUR))
