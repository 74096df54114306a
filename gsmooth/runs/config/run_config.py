"""RunConfig: everything that one run needs, frozen, checked where strings become objects."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

import tomli_w
from pydantic import AfterValidator, Field, model_validator

from gsmooth.certificate import MOST_VOTES, decision_rule
from gsmooth.data.fields import NamesField, ShapeField, SizeField
from gsmooth.errors import ConfigurationError
from gsmooth.runs.config.section import NO_OPTIONS, Count, Positive, Probability, Section
from gsmooth.runs.config.shard import Shard
from gsmooth.runs.config.train_section import TrainSection
from gsmooth.transforms.region import Region

if TYPE_CHECKING:
    from gsmooth.sampling.noise import SeedCommitment

Level = Annotated[float, Field(gt=0.0, le=0.5)]
Votes = Annotated[int, Field(ge=1, le=MOST_VOTES)]
Byte = Annotated[int, Field(ge=0, le=255)]
LawName = Literal[
    "gaussian", "uniform", "exponential", "folded-normal", "laplace", "haar", "grid-uniform"
]


class ModelSection(Section):
    """The base classifier f. Normalization is part of it and comes after the noise."""

    spec: str = "shipped:digits-rotation"
    """`shipped:NAME`, `module:factory`, `zoo:NAME`, TorchScript `.pt`, torch.export `.pt2`,
    `.onnx`, or of a hub: `timm:NAME`, `torchvision:NAME`, `hf:NAME`, `hf:FOLDER`."""
    weights: Path | None = None
    """State dict for `module:factory`, `zoo:NAME` and networks of a hub: a file of `torch.save`, or
    `.safetensors` (pickled code is refused)."""
    classes: Annotated[int, Field(ge=2)] | None = None
    """Number of classes. Left out: it is counted."""
    class_names: NamesField = None
    """Names of the outputs in their order, or name = number for some of them; `--classes FILE`
    fills it."""
    shape: ShapeField = None
    """`[C, H, W]` of one input of the network. Left out: the shape of the images as the
    transformation reads them out, which is their own unless it crops or pads."""
    input_range: tuple[float, float] | None = None
    """Range of the pixels, [0, 1] unless declared. 8-bit images are mapped onto it (0 to 255
    becomes low to high); floating-point images outside of it are refused."""
    device: str = "cpu"
    """One device, or several of one kind (`cuda:0,cuda:1` or `cpu,cpu`) that share the batches.
    Counts agree on all devices of one kind."""
    autocast: Literal["bfloat16", "float16"] | None = None
    """The precision that `torch.autocast` may calculate in."""
    channels_last: bool = False
    """Memory layout of weights and batches; often faster for convolutions."""
    compile: bool = False
    """`torch.compile`; needs a C++ compiler, on a GPU triton."""
    layout: Literal["nchw", "nhwc"] | None = None
    """Order of the input's axes, for an ONNX file that leaves it open."""
    output: str | None = None
    """Name of the scores, for an ONNX file with several outputs."""
    providers: tuple[str, ...] | None = None
    """What onnxruntime computes an ONNX file on, e.g. `["CUDAExecutionProvider"]`. Left out: the
    CPU."""
    options: dict[str, object] = NO_OPTIONS
    """Arguments of the factory, or of the network of the zoo, such as `{width = 32}`."""
    new_head: bool = False
    """The last linear layer is a new one with `classes` outputs (fine-tuning). `model.weights` are
    those before it was replaced in `gsmooth train`, and those after it everywhere else."""
    denoiser: Path | None = None
    """Weights of a `zoo:denoiser` in front of the network. `gsmooth train --denoiser` writes
    them."""
    trained_on: str | None = None
    """Digest of the images that the network was trained on. `gsmooth train` writes it, and a run on
    the same images says so."""
    trained_images: Path | None = None
    """File with a digest of each image that the network was trained or validated on. `gsmooth
    train` writes it, and a run on one of them says so."""


def _a_shard(text: str) -> str:
    try:
        return str(Shard.parse(text))
    except ConfigurationError as error:
        raise ValueError(str(error)) from error


