"""The smoothed classifier: noise on theta and z, rounding to the grid, and what that costs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Integral
from typing import TYPE_CHECKING, Final, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gsmooth.errors import ConfigurationError
from gsmooth.models.classifier import IN_MEMORY, Classifier
from gsmooth.sampling import Counter, NoisyPoints, Pace, Readout, SampleRequest, measured_pace
from gsmooth.sampling.fitted_noise import fitted_noise
from gsmooth.sampling.noise import (
    SecretSeed,
    Seed,
    ThetaAccuracy,
    grid_total_variation,
    theta_accuracy,
)
from gsmooth.text.notebook import facts_html
from gsmooth.theory.laws import Law
from gsmooth.theory.parameter_noise import (
    Gaussian,
    ParameterNoise,
    joint_law,
    noise_by_name,
    noise_texts,
)
from gsmooth.transforms.base import Transformation
from gsmooth.transforms.registry import load_transformation

__all__ = ["GRID", "SampleRequest", "SmoothedClassifier"]

_VERBS: Final = ("attack", "certify", "predict")
GRID: Final = 2.0**-8
Shape = tuple[int, int, int]
COARSE: Final = 0.01
"""Total variation from which a grid no longer hides what float64 noise betrays."""


@final
@dataclass(frozen=True, init=False)
class SmoothedClassifier:
    """The smoothed classifier g(z) = argmax_c P(f(Q round_h(T_theta z + delta)) = c).

    theta is noise on the parameters of the transformation T, delta ~ N(0, sigma^2 I) noise on the
    image, f the network, Q the readout of T, and h the grid that sums are rounded to. The
    transformation, with the shape of the images filled in, and the law of all noise that follow
    from the arguments are in ``transformation`` and ``law``.

    Args:
        classifier: The network, a torch module or a :class:`Classifier`. A module is copied: it
            stays as it is, and training it further does not change g.
        transformation: Its name (``"rotation"``, ``"rotation+brightness"``, ``"module:Class"``) or
            the object that :func:`load_transformation` gives.
        law: Of all noise at once, instead of std, noise and sigma; for code that has one.
        std: Standard deviation of Gaussian noise on every parameter by name, in its unit; short
            for ``noise``. 0: the parameter is attacked and not smoothed. ``{}``: there is no noise
            on parameters (T = id).
        noise: The noise on every parameter by name, e.g. ``{"angle": Uniform(half_width=5.0)}``.
        sigma: Standard deviation of the noise on the image, in units of the input range; above 0.
        num_classes: Number of classes, for a module.
        input_shape: Shape (C, H, W) of the network's input, for a module.
        image_shape: Shape (C, H, W) of one image, where the readout of the transformation crops or
            pads; by default ``input_shape``. For a module one of the two is enough.
        input_range: Least and greatest value of a pixel, for a module; by default (0.0, 1.0).
        grid: h, a power of two; 0 switches rounding off, and every certificate is then heuristic
            (F1).
        seed: What all noise follows from, drawn independently of the images (S2): a number that
            anyone may know, for votes that anyone can repeat, or a :class:`SecretSeed`. By default
            a secret one is drawn, so that two classifiers differ.
        batch_size: Rows of one forward pass; it changes no count of a network that is a function
            of its input.
        fixed_batch: The network is a function of its input at that batch size only, so every
            forward pass has exactly so many rows.
        devices: Count votes on these, one copy of the network each; by default where the network
            is. For one GPU move the network there first, with ``net.to("cuda")``.

    Raises:
        ConfigurationError: A parameter is unknown or missing (the message lists them), no theorem
            is known for this noise, or a number is out of range.
        PluginError: There is no such transformation.

    Example:
        >>> import torch
        >>> net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 10))
        >>> g = SmoothedClassifier(
        ...     net, "rotation", std={"angle": 4.0}, sigma=0.15, num_classes=10,
        ...     input_shape=(1, 28, 28),
        ... )
        >>> g
        SmoothedClassifier(Sequential, rotation, angle: gaussian 4, sigma=0.15, classes=10)
    """

    classifier: Classifier
    transformation: Transformation
    law: Law
    image_shape: Shape
    grid: float
    seed: Seed
    batch_size: int
    fixed_batch: bool
    devices: tuple[str, ...]
    accuracy: ThetaAccuracy = field(init=False)
    counter: Counter = field(init=False, compare=False)

    def __init__(
        self,
        classifier: Classifier | nn.Module,
        transformation: Transformation | str,
        law: Law | None = None,
        *,
        std: Mapping[str, float] | None = None,
        noise: Mapping[str, ParameterNoise] | None = None,
        sigma: float | None = None,
        num_classes: int | None = None,
        input_shape: Shape | None = None,
        image_shape: Shape | None = None,
        input_range: tuple[float, float] | None = None,
        grid: float = GRID,
        seed: Seed | None = None,
        batch_size: int = 256,
        fixed_batch: bool = False,
        devices: tuple[str, ...] = (),
    ) -> None:
        secret = SecretSeed() if seed is None else seed
        _check_seed(secret)
        operator = _as_transformation(transformation)
        if image_shape is not None:
            image_shape = _shape("image_shape", image_shape)
            if input_shape is None and isinstance(classifier, nn.Module):
                input_shape = operator.for_shape(image_shape).input_shape(image_shape)
        network = _as_classifier(classifier, num_classes, input_shape, input_range)
        seen = image_shape or network.shape
        asked = _asked_law(operator, law, std, noise, sigma)
        bound, fitted = fitted_noise(operator, asked, seen)
        _check_input_shape(bound, seen, network)
        _check_grid(fitted.sigma, grid)
        counter = Counter(
            network,
            NoisyPoints(bound, fitted, grid),
            Readout(bound, seen),
            batch_size,
            fixed_batch=fixed_batch,
            devices=devices,
        )
        given = {
            "classifier": network,
            "transformation": bound,
            "law": fitted,
            "image_shape": seen,
            "grid": grid,
            "seed": secret,
            "batch_size": batch_size,
            "fixed_batch": fixed_batch,
            "devices": devices,
            "accuracy": theta_accuracy(fitted),
            "counter": counter,
        }
        for name, value in given.items():
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        network, operator = self.classifier, self.transformation
        name = network.name if ":" in network.name else type(network.module).__name__
        name = name.removeprefix(IN_MEMORY)
        noise = ", ".join(noise_texts(self.law, [p.name for p in operator.parameters]))
        noise = f"{noise}, " if noise else ""
        return (
            f"SmoothedClassifier({name}, {operator.name}, {noise}sigma={self.law.sigma:g},"
            f" classes={network.classes})"
        )

    def _repr_html_(self) -> str:
        """For notebooks: the network, the transformation and the noise."""
        network, operator = self.classifier, self.transformation
        names = [parameter.name for parameter in operator.parameters]
        facts = {
            "network": repr(network),
            "transformation": f"{operator.name}: {operator!r}",
            "noise on parameters": ", ".join(noise_texts(self.law, names)) or "none",
            "sigma": f"{self.law.sigma:g}",
            "images (C, H, W)": self.image_shape,
            "seed": "secret" if isinstance(self.seed, SecretSeed) else self.seed,
        }
        return facts_html("SmoothedClassifier", facts)

    if not TYPE_CHECKING:  # A type checker refuses unknown attributes by itself.

        def __getattr__(self, name: str) -> object:
            """AttributeError; it names the function of the package that does what was meant."""
            hint = f"; call gsmooth.{name}(g, ...)" if name in _VERBS else ""
            raise AttributeError(f"SmoothedClassifier has no attribute {name!r}{hint}")

    @property
    def periods(self) -> dict[str, float]:
        """The period of every parameter in its unit, by name; 0 where it has none."""
        names = [parameter.name for parameter in self.transformation.parameters]
        return dict(zip(names, self.transformation.periods(self.image_shape), strict=True))

    @property
    def identity_action(self) -> bool:
        """T = id: parameters carry no noise, and z gets nothing but delta."""
        return self.law.dimensions == 0

    @property
    def orthogonal(self) -> bool:
        """Whether every T_theta that noise applies is orthogonal, so that T4 holds (else T5)."""
        return self.identity_action or self.transformation.orthogonal

    def numerical_error(self, z: Tensor) -> float | None:
        """E_num at z (K,): l2 bound on the float64 error of T_theta z; None where unknown."""
        if self.identity_action:
            return 0.0
        accuracy = self.accuracy
        return self.transformation.bounds.action_error(z[None], accuracy.reach, accuracy.offset)

    def total_variation(self, z: Tensor) -> float:
        """tau at z (K,): what float noise and sums can change in any vote share (F1)."""
        if self.grid == 0.0:
            return 0.0
        noise = grid_total_variation(z.numel(), self.law.sigma, self.grid)
        if not noise < COARSE:
            fault = "fine" if self.grid < self.law.sigma else "coarse"
            raise ConfigurationError(
                f"smoothing: grid={self.grid} is too {fault} for sigma={self.law.sigma:g}: float64"
                f" noise could betray the input in a share {noise:.2g} of the votes; use {GRID}, or"
                " a power of two that is a hundredth of sigma or so"
            )
        return noise + self.accuracy.outside

    def count(self, requests: Sequence[SampleRequest]) -> NDArray[np.int64]:
        """Votes by class, (len(requests), classes + 1); the last column holds ties (F3).

        ModelError where scores are not finite, MemoryShortError where not even the smallest batch
        fits into memory; a larger one is halved, with a warning.
        """
        return self.counter.count(requests)

    def readout(self, z: Tensor) -> Tensor:
        """Q z in float32 on the classifier's device, as in votes: (N, K) -> (N, C, H, W)."""
        moved = z.to(device=self.classifier.device, dtype=torch.float32)
        return Readout(self.transformation, self.image_shape).images(moved)

    def check_image(self, image: Tensor, index: int) -> None:
        """InputError for an image that is not of ``image_shape``, or as the network's inputs are.

        index: of the image, for the error.
        """
        self.classifier.check_image(image, index, self.image_shape)

    def pace(self) -> Pace:
        """Votes a second, and the batch size that gives the most; about a second's measurement.

        A classifier with a fixed batch is measured at its batch size only.
        """
        sizes = (self.batch_size,) if self.fixed_batch else None
        return measured_pace(self.counter, self.blank, sizes)

    @property
    def blank(self) -> Tensor:
        """L x for the image of zeros, (K,)."""
        image = torch.zeros(1, *self.image_shape, dtype=torch.float64, device="cpu")
        return self.transformation.lift(image)[0]


