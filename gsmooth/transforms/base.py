"""Transformation: what a plugin says about an attack and about the action that smooths it."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self, TypeVar, final

from gsmooth.errors import ConfigurationError, PluginError
from gsmooth.text.notebook import table_html
from gsmooth.transforms.bounds import Enclosure as Enclosure
from gsmooth.transforms.bounds import TransformationBounds
from gsmooth.transforms.names import require_no_bounds, require_present_names
from gsmooth.transforms.parameter import Parameter as Parameter

if TYPE_CHECKING:
    from torch import Tensor

    from gsmooth.geometry.normalization import Normalization

    Columns = tuple[Tensor, ...]


@final
@dataclass(frozen=True)
class AffineIntensity:
    """Every pixel moves by d psi / d theta = growth * psi + drift: gain and shift, or either.

    All one-parameter groups of affine maps of a pixel: psi_t(x) = e^(growth t) x + drift
    (e^(growth t) - 1) / growth, or x + drift t where growth is 0.
    """

    growth: float
    drift: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.growth) and math.isfinite(self.drift)):
            raise PluginError(
                f"affine_intensity: growth={self.growth}, drift={self.drift}; both must be finite"
                " numbers"
            )


B_co = TypeVar("B_co", bound=TransformationBounds[Any], covariant=True)


class HasBounds(Protocol[B_co]):
    """A transformation, as its property ``bounds`` sees it."""

    @property
    def bounds_class(self) -> type[B_co]:
        """The class of its bounds."""


class Transformation(ABC):
    """A family psi_theta of attacks and the exact action T_theta that certifies it.

    Subclasses are frozen dataclasses marked ``@final``; their fields are the plugin's options.
    Images are float64 (N, C, H, W); z is float64 (N, K) with the Euclidean norm; every parameter
    is a tensor (N, 1) in its own unit. All methods treat rows independently and leave their input
    untouched. The action obeys T_a T_b = T_(a+b), T_0 = id, exactly (to float64 rounding). Groups
    that do not add up override ``product`` and ``inverse``; the noise on them is Haar noise (T7).

    Class attributes: ``name`` (as registered), ``parameters``, ``orthogonal`` (every T_theta is an
    orthogonal map of z-space, so that residuals do not depend on the noise: T4; otherwise T5),
    ``summary`` (one line for listings), ``default_centres`` (how many centres a cover gets when the
    user names none).

    ``one_sided``: names of the parameters that admit values >= 0 only, because nothing undoes the
    attack (blur): T is a semigroup, never called with a negative one, and noise on it comes from a
    law on theta >= 0. ``nonexpansive``: ||T_theta y - T_theta z|| <= ||y - z|| for every theta >=
    0, so that a residual never grows with theta (T5). Every orthogonal action does so anyway.

    ``z_space``: names the space that the action works in, options of the lift included, and says
    that T is linear there; transformations of the same z_space have the same lift and readout, and
    their actions commute. None: nothing of the sort is known, and compositions are refused.

    ``least_side_px``: images with a side below it are refused by ``for_shape``; 2 where the attack
    interpolates along both axes (libraries have no unit of length along an axis of one pixel).

    ``bounds_class``: the subclass of :class:`TransformationBounds` with the bounds that are known.
    All of them are optional; without them certificates are *heuristic*.

    Example:
        >>> @dataclass(frozen=True)
        ... class Fade(Transformation):
        ...     name = "fade"
        ...     parameters = (Parameter("amount", "1", "added to every pixel"),)
        ...
        ...     def act(self, z, amount):
        ...         return z + amount
        >>> import torch
        >>> x, amount = torch.zeros(1, 1, 2, 2), torch.full((1, 1), 0.5)
        >>> Fade().attack(x, amount).flatten().tolist()
        [0.5, 0.5, 0.5, 0.5]
    """

    name: ClassVar[str]
    summary: ClassVar[str] = ""
    parameters: ClassVar[tuple[Parameter, ...]] = ()
    orthogonal: ClassVar[bool] = False
    one_sided: ClassVar[tuple[str, ...]] = ()
    nonexpansive: ClassVar[bool] = False
    default_centres: ClassVar[int] = 1
    usual_sigma: ClassVar[float] = 0.1
    least_side_px: ClassVar[int] = 1
    bounds_class: ClassVar[type[TransformationBounds[Any]]] = TransformationBounds
    # Parameters whose only noise is Haar noise (T7): the group does not add up, or is finite.
    _haar_only: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        require_present_names(cls)
        require_no_bounds(cls)
        _require_bounds_class(cls)
        _require_whole_group(cls)
        if "_haar_only" not in vars(cls):
            cls._haar_only = _haar_only(cls)
        _check_sides_in(cls)

    def _repr_html_(self) -> str:
        """For notebooks: options, and a line for each parameter."""
        kind = "orthogonal action" if self.orthogonal else "action"
        title = f"{self!r}: {self.summary or kind}"
        rows = [(p.name, p.unit or "-", p.description) for p in self.parameters]
        return table_html(title, ("parameter", "unit", "what it is"), rows)

    @property
    def bounds(self: HasBounds[B_co]) -> B_co:
        """The bounds on this transformation: an instance of ``bounds_class``."""
        _require_bounds_class(type(self))
        return self.bounds_class(self)

    @property
    def z_space(self) -> str | None:
        """The name of the z-space; see the class."""
        return None

    @property
    def exact(self) -> bool:
        """Whether L psi_theta(x) = T_theta L x for every image x and every theta.

        So it is where the attack is the action and nothing is lost: attack, lift and readout are
        not overridden.
        """
        own, base = type(self), Transformation
        return own.attack is base.attack and own.lift is base.lift and own.readout is base.readout

    @property
    def unsmoothed(self) -> tuple[str, ...]:
        """Names of parameters that T ignores: attacked like any other, never smoothed.

        A shift of theirs costs nothing, and all that they do to an image is residual (T = id).
        """
        return ()

    def periods(self, shape: tuple[int, int, int]) -> tuple[float, ...]:
        """The period of every parameter in its unit for images (C, H, W); 0 where it has none.

        T_(theta + period) = T_theta, which Haar noise needs (T7). The default is what the
        parameters declare; override it where a period depends on options.
        """
        return tuple(parameter.period_of(shape) for parameter in self.parameters)

    @property
    def whole_steps(self) -> tuple[str, ...]:
        """Names of parameters for which T_theta is there at whole numbers only.

        Noise on them is grid-uniform, and so are the shifts of a certificate whole numbers (T8).
        """
        return ()

    def without_noise(self, names: tuple[str, ...]) -> Transformation:
        """The same attack with an action that ignores these parameters; they join ``unsmoothed``.

        Asked for where the std of their noise is 0. ConfigurationError where it is not known.
        """
        raise ConfigurationError(
            f"{self.name} has no action without {' and '.join(names)}; give every parameter a"
            " positive std, or none of them any noise (no scales: T = id)"
        )

    def affine_intensity(self) -> AffineIntensity | None:
        """How pixels move, where that is affine and the same for all; else None."""
        return None

    def fixed_part(self, z: Tensor) -> Tensor:
        """The orthogonal projection of z (N, K) on what no T_theta moves; (N, K).

        The default knows of nothing where there are parameters.
        """
        return z * 0.0 if self.parameters else z

    @property
    def has_action(self) -> bool:
        """Whether T is more than the identity; where it is not, parameters can carry no noise."""
        return not self.no_action_because

    @property
    def no_action_because(self) -> str:
        """Why there is no action with these options; empty where there is one."""
        return ""

    @abstractmethod
    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        """T_theta z, row by row: z (N, K), each theta (N, 1) -> (N, K)."""

    def product(self, first: Columns, second: Columns) -> Columns:
        """theta with T_first T_second = T_theta, (N, 1) each; the default adds.

        Give it together with ``inverse`` where the parameters do not add up, as those of rotations
        and mirror images: T_first acts last. The parameters have to be such that uniform numbers
        on all periods are the Haar measure of the group (T7): if theta is uniform, so is the
        product of theta and any other element.
        """
        return tuple(a + b for a, b in zip(first, second, strict=True))

    def inverse(self, theta: Columns) -> Columns:
        """theta' with T_theta' T_theta = id, (N, 1) each; the default negates."""
        return tuple(-value for value in theta)

    @property
    def additive(self) -> bool:
        """Whether T_a T_b = T_(a+b): ``product`` is not overridden."""
        return type(self).product is Transformation.product

    def lift(self, x: Tensor) -> Tensor:
        """L x: (N, C, H, W) -> (N, K). Linear, or ``normalization`` after ``linear_lift``.

        The default flattens.
        """
        return x.flatten(1)

    def linear_lift(self, x: Tensor) -> Tensor:
        """The lift before ``normalization``, which bounds are of; by default the lift itself."""
        return self.lift(x)

    def normalization(self, shape: tuple[int, int, int]) -> Normalization | None:
        """What ``lift`` does to ``linear_lift`` x for images (C, H, W), or None for nothing (T9).

        Every T_theta has to be an orthogonal map.
        """
        return None

    def readout(self, z: Tensor, shape: tuple[int, int, int]) -> Tensor:
        """Q z: (N, K) -> the network's input (N, *input_shape(shape)); shape: of the images.

        The default undoes the default lift. Any function of one row is allowed, linear or not: the
        readout is part of the classifier that is smoothed. Called after the rounding to the grid,
        so float32 is allowed here (F1).
        """
        return z.reshape(-1, *shape)

    def input_shape(self, shape: tuple[int, int, int]) -> tuple[int, int, int]:
        """Shape (C, H, W) of what ``readout`` gives for images (C, H, W); by default the same.

        Another one for readouts that crop or that return a larger canvas; such a class overrides
        ``attack`` as well.
        """
        return shape

    def with_usual_lift(self, given: frozenset[str]) -> Transformation:
        """The lift of runs that name no noise, chosen with ``usual_sigma``; itself by default.

        given: names of options that were chosen and stay. ``usual_sigma`` is the std of the noise
        on z that suits this lift, in units of a range [0, 1].
        """
        return self

    def lift_variants(self, shape: tuple[int, int, int]) -> tuple[Transformation, ...]:
        """The same attack with other lifts, which ``gsmooth tune`` compares on images (C, H, W).

        None by default. No theorem depends on which one is used.
        """
        return ()

    def attack(self, x: Tensor, *theta: Tensor) -> Tensor:
        """psi_theta(x): what the adversary does. The default is the action itself.

        Differentiable in x and theta, batched, on any device.
        """
        shape = (int(x.shape[1]), int(x.shape[2]), int(x.shape[3]))
        return self.readout(self.act(self.lift(x), *theta), shape)

    @property
    def knows_lift_norm(self) -> bool:
        """True if ``lift_norm`` is valid for this lift: the default is for the default lift."""
        own, base = type(self), Transformation
        stated = self.bounds_class.lift_norm is not TransformationBounds.lift_norm
        return stated or own.lift is base.lift

    def keeps_range(self, low: float, high: float) -> bool:
        """Whether psi_theta takes images with pixels in [low, high] to such images.

        Only then does an image file hold psi_theta(x) but for rounding: clipping does nothing. The
        default knows it of attacks without parameters.
        """
        return not self.parameters

    def for_shape(self, shape: tuple[int, int, int]) -> Self:
        """The transformation with whatever depends on the image's (C, H, W) filled in.

        ConfigurationError for a side below ``least_side_px``, wherever this is overridden.
        """
        _check_sides(self, shape)
        return self


def _require_bounds_class(cls: Any) -> None:
    """PluginError unless the bounds are of a class whose answers are checked."""
    given: object = cls.bounds_class
    if not (isinstance(given, type) and issubclass(given, TransformationBounds)):
        raise PluginError(
            f"{cls.__module__}:{cls.__qualname__}: bounds_class is {given!r}, expected a subclass"
            " of gsmooth.TransformationBounds"
        )
    if cls.bounds is not Transformation.bounds:
        raise PluginError(
            f"{cls.__module__}:{cls.__qualname__}: bounds is made from bounds_class; set"
            " bounds_class instead, and give an option another name"
        )


def _require_whole_group(cls: type[Transformation]) -> None:
    """PluginError where product or inverse is overridden without the other."""
    product, inverse = cls.product, cls.inverse
    if (product is Transformation.product) != (inverse is Transformation.inverse):
        given, missing = ("product", "inverse")[:: 1 if inverse is Transformation.inverse else -1]
        raise PluginError(
            f"{cls.__module__}:{cls.__qualname__}: {given} is given without {missing}; a group that"
            " does not add up needs both"
        )


def _haar_only(cls: type[Transformation]) -> tuple[str, ...]:
    every: object = cls.parameters
    # What is no parameter is reported where the class is registered.
    known = every if isinstance(every, tuple) else ()
    added = cls.product is Transformation.product
    return tuple(p.name for p in known if isinstance(p, Parameter) and (p.whole or not added))


def _check_sides(transformation: Transformation, shape: tuple[int, int, int]) -> None:
    """ConfigurationError where images (C, H, W) are too small to be attacked as is said."""
    least = transformation.least_side_px
    if min(shape[1:]) < least:
        raise ConfigurationError(
            f"{transformation.name}: a {shape[1]} x {shape[2]} image has no {_words(least)} pixels"
            " to interpolate between along one of its axes; give images with sides of at least"
            f" {least} px"
        )


def _words(count: int) -> str:
    return {2: "two", 3: "three", 4: "four"}.get(count, str(count))


def _check_sides_in(cls: type[Transformation]) -> None:
    """Have the class's own ``for_shape`` look at the sides first."""
    own = vars(cls).get("for_shape")
    if own is None:
        return

    @wraps(own)
    def for_shape(self: Transformation, shape: tuple[int, int, int]) -> Transformation:
        _check_sides(self, shape)
        bound: Transformation = own(self, shape)
        return bound

    cls.for_shape = for_shape  # type: ignore[assignment]
