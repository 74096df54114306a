"""A population run: one vote an image, and a bound on the accuracy of single votes (S10)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import final

from gsmooth.certification.population import PopulationCertificate, population_votes
from gsmooth.errors import ConfigurationError
from gsmooth.runs.calibration import image_digest
from gsmooth.runs.config.run_config import RunConfig, to_toml
from gsmooth.runs.config.run_file import CONFIG_NAME
from gsmooth.runs.context import RunContext
from gsmooth.runs.execute import plan
from gsmooth.runs.monitor.interrupt import Interrupted, uninterrupted
from gsmooth.runs.monitor.notices import input_notices
from gsmooth.runs.monitor.progress import Progress, RunProgress
from gsmooth.runs.records.journal import write_atomically
from gsmooth.runs.records.population_records import PopulationWriter, VoteRow


@final
@dataclass(frozen=True)
class PopulationSummary:
    """What a population run proved, and where it was written."""

    folder: Path
    config: RunConfig
    certificate: PopulationCertificate


def population_notices(context: RunContext) -> Iterator[str]:
    """What the bound rests on, and what the user may not expect."""
    yield (
        "population: one vote an image; the bound is about the distribution of the images, and it"
        " holds if they were drawn independently of each other, of the model and of these settings"
    )
    part = context.config.data
    if part.limit is not None or part.every > 1 or part.start:
        yield (
            f"population: {len(context.indices)} of {len(context.dataset)} images are used; a part"
            " of a sorted data set is no draw from its distribution"
        )


def run_population(config: RunConfig, progress: Progress) -> PopulationSummary:
    """Cast one vote for each image of ``config``, and bound the accuracy of single votes.

    Every vote is on disk before the next is reported; the same command goes on from there. The
    certificate is written when all images have a vote.

    Raises:
        ConfigurationError: The bound is not proved for this noise or transformation, or a shard
            was asked for.
        Interrupted: On Ctrl-C; what is finished stays.
    """
    if config.data.shard is not None:
        raise ConfigurationError(
            f"data.shard={config.data.shard}: one vote an image is cast, and the bound is about all"
            " of them together; leave the shard out"
        )
    context = plan(config)
    folder = context.config.output.folder
    of_seed = context.task.seed.keep()
    began, total = time.monotonic(), len(context.indices)
    with PopulationWriter(folder, context.header) as writer, progress:
        write_atomically(folder / CONFIG_NAME, to_toml(context.config).encode())
        for notice in (*of_seed, *input_notices(context), *population_notices(context)):
            progress.say(notice)
        todo = [index for index in context.indices if index not in writer.done]
        try:
            for row in _rows(context, todo, writer.header.fingerprint):
                with uninterrupted():
                    writer.write(row)
                progress.update(_progress(writer, total, total - len(todo), began))
        except KeyboardInterrupt as error:
            raise Interrupted(
                f"interrupted: {len(writer.done)} of {total} votes are kept in {folder}; the same"
                " command goes on from there"
            ) from error
        certificate = certificate_of(context, writer.rows)
        writer.state(certificate)
    return PopulationSummary(folder, context.config, certificate)


def certificate_of(context: RunContext, rows: list[VoteRow]) -> PopulationCertificate:
    """What these votes prove."""
    return PopulationCertificate.of(
        context.region,
        context.population_bound,
        [row.distance for row in rows],
        [row.right for row in rows],
        context.config.certify.alpha,
    )


def _rows(context: RunContext, todo: list[int], fingerprint: str) -> Iterator[VoteRow]:
    items = context.items(iter(todo))
    for vote in population_votes(context.smoothed, items, context.region):
        image, label = context.dataset.image(vote.index), context.dataset.label(vote.index)
        yield VoteRow.of(vote, label, image_digest(image), fingerprint)


def _progress(writer: PopulationWriter, total: int, before: int, began: float) -> RunProgress:
    done = len(writer.done)
    seconds, fresh = time.monotonic() - began, done - before
    return RunProgress(done, total, fresh, seconds, writer.right, done, "votes that are right")
