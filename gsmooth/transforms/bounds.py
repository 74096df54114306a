"""TransformationBounds: bounds on a transformation, in an optional object of its own."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar, final

from gsmooth.transforms.bound_checks import BoundsChecked
from gsmooth.transforms.names import require_present_names
from gsmooth.transforms.parameter import Parameter

if TYPE_CHECKING:
    from torch import Tensor


@final
@dataclass(frozen=True)
class Enclosure:
    """Balls that hold the originals of an attacked image, one for each of n cells of parameters.

    centre (n, K), radius (n,): every original x, whatever theta of the cell it was attacked at, has
    ||L x - centre|| <= radius. possible (n,): False where no original exists; inf radius: nothing
    is known.
    """

    centre: Tensor
    radius: Tensor
    possible: Tensor


class Bounded(Protocol):
    """What the default bounds ask of the transformation that they belong to."""

    @property
    def name(self) -> str:
        """The name that errors give."""

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """One for each theta."""

    @property
    def orthogonal(self) -> bool:
        """Whether every T_theta is an orthogonal map."""

    @property
    def nonexpansive(self) -> bool:
        """Whether no T_theta increases a distance."""

    @property
    def exact(self) -> bool:
        """Whether L psi_theta(x) = T_theta L x for every image and every theta."""


T_co = TypeVar("T_co", bound=Bounded, covariant=True)


class TransformationBounds(Generic[T_co], metaclass=BoundsChecked):
    """Bounds on a transformation: what turns a heuristic certificate into a proved one.

    A transformation names the subclass with its bounds as ``bounds_class``; ``bounds`` is an
    instance of it. Each bound has a default. Where an answer may be None, None says that no bound
    is known, and what rests on it is *heuristic*. Images x (1, C, H, W) and z (N, K) are float64;
    cells of the m parameters are given by their ends, lower and upper (n, m). Bounds are rounded
    outwards.

    They are checked in every subclass: PluginError where one answers with a negative number, NaN or
    another shape (``gsmooth.transforms.bound_checks``).

    Attributes:
        of: The transformation whose bounds these are, with its options.

    Example:
        >>> from gsmooth import Parameter, Transformation
        >>> class FadeBounds(TransformationBounds["Fade"]):
        ...     def action_error(self, z, reach, offset):
        ...         largest = reach[0] + float(z.abs().max())
        ...         return z.shape[1] ** 0.5 * (offset[0] + 1e-15 * largest)
        >>> class Fade(Transformation):
        ...     name = "fade"
        ...     parameters = (Parameter("amount", "1", "added to every pixel"),)
        ...     bounds_class = FadeBounds
        ...
        ...     def act(self, z, amount):
        ...         return z + amount
        >>> import torch
        >>> Fade().bounds.action_error(torch.ones(1, 4), (0.5,), (0.25,)) > 0.5
        True
    """

    def __init__(self, of: T_co) -> None:
        self.of = of

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        require_present_names(cls)

    def lipschitz_bound(self, reach: tuple[float, ...]) -> float | None:
        """sup of ||T_theta y - T_theta z|| / ||y - z|| over |theta_i| <= reach_i, rounded up.

        What the attack, its rounding and an l2 ball leave over grows with the noise on theta by no
        more (T5). None: no bound is known, and only where nothing is left over is it proved.
        """
        return 1.0 if self.of.orthogonal or self.of.nonexpansive else None

    def action_error(
        self, z: Tensor, reach: tuple[float, ...], offset: tuple[float, ...]
    ) -> float | None:
        """E_num: l2 bound on the float64 error of T_theta z, for any row of z (F1).

        Holds for |theta_i| <= reach_i when theta_i itself may be off by offset_i. Depends on z
        through its norm only, and grows with it: covers ask at the longest point. None: unknown,
        and certificates are *heuristic*.
        """
        return None

    def action_derivative(self, z: Tensor) -> Tensor | None:
        """sup over theta of ||d T_theta z / d theta_i||, (N, K) -> (N, m), rounded up.

        Finite for every z only where theta is not one-sided or the action damps. None: not known.
        """
        return z.new_zeros((len(z), 0)) if not self.of.parameters else None

    def action_curvature(self, z: Tensor) -> Tensor | None:
        """sup over theta of ||d^2 T_theta z / d theta_i^2||, (N, K) -> (N, m), per unit squared.

        Compositions ask for it, to know how far the action bends what others add. None: not known.
        """
        return None

    def visible(
        self, apart: Tensor, centre: Tensor, shift: Tensor, reach: tuple[float, ...]
    ) -> Tensor:
        """The part of differences C(theta) - c that votes can read (T8); (n, K) -> (n, K).

        A readout may read only some of z. With noise uniform on |beta_i| <= reach_i (inf: without
        an end; 0: none) the votes that a centre c at the parameters ``centre`` (n, m) and an attack
        ``shift`` (n, m) away have in common read T_s T_centre (C - c), for the s with |s_i| <=
        reach_i and |s_i - shift_i| <= reach_i. The norm of the answer bounds what Q reads of that,
        for every such s. It depends on ``centre`` and ``shift`` only along axes of finite reach:
        the others change within a cell of a cover. The default: everything is read.
        """
        return apart

    def lift_norm(self, shape: tuple[int, int, int]) -> float:
        """An upper bound on the operator norm of the lift for images (C, H, W)."""
        return 1.0

    def rounding_norm(self, shape: tuple[int, int, int]) -> float:
        """An upper bound on ||L r|| over images r (C, H, W) with every |pixel| <= 1."""
        return self.lift_norm(shape) * math.sqrt(math.prod(shape)) * (1.0 + 1e-12)

    def derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor | None:
        """For cells of parameters, sup over the cell of ||d C(theta) / d theta_i||, by axis.

        C(theta) = T_(-theta) L psi_theta(x), the attacked image pulled back; with ``one_sided``
        parameters, which have no way back, C(theta) = L x + L psi_theta(x) - T_theta L x. x
        (1, C, H, W); lower, upper (n, m) -> (n, m), per unit of the parameter, rounded outwards.
        None: no bound is known, and certificates are *heuristic*. Where the action
        is ``exact`` C is constant and the default answers 0; and so it does for cells that are
        points, as all cells are where every parameter has a step.
        """
        return lower.new_zeros(lower.shape) if self.of.exact else self._at_points(lower, upper)

    def curvature_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor | None:
        """sup over the cell of ||d^2 C / d theta_i^2||, by axis, where C is C^{1,1}; else None."""
        return None

    def chord_bound(
        self, x: Tensor, lower: Tensor, upper: Tensor, start: Tensor, end: Tensor
    ) -> Tensor | None:
        """How far C leaves the straight line between its ends, where one parameter moves.

        Numbers b (n,) with ||C(lower + s (upper - lower)) - (1 - s) start - s end|| <= 4 s (1 - s)
        b for 0 <= s <= 1, rounded outwards. start, end (n, K): C at lower and upper, (n, m), which
        differ along one axis. It is of second order in the width of a cell, where the derivative is
        of first order, and covers then do not ask for the derivative. None: no bound is known.
        """
        return None

    def patch_bound(
        self, x: Tensor, lower: Tensor, upper: Tensor, corners: Tensor
    ) -> Tensor | None:
        """How far C leaves the interpolation between its corners, where parameters move together.

        Numbers b (n, m) with ||C - P|| <= sum_i 4 s_i (1 - s_i) b_i for lower + s (upper - lower),
        0 <= s_i <= 1, rounded outwards; P interpolates linearly along every axis. It suffices that
        b_i bounds what ``chord_bound`` does along axis i wherever in the cell the other parameters
        are. corners (n, 2^m, K): C there, in the order of itertools.product over (lower, upper).
        Covers then ask for no derivative. None: no bound is known.
        """
        return None

    def recurrence(self, x: Tensor, axis: int) -> tuple[float, float] | None:
        """A step P of a parameter after which C is the same again, and by how much it may not be.

        (P, e) with ||C(theta + P) - C(theta)|| <= e for every theta. Rotation of a square image by
        90 degrees moves pixels without interpolation, so what is pulled back recurs. With Haar
        noise on the parameter, covers then look at one P of it. None: no such step is known.
        """
        return None

    def attack_derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor | None:
        """sup over the cell of ||d L psi_theta(x) / d theta_i||, by axis; None: no bound is known.

        What ``derivative_bound`` is to the image pulled back, this is to the attacked image where
        it lies: covers without noise on theta (T = id) stand on it.
        """
        return self._at_points(lower, upper)

    def attack_curvature_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor | None:
        """sup over the cell of ||d^2 L psi_theta(x) / d theta_i^2||, by axis; None as above."""
        return None

    def breakpoints(self, axis: int, lower: float, upper: float) -> tuple[float, ...]:
        """Values of one parameter at which no cell of a cover may straddle (kinks of psi)."""
        return ()

    def preimages(
        self, x: Tensor, lower: Tensor, upper: Tensor, rounding: float
    ) -> Enclosure | None:
        """Where the original of an attacked image can lie, for cells of the unknown parameter.

        x (1, C, H, W): the attacked image, every pixel of which is within ``rounding`` of
        psi_theta(original), originals in [0, 1]; lower, upper (n, m). None: the attack cannot be
        undone, and only the clean image can be certified.
        """
        return None

    def _at_points(self, lower: Tensor, upper: Tensor) -> Tensor | None:
        """What bounds a derivative where every parameter has a step: 0 on cells that are points.

        A cell that is none has attacks between which nothing is known: inf. None without steps.
        """
        if not self.of.parameters or not all(parameter.step for parameter in self.of.parameters):
            return None
        return lower.new_zeros(lower.shape).masked_fill(upper > lower, math.inf)
