"""Several transformations, one after another, as one: what T and C are then.

Let the *frame* be the parts that move pixels about, with L, Q and a linear T_theta, and let the
others be affine flows of every pixel, y -> g y + s (brightness, contrast, volume). With 1 the image
of ones, v = the part of L 1 that no T_theta moves, and w = L 1 - v,

    T_(theta, p) z = g(p) T_theta z + s(p) v

composes in (theta, p) for one flow p: T_theta is linear and leaves v alone. So it does for several
that only shift, or only multiply; others *rest*: T ignores them. Resting flows come first, (g', s')
together. Then L psi = g (g' L psi_theta(x) + s' L 1) + s L 1, and with C_0 = T_(-theta) L
psi_theta(x)

    C = g' C_0 + s' T_(-theta) L 1 + (s / g) T_(-theta) w.

So brightness on a rotated image costs no residual but for w, which is what a lift's disc and rings
make of a constant image beyond the constant; and all that flows without noise do is residual, as in
T = id. A part that is ``exact`` may stand anywhere: L psi = T L, and T lengthens neither L 1 nor w.
Where the frame is one-sided, C = L x + L psi - T L x, which is what it is for the frame alone, plus
s w. The bounds on dC follow term by term (``bounds``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar, Self, TypeVar

import torch
from torch import Tensor

from gsmooth.errors import ConfigurationError
from gsmooth.transforms.base import Transformation
from gsmooth.transforms.bounds import TransformationBounds
from gsmooth.transforms.composition.bounds import Bounds, Timed
from gsmooth.transforms.composition.flows import UP, gain, shift
from gsmooth.transforms.composition.frame import Frame
from gsmooth.transforms.composition.order import fault_of, reason_against_noise
from gsmooth.transforms.composition.patches import ShiftedPatches

Value = TypeVar("Value")
Columns = tuple[Tensor, ...]


class CompositionBounds(TransformationBounds["Composition"]):
    """Bounds of :class:`Composition`."""

    def lift_norm(self, shape: tuple[int, int, int]) -> float:
        """That of the frame."""
        parts = self.of._frame.parts
        return parts[0].bounds.lift_norm(shape) if parts else 1.0

    def rounding_norm(self, shape: tuple[int, int, int]) -> float:
        """That of the frame."""
        parts = self.of._frame.parts
        return parts[0].bounds.rounding_norm(shape) if parts else super().rounding_norm(shape)

    def visible(
        self, apart: Tensor, centre: Tensor, shift: Tensor, reach: tuple[float, ...]
    ) -> Tensor:
        """What the readout of an only frame reads: flows move every coordinate by itself (T8)."""
        places, parts = self.of._frame_places, self.of._frame.parts
        if len(parts) != 1:
            return apart
        far = tuple(reach[place] for place in places)
        return parts[0].bounds.visible(apart, centre[:, places], shift[:, places], far)

    def lipschitz_bound(self, reach: tuple[float, ...]) -> float:
        """The noisy flow's gain: the frame lengthens nothing."""
        rate = sum(
            abs(affine_intensity.growth) * reach[place]
            for affine_intensity, place in self.of._noisy
        )
        return float(torch.tensor(rate, dtype=torch.float64, device="cpu").exp()) * UP

    def action_error(
        self, z: Tensor, reach: tuple[float, ...], offset: tuple[float, ...]
    ) -> float | None:
        """The frame's error, multiplied, and that of gain and shift.

        An offset t of p moves g and s by growth t and drift t, times the gain in between; a dozen
        roundings, 2^-50 of what they round, are those of the exponentials, products and sums.
        """
        ends = (self.of._of_frame(values) for values in (reach, offset))
        error = self.of._frame.action_error(z, *ends)
        if error is None:
            return None
        length, constant = float(z.norm(dim=1).max()), float(self.of._frame.fixed.norm())
        for affine_intensity, place in self.of._noisy:
            far = torch.tensor(reach[place] + offset[place], dtype=torch.float64, device="cpu")
            grown = float((abs(affine_intensity.growth) * far).exp())
            moved = grown * float(far) * abs(affine_intensity.drift) * constant
            loss = (
                offset[place]
                * grown
                * (abs(affine_intensity.growth) * length + abs(affine_intensity.drift) * constant)
            )
            exponent = 1.0 + abs(affine_intensity.growth) * float(far)
            error = grown * error + loss + 2.0**-50 * exponent * (grown * length + moved)
            length = grown * length + moved
        return error * UP

    def breakpoints(self, axis: int, lower: float, upper: float) -> tuple[float, ...]:
        """Those of the part whose parameter it is."""
        for part, (start, end) in zip(self.of.parts, self.of._ends, strict=True):
            if start <= axis < end:
                return part.bounds.breakpoints(axis - start, lower, upper)
        return ()

    def derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor | None:
        """sup ||dC|| by axis, (n, m) -> (n, m); None where T is no law."""
        if not self.of.has_action:
            return None
        return self._within(self.of._frame, self.of._noisy).derivative(x, lower, upper)

    def patch_bound(
        self, x: Tensor, lower: Tensor, upper: Tensor, corners: Tensor
    ) -> Tensor | None:
        """How far C leaves the interpolation between its corners (n, 2^m, K): b (n, m).

        For one acting part and noisy flows that only shift, C = C_0 + s T_(-theta) w: linear in
        every flow, and along the part's parameters as far from its chord as C_0 and s times what
        the action bends w by, h^2 / 8 ||A^2 w||. None for others.
        """
        frame, noisy = self.of._frame, self.of._noisy
        rigid = not any(flow.growth for flow, _ in noisy) and len(noisy) == len(self.of._flows)
        if not (rigid and len(frame.parts) == len(frame.acting) == 1):
            return None
        return ShiftedPatches(frame, self.of._frame_places, noisy).bound(x, lower, upper, corners)

    def attack_derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor | None:
        """The same where every parameter rests and nothing is pulled back."""
        frame = replace(self.of._frame, identity_action=(True,) * len(self.of._frame.parts))
        return self._within(frame, ()).derivative(x, lower, upper)

    def curvature_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor | None:
        """Return sup ||d2C|| by axis, for pixels with one flow without noise; else None.

        It is the flow's growth times the derivative.

        Noisy flows move nothing there.
        """
        return self._curvature(self.derivative_bound(x, lower, upper), self._unsmoothed)

    def attack_curvature_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor | None:
        """The same where every parameter rests."""
        unsmoothed = tuple(self.of._flows)
        return self._curvature(self.attack_derivative_bound(x, lower, upper), unsmoothed)

    def _curvature(self, derivative: Tensor | None, unsmoothed: Sequence[Timed]) -> Tensor | None:
        if self.of._frame.parts or derivative is None or len(unsmoothed) > 1:
            return None
        curvature = torch.zeros_like(derivative)
        for affine_intensity, place in unsmoothed:
            curvature[:, place] = abs(affine_intensity.growth) * derivative[:, place]
        return curvature

    def _within(self, frame: Frame, noisy: Sequence[Timed]) -> Bounds:
        unsmoothed = tuple(timed for timed in self.of._flows if timed not in noisy)
        return Bounds(frame, self.of._frame_places, tuple(noisy), unsmoothed)

    @property
    def _unsmoothed(self) -> tuple[Timed, ...]:
        return tuple(f for f in self.of._flows if self.of.parameters[f[1]].name in self.of.still)


