"""RunConfig: everything that one run needs, frozen, checked where strings become objects."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

import tomli_w
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from gsmooth.certificate import DECISION_RULE, MOST_VOTES
from gsmooth.errors import ConfigurationError
from gsmooth.region import Region
from gsmooth.run.data.fields import NamesField, ShapeField, SizeField

if TYPE_CHECKING:
    from gsmooth.noise import SeedCommitment

Probability = Annotated[float, Field(gt=0.0, lt=1.0)]
Level = Annotated[float, Field(gt=0.0, le=0.5)]
Positive = Annotated[float, Field(gt=0.0)]
Count = Annotated[int, Field(ge=1)]
Votes = Annotated[int, Field(ge=1, le=MOST_VOTES)]
Byte = Annotated[int, Field(ge=0, le=255)]


class Section(BaseModel):
    """A table of a run file: unknown keys, NaN and infinities are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class ModelSection(Section):
    """The base classifier f: normalization is part of it, and comes after the noise.

    autocast, channels_last and compile: how scores are calculated, which their last digits show.
    layout and output: of an ONNX file that leaves open how it takes images, or where scores are.
    class_names: of the outputs, in their order, or name -> output for some of them. trained_on:
    digest of the images that it was trained on, by which a run on the same ones is told.
    """

    spec: str = "shipped:digits-rotation"
    weights: Path | None = None
    classes: Annotated[int, Field(ge=2)] | None = None
    class_names: NamesField = None
    shape: ShapeField = None
    input_range: tuple[float, float] | None = None
    device: str = "cpu"
    autocast: Literal["bfloat16", "float16"] | None = None
    channels_last: bool = False
    compile: bool = False
    layout: Literal["nchw", "nhwc"] | None = None
    output: str | None = None
    trained_on: str | None = None


class DataSection(Section):
    """The images, and which of them: ``start``, ``start + every``, ... up to ``limit`` images.

    split: None is the one held out (for training: "train"), or all images of data without splits.
    resize (the shortest side, or height and width), then crop (the centre): done before anything
    else. background: the colour behind transparent pixels, R, G and B of 0..255.
    """

    spec: str = "shipped:digits"
    split: str | None = None
    resize: SizeField = None
    crop: SizeField = None
    background: tuple[Byte, Byte, Byte] | None = None
    start: Annotated[int, Field(ge=0)] = 0
    every: Count = 1
    limit: Count | None = None


def _one_spelling(name: str) -> str:
    """``a+b`` for ``a + b``: the name is part of a run's identity, and so are its card's."""
    return "+".join(part.strip() for part in name.split("+"))


class TransformationSection(Section):
    """The transformation by name or ``module:Class``; options are its dataclass fields."""

    name: Annotated[str, AfterValidator(_one_spelling)] | None = None
    options: dict[str, object] = {}


class SmoothingSection(Section):
    """The noise: ``scales`` is the std of each parameter in its unit, ``sigma`` that of z.

    A parameter of scale 0 is attacked and not smoothed; the others carry the noise. ``seed`` is a
    number that anyone may read; ``seed_file`` names a file that holds a secret one. Without either
    a seed is drawn.
    """

    law: Literal["gaussian", "uniform", "exponential", "folded-normal", "laplace"] | None = None
    sigma: Positive | None = None
    scales: tuple[Annotated[float, Field(ge=0.0)], ...] | None = None
    grid: Annotated[float, Field(ge=0.0)] | None = None
    seed: Annotated[int, Field(ge=0)] | None = None
    seed_file: Path | None = None

    @model_validator(mode="after")
    def _one_seed(self) -> Self:
        if self.seed is not None and self.seed_file is not None:
            raise ValueError(
                "seed and seed_file: give the one or the other, a number that anyone may read or"
                " the file of a secret"
            )
        return self

    @model_validator(mode="after")
    def _some_noise(self) -> Self:
        if self.scales and not any(self.scales):
            raise ValueError(
                "scales: no parameter has noise; for none at all give no scales (--scales none)"
            )
        return self


End = Annotated[float, AfterValidator(lambda value: value + 0.0)]
"""An end of an interval; -0.0 becomes 0.0, as in ``Region``."""


class RegionSection(Section):
    """What is certified: lower <= theta <= upper, one number a parameter, and an l2 ball.

    bits: the attacked image is rounded to 2^bits levels; 0: it stays the float image.
    """

    lower: tuple[End, ...] | None = None
    upper: tuple[End, ...] | None = None
    l2: Annotated[End, Field(ge=0.0)] | None = None
    bits: Annotated[int, Field(ge=0, le=16)] = 0

    @model_validator(mode="after")
    def _ends_match(self) -> Self:
        if (self.lower is None) != (self.upper is None):
            raise ValueError("give both lower and upper, one number a parameter")
        try:
            Region(self.lower or (), self.upper or (), self.l2 or 0.0, self.bits)
        except ConfigurationError as error:
            raise ValueError(str(error).removeprefix("region: ")) from error
        return self