def _check_seed(seed: object) -> None:
    # None would be a seed like any other to a stream: the same one for everybody.
    if not isinstance(seed, SecretSeed | Integral):
        raise ConfigurationError(
            f"smoothing: seed={seed!r} must be an integer or a SecretSeed; leave it out for a"
            " secret one"
        )


def _check_grid(sigma: float, grid: float) -> None:
    if not (math.isfinite(sigma) and sigma > 0.0):
        raise ConfigurationError(
            f"smoothing: sigma={sigma} must be positive; without noise on every"
            " coordinate float rounding cannot be accounted for"
        )
    if grid != 0.0 and math.frexp(grid)[0] != 0.5:
        raise ConfigurationError(
            f"smoothing: grid={grid} must be a power of two such as {GRID}, or 0 (off)"
        )


def _as_classifier(
    given: Classifier | nn.Module,
    classes: int | None,
    shape: Shape | None,
    input_range: tuple[float, float] | None,
) -> Classifier:
    """f; a module becomes one with what is said of it, which a Classifier says itself."""
    if isinstance(given, Classifier):
        own: dict[str, tuple[object, object]] = {
            "num_classes": (classes, given.classes),
            "input_shape": (shape and tuple(shape), given.shape),
            "input_range": (input_range and tuple(input_range), given.input_range),
        }
        for name, (said, known) in own.items():
            if said is not None and said != known:
                raise ConfigurationError(
                    f"smoothing: {name}={said}, but {given.name} has {name}={known}; leave it out"
                )
        return given
    if not isinstance(given, nn.Module):
        raise ConfigurationError(
            f"smoothing: the network is of type {type(given).__name__}; expected a torch module or"
            " what gsmooth.load_model gives"
        )
    if classes is None or shape is None:
        missing = "num_classes" if classes is None else "input_shape"
        raise ConfigurationError(
            f"smoothing: {missing} is not given; a torch module does not say it: give"
            " num_classes=10, input_shape=(C, H, W), say"
        )
    return Classifier(
        given,
        classes=classes,
        shape=_shape("input_shape", shape),
        input_range=input_range or (0.0, 1.0),
        name=f"{IN_MEMORY}{type(given).__qualname__}",
    )


