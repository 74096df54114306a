"""What a run found, logged to a tracking server or file of MLflow (extra ``mlflow``)."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, final

from gsmooth.errors import ConfigurationError, OutputError
from gsmooth.integrations.settings import INTEGRATIONS
from gsmooth.integrations.shares import interval_of
from gsmooth.report.curves import certified_curve, draw_curves
from gsmooth.report.share import Share
from gsmooth.report.summary import Summary, summarize
from gsmooth.report.totals import Totals
from gsmooth.runs.records.codec import encode
from gsmooth.runs.records.folder import open_records

PREFIX: Final = "mlflow:"
RECORDS: Final = ("run.json", "records.jsonl", "config.toml")
"""Files of a run that are logged, and no others: ``seed.secret`` stays where it is."""
_FINGERPRINT: Final = "gsmooth.fingerprint"
_EXPERIMENT: Final = "gsmooth"


@final
@dataclass(frozen=True)
class MlflowTarget:
    """Where runs are logged.

    Args:
        uri: Of the tracking server or store, as MLflow spells it; "" is what MLflow takes by
            default (the variable MLFLOW_TRACKING_URI).
        experiment: Name of the experiment; it is made if it is not there.
    """

    uri: str
    experiment: str = _EXPERIMENT

    @staticmethod
    def parse(text: str) -> MlflowTarget:
        """Read ``mlflow:URI`` or ``mlflow:URI#EXPERIMENT``.

        Raises:
            ConfigurationError: The text has another form.

        Example:
            >>> MlflowTarget.parse("mlflow:sqlite:///runs.db#digits")
            MlflowTarget(uri='sqlite:///runs.db', experiment='digits')
        """
        if not text.startswith(PREFIX):
            raise ConfigurationError(
                f"--log-to {text}: expected mlflow:URI, such as mlflow:sqlite:///mlflow.db or"
                " mlflow:http://localhost:5000, with #EXPERIMENT behind it for one of that name"
            )
        uri, _, experiment = text.removeprefix(PREFIX).partition("#")
        return MlflowTarget(uri, experiment or _EXPERIMENT)

    def ready(self) -> Any:
        """Return a client, once the experiment is there; said before the first vote is cast.

        Raises:
            ConfigurationError: MLflow is not installed, or the store cannot be reached.
        """
        try:
            from mlflow import MlflowClient
        except ImportError as error:
            raise ConfigurationError(
                f'--log-to needs MLflow ({error}); run: pip install "gsmooth[mlflow]"'
            ) from error
        try:
            client = MlflowClient(tracking_uri=self.uri or None)
            self.experiment_id(client)
        except Exception as error:  # Of MLflow, of the database, of the connection.
            raise ConfigurationError(
                f"--log-to {PREFIX}{self.uri}: cannot be used ({_said(error)})"
            ) from error
        return client

    def experiment_id(self, client: Any) -> str:
        """Return the identifier of the experiment, which is made if it is not there."""
        found = client.get_experiment_by_name(self.experiment)
        made: str = client.create_experiment(self.experiment) if found is None else ""
        return made or str(found.experiment_id)


def log_run(folder: str | Path, target: str) -> str:
    """Log a folder of records to MLflow: settings, summary, curve and the records themselves.

    A run that was logged before, to the same experiment, is brought up to date and not logged
    twice. A secret seed is never logged.

    Args:
        folder: What ``gsmooth certify`` or ``results.save`` wrote.
        target: ``mlflow:URI`` or ``mlflow:URI#EXPERIMENT``.

    Returns:
        MLflow's identifier of the run.

    Raises:
        ConfigurationError: The target cannot be used.
        RecordError: The folder holds no finished image.
        OutputError: MLflow fails on the way; the folder stays as it is.
    """
    parsed = MlflowTarget.parse(target)
    return log_totals(parsed, parsed.ready(), Totals.of(open_records(Path(folder))))


def log_totals(target: MlflowTarget, client: Any, totals: Totals) -> str:
    """As :func:`log_run`, with the client that :meth:`MlflowTarget.ready` gave.

    Raises:
        OutputError: MLflow fails on the way.
    """
    folder = totals.run.path.parent
    try:
        with tempfile.TemporaryDirectory() as scratch:
            files = (*_files(totals, Path(scratch)), *(folder / name for name in RECORDS))
            return _logged(target, client, totals, [file for file in files if file.is_file()])
    except Exception as error:  # Of MLflow, of the database, of the connection.
        raise OutputError(
            f"the run is finished in {folder}, but could not be logged to {PREFIX}{target.uri}"
            f" ({_said(error)}); the same command logs it without new votes"
        ) from error


def _logged(target: MlflowTarget, client: Any, totals: Totals, files: list[Path]) -> str:
    from mlflow.entities import Metric, Param

    header = totals.run.header
    run = _run(client, target.experiment_id(client), totals.run.path.parent.name, header)
    known, identifier = dict(run.data.params), str(run.info.run_id)
    now = int(time.time() * 1000)
    found = _metrics(summarize(totals))
    settings = {name: text for name, text in _settings(header.config) if name not in known}
    for start in range(0, len(settings), INTEGRATIONS.batch):
        part = list(settings.items())[start : start + INTEGRATIONS.batch]
        client.log_batch(identifier, params=[Param(name, text) for name, text in part])
    client.log_batch(
        identifier, metrics=[Metric(name, value, now, 0) for name, value in found.items()]
    )
    for file in files:
        client.log_artifact(identifier, str(file), "records" if file.name in RECORDS else None)
    client.set_terminated(identifier, "FINISHED")
    return identifier


def _run(client: Any, experiment: str, name: str, header: Any) -> Any:
    """The run of MLflow with the fingerprint of these records, or a new one."""
    tag = header.fingerprint
    found = client.search_runs([experiment], filter_string=f"tags.`{_FINGERPRINT}` = '{tag}'")
    if found:
        return found[0]
    tags = {_FINGERPRINT: tag, "gsmooth.version": str(header.versions.get("gsmooth", ""))}
    return client.create_run(experiment, run_name=name, tags=tags)


def _settings(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Every setting that has a value, by its dotted name."""
    for name, value in config.items():
        if isinstance(value, Mapping):
            yield from _settings(value, f"{prefix}{name}.")
        elif value is not None:
            text = value if isinstance(value, str) else json.dumps(value)
            yield f"{prefix}{name}", text[: INTEGRATIONS.text]