class DataSection(Section):
    """The images, and which of them are used: `start`, `start + every`, ..., at most `limit`."""

    spec: str = "shipped:digits"
    """`shipped:digits`, `FILE.npz`, a folder of images by class, `hf-data:NAME[SPLIT]`, or
    `module:factory`."""
    split: str | None = None
    """Which part, of data that have splits. Left out: `heldout` (`train` for `gsmooth train` and
    `gsmooth calibrate`). `all`: data without splits."""
    resize: SizeField = None
    """8-bit images are resized before anything else: the shortest side in pixels, or `[H, W]`."""
    crop: SizeField = None
    """The centre that is cut out after resizing: the side in pixels, or `[H, W]`."""
    background: tuple[Byte, Byte, Byte] | None = None
    """Colour behind transparent pixels of image files: `[R, G, B]` of 0..255. Left out: such images
    are refused."""
    start: Annotated[int, Field(ge=0)] = 0
    """Position of the first image."""
    every: Count = 1
    """Step between images."""
    limit: Count | None = None
    """Number of images, at most. Left out: all."""
    unseen: bool = False
    """Leave out the images that are listed in `model.trained_images`. `gsmooth train` writes it
    where it kept a part of the images (`train.holdout`)."""
    shard: Annotated[str, AfterValidator(_a_shard)] | None = None
    """One part of these images: `"2/8"` is the second of eight. `--shard` sets it, and the folder
    of the part; `gsmooth merge` joins the records of all parts."""


def _one_spelling(name: str) -> str:
    """``a+b`` for ``a + b``: the name is part of a run's identity, and so are its card's."""
    return "+".join(part.strip() for part in name.split("+"))


class TransformationSection(Section):
    """The attack that is certified against."""

    name: Annotated[str, AfterValidator(_one_spelling)] | None = None
    """A name that `gsmooth plugins` lists, several joined with `+`, or `my_module:MyClass`."""
    options: dict[str, object] = NO_OPTIONS
    """The transformation's own options: its dataclass fields."""


class SmoothingSection(Section):
    """The noise of the smoothed classifier. Without a seed, one is drawn."""

    law: LawName | tuple[LawName, ...] | None = None
    """Law of the noise on the parameters: one for all of them, a list with one for each, or a table
    by name. Left out: `gaussian`. `haar`: uniform over the whole period of a parameter, which then
    costs nothing; not for labels that it tells apart (6 and 9 under rotation). `grid-uniform`:
    whole steps up to the scale, for parameters in steps of 1."""
    sigma: Positive | None = None
    """Standard deviation of the noise on the image, in units of the input range."""
    scales: tuple[Annotated[float, Field(ge=0.0)], ...] | None = None
    """Scale (for a Gaussian: standard deviation) of the noise on each parameter, in its unit. 0:
    this parameter is attacked and not smoothed, unless its law is `haar`, which has no scale."""
    grid: Annotated[float, Field(ge=0.0)] | None = None
    """Noisy values are rounded to multiples of it. Left out: 2^-8. 0 switches the rounding off, and
    certificates are then heuristic."""
    seed: Annotated[int, Field(ge=0)] | None = None
    """A number that anyone may know. Votes follow from it, the image, the centre and the chunk."""
    seed_file: Path | None = None
    """File of a secret seed."""

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
        if self.scales and not any(self.scales) and not any(self.haar(len(self.scales))):
            raise ValueError(
                "scales: no parameter has noise; for none at all give no scales (--std none)"
            )
        return self

    def laws(self, count: int) -> tuple[str, ...]:
        """The law of each of ``count`` parameters, as far as their names say; else one for all."""
        law = self.law or "gaussian"
        return (law,) * count if isinstance(law, str) else law

    def haar(self, count: int) -> tuple[bool, ...]:
        """Of each of ``count`` parameters, whether its law is ``haar``."""
        return tuple(law == "haar" for law in self.laws(count))


End = Annotated[float, AfterValidator(lambda value: value + 0.0)]
"""An end of an interval; -0.0 becomes 0.0, as in ``Region``."""


