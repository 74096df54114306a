"""Saving: the results of objects in memory, as the folder of records that a run writes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic_core import PydanticSerializationError

from gsmooth.api.results import Result, Results
from gsmooth.api.settings import API
from gsmooth.api.voting import as_voting
from gsmooth.certificate import (
    Abstained,
    AbstainReason,
    Certificate,
    Certified,
    Prediction,
)
from gsmooth.certification import CertifyTask, chunks
from gsmooth.certification.rules import RadiusMode, RegionMode
from gsmooth.certification.selection import selection_requests
from gsmooth.cover import OnlineCovers
from gsmooth.data.dataset import Dataset
from gsmooth.data.loading import IN_MEMORY as IMAGES
from gsmooth.errors import RecordError
from gsmooth.models.classifier import IN_MEMORY
from gsmooth.runs.calibration import image_digest
from gsmooth.runs.config.certify_section import CertifySection
from gsmooth.runs.config.data_section import DataSection
from gsmooth.runs.config.model_section import ModelSection
from gsmooth.runs.config.region_section import RegionSection, TransformationSection
from gsmooth.runs.config.run_config import AttackSection, EngineSection, OutputSection, RunConfig
from gsmooth.runs.config.smoothing_section import SmoothingSection
from gsmooth.runs.context import RunContext
from gsmooth.runs.monitor.interrupt import uninterrupted
from gsmooth.runs.records.folder import (
    ROWS_NAME,
    Records,
    RecordWriter,
    read_records,
    stored_header,
)
from gsmooth.runs.records.header import RunHeader, installed_versions
from gsmooth.runs.records.recorded_noise import NoiseRecord
from gsmooth.runs.records.row import Row
from gsmooth.runs.seeds.seed_file import SECRET_NAME, keep_secret, load_seed
from gsmooth.runs.task import RunTask
from gsmooth.sampling.noise import SecretSeed
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.transforms import registry
from gsmooth.transforms.base import Transformation
from gsmooth.transforms.options import recorded_options

_UNSAVED: Final = "results"
"""What tables call results that lie in no folder."""


def saved(results: Results, folder: Path, labels: NDArray[np.int64]) -> Path:
    """Write ``results`` into ``folder``, or complete the folder that holds some of them."""
    run = _run(results, folder, labels)
    _keep_seed(run.smoothed, folder)
    header = run.header
    with RecordWriter(folder, header) as writer:
        if writer.done:
            rows = read_records(folder).rows
            _require_same_votes(run.smoothed, results, rows, folder)
            results._restore({row.index: _restored(row) for row in rows})
        for result in results:
            if result.index not in writer.done:
                with uninterrupted():
                    writer.write(_row(result, run, writer.header))
    return folder


def records_of(results: Results, labels: NDArray[np.int64]) -> Records:
    """The records that :func:`saved` would write, in memory; its seed is kept nowhere."""
    run = _run(results, Path(_UNSAVED), labels)
    header = run.header
    rows = [_row(result, run, header) for result in results]
    return Records(header, rows, Path(_UNSAVED) / ROWS_NAME)


def _run(results: Results, folder: Path, labels: NDArray[np.int64]) -> RunContext:
    """The configuration and the objects of a run that certifies these images."""
    smoothed = as_voting(results.smoothed, results.images)
    network, images = smoothed.classifier, results.images
    classes = tuple(map(str, range(network.classes)))
    dataset = Dataset(IMAGES, images.images, labels, classes, input_range=network.input_range)
    config = RunConfig(
        model=_model(smoothed),
        data=DataSection(spec=IMAGES, split=dataset.split),
        transformation=_transformation(smoothed.transformation),
        smoothing=_smoothing(smoothed),
        region=RegionSection(
            lower=results.region.lower,
            upper=results.region.upper,
            l2=results.region.l2,
            bits=results.region.bits,
        ),
        certify=certify_section(results.task),
        attack=AttackSection(enabled=False),
        engine=EngineSection(batch_size=smoothed.batch_size),
        output=OutputSection(folder=folder),
    )
    return RunContext(config, dataset, smoothed, RunTask(config, smoothed.transformation))


def _model(smoothed: SmoothedClassifier) -> ModelSection:
    network = smoothed.classifier
    name = (
        network.name if ":" in network.name else f"{IN_MEMORY}{type(network.module).__qualname__}"
    )
    return ModelSection(
        spec=name,
        classes=network.classes,
        shape=network.shape,
        input_range=network.input_range,
        device=",".join(smoothed.devices) or str(network.device),
        autocast=network.autocast,
        channels_last=network.channels_last,
        compile=network.compile,
    )


def _transformation(operator: Transformation) -> TransformationSection:
    """The name that finds the class, and its options; RecordError for options that are no JSON."""
    cls, name = type(operator), operator.name
    known = registry.transformations().get(name)
    if "+" not in name and (known is None or known.cls is not cls):
        name = f"{cls.__module__}:{cls.__qualname__}"
    try:
        options = recorded_options(operator)
    except PydanticSerializationError as error:
        raise RecordError(
            f"save: the options of {name} cannot be written down ({error}); keep numbers, texts and"
            " lists of them in its fields"
        ) from error
    return TransformationSection(name=name, options=options)


def _smoothing(smoothed: SmoothedClassifier) -> SmoothingSection:
    noise = NoiseRecord.of(smoothed.law)
    public = None if isinstance(smoothed.seed, SecretSeed) else int(smoothed.seed)
    return SmoothingSection(
        law=_law(noise.law),
        sigma=noise.sigma,
        scales=noise.scales,
        grid=smoothed.grid,
        seed=public,
    )


def _law(name: str | list[str]) -> Any:
    """The name of a law, or one a parameter, which pydantic checks against those there are."""
    return name


def certify_section(task: CertifyTask) -> CertifySection:
    """The rule of a task as a run file states it."""
    covers, mode = task.covers, task.rule
    guarantee: Literal["individual", "online"] = "individual"
    common: dict[str, Any] = {"centres": covers.centres}
    if isinstance(covers, OnlineCovers):
        guarantee = "online"
        common["online_seconds"] = "unlimited" if covers.seconds is None else covers.seconds
    common["guarantee"] = guarantee
    common |= {"alpha": mode.alpha, "n0": mode.n0, "futility": mode.futility, "n": mode.n}
    common["alpha_inner"] = mode.alpha / 2
    match mode:
        case RegionMode():
            return CertifySection(
                mode="region",
                max_votes=mode.max_votes,
                order=mode.order,
                rule=mode.rule,
                attempts=mode.attempts,
                n0_first=mode.n0_first,
                **common,
            )
        case RadiusMode():
            common |= {"bound": mode.bound, "within": mode.within, "rule": mode.rule}
            return CertifySection(mode="radius", **common)


def _keep_seed(smoothed: SmoothedClassifier, folder: Path) -> None:
    """Keep a secret seed in a folder that does not have it yet; RecordError for another one."""
    seed, old = smoothed.seed, stored_header(folder)
    if old is not None:
        commitment = old.seed_commitment
        if commitment is not None and not (isinstance(seed, SecretSeed) and commitment.binds(seed)):
            raise RecordError(
                f"{folder} was begun with another seed, a secret one; to go on there, build the"
                f" smoothed classifier with seed=gsmooth.load_seed({str(folder)!r}), or choose"
                " another folder"
            )
    elif isinstance(seed, SecretSeed):
        if not (folder / SECRET_NAME).exists():
            keep_secret(folder, seed)
        elif load_seed(folder) != seed:  # Of a run that was killed before its first line.
            raise RecordError(
                f"{folder} keeps another secret seed; build the smoothed classifier with"
                f" seed=gsmooth.load_seed({str(folder)!r}), or choose another folder"
            )


def _row(result: Result, run: RunContext, header: RunHeader) -> Row:
    return Row.from_outcome(
        result.outcome,
        smoothed=run.smoothed,
        region=run.region,
        fingerprint=header.fingerprint,
        versions=installed_versions(),
        sampler=header.sampler,
        mode=run.config.certify.mode,
        label=run.dataset.label(result.index),
        image_digest=image_digest(run.dataset.image(result.index)),
        clean_prediction=run.clean_prediction(result.index),
    )


def _require_same_votes(
    smoothed: SmoothedClassifier, results: Results, rows: Iterable[Row], folder: Path
) -> None:
    """RecordError unless the network casts the votes again that selected the recorded classes.

    The hash of the weights does not cover Python code, nor plain attributes of a module.
    """
    for row in rows:
        recorded = row.image.prediction_counts
        again = _selected_again(smoothed, results, row.index, sum(recorded))
        moved = sum(abs(a - b) for a, b in zip(again, recorded, strict=True))
        if moved > 2 * API.votes_flipped * chunks(sum(recorded)):
            raise RecordError(
                f"{folder} holds records of another network with the same weights: for image"
                f" {row.index} it casts the votes {again}, and"
                f" {list(recorded)} are recorded; choose another folder"
            )


def _selected_again(
    smoothed: SmoothedClassifier, results: Results, index: int, votes: int
) -> list[int]:
    """The selection votes of one image, as many as are recorded: by class, and ties last."""
    image, rule = results.images.image(index), results.task.rule
    clean = smoothed.transformation.lift(image[None].double())[0]
    first, rest = selection_requests(rule.looks, smoothed.seed, results.keys[index], clean)
    requests = first if votes == rule.looks.least else [*first, *rest]
    counts: list[int] = smoothed.count(requests).sum(axis=0).tolist()
    return counts


def _restored(row: Row) -> Result:
    """The result that a row was made of."""
    return Result(
        index=row.index,
        certificate=_certificate(row),
        prediction=Prediction(row.image.prediction, row.image.prediction_counts, row.claim.alpha),
        votes=row.counts.votes,
        pilot_votes=row.counts.pilot_votes,
        seconds=row.provenance.seconds,
    )


def _certificate(row: Row) -> Certificate:
    region = row.certified_region
    if (
        region is not None
        and row.claim.fraction is not None
        and row.decision.certified_label is not None
    ):
        return Certified(
            row.decision.certified_label,
            region,
            row.claim.fraction,
            row.claim.guarantee,
            row.claim.alpha,
            row.counts.evidence,
            row.claim.premise,
            row.claim.attempts,
        )
    return Abstained(
        row.decision.reason or AbstainReason.BUDGET,
        row.decision.selected_label,
        row.decision.least_n,
        row.claim.guarantee,
        row.claim.alpha,
        row.counts.evidence,
        row.claim.premise,
        row.claim.attempts,
    )
