"""Runs by workers of a local Ray write the records of one process, whoever dies on the way."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest

from gsmooth.errors import ModelError, ViolationError, WorkerError
from gsmooth.runs.execute import run_certify
from gsmooth.runs.machines import crew
from gsmooth.runs.machines.merge import merge_records, without_times
from gsmooth.runs.machines.on_ray import run_on_ray
from gsmooth.runs.machines.shards import sharded
from gsmooth.runs.monitor.progress import RunProgress
from gsmooth.runs.records.folder import Row, read_records
from gsmooth.runs.settings import RUN
from gsmooth.runs.verify.verify import verify_records
from gsmooth.sampling.noise import SecretSeed
from tests.fuzz.kills import descendants, killed_run
from tests.runs.tmp_project import SETTINGS, Notebook, enter, tmp_project_config

# It is not imported here: gsmooth says first that it is to listen on this machine only.
pytestmark = [
    pytest.mark.extras(group="ray"),
    pytest.mark.skipif(find_spec("ray") is None, reason="needs the extra ray"),
]
NOISY = "smoothing.sigma=1.0"
RAY = ("engine.executor=ray", "engine.workers=2", "engine.lease=3")
ALONE = "engine.workers=1"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    enter(tmp_path, monkeypatch)
    # Workers find the network of the test, whose folder is not on the path of pytest's children.
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *sys.path]))
    return tmp_path


def by_ray(*overrides: str, notebook: Notebook | None = None) -> tuple[Row, ...]:
    config = tmp_project_config(NOISY, *RAY, *overrides)
    return rows(run_on_ray(config, notebook or Notebook()).folder)


def rows(folder: Path | str) -> tuple[Row, ...]:
    return tuple(map(without_times, read_records(folder).rows))


def one_process() -> tuple[Row, ...]:
    run_certify(tmp_project_config(NOISY, "output.folder=whole"), Notebook())
    return rows("whole")


def test_ray_four_shards_and_one_process_give_the_same_rows() -> None:
    notebook = Notebook()
    found = by_ray("output.folder=ray", notebook=notebook)
    shards = [
        run_certify(sharded(tmp_project_config(NOISY), f"{number}/4", {}), Notebook()).folder
        for number in (4, 1, 3, 2)
    ]
    merge_records(shards, Path("merged"))
    assert found == rows("merged") == one_process()
    headers = [read_records(place).header for place in ("ray", "merged", "whole")]
    assert len({header.fingerprint for header in headers}) == 1
    assert headers[0].plan == headers[1].plan == headers[2].plan
    assert all(verify_records(place).complete for place in ("ray", "merged"))
    assert [state.done for state in notebook.tallies] == list(range(13))


def test_workers_that_are_killed_now_and_then_are_replaced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SIGNAL", "SIGKILL")
    monkeypatch.setenv("SIGNAL_AT", "70")
    notebook = Notebook()
    found = by_ray(notebook=notebook)
    monkeypatch.delenv("SIGNAL_AT")
    assert found == one_process()
    assert any("died" in line and "given out again" in line for line in notebook.lines)


def test_workers_that_stop_answering_are_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    soon = replace(RUN.workers, pulse_s=0.2, silence_s=4.0)
    monkeypatch.setattr(crew, "RUN", replace(RUN, workers=soon))
    monkeypatch.setenv("SIGNAL", "SIGSTOP")
    monkeypatch.setenv("SIGNAL_AT", "70")
    notebook = Notebook()
    found = by_ray(notebook=notebook)
    monkeypatch.delenv("SIGNAL_AT")
    assert found == one_process()
    assert any("no answer for 4 s" in line for line in notebook.lines)


class Stopped(Notebook):
    """Has its own process stopped for a while as soon as an image is finished."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds
        self.by: list[subprocess.Popen[bytes]] = []

    def update(self, state: RunProgress) -> None:
        super().update(state)
        if state.scored and not self.by:
            stop = f"kill -STOP {os.getpid()}; sleep {self.seconds}; kill -CONT {os.getpid()}"
            self.by.append(subprocess.Popen(["sh", "-c", stop]))
            self.by[0].wait()


