"""TrainSection: the recipe of ``gsmooth train``, as a run file has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BeforeValidator, Field

from gsmooth.runs.config.section import Count, Positive, Probability, Section

if TYPE_CHECKING:
    from gsmooth.training.methods import Method

Fraction = Annotated[float, Field(ge=0.0, lt=1.0)]
Strength = Annotated[float, Field(ge=0.0, le=1.0)]


class NoiseMethod(Section):
    """Cross-entropy on noisy inputs (Cohen et al. 2019)."""

    name: Literal["noise"] = "noise"

    def method(self) -> Method:
        """The method that the recipe uses."""
        from gsmooth.training.methods import PlainNoise

        return PlainNoise()


class ConsistencyMethod(Section):
    """The same answer under different noise (Jeong and Shin 2020)."""

    name: Literal["consistency"] = "consistency"
    weight: Positive = 5.0
    """Factor of the divergence of each draw from the mean of all."""
    entropy: Annotated[float, Field(ge=0.0)] = 0.5
    """Factor of the entropy of the mean."""
    draws: Annotated[int, Field(ge=2)] = 2
    """Draws of noise for each image."""

    def method(self) -> Method:
        """The method that the recipe uses."""
        from gsmooth.training.methods import Consistency

        return Consistency(self.weight, self.entropy, self.draws)


class SmoothAdvMethod(Section):
    """Adversarial examples of the smoothed classifier (Salman et al. 2019)."""

    name: Literal["smoothadv"] = "smoothadv"
    radius: Positive = 0.25
    """l2 radius of the adversary in z-space, in units of the input range."""
    steps: Count = 2
    """Gradient steps of the adversary."""
    draws: Count = 1
    """Draws of noise for each image."""

    def method(self) -> Method:
        """The method that the recipe uses."""
        from gsmooth.training.methods import SmoothAdv

        return SmoothAdv(self.radius, self.steps, self.draws)


class MacerMethod(Section):
    """The certified radius itself, in the loss (Zhai et al. 2020)."""

    name: Literal["macer"] = "macer"
    weight: Positive = 12.0
    """Factor of the hinge loss."""
    gamma: Positive = 8.0
    """Twice the radius, in standard deviations, from which on more gains nothing."""
    beta: Positive = 16.0
    """Inverse temperature of the soft votes."""
    draws: Count = 16
    """Draws of noise for each image."""

    def method(self) -> Method:
        """The method that the recipe uses."""
        from gsmooth.training.methods import Macer

        return Macer(self.weight, self.gamma, self.beta, self.draws)


def _by_name(given: object) -> object:
    """``"macer"`` for ``{name = "macer"}``; a table without a name keeps that of the default."""
    if isinstance(given, str):
        return {"name": given}
    return {"name": "noise", **given} if isinstance(given, dict) else given


AnyMethod = Annotated[
    Annotated[
        NoiseMethod | ConsistencyMethod | SmoothAdvMethod | MacerMethod,
        Field(discriminator="name"),
    ],
    BeforeValidator(_by_name),
]


class TrainSection(Section):
    """The recipe of `gsmooth train`: AdamW with a one-cycle schedule, under the noise."""

    epochs: Count = 80
    """Passes over the training images."""
    batch_size: Count = 128
    """Images in one step."""
    learning_rate: Positive = 0.005
    """Peak of the one-cycle schedule."""
    weight_decay: Annotated[float, Field(ge=0.0)] = 0.02
    """Decay of the weights."""
    warm_up: Probability = 0.15
    """Part of the schedule in which the learning rate rises."""
    widen: Positive = 1.2
    """Attacks are drawn from the region times this factor."""
    variation: Strength = 1.0
    """Strength of random shifts, scales and shears."""
    average: Fraction = 0.998
    """Decay of the running average of the weights (EMA), which is what is saved."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of initial weights, order, noise and parts."""
    photometric: Strength = 0.0
    """Strength of random brightness, contrast, saturation and hue."""
    label_smoothing: Fraction = 0.0
    """Label smoothing of the cross-entropy."""
    balance: bool = False
    """Whether images of all classes are drawn equally often."""
    body_rate: Strength = 1.0
    """Fine-tuning: learning rate of all layers but the last linear one, as a fraction of
    `learning_rate`. 0 trains the last layer alone."""
    amp: Literal["bfloat16", "float16"] | None = None
    """The precision that `torch.autocast` may calculate in during training."""
    method: AnyMethod = NoiseMethod()
    """What is minimized: `"noise"`, `"consistency"`, `"smoothadv"` or `"macer"`, or a table with
    its settings: `{name = "consistency", weight = 5.0, entropy = 0.5, draws = 2}`, `{name =
    "smoothadv", radius = 0.25, steps = 2, draws = 1}`, `{name = "macer", weight = 12.0, gamma =
    8.0, beta = 16.0, draws = 16}`."""
    denoiser: bool = False
    """Train a small U-Net in front of the network, which stays as it is, to keep its answers
    (Salman et al. 2020)."""
    validation: Fraction = 0.1
    """Part of the images that chooses the weights, by their estimated certified accuracy. 0, or
    fewer than 50 images: the last weights are saved."""
    holdout: Fraction = 0.0
    """Part of the images that is neither trained nor validated on, so that it can be certified."""
    groups: str | None = None
    """Which images belong together and are never divided, such as frames of one track: the name of
    an array of an `.npz` file, a `.csv` file with the columns `file` and `group`, or a pattern
    (regular expression) with one group in parentheses, searched for in file names."""
    workers: Annotated[int, Field(ge=0)] = 0
    """Processes that read images of a folder, batch by batch, while the network is trained. 0: all
    images are read into memory before."""


TRAIN_ONLY = ("method", "denoiser", "validation", "holdout", "groups", "workers")
"""Fields that are no hyper-parameters of ``gsmooth.training.TrainPlan`` as they stand."""