class CertifySection(Section):
    """The decision: mode "region" stops early (max_votes, futility), "radius" draws n votes.

    bound "sequence": radius mode on n votes at most, which stops when the radius is within the
    fraction ``within`` of what n votes could give, as judged at level ``futility``.
    rule "fixed" is region mode with n votes a centre at alpha / centres. centres: at most so many,
    "clean" for the clean image alone, or (None) as many as cost least; such a cover may be drawn a
    second time by the votes of the first (attempts).
    "nested" is the published method: n_outer draws of the parameters with n_inner votes each, and
    alpha_inner (None: half) of alpha for the inner tests. guarantee "distributional" takes the
    error of images from the file ``calibration`` (gsmooth calibrate) instead of bounding each;
    "online" takes the images to be attacked already, certifies all that they can have been, and
    looks for that ``online_seconds`` an image ("unlimited": until more gains nothing).
    """

    mode: Literal["region", "radius", "nested"] = "region"
    alpha: Level = 0.001
    n0: Votes = 64
    max_votes: Count = 5000
    futility: Level = 0.001
    order: Literal["worst-first", "inside-out"] = "worst-first"
    n: Votes = 10_000
    bound: Literal["clopper-pearson", "randomized", "sequence"] = "clopper-pearson"
    within: Probability = 0.05
    n_outer: Votes = 200
    n_inner: Votes = 1000
    alpha_inner: Level | None = None
    rule: Literal["e-process", "fixed"] = "e-process"
    attempts: Literal[1, 2] = 2
    centres: Count | Literal["clean"] | None = None
    guarantee: Literal["individual", "distributional", "online"] = "individual"
    calibration: Path | None = None
    online_seconds: Positive | Literal["unlimited"] = 10.0

    @model_validator(mode="after")
    def _premise_is_given(self) -> Self:
        if (self.guarantee == "distributional") != (self.calibration is not None):
            raise ValueError(
                'guarantee = "distributional" and calibration = FILE belong together; gsmooth'
                " calibrate writes such a file"
            )
        return self

    @model_validator(mode="after")
    def _online_is_possible(self) -> Self:
        if self.guarantee == "online" and self.mode == "nested":
            raise ValueError(
                'mode "nested" takes its margins from the clean image, which guarantee = "online"'
                " does not know; choose mode region or radius"
            )
        if self.guarantee == "online" and self.centres == "clean":
            raise ValueError(
                'centres = "clean" needs the clean image, which guarantee = "online" does not'
                " know; give a number, or leave it out"
            )
        return self


class PredictSection(Section):
    """PREDICT: n votes at the clean image, the class or an abstention at level alpha."""

    n: Votes = 1000
    alpha: Level = 0.001


class TrainSection(Section):
    """The recipe of ``gsmooth train``; the fields and defaults of ``training.TrainPlan``."""

    epochs: Count = 80
    batch_size: Count = 128
    learning_rate: Positive = 0.005
    weight_decay: Annotated[float, Field(ge=0.0)] = 0.02
    warm_up: Probability = 0.15
    widen: Positive = 1.2
    variation: Annotated[float, Field(ge=0.0, le=1.0)] = 1.0
    average: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.998
    seed: Annotated[int, Field(ge=0)] = 0


class AttackSection(Section):
    """The opponent: points**m parameters (1,024 at most), as many random ones as it says, and
    steps along the gradient; the worst by a few votes is put to PREDICT."""

    enabled: bool = True
    points: Votes = 31
    random: Annotated[int, Field(ge=0, le=10**6)] = 32
    gradient_steps: Annotated[int, Field(ge=0)] = 10
    screening_votes: Votes = 16
    n: Votes = 1000
    alpha: Level = 0.001


class EngineSection(Section):
    """How fast, never what: none of these changes a count (but for batch_size, where labels depend
    on it: such a run keeps to one).

    "auto": the batch size that a short measurement finds fastest, and as many images at once as
    fill a batch.
    """

    batch_size: Count | Literal["auto"] = "auto"
    in_flight: Count | Literal["auto"] = "auto"
    threads: Count | None = None


class OutputSection(Section):
    """Where the records go."""

    folder: Path = Path("runs/certify")


