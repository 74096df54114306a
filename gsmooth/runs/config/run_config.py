"""RunConfig: everything that one run needs, frozen, checked where strings become objects."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import tomli_w
from pydantic import Field

from gsmooth.runs.config.certify_section import CertifySection, PopulationSection
from gsmooth.runs.config.data_section import DataSection
from gsmooth.runs.config.model_section import ModelSection
from gsmooth.runs.config.region_section import RegionSection, TransformationSection
from gsmooth.runs.config.section import Count, Level, Section, Votes
from gsmooth.runs.config.smoothing_section import SmoothingSection
from gsmooth.runs.config.train_section import TrainSection


class PredictSection(Section):
    """The answer of g at the image itself (`gsmooth predict`)."""

    n: Votes = 1000
    """Votes for each image."""
    alpha: Level = 0.001
    """Probability, for each image, that an answer is not the class of g."""


class AttackSection(Section):
    """The attack on each image: a grid, random points and gradient steps; the worst point gets
    PREDICT."""

    enabled: bool = True
    """Whether to search the region for a transformation that changes the class of g."""
    points: Votes = 31
    """Grid points for each parameter; fewer where the grid would exceed 1,024 points."""
    random: Annotated[int, Field(ge=0, le=10**6)] = 32
    """Random points of the region beside the grid."""
    gradient_steps: Annotated[int, Field(ge=0)] = 10
    """Steps along the gradient of the smoothed loss, from the two worst points and in the l2 part.
    Without a gradient (ONNX, NumPy, quantized models) none are taken, and the run says so once."""
    screening_votes: Votes = 16
    """Votes at each point that is tried."""
    n: Votes = 1000
    """Votes of PREDICT at the worst point, drawn anew."""
    alpha: Level = 0.001
    """Level of PREDICT at the worst point."""


class EngineSection(Section):
    """Speed and memory. These change no count, except for a model whose labels depend on the batch
    size: such a run keeps to one size."""

    batch_size: Count | Literal["auto"] = "auto"
    """Rows of one forward pass. `auto`: the fastest by a measurement of about a second. Halved
    where memory is short."""
    in_flight: Count | Literal["auto"] = "auto"
    """Images worked on at once. `auto`: as many as fill a batch."""
    threads: Count | None = None
    """CPU threads. Left out: PyTorch's number, or 1 where `batch_size = "auto"` measures that 1 is
    faster (beside other busy processes)."""
    executor: Literal["process", "ray"] = "process"
    """Where votes are cast: in this process, or by workers that Ray starts (extra `ray`)."""
    workers: Count = 2
    """`ray`: workers at most, each with the model."""
    gpus_per_worker: Annotated[float, Field(ge=0.0)] | None = None
    """`ray`: GPUs that each worker has to itself; 0.5 means that two share one. Left out: as many
    as `model.device` names."""
    lease: Count = 32
    """`ray`: images that a worker is given at a time, at most."""
    address: str | None = None
    """`ray`: the address of a cluster, such as `auto` or `ray-head:6379`. Left out: workers on this
    machine."""


class OutputSection(Section):
    """Where the records go."""

    folder: Path = Path("runs/certify")
    """Folder of the run."""


class RunConfig(Section):
    """One run. What is None is filled from the shipped model's card by ``resolution.resolved``."""

    model: ModelSection = ModelSection()
    data: DataSection = DataSection()
    transformation: TransformationSection = TransformationSection()
    smoothing: SmoothingSection = SmoothingSection()
    region: RegionSection = RegionSection()
    certify: CertifySection = CertifySection()
    population: PopulationSection = PopulationSection()
    predict: PredictSection = PredictSection()
    attack: AttackSection = AttackSection()
    train: TrainSection = TrainSection()
    engine: EngineSection = EngineSection()
    output: OutputSection = OutputSection()


def to_toml(config: RunConfig) -> str:
    """The configuration as a run file."""
    return tree_to_toml(config.model_dump(mode="json"))


def tree_to_toml(config: Mapping[str, object]) -> str:
    """:func:`to_toml` of a configuration that was written down.

    TOML has no null, so what is None is left out.
    """
    return tomli_w.dumps(_without_none(config))


def _without_none(tree: Mapping[str, object]) -> dict[str, object]:
    return {
        key: _without_none(value) if isinstance(value, Mapping) else value
        for key, value in tree.items()
        if value is not None
    }
