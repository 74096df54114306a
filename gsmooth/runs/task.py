"""RunTask: what a run certifies and how, as objects made of its configuration."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import final

from gsmooth.attacks import AttackPlan
from gsmooth.certification import RadiusMode, RegionMode
from gsmooth.certification.nested import NestedMode
from gsmooth.cover.regions.one_sided import one_sided_axes
from gsmooth.runs.config.run_config import RunConfig
from gsmooth.runs.seeds.choice import RunSeed, seed_of_run
from gsmooth.sampling.fitted_noise import fitted_noise
from gsmooth.theory.laws import Law, law_from_name
from gsmooth.theory.parameter_noise import joint_law, noise_from_name
from gsmooth.transforms import registry
from gsmooth.transforms.base import Transformation
from gsmooth.transforms.region import Region

Rule = RegionMode | RadiusMode | NestedMode


@final
@dataclass(frozen=True)
class RunTask:
    """The transformation, the noise, the region, the rule and the attack of a run.

    This is the only place where they are made of a configuration, and each is made once, when it is
    first used: ``predict`` needs no region, and ``calibrate`` no noise.

    Args:
        config: A resolved configuration (:func:`gsmooth.runs.config.resolution.resolved`). Its
            sections on data, model and machine are not read here; they may change later.
        loaded: The transformation that it names, with its options.
    """

    config: RunConfig
    loaded: Transformation

    @staticmethod
    def of(config: RunConfig) -> RunTask:
        """The task of a resolved configuration, whose transformation is loaded here."""
        asked = config.transformation
        assert asked.name is not None
        return RunTask(config, registry.load_transformation(asked.name, asked.options))

    @cached_property
    def seed(self) -> RunSeed:
        """The seed that the user names; else that of the run's folder; else one that is drawn."""
        return seed_of_run(self.config)

    @cached_property
    def transformation(self) -> Transformation:
        """The transformation, whose action ignores the parameters of scale 0.

        Where all scales are 0 it is left as it is: no noise can be built of them.
        """
        operator, scales = self.loaded, self.config.smoothing.scales or ()
        haar = self.config.smoothing.haar(len(scales))
        named = zip(operator.parameters, scales, haar, strict=False)
        unsmoothed = tuple(p.name for p, scale, own in named if scale == 0.0 and not own)
        return operator.without_noise(unsmoothed) if 0 < len(unsmoothed) < len(scales) else operator

    @cached_property
    def law(self) -> Law:
        """The law of the noise on parameters and z; without scales none on parameters (T = id)."""
        noise = self.config.smoothing
        assert noise.law is not None
        assert noise.sigma is not None
        assert noise.scales is not None
        orthogonal = self.transformation.orthogonal
        if not isinstance(noise.law, str):
            each = zip(noise.law, noise.scales, strict=True)
            by_axis = [noise_from_name(law, size) for law, size in each]
            return joint_law(by_axis, noise.sigma, orthogonal=orthogonal)
        return law_from_name(
            noise.law,
            noise.scales,
            noise.sigma,
            orthogonal,
            one_sided=one_sided_axes(self.loaded),
        )

    def noise_for(self, shape: tuple[int, int, int]) -> tuple[Transformation, Law]:
        """The transformation for images (C, H, W) and the law that fits it.

        For code that needs no ``SmoothedClassifier``, which makes both itself.
        """
        return fitted_noise(self.transformation, self.law, shape)

    @cached_property
    def region(self) -> Region:
        """The region to be certified."""
        asked = self.config.region
        return Region(asked.lower or (), asked.upper or (), asked.l2 or 0.0, asked.bits)

    @cached_property
    def rule(self) -> Rule:
        """The rule of decision."""
        rule = self.config.certify
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
                n0_first=rule.n0_first if rule.rule == "runner-up" else None,
            )
        return RadiusMode(
            alpha=rule.alpha,
            n0=rule.n0,
            n=rule.n,
            bound=rule.bound,
            within=rule.within,
            futility=rule.futility,
            rule="runner-up" if rule.rule == "runner-up" else "e-process",
        )

    @cached_property
    def attack_plan(self) -> AttackPlan | None:
        """How the adversary searches; None if disabled, or if the inputs are attacked already."""
        plan = self.config.attack
        # By the configuration: an online cover without proof is called heuristic.
        if not plan.enabled or self.config.certify.guarantee in ("online", "population"):
            return None
        return AttackPlan(
            points=plan.points,
            random=plan.random,
            gradient_steps=plan.gradient_steps,
            screening_votes=plan.screening_votes,
            n=plan.n,
            alpha=plan.alpha,
        )
