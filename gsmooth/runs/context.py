"""RunContext: all objects of a run, built once from its configuration."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, final

import torch

from gsmooth.attacks import AttackPlan
from gsmooth.certification import CertifyTask, RegionMode
from gsmooth.certification.nested import NestedMode
from gsmooth.certification.population import usual_max_margin
from gsmooth.cover import CoverBuilder, IndividualCovers, OnlineCovers
from gsmooth.cover.distributional import cheapest_number
from gsmooth.data.dataset import Dataset
from gsmooth.data.item import Item
from gsmooth.models import load_model, weights_digest
from gsmooth.runs.calibration import CalibratedCovers, Calibration, read_calibration
from gsmooth.runs.config.identity import fingerprint, identity
from gsmooth.runs.config.run_config import RunConfig
from gsmooth.runs.config.shard import Shard
from gsmooth.runs.inputs import (
    data_notices,
    require_shape,
    run_classes,
    run_data,
    with_input_shape,
)
from gsmooth.runs.records.capabilities import capabilities_of
from gsmooth.runs.records.header import RunHeader
from gsmooth.runs.records.planned_images import PlannedImages
from gsmooth.runs.smoke_test import smoke_tested
from gsmooth.runs.task import Rule, RunTask
from gsmooth.sampling import FunctionCheck, devices_of
from gsmooth.sampling.fast_batches import with_fast_batches
from gsmooth.sampling.noise import SecretSeed, Seed, sampler_on
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.theory.population import PopulationBound
from gsmooth.transforms.region import Region

if TYPE_CHECKING:
    from gsmooth.models.classifier import Classifier


@final
@dataclass(frozen=True)
class RunContext:
    """The objects of one run.

    Args:
        config: The configuration that is recorded, with what data, model and machine added to it.
        dataset: The images and their labels.
        smoothed: The smoothed classifier: network, transformation, law of the noise, seed.
        task: The region, the rule of decision and the attack.
        calibration: What a distributional guarantee rests on; None for all other runs.
        function: Whether f is a function of its input; None before that was checked.
    """

    config: RunConfig
    dataset: Dataset
    smoothed: SmoothedClassifier
    task: RunTask
    calibration: Calibration | None = None
    function: FunctionCheck | None = None

    @property
    def region(self) -> Region:
        """The region to be certified."""
        return self.task.region

    @property
    def rule(self) -> Rule:
        """The rule of decision."""
        return self.task.rule

    @property
    def attack_plan(self) -> AttackPlan | None:
        """How the adversary searches; None if disabled, or if the inputs are attacked already."""
        return self.task.attack_plan

    @cached_property
    def centres(self) -> int:
        """Equal boxes at most; where none is given, as many as are expected to cost least."""
        asked, calibration, rule = self.config.certify.centres, self.calibration, self.rule
        if isinstance(asked, int):
            return asked
        if asked == "clean" or calibration is None or not isinstance(rule, RegionMode):
            return 1
        return cheapest_number(self.smoothed, self.region, calibration.error, rule.price)

    @cached_property
    def covers(self) -> CoverBuilder:
        """What builds the cover of an image: the guarantee decides."""
        rule = self.config.certify
        if self.calibration is not None:
            return CalibratedCovers(self.calibration, self.centres)
        if rule.guarantee == "online":
            seconds = None if rule.online_seconds == "unlimited" else rule.online_seconds
            return OnlineCovers(rule.centres, seconds)
        return IndividualCovers(rule.centres)

    @cached_property
    def population_bound(self) -> PopulationBound:
        """How the votes of a population run become a bound."""
        asked = self.config.population
        most = asked.max_margin
        if most is None:
            most = usual_max_margin(self.smoothed, self.region, asked.typical_p)
        return PopulationBound(asked.bound, asked.typical_p, most)

    def with_largest_margin(self) -> RunContext:
        """The run whose configuration states the largest margin that a population's bound takes."""
        if self.config.certify.guarantee != "population":
            return self
        most = {"max_margin": self.population_bound.max_margin}
        section = self.config.population.model_copy(update=most)
        return replace(self, config=self.config.model_copy(update={"population": section}))

    @cached_property
    def certify_task(self) -> CertifyTask:
        """What is certified of every image, and how; the nested method has a task of its own."""
        assert not isinstance(self.rule, NestedMode)
        return CertifyTask(self.smoothed, self.region, self.rule, self.covers)

    @cached_property
    def indices(self) -> range:
        """Positions of the images of the run."""
        part = self.config.data
        whole = self.dataset.indices(part.start, part.every, part.limit)
        return whole if part.shard is None else Shard.parse(part.shard).taken(whole)

    def items(self, indices: Iterator[int]) -> Iterator[Item]:
        """The images at these positions; each is loaded when the iterator reaches it."""
        return (self.item(index) for index in indices)

    def item(self, index: int) -> Item:
        """The image at one position, float64 (C, H, W)."""
        return Item(index, self.dataset.image(index))

    @torch.no_grad()
    def clean_prediction(self, index: int) -> int | None:
        """The class of f at the image behind lift and readout, without noise; None for a tie."""
        z = self.smoothed.transformation.lift(self.dataset.image(index)[None])
        if self.smoothed.fixed_batch:  # f is a function of its input at this batch size only.
            z = z.expand(self.smoothed.batch_size, -1)
        label = int(self.smoothed.classifier.labels(self.smoothed.readout(z))[0])
        return label if label < self.smoothed.classifier.classes else None

    @cached_property
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
                smoothed.image_shape,
                identity_action=smoothed.identity_action,
                input_range=classifier.input_range,
            ),
            class_names=self.dataset.classes if self.dataset.has_names else None,
            data_notices=data_notices(self.config, self.dataset),
            seed_commitment=commitment,
        )