def _as_transformation(given: Transformation | str) -> Transformation:
    """The transformation of this name, or the object itself; ConfigurationError for a class."""
    if isinstance(given, str):
        return load_transformation(given)
    if not isinstance(given, Transformation):
        what = f"the class {given.__name__}" if isinstance(given, type) else type(given).__name__
        raise ConfigurationError(
            f"smoothing: the transformation is {what}; expected a name that gsmooth plugins lists,"
            " or an object of a class of your own, such as Shear()"
        )
    return given


def _shape(name: str, shape: Sequence[int]) -> Shape:
    """Three positive whole numbers; ConfigurationError otherwise."""
    sides = tuple(shape)
    if len(sides) != 3 or not all(isinstance(s, Integral) and s > 0 for s in sides):
        raise ConfigurationError(
            f"smoothing: {name}={shape}; expected (C, H, W), such as (3, 224, 224)"
        )
    return sides[0], sides[1], sides[2]


def _check_input_shape(bound: Transformation, image: Shape, network: Classifier) -> None:
    """ConfigurationError unless the readout gives what the network takes."""
    if (read := bound.input_shape(image)) != network.shape:
        raise ConfigurationError(
            f"smoothing: {bound.name} reads images {image} out as {read}, but {network.name} takes"
            f" {network.shape}; give image_shape=(C, H, W), or a network for inputs {read}"
        )


def _asked_law(
    operator: Transformation,
    law: Law | None,
    std: Mapping[str, float] | None,
    noise: Mapping[str, ParameterNoise] | None,
    sigma: float | None,
) -> Law:
    """The joint law of the noise, as it was given or by parameter."""
    if law is not None:
        if std is not None or noise is not None or sigma is not None:
            raise ConfigurationError(
                "smoothing: law was given, and std, noise or sigma as well; give the one or the"
                " others"
            )
        return law
    if sigma is None:
        raise ConfigurationError(
            "smoothing: sigma is not given; give the std of the noise that the network was trained"
            " under (0.25 is usual for images in [0, 1])"
        )
    units = {parameter.name: parameter.unit for parameter in operator.parameters}
    by_axis = noise_by_name(units, operator.name, std, noise)
    if by_axis and all(one == Gaussian(0.0) for one in by_axis):
        raise ConfigurationError(
            f"smoothing: every parameter of {operator.name} has the std 0; for no noise on any of"
            " them give std={} (T = id)"
        )
    return joint_law(by_axis, sigma, orthogonal=operator.orthogonal)
