"""Worker: a process with the model, which certifies the images of leases and returns their rows."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, final

from gsmooth.errors import GsmoothError
from gsmooth.runs.config.run_config import RunConfig
from gsmooth.runs.records.header import RunHeader, differences, installed_versions
from gsmooth.sampling.noise import Seed


@final
@dataclass(frozen=True)
class Job:
    """What a worker is told: the resolved configuration, its seed, and where its paths begin.

    fixed_batch: whether records that the run goes on with depend on the batch size.
    """

    config: RunConfig
    seed: Seed
    folder: str
    fixed_batch: bool


@final
@dataclass(frozen=True)
class WorkerKind:
    """What has to be the same for all workers of a run, so that they compute the same counts.

    device: its kind and model; of a CPU the instructions that PyTorch uses. dtype: that of forward
    passes. versions: of the installed packages, by name.
    """

    device: str
    dtype: str
    versions: Mapping[str, str]

    def differences(self, other: WorkerKind) -> list[str]:
        """The fields in which another kind differs, with both values."""
        return differences(vars(self), vars(other))


@final
@dataclass(frozen=True)
class Ready:
    """What a worker answers when it has loaded everything.

    config: as it is recorded. indices: the images of the run. notices: to the user.
    """

    config: RunConfig
    header: RunHeader
    indices: range
    kind: WorkerKind
    notices: tuple[str, ...]


@final
@dataclass(frozen=True)
class Stopped:
    """An error of gsmooth in a worker, which ends the run as it would end one process."""

    kind: type[GsmoothError]
    message: str
    state: Mapping[str, Any]

    @staticmethod
    def by(error: GsmoothError) -> Stopped:
        """The error as it can be sent."""
        return Stopped(type(error), str(error), dict(vars(error)))

    def error(self) -> GsmoothError:
        """The error once more."""
        made = self.kind.__new__(self.kind, self.message)
        made.args = (self.message,)
        vars(made).update(self.state)
        return made


@final
class Worker:
    """One process that certifies; it writes nothing."""

    def __init__(self) -> None:
        self._context: Any = None

    def prepare(self, job: Job) -> Ready | Stopped:
        """Load model and data, and check that the run is possible."""
        with suppress(OSError):  # On another machine the folder may not be there.
            os.chdir(job.folder)
        try:
            return self._prepared(job)
        except GsmoothError as error:
            return Stopped.by(error)

    def certify(self, indices: Sequence[int]) -> Iterator[Any]:
        """Yield a :class:`Finished` for each of these images, or one :class:`Stopped`."""
        from gsmooth.runs.execute import finished
        from gsmooth.runs.outcomes import outcomes

        assert self._context is not None
        try:
            for outcome in outcomes(self._context, indices):
                yield finished(outcome, self._context)
        except GsmoothError as error:
            yield Stopped.by(error)

    def _prepared(self, job: Job) -> Ready:
        from gsmooth.runs.execute import planned
        from gsmooth.runs.monitor.notices import input_notices
        from gsmooth.runs.outcomes import online_notices
        from gsmooth.runs.task import RunTask

        context = planned(job.config, job.seed, RunTask.of(job.config), job.fixed_batch)
        self._context = context
        return Ready(
            context.config,
            context.header,
            context.indices,
            _kind(context),
            (*input_notices(context), *online_notices(context.config)),
        )


def _kind(context: Any) -> WorkerKind:
    import torch

    device = context.smoothed.classifier.device
    if device.type == "cuda":
        model = torch.cuda.get_device_name(device)
    else:
        model = torch.backends.cpu.get_cpu_capability() if device.type == "cpu" else ""
    dtype = context.config.model.autocast or "float32"
    return WorkerKind(f"{device.type} {model}".strip(), dtype, installed_versions())
