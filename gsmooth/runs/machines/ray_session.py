"""RaySession: a connection to Ray, for workers on this machine or of a cluster."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from types import ModuleType
from typing import Any, Final

from gsmooth.errors import ConfigurationError, WorkerError
from gsmooth.runs.config.run_config import EngineSection, RunConfig
from gsmooth.runs.machines.worker import Worker
from gsmooth.runs.seeds.choice import VARIABLE
from gsmooth.sampling import devices_of

_LOCAL: Final = {
    "RAY_USAGE_STATS_ENABLED": "0",
    # Without clusters Ray binds all its ports to the loopback address.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    # The priority of this process; Ray would put others first.
    "RAY_worker_niceness": "0",
}
_STORE_BYTES: Final = 80 * 2**20
"""The least object store that Ray accepts, or about so; rows are small."""
_PULSE: Final = "pulse"


@contextmanager
def ray_session(config: RunConfig) -> Iterator[ModuleType]:
    """The module ray, connected while the block lasts.

    Local workers inherit the environment without a secret seed, which they are sent themselves.

    Raises:
        ConfigurationError: Ray is not installed.
        WorkerError: Ray does not start, or the cluster cannot be reached.
    """
    engine = config.engine
    with _environment(_LOCAL if engine.address is None else {}):
        ray = _imported()
        if ray.is_initialized():
            raise WorkerError("this process is connected to Ray already; call ray.shutdown() first")
        try:
            ray.init(**_options(engine))
        except Exception as error:  # ConnectionError, RuntimeError and others.
            where = f"the cluster at {engine.address}" if engine.address else "Ray on this machine"
            raise WorkerError(
                f"engine.executor=ray: cannot connect to {where} ({type(error).__name__}:"
                f" {str(error).strip().splitlines()[0] if str(error).strip() else 'no message'})"
            ) from error
    try:
        if engine.address is None:
            _require_loopback(ray)
        yield ray
    finally:
        ray.shutdown()


def started_worker(ray: Any, config: RunConfig) -> Any:
    """A new worker; it begins as soon as Ray finds room for it."""
    options = {
        "num_cpus": config.engine.threads or 1,
        "num_gpus": gpus_of(config),
        "max_restarts": 0,
        "max_task_retries": 0,
        "concurrency_groups": {_PULSE: 1},
    }
    return ray.remote(**options)(_RayWorker).remote()


def asked(worker: Any) -> Any:
    """A question to a worker whether it is there, which it answers beside its work."""
    return worker.pulse.options(concurrency_group=_PULSE).remote()


def gpus_of(config: RunConfig) -> float:
    """GPUs of each worker."""
    if config.engine.gpus_per_worker is not None:
        return config.engine.gpus_per_worker
    devices = devices_of(config.model.device)
    return float(len(devices)) if devices[0].startswith("cuda") else 0.0


class _RayWorker:
    """A :class:`Worker` as Ray calls it."""

    def __init__(self) -> None:
        self._worker = Worker()

    def prepare(self, job: Any) -> Any:
        return self._worker.prepare(job)

    def certify(self, indices: Any) -> Any:
        yield from self._worker.certify(indices)

    def pulse(self) -> int:
        """The number of the process."""
        return os.getpid()


def _options(engine: EngineSection) -> dict[str, object]:
    quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
    if engine.address is not None:
        return {**quiet, "address": engine.address}
    return {
        **quiet,
        "address": "local",
        "include_dashboard": False,
        "num_cpus": engine.workers * (engine.threads or 1),
        "object_store_memory": _STORE_BYTES,
    }


def _require_loopback(ray: Any) -> None:
    """WorkerError where a local Ray can be reached from other machines."""
    address = str(ray.util.get_node_ip_address())
    if not ip_address(address).is_loopback:
        raise WorkerError(
            f"engine.executor=ray: Ray listens on {address}, which other machines can reach,"
            " because it was imported earlier in this process; import it later, or name a cluster"
            " with engine.address"
        )


def _imported() -> ModuleType:
    try:
        import ray
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            'engine.executor=ray needs the package ray; run: pip install "gsmooth[ray]"'
        ) from error
    return ray  # type: ignore[no-any-return,unused-ignore]


@contextmanager
def _environment(given: dict[str, str]) -> Iterator[None]:
    """The environment with these variables and without the secret seed, while the block lasts."""
    before = {name: os.environ.get(name) for name in (*given, VARIABLE)}
    os.environ.update(given)
    os.environ.pop(VARIABLE, None)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
