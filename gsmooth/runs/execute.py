"""Execute: the loop of a run. Every image is certified, attacked, written, and then reported."""

from __future__ import annotations

import time
from collections.abc import Mapping
from itertools import chain

from gsmooth.attacks import AttackOutcome
from gsmooth.certification import Outcome
from gsmooth.certification.flights import Watch
from gsmooth.errors import ConfigurationError
from gsmooth.runs.calibration import image_digest
from gsmooth.runs.config.resolution import resolved_task
from gsmooth.runs.config.run_config import RunConfig
from gsmooth.runs.context import RunContext, build_context
from gsmooth.runs.fixed_batch import examined, fixed_batch_size, with_fixed_batch_size
from gsmooth.runs.inputs import require_labels
from gsmooth.runs.kept_rule import with_kept_rule
from gsmooth.runs.monitor.notices import input_notices
from gsmooth.runs.monitor.progress import Progress
from gsmooth.runs.open_run import Finished, OpenRun, RunSummary, open_run
from gsmooth.runs.outcomes import attack_on, online_notices, outcomes, require_feasible
from gsmooth.runs.records.header import installed_versions
from gsmooth.runs.records.row import Row
from gsmooth.runs.records.violation import violation_of
from gsmooth.runs.settings import RUN
from gsmooth.runs.task import RunTask
from gsmooth.sampling.noise import Seed


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
    # Before the header that commits to it, and before the first vote.
    of_seed = context.task.seed.keep()
    told = chain(of_seed, input_notices(context), online_notices(context.config))
    with open_run(context.config, context.header, context.indices, told, progress) as run:
        for outcome in outcomes(context, run.todo, _watching(run)):
            run.commit(finished(outcome, context))
    return run.summary(context.dataset)


def _watching(run: OpenRun) -> Watch:
    """Counts the votes in flight, and shows them at intervals."""
    shown = time.monotonic()

    def watch(spent: Mapping[int, int], seconds: float) -> None:
        nonlocal shown
        run.monitor.timeline.round(spent, seconds)
        if time.monotonic() - shown >= RUN.monitor.refresh_s:
            run.report()
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