def build_context(
    config: RunConfig, seed: Seed | None = None, task: RunTask | None = None
) -> RunContext:
    """Load and build everything; ``config`` must be resolved.

    Args:
        config: The resolved configuration.
        seed: By default that of the configuration; where that has none, a secret one.
        task: That of the configuration, where its transformation is loaded already.

    Raises:
        InputError: The data do not fit the model.
        ConfigurationError: The calibration does not fit the run.
    """
    task = task or RunTask.of(config)
    if config.engine.threads is not None:
        torch.set_num_threads(config.engine.threads)
    # Data first: a missing file should not wait for a large model.
    config, dataset = run_data(config)
    bound = smoke_tested(task.transformation, dataset.shape)
    config = with_input_shape(config, bound.input_shape(dataset.shape))
    classifier = load_classifier(config)
    require_shape(dataset, classifier.shape, classifier.name, bound)
    config, dataset = run_classes(config, dataset, classifier.classes, classifier.module)
    smoothed = smoothed_classifier(config, classifier, task, dataset.shape, seed)
    return RunContext(config, dataset, smoothed, task, _calibration(task, smoothed))


def _calibration(task: RunTask, smoothed: SmoothedClassifier) -> Calibration | None:
    path = task.config.certify.calibration
    if path is None:
        return None
    found = read_calibration(path)
    found.require_for(smoothed.transformation, smoothed.image_shape)
    found.require_range(smoothed.classifier.input_range)
    found.require_holds(task.region)
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
        providers=model.providers,
        options=model.options,
        new_head=model.new_head,
        denoiser=model.denoiser,
    )


def smoothed_classifier(
    config: RunConfig,
    classifier: Classifier,
    task: RunTask,
    image_shape: tuple[int, int, int],
    seed: Seed | None = None,
) -> SmoothedClassifier:
    """g, as [transformation], [smoothing] and [engine] describe it; see :func:`build_context`.

    batch_size "auto": the fastest by a measurement of a second or two. So is the number of threads
    where it is left open.
    """
    assert config.smoothing.grid is not None
    size, devices = config.engine.batch_size, devices_of(config.model.device)
    smoothed = SmoothedClassifier(
        classifier,
        task.transformation,
        task.law,
        image_shape=image_shape,
        grid=config.smoothing.grid,
        seed=_first(seed, config.smoothing.seed),
        devices=devices if len(devices) > 1 else (),
    )
    if size != "auto":
        return replace(smoothed, batch_size=size)
    return with_fast_batches(smoothed, choose_threads=config.engine.threads is None)


def _first(*seeds: Seed | None) -> Seed:
    """The first seed that is given; a secret one where none is."""
    return next((seed for seed in seeds if seed is not None), SecretSeed())
