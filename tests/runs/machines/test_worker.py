"""A worker, without Ray: what it answers is what one process would have written."""

from __future__ import annotations

import os
import pickle
import signal
import threading
from pathlib import Path

import pytest

from gsmooth.errors import ModelError, UnreachableError
from gsmooth.runs.config.resolution import resolved
from gsmooth.runs.execute import run_certify
from gsmooth.runs.machines.merge import without_times
from gsmooth.runs.machines.worker import Job, Ready, Stopped, Worker
from gsmooth.runs.monitor.interrupt import stopped_by_signals, uninterrupted
from gsmooth.runs.open_run import Finished
from gsmooth.runs.records.folder import read_records
from gsmooth.sampling.noise import SecretSeed
from tests.runs.tmp_project import Notebook, enter, tmp_project_config

NOISY = "smoothing.sigma=1.0"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return enter(tmp_path, monkeypatch)


def job(*overrides: str) -> Job:
    return Job(resolved(tmp_project_config(*overrides)), 0, os.getcwd(), False)


def test_a_worker_gives_the_rows_of_one_process() -> None:
    run_certify(tmp_project_config(NOISY), Notebook())
    records = read_records("run")
    worker = Worker()
    ready = pickle.loads(pickle.dumps(worker.prepare(pickle.loads(pickle.dumps(job(NOISY))))))
    assert isinstance(ready, Ready)
    assert ready.header.fingerprint == records.header.fingerprint
    assert list(ready.indices) == list(range(12))
    found = [pickle.loads(pickle.dumps(one)).row for one in worker.certify([5, 2, 11])]
    rows = {row.index: without_times(row) for row in records.rows}
    assert {row.index: without_times(row) for row in found} == {k: rows[k] for k in (2, 5, 11)}


def test_workers_of_one_machine_are_of_one_kind_and_others_are_told_apart() -> None:
    first, second = Worker().prepare(job()), Worker().prepare(job("model.autocast=bfloat16"))
    assert isinstance(first, Ready)
    assert isinstance(second, Ready)
    assert first.kind.differences(first.kind) == []
    assert first.kind.differences(second.kind) == ["dtype: 'float32' there, 'bfloat16' here"]
    assert set(first.kind.versions) >= {"torch", "numpy", "gsmooth"}


def test_an_error_in_a_worker_is_the_error_of_one_process() -> None:
    answer = Worker().prepare(job("region.l2=100.0"))
    assert isinstance(answer, Stopped)
    error = pickle.loads(pickle.dumps(answer)).error()
    assert isinstance(error, UnreachableError)
    with pytest.raises(UnreachableError) as alone:
        run_certify(tmp_project_config("region.l2=100.0"), Notebook())
    assert (str(error), error.least_n) == (str(alone.value), alone.value.least_n)


def test_a_model_that_fails_in_a_worker_ends_its_lease_with_the_error(project: Path) -> None:
    network = (project / "tmp_project_net.py").read_text()
    marker = "        mean = x.flatten(1)"
    fails = "        if self.passes > 60:\n            x = x * float('nan')\n"
    (project / "tmp_project_net.py").write_text(network.replace(marker, fails + marker))
    worker = Worker()
    assert isinstance(worker.prepare(job(NOISY)), Ready)
    *found, last = worker.certify(range(12))
    assert all(isinstance(one, Finished) for one in found)
    assert isinstance(last, Stopped)
    assert isinstance(last.error(), ModelError)


def test_a_secret_seed_is_sent_and_printed_nowhere() -> None:
    secret = SecretSeed.drawn()
    told = Job(tmp_project_config(), secret, "", False)
    assert pickle.loads(pickle.dumps(told)).seed == secret
    assert f"{secret.reveal():x}" not in repr(told)


def test_sigterm_ends_a_run_as_ctrl_c_does_after_the_write_in_progress() -> None:
    assert threading.current_thread() is threading.main_thread()
    written = []

    def write() -> None:
        with stopped_by_signals(), uninterrupted():
            os.kill(os.getpid(), signal.SIGTERM)
            written.append("a row")

    with pytest.raises(KeyboardInterrupt):
        write()
    assert written
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
