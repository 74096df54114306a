"""RunContext: the objects that a resolved configuration stands for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, final

import torch

from gsmooth.attacks import AttackPlan
from gsmooth.certification.api import Item, RadiusMode, RegionMode
from gsmooth.certification.nested import NestedMode
from gsmooth.cover.regions.one_sided import one_sided_axes
from gsmooth.data.dataset import Dataset
from gsmooth.models import load_model, weights_digest
from gsmooth.runs.calibration import Calibration, read_calibration
from gsmooth.runs.config.run_config import RunConfig, fingerprint, identity
from gsmooth.runs.inputs import data_notices, require_shape, run_classes, run_data
from gsmooth.runs.records.capabilities import capabilities_of
from gsmooth.runs.records.header import RunHeader
from gsmooth.runs.records.planned_images import PlannedImages
from gsmooth.runs.smoke_test import smoke_tested
from gsmooth.sampling import FunctionCheck, Pace, devices_of
from gsmooth.sampling.fitted_noise import one_sided_law, with_unsmoothed
from gsmooth.sampling.noise import SecretSeed, Seed, sampler_on
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.theory.laws import GaussianLaw, Law, law_from_name
from gsmooth.transforms import registry
from gsmooth.transforms.region import Region

if TYPE_CHECKING:
    from gsmooth.models.classifier import Classifier
    from gsmooth.transforms.base import Transformation


@final
@dataclass(frozen=True)
class RunContext:
    """The data and the smoothed classifier of one run; the calibration that it rests on, if any.

    function: whether f is a function of its input, once that has been looked at.
    """

    config: RunConfig
    dataset: Dataset
    smoothed: SmoothedClassifier
    calibration: Calibration | None = None
    function: FunctionCheck | None = None

    @property
    def indices(self) -> range:
        """Positions of the images that the run is about."""
        part = self.config.data
        return self.dataset.indices(part.start, part.every, part.limit)

    def items(self, indices: Iterator[int]) -> Iterator[Item]:
        """The images at these positions, each loaded when it is asked for."""
        return (self.item(index) for index in indices)

    def item(self, index: int) -> Item:
        """The image at one position, float64 (C, H, W)."""
        return Item(index, self.dataset.image(index))

    @torch.no_grad()
    def clean_prediction(self, index: int) -> int | None:
        """The class of f at the image behind lift and readout, without noise; None for a tie."""
        z = self.smoothed.transformation.lift(self.dataset.image(index)[None])
        if self.smoothed.fixed_batch:  # f is what it is at this batch size.
            z = z.expand(self.smoothed.batch_size, -1)
        label = int(self.smoothed.classifier.labels(self.smoothed.readout(z))[0])
        return label if label < self.smoothed.classifier.classes else None

    def header(self) -> RunHeader:
        """What the records of this run belong to: weights and images, not only their names."""
        digests = {
            "weights": weights_digest(self.smoothed.classifier),
            "images": self.dataset.digest(),
        }
        if self.calibration is not None:
            digests["calibration"] = self.calibration.digest
        smoothed, classifier = self.smoothed, self.smoothed.classifier
        fixed_batch = smoothed.batch_size if smoothed.fixed_batch else None
        sampler = sampler_on(classifier.device)
        seed = smoothed.seed
        commitment = seed.commitment if isinstance(seed, SecretSeed) else None
        return RunHeader.create(
            fingerprint(self.config, digests, fixed_batch, sampler, commitment),
            identity(self.config, digests, fixed_batch, sampler, commitment),
            self.config.model_dump(mode="json"),
            smoothed.transformation.parameters,
            sampler,
            plan=PlannedImages.of(self.indices, self.dataset),
            capabilities=capabilities_of(
                smoothed.transformation,
                classifier.shape,
                identity_action=smoothed.identity_action,
                input_range=classifier.input_range,
            ),
            class_names=self.dataset.classes if self.dataset.has_names else None,
            data_notices=data_notices(self.config, self.dataset),
            seed_commitment=commitment,
        )


def build_context(config: RunConfig, seed: Seed | None = None) -> RunContext:
    """Load and build everything; ``config`` must be resolved.

    seed: by default that of the configuration; where that has none, a secret one.

    Raises InputError when the data do not fit the model, ConfigurationError when the calibration
    does not fit the run, and what loading raises.
    """
    if config.engine.threads is not None:
        torch.set_num_threads(config.engine.threads)
    # Data first: a missing file should not wait for a large model.
    config, dataset = run_data(config)
    classifier = load_classifier(config)
    require_shape(dataset, classifier.shape, classifier.name)
    config, dataset = run_classes(config, dataset, classifier.classes)
    smoothed = smoothed_classifier(config, classifier, seed)
    return RunContext(config, dataset, smoothed, _calibration(config, smoothed))


def _calibration(config: RunConfig, smoothed: SmoothedClassifier) -> Calibration | None:
    if config.certify.calibration is None:
        return None
    found = read_calibration(config.certify.calibration)
    found.require_for(smoothed.transformation, smoothed.classifier.shape)
    found.require_range(smoothed.classifier.input_range)
    found.require_holds(region_of(config))
    return found


def load_classifier(config: RunConfig) -> Classifier:
    """f, as [model] describes it."""
    model = config.model
    return load_model(
        model.spec,
        weights=model.weights,
        classes=model.classes,
        shape=model.shape,
        input_range=model.input_range or (0.0, 1.0),
        device=devices_of(model.device)[0],
        autocast=model.autocast,
        channels_last=model.channels_last,
        compile=model.compile,
        layout=model.layout,
        output=model.output,
    )


def operator_of(config: RunConfig) -> Transformation:
    """The transformation of a resolved configuration."""
    assert config.transformation.name is not None
    return registry.load_transformation(config.transformation.name, config.transformation.options)


def unsmoothed_operator_of(config: RunConfig) -> Transformation:
    """The same, with parameters of scale 0 at rest where scales are given and others have noise."""
    operator, scales = operator_of(config), config.smoothing.scales or ()
    named = zip(operator.parameters, scales, strict=False)
    quiet = tuple(parameter.name for parameter, scale in named if scale == 0.0)
    return operator.without_noise(quiet) if 0 < len(quiet) < len(scales) else operator


def noise_of(config: RunConfig) -> tuple[Transformation, Law]:
    """The transformation of a resolved configuration, and the law of parameters and z.

    Parameters without noise are at rest in both, unless none has any (T = id).
    """
    operator, noise = operator_of(config), config.smoothing
    assert noise.law is not None
    assert noise.sigma is not None
    assert noise.scales is not None
    law = law_from_name(
        noise.law,
        noise.scales,
        noise.sigma,
        operator.orthogonal,
        one_sided=one_sided_axes(operator),
    )
    if not law.dimensions:
        return operator, law
    rested, law = with_unsmoothed(operator, law)
    if isinstance(law, GaussianLaw):
        law = replace(law, orthogonal=rested.orthogonal)
    return rested, one_sided_law(law, rested)


def smoothed_classifier(
    config: RunConfig, classifier: Classifier, seed: Seed | None = None
) -> SmoothedClassifier:
    """g, as [transformation], [smoothing] and [engine] describe it; seed: see
    :func:`build_context`.

    batch_size "auto": the fastest by a measurement of a second or two. So is the number of threads
    where it is left open: beside other busy processes one is often far faster than several.
    """
    operator, law = noise_of(config)
    smoke_tested(operator, classifier.shape)
    assert config.smoothing.grid is not None
    size, devices = config.engine.batch_size, devices_of(config.model.device)
    smoothed = SmoothedClassifier(
        classifier,
        operator,
        law,
        grid=config.smoothing.grid,
        seed=_first(seed, config.smoothing.seed),
        devices=devices if len(devices) > 1 else (),
    )
    if size != "auto":
        return replace(smoothed, batch_size=size)
    pace = smoothed.pace()
    if config.engine.threads is None and (several := torch.get_num_threads()) > 1:
        pace = _with_fewer_threads(smoothed, pace, several)
    return replace(smoothed, batch_size=pace.batch_size)


def _first(*seeds: Seed | None) -> Seed:
    """The first seed that is given; a secret one where none is."""
    return next((seed for seed in seeds if seed is not None), SecretSeed())


def _with_fewer_threads(smoothed: SmoothedClassifier, pace: Pace, several: int) -> Pace:
    """The pace with one thread, which is set, or that with ``several`` where it is the better."""
    if smoothed.classifier.device.type != "cpu":
        return pace
    torch.set_num_threads(1)
    alone = replace(smoothed).pace()
    if alone.votes_per_second > pace.votes_per_second:
        return alone
    torch.set_num_threads(several)
    return pace


def region_of(config: RunConfig) -> Region:
    """What a resolved configuration asks to certify."""
    asked = config.region
    return Region(asked.lower or (), asked.upper or (), asked.l2 or 0.0, asked.bits)


def mode_of(config: RunConfig) -> RegionMode | RadiusMode | NestedMode:
    """The rule of decision."""
    rule = config.certify
    if rule.mode == "nested":
        inner = rule.alpha_inner or rule.alpha / 2
        return NestedMode(rule.alpha, rule.n0, rule.n_outer, rule.n_inner, inner)
    if rule.mode == "region":
        return RegionMode(
            alpha=rule.alpha,
            n0=rule.n0,
            max_votes=rule.max_votes,
            futility=rule.futility,
            order=rule.order,
            rule=rule.rule,
            n=rule.n,
            attempts=rule.attempts,
        )
    return RadiusMode(
        alpha=rule.alpha,
        n0=rule.n0,
        n=rule.n,
        bound=rule.bound,
        within=rule.within,
        futility=rule.futility,
    )


def attack_plan(config: RunConfig) -> AttackPlan | None:
    """How the adversary searches; None when it is switched off, or the images are his already."""
    plan = config.attack
    # By the configuration: an online cover without proof is called heuristic.
    if not plan.enabled or config.certify.guarantee == "online":
        return None
    return AttackPlan(
        points=plan.points,
        random=plan.random,
        gradient_steps=plan.gradient_steps,
        screening_votes=plan.screening_votes,
        n=plan.n,
        alpha=plan.alpha,
    )
