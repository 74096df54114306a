"""Runs logged to a real MLflow store in SQLite."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import gsmooth as gs
from gsmooth.cli import app
from gsmooth.errors import ConfigurationError, OutputError
from gsmooth.integrations.mlflow import MlflowTarget, log_run
from tests.integrations.subjects import REGION, images, smooth
from tests.runs.tmp_project import furnish

STORE = "mlflow:sqlite:///store.db"
EXTRAS = pytest.mark.extras(group="mlflow")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
CERTIFY = (
    "certify",
    "--model=tmp_project_net:build",
    "--set=model.shape=[1,4,4]",
    "--data=images.npz",
    "--transformation=gaussian",
    "--sigma=0.25",
    "--seed=0",
    "--l2=0.3",
    "--no-attack",
    "--set=engine.batch_size=256",
    "--out=run",
)


@pytest.fixture(autouse=True)
def _working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "tmp_project_net", raising=False)
    furnish(tmp_path)


def gsmooth(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def client() -> Any:
    pytest.importorskip("mlflow", reason='needs the extra "mlflow"')
    return MlflowTarget.parse(STORE).ready()


def logged(store: Any, experiment: str = "gsmooth") -> list[Any]:
    found = store.get_experiment_by_name(experiment)
    return list(store.search_runs([found.experiment_id]))


def artifacts(store: Any, run: Any, folder: str | None = None) -> set[str]:
    return {found.path for found in store.list_artifacts(run.info.run_id, folder)}


@EXTRAS
def test_a_run_is_logged_with_settings_summary_curve_and_records() -> None:
    store = client()
    told = gsmooth(*CERTIFY, "--log-to", STORE)
    assert told.exit_code == 0, told.output
    (run,) = logged(store)
    assert "logged to mlflow:sqlite:///store.db as run" in told.stderr
    assert run.info.status == "FINISHED"
    assert run.data.params["smoothing.sigma"] == "0.25"
    summary = gs.report.summarize("run")
    assert run.data.metrics["certified_accuracy"] == summary.certified.value
    assert run.data.metrics["certified_accuracy_lower"] < summary.certified.value
    assert run.data.metrics["images"] == 12.0
    assert artifacts(store, run) >= {"summary.json", "curve.json", "curve.png", "records"}
    kept = {f"records/{name}" for name in ("run.json", "records.jsonl", "config.toml")}
    assert artifacts(store, run, "records") == kept
    rows = store.download_artifacts(run.info.run_id, "records/records.jsonl")
    assert Path(rows).read_bytes() == Path("run/records.jsonl").read_bytes()


@EXTRAS
def test_a_run_that_goes_on_is_brought_up_to_date() -> None:
    store = client()
    first = gsmooth(*CERTIFY, "--limit=4", "--log-to", STORE)
    again = gsmooth(*CERTIFY, "--limit=8", "--log-to", STORE)
    assert (first.exit_code, again.exit_code) == (0, 0), again.output
    (run,) = logged(store)
    assert run.data.metrics["images"] == 8.0


@EXTRAS
def test_a_secret_seed_is_never_logged(tmp_path: Path) -> None:
    store = client()
    g = smooth(seed=gs.SecretSeed())
    results = gs.certify(g, images(1.0, 0.0), REGION, labels=[1, 0])
    folder = results.save(tmp_path / "secret")
    secret = (folder / "seed.secret").read_text().split()[-1]
    identifier = log_run(folder, f"{STORE}#of-objects")
    (run,) = logged(store, "of-objects")
    assert run.info.run_id == identifier
    found = store.download_artifacts(identifier, "")
    written = [path for path in Path(found).rglob("*") if path.is_file()]
    assert "records.jsonl" in {path.name for path in written}
    assert "seed.secret" not in {path.name for path in written}
    assert not any(secret.encode() in path.read_bytes() for path in written)
    assert secret not in json.dumps({**run.data.params, **run.data.tags})


@EXTRAS
def test_a_store_that_cannot_be_used_is_told_before_the_first_vote() -> None:
    client()
    told = gsmooth(*CERTIFY, "--log-to", "mlflow:sqlite:///images.npz/below-a-file.db")
    assert told.exit_code == ConfigurationError.exit_code
    assert "cannot be used" in told.stderr
    assert not Path("run").exists()


@EXTRAS
def test_a_store_that_fails_at_the_end_leaves_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    store = client()
    assert gsmooth(*CERTIFY, "--limit=2").exit_code == 0

    def fail(*_: object, **__: object) -> None:
        raise OSError("the disk of the server is full")

    monkeypatch.setattr(type(store), "log_artifact", fail)
    with pytest.raises(OutputError, match="the same command logs it without new votes"):
        log_run("run", STORE)
    assert len(Path("run/records.jsonl").read_text().splitlines()) == 2


@pytest.mark.parametrize("text", ["sqlite:///store.db", "wandb:here", ""])
def test_another_target_says_what_is_expected(text: str) -> None:
    with pytest.raises(ConfigurationError, match="expected mlflow:URI"):
        MlflowTarget.parse(text)


def test_a_missing_mlflow_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    told = gsmooth(*CERTIFY, "--log-to", STORE)
    assert told.exit_code == ConfigurationError.exit_code
    assert 'pip install "gsmooth[mlflow]"' in " ".join(told.stderr.split())
    assert not Path("run").exists()


def test_a_population_run_has_no_records_to_log() -> None:
    told = gsmooth(*CERTIFY, "--guarantee=population", "--log-to", STORE)
    assert told.exit_code == ConfigurationError.exit_code
    assert "runs with records" in told.stderr