@dataclass(frozen=True, kw_only=True)
class Composition(Transformation):
    """psi: the first part's attack, then the second's, and so on (T5; see the module).

    ``gsmooth.transforms.composition.composed`` makes a subclass whose other fields are the parts,
    each with options of its own.

    still: names of the parameters that carry no noise (T = id for them). A std of 0 names them too.
    The option has its old name because the names of options are part of a run's identity.

    image_shape: (channels, height, width); ``for_shape`` fills it in.
    """

    still: tuple[str, ...] = ()
    image_shape: tuple[int, int, int] | None = None

    fields: ClassVar[tuple[str, ...]] = ()
    bounds_class = CompositionBounds

    def __post_init__(self) -> None:
        names = [parameter.name for parameter in self.parameters]
        if strange := [name for name in self.still if name not in names]:
            raise ConfigurationError(
                f"{self.name}: still names {strange[0]!r}, which is none of its parameters"
                f" ({', '.join(names)})"
            )
        if fault := fault_of(self.name, self.parts, self.still):
            raise ConfigurationError(fault)
        noisy = [affine_intensity for affine_intensity, _ in self._noisy]
        rigid = not any(affine_intensity.growth for affine_intensity in noisy)
        frame = self._frame
        damped = all(part.orthogonal or part.nonexpansive for part in frame.acting)
        for claim, value in (
            ("orthogonal", frame.orthogonal and rigid),
            ("nonexpansive", damped and rigid),
        ):
            object.__setattr__(self, claim, value)
        object.__setattr__(self, "usual_sigma", max(part.usual_sigma for part in self.parts))

    @property
    def parts(self) -> tuple[Transformation, ...]:
        """The transformations, in the order in which they are applied."""
        return tuple(getattr(self, name) for name in self.fields)

    @property
    def unsmoothed(self) -> tuple[str, ...]:
        """Names of the parameters that carry no noise: ``still``."""
        return self.still

    def periods(self, shape: tuple[int, int, int]) -> tuple[float, ...]:
        """Those of the parts, in order."""
        return tuple(period for part in self.parts for period in part.periods(shape))

    def without_noise(self, names: tuple[str, ...]) -> Transformation:
        """These parameters rest too."""
        every = (*self.still, *names)
        return replace(self, still=tuple(p.name for p in self.parameters if p.name in every))

    def for_shape(self, shape: tuple[int, int, int]) -> Self:
        """All parts for images (C, H, W).

        PluginError where they have no common z-space, ConfigurationError where a flow comes before
        a part that does not leave constant images alone.
        """
        parts = {name: getattr(self, name).for_shape(shape) for name in self.fields}
        for name, part in parts.items():
            if part.normalization(shape) is not None:
                raise ConfigurationError(
                    f"{self.name}: {name} normalizes the contrast, and no bound is known for that"
                    " in a composition; leave out its contrast, or certify it alone"
                )
        bound = replace(self, image_shape=shape, **parts)
        bound._frame.require_one_space()
        bound._require_identity_constants()
        return bound

    @property
    def no_action_because(self) -> str:
        """Why noise on these parameters would not compose; empty where it does."""
        return reason_against_noise(self.parts, self.still)

    def attack(self, x: Tensor, *theta: Tensor) -> Tensor:
        """psi: (N, C, H, W) -> (N, C, H, W), part by part."""
        for part, own in zip(self.parts, self._shared(theta), strict=True):
            x = part.attack(x, *own)
        return x

    def lift(self, x: Tensor) -> Tensor:
        """L of the frame; the pixels where there is none."""
        return self._frame.lift(x)

    def readout(self, z: Tensor, shape: tuple[int, int, int]) -> Tensor:
        """Q of the frame."""
        return self._frame.readout(z, shape)

    @property
    def whole_steps(self) -> tuple[str, ...]:
        """Those of all parts."""
        return tuple(name for part in self.parts for name in part.whole_steps)

    def input_shape(self, shape: tuple[int, int, int]) -> tuple[int, int, int]:
        """The parts have one readout."""
        return self._frame.input_shape(shape)

    def with_usual_lift(self, given: frozenset[str]) -> Transformation:
        """Every part with its own, but for those that share a z-space or were given options."""
        free = [] if len(self._frame.parts) > 1 else [n for n in self.fields if n not in given]
        return replace(self, **{n: getattr(self, n).with_usual_lift(frozenset()) for n in free})

    def lift_variants(self, shape: tuple[int, int, int]) -> tuple[Transformation, ...]:
        """Those of the only part with a lift of its own; several have to keep one lift."""
        varied = {name: getattr(self, name).lift_variants(shape) for name in self.fields}
        names = [name for name, found in varied.items() if found]
        if len(names) != 1 or len(self._frame.parts) > 1:
            return ()
        return tuple(replace(self, **{names[0]: one}) for one in varied[names[0]])

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        """g T_theta z + s v, row by row; (N, K) -> (N, K)."""
        moved = self._frame.act(z, self._of_frame(theta))
        for affine_intensity, place in self._noisy:
            if affine_intensity.growth != 0.0:
                moved = moved * gain(affine_intensity, theta[place])
            if affine_intensity.drift != 0.0:
                moved = moved + shift(affine_intensity, theta[place]) * self._frame.fixed.to(z)
        return moved

    def product(self, first: Columns, second: Columns) -> Columns:
        """Part by part: the actions of different parts commute."""
        ends = zip(self.parts, self._shared(first), self._shared(second), strict=True)
        return tuple(v for part, a, b in ends for v in part.product(tuple(a), tuple(b)))

    def inverse(self, theta: Columns) -> Columns:
        """Part by part."""
        ends = zip(self.parts, self._shared(theta), strict=True)
        return tuple(value for part, own in ends for value in part.inverse(tuple(own)))

    @property
    def additive(self) -> bool:
        """Whether every part is."""
        return all(part.additive for part in self.parts)

    def keeps_range(self, low: float, high: float) -> bool:
        """Whether every part does."""
        return all(part.keeps_range(low, high) for part in self.parts)

    @property
    def knows_lift_norm(self) -> bool:
        """Whether the part does whose lift it is."""
        return all(part.knows_lift_norm for part in self._frame.parts[:1])

    def _require_identity_constants(self) -> None:
        # Only then does it not matter which of the two comes first, noise or none.
        before = None
        for part in self.parts:
            if part.affine_intensity() is not None:
                before = before or part
            elif before is not None and self._frame.moves_one(part):
                raise ConfigurationError(
                    f"{self.name}: {part.name} behind {before.name} changes constant images, which"
                    f" {before.name} adds; no bound for this order is known: write {part.name}"
                    " first"
                )

    @cached_property
    def _frame(self) -> Frame:
        moving = [part for part in self.parts if part.affine_intensity() is None]
        identity_action = tuple(
            all(p.name in self.still for p in part.parameters) for part in moving
        )
        return Frame(tuple(moving), identity_action, self.image_shape)

    @cached_property
    def _flows(self) -> tuple[Timed, ...]:
        """Every flow with its column of theta."""
        found = []
        for part, (start, _) in zip(self.parts, self._ends, strict=True):
            if (affine_intensity := part.affine_intensity()) is not None:
                found.append((affine_intensity, start))
        return tuple(found)

    @property
    def _noisy(self) -> tuple[Timed, ...]:
        return tuple(f for f in self._flows if self.parameters[f[1]].name not in self.still)

    @cached_property
    def _ends(self) -> tuple[tuple[int, int], ...]:
        ends, start = [], 0
        for part in self.parts:
            ends.append((start, start + len(part.parameters)))
            start = ends[-1][1]
        return tuple(ends)

    @cached_property
    def _frame_places(self) -> list[int]:
        ends = zip(self.parts, self._ends, strict=True)
        return [place for part, e in ends if part.affine_intensity() is None for place in range(*e)]

    def _shared(self, values: Sequence[Value]) -> list[Sequence[Value]]:
        return [values[start:end] for start, end in self._ends]

    def _of_frame(self, values: Sequence[Value]) -> tuple[Value, ...]:
        return tuple(values[place] for place in self._frame_places)


def owner_of(transformation: Transformation, parameter: str) -> Transformation:
    """The part of a composition that has this parameter; any other transformation is its own."""
    if not isinstance(transformation, Composition):
        return transformation
    owners = (p for p in transformation.parts if parameter in [own.name for own in p.parameters])
    return next(owners)
