"""A run whose images are certified by workers of Ray; this process alone writes."""

from __future__ import annotations

import os
from itertools import chain

from gsmooth.errors import ConfigurationError
from gsmooth.runs.config.resolution import resolved_task
from gsmooth.runs.config.run_config import RunConfig
from gsmooth.runs.fixed_batch import fixed_batch_size, with_fixed_batch_size
from gsmooth.runs.kept_rule import with_kept_rule
from gsmooth.runs.machines.crew import Crew
from gsmooth.runs.machines.leases import Leases
from gsmooth.runs.machines.ray_session import ray_session
from gsmooth.runs.machines.worker import Job, Ready
from gsmooth.runs.monitor.interrupt import stopped_by_signals
from gsmooth.runs.monitor.progress import Progress
from gsmooth.runs.open_run import RunSummary, open_run


def run_on_ray(config: RunConfig, progress: Progress) -> RunSummary:
    """As :func:`gsmooth.runs.execute.run_certify`, by the workers that ``config.engine`` asks for.

    Raises:
        WorkerError: Workers die again and again, or there are none.
        ConfigurationError: Ray is not installed, or the guarantee is about all images together.
    """
    if config.certify.guarantee == "population":
        raise ConfigurationError(
            "engine.executor=ray: a population run casts one vote an image and is fast in one"
            ' process; leave it out (--set engine.executor="process")'
        )
    task = resolved_task(with_kept_rule(config))
    folder = task.seed.config.output.folder
    settings = with_fixed_batch_size(task.seed.config, folder)
    job = Job(settings, task.seed.seed, os.getcwd(), fixed_batch_size(folder) is not None)
    with stopped_by_signals(), ray_session(settings) as ray:
        crew = Crew(ray, job, progress.say)
        ready = crew.begin()
        of_seed = task.seed.keep()
        return _certified(crew, ready, of_seed, progress)


def _certified(
    crew: Crew, ready: Ready, of_seed: tuple[str, ...], progress: Progress
) -> RunSummary:
    told = chain(of_seed, ready.notices)
    with open_run(ready.config, ready.header, ready.indices, told, progress) as run:
        engine = ready.config.engine
        crew.work(Leases(run.todo, engine.lease, engine.workers), run.commit)
    return run.summary(None)
