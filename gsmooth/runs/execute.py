"""Execute: the loop of a run. Every image is certified, attacked, written, and then reported."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import final

from gsmooth.attacks import AttackOutcome
from gsmooth.certification import Outcome
from gsmooth.certification.flights import Watch
from gsmooth.data.dataset import Dataset
from gsmooth.errors import ConfigurationError
from gsmooth.runs.calibration import image_digest
from gsmooth.runs.config.resolution import resolved_task
from gsmooth.runs.config.run_config import RunConfig, to_toml
from gsmooth.runs.config.run_file import CONFIG_NAME
from gsmooth.runs.context import RunContext, build_context
from gsmooth.runs.fixed_batch import examined, fixed_batch_size, with_fixed_batch_size
from gsmooth.runs.inputs import require_labels
from gsmooth.runs.kept_rule import with_kept_rule
from gsmooth.runs.monitor.interrupt import Interrupted, stopped_by_signals, uninterrupted
from gsmooth.runs.monitor.notices import input_notices
from gsmooth.runs.monitor.progress import Progress
from gsmooth.runs.monitor.run_monitor import RunMonitor
from gsmooth.runs.outcomes import attack_on, online_notices, outcomes, require_feasible
from gsmooth.runs.records.folder import RecordWriter
from gsmooth.runs.records.header import installed_versions
from gsmooth.runs.records.journal import write_atomically
from gsmooth.runs.records.row import Row
from gsmooth.runs.records.violation import Violation, violation_of
from gsmooth.runs.settings import RUN
from gsmooth.runs.task import RunTask
from gsmooth.sampling.noise import Seed


@final
@dataclass(frozen=True)
class RunSummary:
    """What a run did: images asked for and how many of them now; votes and seconds of this time.

    dataset: what the images were taken from; None where other processes read them.
    """

    folder: Path
    config: RunConfig
    images: int
    fresh: int
    votes: int
    seconds: float
    dataset: Dataset | None


@final
@dataclass(frozen=True)
class Finished:
    """One image, with nothing left to compute: it can be sent to the process that writes.

    row: its row. forwards, seconds: votes and time of the attack. missing_gradient: what the attack
    did without. violation: the case, where the attack beat the certificate.
    """

    row: Row
    forwards: int
    seconds: float
    missing_gradient: str | None
    violation: Violation | None


def plan(config: RunConfig) -> RunContext:
    """Everything but the votes: the resolved run, its objects, and whether it can succeed.

    Raises UnreachableError when alpha and the number of votes can certify no image, ModelError when
    the model is no function of its input.
    """
    task = resolved_task(with_kept_rule(config))
    folder = task.seed.config.output.folder
    settings = with_fixed_batch_size(task.seed.config, folder)
    return planned(settings, task.seed.seed, task, fixed_batch_size(folder) is not None)


def planned(config: RunConfig, seed: Seed, task: RunTask, fixed_batch: bool) -> RunContext:
    """:func:`plan` of a resolved configuration; it looks into no folder.

    fixed_batch: whether the records that the run goes on with depend on the batch size.
    """
    context = build_context(config, seed, task)
    require_labels(context.dataset)
    require_feasible(context)
    found = examined(context.with_largest_margin(), fixed_batch)
    if config.engine.batch_size == "auto":
        _require_no_shard(found)
    return found


def _require_no_shard(context: RunContext) -> None:
    """ConfigurationError where each shard would measure a batch size that its labels depend on."""
    if context.config.data.shard is not None and context.smoothed.fixed_batch:
        raise ConfigurationError(
            f"data.shard={context.config.data.shard}: labels of this model depend on the batch"
            " size, which all shards must have in common; give it to all of them, e.g."
            f" --set engine.batch_size={context.smoothed.batch_size}"
        )


def run_certify(config: RunConfig, progress: Progress) -> RunSummary:
    """Certify (and attack) the images of ``config``, skipping those already in its folder.

    For the online guarantee they have been attacked already, and are not again.

    Every image is on disk before the next is reported. Raises UnreachableError before any vote
    when no image could be certified, ViolationError after saving the image whose certificate an
    attack broke, Interrupted on Ctrl-C and SIGTERM; what is finished stays.
    """
    context = plan(config)
    folder = context.config.output.folder
    # Before the header that commits to it, and before the first vote.
    of_seed = context.task.seed.keep()
    total = len(context.indices)
    with RecordWriter(folder, context.header) as writer, explained(writer, total), progress:
        write_atomically(folder / CONFIG_NAME, to_toml(context.config).encode())
        todo = [index for index in context.indices if index not in writer.done]
        monitor = RunMonitor.opened(context.config, total, len(todo))
        if monitor.before:
            progress.say(f"{monitor.before} of {total} images are in {folder} already")
        for notice in (*of_seed, *input_notices(context), *online_notices(context.config)):
            progress.say(notice)
        progress.update(monitor.progress())
        for outcome in outcomes(context, todo, _watching(monitor, progress)):
            commit(finished(outcome, context), writer, monitor)
            progress.update(monitor.progress())
            for notice in monitor.online_notices():
                progress.say(notice)
    config, dataset = context.config, context.dataset
    return RunSummary(folder, config, total, len(todo), monitor.votes, monitor.seconds, dataset)


def _watching(monitor: RunMonitor, progress: Progress) -> Watch:
    """Counts the votes in flight, and shows them at intervals."""
    shown = time.monotonic()

    def watch(spent: Mapping[int, int], seconds: float) -> None:
        nonlocal shown
        monitor.timeline.round(spent, seconds)
        if time.monotonic() - shown >= RUN.monitor.refresh_s:
            progress.update(monitor.progress())
            shown = time.monotonic()

    return watch


def finished(outcome: Outcome, context: RunContext) -> Finished:
    """Attack one certified image, and make its row."""
    began = time.monotonic()
    attack = attack_on(context, outcome)
    row = _row(outcome, context, attack)
    violation = None
    # A nested certificate is about the vote of votes, which the adversary does not query.
    if attack is not None and row.claim.mode != "nested":
        violation = violation_of(row, attack, context)
    forwards = attack.forwards if attack else 0
    missing = attack.missing_gradient if attack else None
    return Finished(row, forwards, time.monotonic() - began, missing, violation)


def commit(found: Finished, writer: RecordWriter, monitor: RunMonitor) -> None:
    """Write the row of an image, and then raise ViolationError if the attack on it succeeded."""
    with uninterrupted():
        writer.write(found.row)
        monitor.add(found.row, found.forwards, found.seconds, found.missing_gradient)
    if found.violation is not None:
        found.violation.save_and_raise(writer.folder)


def _row(outcome: Outcome, context: RunContext, attack: AttackOutcome | None) -> Row:
    return Row.from_outcome(
        outcome,
        smoothed=context.smoothed,
        region=context.region,
        fingerprint=context.header.fingerprint,
        versions=installed_versions(),
        sampler=context.header.sampler,
        mode=context.config.certify.mode,
        label=context.dataset.label(outcome.index),
        image_digest=image_digest(context.dataset.image(outcome.index)),
        clean_prediction=context.clean_prediction(outcome.index),
        attack=attack,
    )


@contextmanager
def explained(writer: RecordWriter, total: int) -> Iterator[None]:
    """Give the message of Ctrl-C and SIGTERM the number of images that are kept."""
    try:
        with stopped_by_signals():
            yield
    except KeyboardInterrupt as error:
        raise Interrupted(
            f"interrupted: {len(writer.done)} of {total} images are kept in"
            f" {writer.folder}; the same command goes on from there"
        ) from error