def test_a_driver_that_was_stopped_for_longer_than_a_lease_takes_no_worker_for_dead(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    soon = replace(RUN.workers, pulse_s=0.2, silence_s=4.0)
    monkeypatch.setattr(crew, "RUN", replace(RUN, workers=soon))
    notebook = Stopped(6.0)
    found = by_ray(notebook=notebook)
    assert notebook.by[0].returncode == 0
    assert [line for line in notebook.lines if "no answer" in line] == []
    assert found == one_process()


@pytest.mark.parametrize("passes", ["1", "40"])
def test_workers_that_always_die_end_the_run_with_their_error(
    passes: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIGNAL", "SIGKILL")
    monkeypatch.setenv("SIGNAL_AT", passes)
    in_flight = "engine.in_flight=12"  # So that no image is finished by then.
    with pytest.raises(WorkerError, match=r"no worker is left.*died 3 times|workers died"):
        by_ray(ALONE, in_flight, "engine.batch_size=16")


class Refusals(Notebook):
    """Leaves a file when a worker is given up."""

    def say(self, message: str) -> None:
        super().say(message)
        if "is given up" in message:
            Path("refused").touch()


def test_a_worker_that_computes_otherwise_is_refused(project: Path) -> None:
    """The first worker waits at a forward pass until the second one has been refused."""
    network = (project / "tmp_project_net.py").read_text()
    built = (
        "def build():\n    made = Mean()\n"
        "    try:\n        pathlib.Path('seen').touch(exist_ok=False)\n"
        "    except FileExistsError:\n        made.threshold.data += 0.01\n    return made\n"
    )
    waits = (
        "        while self.passes == 60 and not pathlib.Path('refused').exists():\n"
        "            time.sleep(0.01)\n"
    )
    network = network.replace("def build():\n    return Mean()\n", built)
    network = network.replace("        mean = x.fl", f"{waits}        mean = x.fl")
    (project / "tmp_project_net.py").write_text(f"import pathlib, time\n{network}")
    notebook = Refusals()
    found = by_ray(notebook=notebook)
    refused = [line for line in notebook.lines if "does not compute what the first worker" in line]
    assert len(refused) == 1
    assert "digests.weights" in refused[0]
    (project / "seen").unlink()
    assert found == one_process()


def test_errors_and_violations_end_the_run_as_they_end_one_process(project: Path) -> None:
    lies = ("transformation.name=tmp_project_net:BrokenTransformation", "smoothing.scales=[1.0]")
    region = ("region.lower=[0.0]", "region.upper=[1.0]", "region.l2=0.0", "smoothing.sigma=0.25")
    with pytest.raises(ViolationError, match=r"image \d+: certified as class"):
        by_ray(ALONE, *lies, *region, "output.folder=liar")
    saved = [path.name for path in Path("liar/violations").iterdir()]
    assert len(saved) == 2
    network = (project / "tmp_project_net.py").read_text()
    nan = network.replace(
        "        return torch.stack(", "        return float('nan') * torch.stack("
    )
    (project / "tmp_project_net.py").write_text(nan)
    with pytest.raises(ModelError, match="NaN"):
        by_ray(ALONE, "output.folder=scores")


class Spy(Notebook):
    """Looks at all processes while the run goes on: what they show, and where they listen."""

    def __init__(self, hidden: str) -> None:
        super().__init__()
        self.hidden = hidden.encode()
        self.before = set(listening())
        self.shown: list[str] = []
        self.processes = 0
        self.sockets: set[str] = set()

    def update(self, state: RunProgress) -> None:
        super().update(state)
        self.sockets |= set(listening()) - self.before
        for process in descendants(os.getpid()):
            place = Path(f"/proc/{process}")
            self.processes += 1
            for name in ("environ", "cmdline"):
                content = (place / name).read_bytes() if (place / name).exists() else b""
                if self.hidden in content:
                    self.shown.append(str(place / name))


def listening() -> Iterator[str]:
    """Addresses (hexadecimal) on which some process listens."""
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            _, local, _, state, *_ = line.split()
            if state == "0A":
                yield local


def test_a_secret_seed_is_seen_nowhere_and_ray_listens_to_this_machine_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    number = f"{SecretSeed.drawn().reveal() | 1 << 255:064x}"
    monkeypatch.setenv("GSMOOTH_SEED", number)
    spy = Spy(number)
    config = tmp_project_config(NOISY, *RAY)
    open_ = config.smoothing.model_copy(update={"seed": None})
    run_on_ray(config.model_copy(update={"smoothing": open_}), spy)
    assert read_records("run").header.seed_commitment is not None
    assert spy.processes > 20
    assert spy.shown == []
    assert os.environ["GSMOOTH_SEED"] == number
    loopback = (
        "0100007F:",
        "0000000000000000FFFF00000100007F:",
        "00000000000000000000000001000000:",
    )
    assert spy.sockets
    assert [place for place in spy.sockets if not place.startswith(loopback)] == []
    logs = [path for path in Path("/tmp/ray/session_latest").rglob("*") if path.is_file()]
    assert logs
    assert [path for path in logs if number.encode() in path.read_bytes()] == []
    assert not any("usage_stats" in path.name for path in logs)


def test_a_driver_that_is_told_to_stop_keeps_what_is_finished_and_one_process_goes_on() -> None:
    flags = [part for setting in (*SETTINGS, NOISY, *RAY) for part in ("--set", setting)]
    command = [sys.executable, "-m", "gsmooth", "certify", *flags, "--set", "engine.batch_size=16"]
    run = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    records = Path("run/records.jsonl")
    while not (records.exists() and records.stat().st_size) and run.poll() is None:
        with suppress(subprocess.TimeoutExpired):
            run.wait(0.02)
    run.terminate()
    said = run.communicate(timeout=100)[1]
    kept = len(read_records("run").rows)
    if kept < 12:
        assert run.returncode == 130, said
        assert f"interrupted: {kept} of 12 images are kept" in said
    # Who casts the votes is no part of the run: one process goes on where workers were.
    run_certify(tmp_project_config(NOISY), Notebook())
    assert rows("run") == one_process()


def test_drivers_and_workers_that_are_killed_at_random_moments_lose_and_double_nothing() -> None:
    killed = killed_run(seed=31, kills=6)
    assert len(killed) == 6
    assert {who.split()[0] for who in killed} == {"driver", "worker"}