def _metrics(summary: Summary) -> dict[str, float]:
    shares = {
        "certified_accuracy": summary.certified,
        "standard_accuracy": summary.standard,
        "clean_accuracy": summary.clean,
        "attacked_accuracy": summary.attacked,
    }
    shares |= {f"certified_accuracy_at_{part:g}": share for part, share in summary.certified_at}
    found = {
        "images": float(summary.images),
        "abstentions": float(sum(summary.abstentions.values())),
        "votes_per_image": summary.votes,
        "seconds": summary.seconds,
        "alpha": summary.alpha,
    }
    for name, share in shares.items():
        if share is not None:
            found |= _with_interval(name, share)
    return found


def _with_interval(name: str, share: Share) -> dict[str, float]:
    low, high = interval_of(share.count, share.total, INTEGRATIONS.confidence)
    return {name: share.value, f"{name}_lower": low, f"{name}_upper": high}


def _files(totals: Totals, scratch: Path) -> tuple[Path, ...]:
    """Summary and curve, as files of their own."""
    curve = certified_curve(totals)
    plain = {part.name: getattr(curve, part.name) for part in fields(curve)}
    plain["axis"] = {part.name: getattr(curve.axis, part.name) for part in fields(curve.axis)}
    for name, value in {"summary": encode(summarize(totals)), "curve": plain}.items():
        (scratch / f"{name}.json").write_text(json.dumps(value, indent=1, default=str) + "\n")
    drawn = draw_curves([totals], scratch / "curve")
    return (scratch / "summary.json", scratch / "curve.json", *drawn)


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {(str(error).strip().splitlines() or [''])[0]}"