class RegionSection(Section):
    """What is certified: lower <= theta <= upper, one number a parameter, and an l2 ball."""

    lower: tuple[End, ...] | None = None
    """Lower end of each parameter's interval, in its unit. The interval contains 0."""
    upper: tuple[End, ...] | None = None
    """Upper end of each parameter's interval, in its unit."""
    l2: Annotated[End, Field(ge=0.0)] | None = None
    """Radius of an additive l2 ball on top, in units of the input range. Left out: 0."""
    bits: Annotated[int, Field(ge=0, le=16)] = 0
    """The attacked image is rounded to 2^bits levels of the input range (8: an image file). 0: it
    stays a float image."""

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
    """How votes become a certificate."""

    mode: Literal["region", "radius", "nested"] = "region"
    """`region`: whether g is constant on all of the region (stops early). `radius`: on how much of
    it, by `n` votes at each centre. `nested`: the method of Fischer et al. (2020)."""
    alpha: Level = 0.001
    """Probability, for each image, that its certificate is wrong."""
    n0: Votes = 64
    """Votes that select the class, at the clean image."""
    n0_first: Votes | None = 16
    """Region mode with `rule = "runner-up"`: if the first so many of these votes are all for one
    class, no more are cast. Left out in older runs, which cast all of them. A value of `n0` or more
    does the same."""
    max_votes: Count = 5000
    """Region mode: votes for one image, selection included."""
    futility: Level = 0.001
    """Region mode: level at which a hopeless centre is given up. Radius mode with `bound =
    "sequence"`: level of the estimate of what more votes could give. Both change how often images
    are certified, never soundness."""
    order: Literal["worst-first", "inside-out"] = "worst-first"
    """Region mode. `worst-first`: the centre that is most likely to fail comes first. `inside-out`:
    the part of the region that was reached is certified."""
    n: Votes = 10_000
    """Radius mode, and `rule = "fixed"`: votes at each centre, fixed in advance. With `bound =
    "sequence"`: the most."""
    bound: Literal["clopper-pearson", "randomized", "sequence"] = "clopper-pearson"
    """Radius mode: lower bound on the class's probability. `sequence` stops as soon as the radius
    is within `within` of what n votes could give."""
    within: Probability = 0.05
    """`bound = "sequence"`: the part of the radius that may be given up to save votes."""
    n_outer: Votes = 200
    """Nested mode: draws of the parameters at each centre."""
    n_inner: Votes = 1000
    """Nested mode: votes of each draw."""
    alpha_inner: Level | None = None
    """Nested mode: the part of alpha for the inner tests. Left out: half of alpha."""
    rule: Literal["runner-up", "e-process", "fixed"] = "runner-up"
    """Region mode, and radius mode with `bound = "sequence"`. `e-process`: a test that may stop
    after any vote. `runner-up`: mixed with a test of the gap to every other class, which needs
    fewer votes where other votes are spread. `fixed`: n votes at each centre and Clopper-Pearson at
    alpha / centres. A run that goes on keeps its rule."""
    attempts: Literal[1, 2] = 2
    """Region mode without `centres`: 2 allows a second cover where the first fails, chosen by the
    votes of the first; every test is then made at alpha / 2."""
    centres: Count | Literal["clean"] | None = None
    """Number of centres that cover the region, at most. Left out: as many as cost least (in radius
    mode the transformation's own number, in nested mode 1). `"clean"`: one, the clean image."""
    guarantee: Literal["individual", "distributional", "online", "population"] = "individual"
    """`individual`: errors are bounded image by image. `distributional`: they are taken from a
    calibration. `online`: the images are attacked already, and all their originals are
    certified. `population`: one vote for each image, and one bound, on the accuracy of single votes
    under attack over the distribution that the images were drawn from (`[population]`)."""
    calibration: Path | None = None
    """The file that `gsmooth calibrate` wrote. None of its images may be certified with it."""
    online_seconds: Positive | Literal["unlimited"] = 10.0
    """Online: seconds for the search for an image's originals. A search that ends early encloses
    them in larger balls. `"unlimited"`: search until more gains nothing."""

    @model_validator(mode="after")
    def _premise_is_given(self) -> Self:
        if (self.guarantee == "distributional") != (self.calibration is not None):
            raise ValueError(
                'guarantee = "distributional" and calibration = FILE belong together; gsmooth'
                " calibrate writes such a file"
            )
        return self

    @model_validator(mode="after")
    def _population_is_possible(self) -> Self:
        if self.guarantee == "population" and self.mode != "region":
            raise ValueError(
                f'guarantee = "population" casts one vote for each image, so mode "{self.mode}" has'
                " no part in it; leave mode out"
            )
        if self.guarantee == "population" and self.centres not in (None, 1):
            raise ValueError(
                'guarantee = "population" votes at the centre of a single ball; leave centres out'
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


class PopulationSection(Section):
    """The bound of `certify.guarantee = "population"`. It is chosen before the votes, by other
    images or none."""

    bound: Literal["betting", "clopper-pearson"] = "betting"
    """`betting`: each image counts by its own margin. `clopper-pearson`: all images count as if
    they had the margin `max_margin`, which is better where margins hardly differ (an l2 ball)."""
    typical_p: Annotated[float, Field(gt=0.5, lt=1.0)] = 0.95
    """`betting`: about the share of votes for the true class that is expected. Any is sound."""
    max_margin: Annotated[float, Field(ge=0.0)] | None = None
    """Images with a larger margin count as not robust. Left out: the standard normal quantile of
    `typical_p`; without parameters, a little more than the margin of the l2 ball."""


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


# What may differ between two runs that share one folder of records.
_FREE: dict[str, frozenset[str] | None] = {
    "data": frozenset({"start", "every", "limit", "shard"}),
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
    "providers": None,
    "options": {},
    "new_head": False,
    "denoiser": None,
}
_USUAL_DATA: dict[str, object] = {
    "resize": None,
    "crop": None,
    "background": None,
    "unseen": False,
}


def identity(
    config: RunConfig,
    digests: Mapping[str, str] = {},
    fixed_batch: int | None = None,
    sampler: str | None = None,
    commitment: SeedCommitment | None = None,
) -> dict[str, object]:
    """What the counts and certificates of a run depend on, as plain values.

    ``digests``: hashes of what the configuration only points to (weights, images). ``fixed_batch``:
    the
    batch size, where labels depend on it. ``sampler``: names how the seed becomes noise; by default
    that of the host. ``commitment``: stands for a seed that is secret.
    """
    tree = config.model_dump(mode="json")
    return identity_of_tree(tree, digests, fixed_batch, sampler, commitment=commitment)


def identity_of_tree(
    config: Mapping[str, object],
    digests: Mapping[str, object] = {},
    fixed_batch: object = None,
    sampler: str | None = None,
    rule: int | None = None,
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
    if certify.get("guarantee") != "population":
        tree.pop("population", None)
    if certify.get("bound") != "sequence":
        certify.pop("within", None)
    version = decision_rule(certify)
    if version == 1 or certify.get("mode") != "region" or certify.get("n0_first") is None:
        certify.pop("n0_first", None)
    if version == 1 and certify.get("rule") == "runner-up":
        certify["rule"] = "e-process"
    # An option of f or of the data that is not in use is not named.
    for table, options in ((model, _USUAL), (data, _USUAL_DATA)):
        for option, usual in options.items():
            if table.get(option, usual) == usual:
                table.pop(option, None)
    # Names change no label that is not in the digest of the images; what f saw before changes no f.
    model.pop("class_names", None)
    model.pop("trained_on", None)
    model.pop("trained_images", None)
    # Counts agree on all devices of one kind (docs/cli.md): neither which nor how many counts.
    model["device"] = str(model.get("device")).partition(",")[0].partition(":")[0]
    tree |= {"model": model, "certify": certify, "data": data}
    tree["decision_rule"] = version if rule is None else rule
    tree["sampler"] = _sampler_on_host() if sampler is None else sampler
    if fixed_batch is not None:
        tree["engine"] = {"batch_size": fixed_batch}
    if commitment is not None:
        tree["seed_commitment"] = asdict(commitment)
    return {**tree, "digests": dict(digests)} if digests else tree


def fingerprint(
    config: RunConfig,
    digests: Mapping[str, str] = {},
    fixed_batch: int | None = None,
    sampler: str | None = None,
    commitment: SeedCommitment | None = None,
) -> str:
    """sha256 (hex) of :func:`identity`: equal for runs whose records may share a folder."""
    return fingerprint_of(identity(config, digests, fixed_batch, sampler, commitment))


def fingerprint_of(identity: Mapping[str, object]) -> str:
    """sha256 (hex) of an identity as JSON: keys sorted, no spaces, shortest decimals."""
    canonical = json.dumps(identity, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _sampler_on_host() -> str:
    from gsmooth.sampling.noise import SAMPLER  # It needs torch, which a configuration does not.

    return SAMPLER


def _table(tree: Mapping[str, object], section: str) -> dict[str, object]:
    """A copy of a section; empty where there is none."""
    found = tree.get(section)
    return dict(found) if isinstance(found, Mapping) else {}


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