class RunConfig(Section):
    """One run. What is None is filled from the shipped model's card by ``resolution.resolved``."""

    model: ModelSection = ModelSection()
    data: DataSection = DataSection()
    transformation: TransformationSection = TransformationSection()
    smoothing: SmoothingSection = SmoothingSection()
    region: RegionSection = RegionSection()
    certify: CertifySection = CertifySection()
    predict: PredictSection = PredictSection()
    attack: AttackSection = AttackSection()
    train: TrainSection = TrainSection()
    engine: EngineSection = EngineSection()
    output: OutputSection = OutputSection()


# What may differ between two runs that share one folder of records.
_FREE: dict[str, frozenset[str] | None] = {
    "data": frozenset({"start", "every", "limit"}),
    # Where a secret seed lies, not which it is: that is what the commitment says.
    "smoothing": frozenset({"seed_file"}),
    "predict": None,
    "train": None,
    "engine": None,
    "output": None,
}
# Options of f and of the data that are in the identity of a run only where they are in use.
_USUAL: dict[str, object] = {
    "autocast": None,
    "channels_last": False,
    "compile": False,
    "layout": None,
    "output": None,
}
_USUAL_DATA: dict[str, object] = {"resize": None, "crop": None, "background": None}


def identity(
    config: RunConfig,
    digests: Mapping[str, str] = {},
    pinned: int | None = None,
    sampler: str | None = None,
    commitment: SeedCommitment | None = None,
) -> dict[str, object]:
    """What the counts and certificates of a run depend on, as plain values.

    ``digests``: hashes of what the configuration only points to (weights, images). ``pinned``: the
    batch size, where labels depend on it. ``sampler``: names how the seed becomes noise; by default
    that of the host. ``commitment``: stands for a seed that is secret.
    """
    tree = config.model_dump(mode="json")
    return identity_of_tree(tree, digests, pinned, sampler, commitment=commitment)


def identity_of_tree(
    config: Mapping[str, object],
    digests: Mapping[str, object] = {},
    pinned: object = None,
    sampler: str | None = None,
    rule: int = DECISION_RULE,
    commitment: SeedCommitment | None = None,
) -> dict[str, object]:
    """:func:`identity` of a configuration that was written down; what it lacks stays absent."""
    tree = dict(config)
    for section, free in _FREE.items():
        if free is None:
            tree.pop(section, None)
        else:
            tree[section] = {k: v for k, v in _table(tree, section).items() if k not in free}
    model, certify, data = (_table(tree, section) for section in ("model", "certify", "data"))
    # Runs that these settings have no part in may share a folder whatever they are.
    if certify.get("guarantee") != "online":
        certify.pop("online_seconds", None)
    if certify.get("bound") != "sequence":
        certify.pop("within", None)
    # An option of f or of the data that is not in use is not named.
    for table, options in ((model, _USUAL), (data, _USUAL_DATA)):
        for option, usual in options.items():
            if table.get(option, usual) == usual:
                table.pop(option, None)
    # Names change no label that is not in the digest of the images; what f saw before changes no f.
    model.pop("class_names", None)
    model.pop("trained_on", None)
    # Counts agree on all devices of one kind (docs/cli.md): neither which nor how many counts.
    model["device"] = str(model.get("device")).partition(",")[0].partition(":")[0]
    tree |= {"model": model, "certify": certify, "data": data, "decision_rule": rule}
    tree["sampler"] = _sampler_on_host() if sampler is None else sampler
    if pinned is not None:
        tree["engine"] = {"batch_size": pinned}
    if commitment is not None:
        tree["seed_commitment"] = asdict(commitment)
    return {**tree, "digests": dict(digests)} if digests else tree


def fingerprint(
    config: RunConfig,
    digests: Mapping[str, str] = {},
    pinned: int | None = None,
    sampler: str | None = None,
    commitment: SeedCommitment | None = None,
) -> str:
    """sha256 (hex) of :func:`identity`: equal for runs whose records may share a folder."""
    return fingerprint_of(identity(config, digests, pinned, sampler, commitment))


def fingerprint_of(identity: Mapping[str, object]) -> str:
    """sha256 (hex) of an identity as JSON: keys sorted, no spaces, shortest decimals."""
    canonical = json.dumps(identity, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _sampler_on_host() -> str:
    from gsmooth.noise import SAMPLER  # It needs torch, which a configuration does not.

    return SAMPLER


def _table(tree: Mapping[str, object], section: str) -> dict[str, object]:
    """A copy of a section; empty where there is none."""
    found = tree.get(section)
    return dict(found) if isinstance(found, Mapping) else {}


def to_toml(config: RunConfig) -> str:
    """The configuration as a run file; TOML has no null, so what is None is left out."""
    return tomli_w.dumps(_without_none(config.model_dump(mode="json")))


def _without_none(tree: dict[str, object]) -> dict[str, object]:
    return {
        key: _without_none(value) if isinstance(value, dict) else value
        for key, value in tree.items()
        if value is not None
    }
