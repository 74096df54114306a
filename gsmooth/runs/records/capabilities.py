"""Capabilities: what a transformation claims, asked of the very object that a run uses."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

import torch

from gsmooth.certificate import Guarantee
from gsmooth.errors import ConfigurationError
from gsmooth.transforms.base import Transformation
from gsmooth.transforms.bounds import TransformationBounds

Shape = tuple[int, int, int]


@final
@dataclass(frozen=True)
class Capabilities:
    """What a transformation claimed when a run used it, compositions included.

    exact: the attack is the action, nothing is left over. orthogonal: every T_theta is an
    orthogonal map or an affine isometry (T4). lipschitz_bound: what T lengthens is bounded (T5).
    derivative_bound: the supremum over a region is bounded, not sampled; where the parameters carry
    no noise, that of the attacked images where they lie. action_error: the float64 error of the
    action is bounded (F1). keeps_range: attacks leave pixels in the input range. preimages: the
    originals of an attacked image are enclosed. lift_norm: bound on the lift's operator norm;
    rounding_norm: bound on what it makes of an image of pixels in [-1, 1]; None where no bound is
    claimed. guarantee: the strongest that all this supports for the image itself.
    """

    exact: bool
    orthogonal: bool
    lipschitz_bound: bool
    derivative_bound: bool
    action_error: bool
    keeps_range: bool
    preimages: bool
    lift_norm: float | None
    rounding_norm: float | None
    guarantee: Guarantee

    def __post_init__(self) -> None:
        for name in ("lift_norm", "rounding_norm"):
            norm = getattr(self, name)
            if norm is not None and not (math.isfinite(norm) and norm >= 0.0):
                raise ConfigurationError(f"{name}={norm} must be a finite number >= 0")

    def same_claims(self, other: Capabilities) -> bool:
        """Whether both claim the same; the norms may differ in their last digits."""
        return self._claims == other._claims

    @property
    def _claims(self) -> tuple[object, ...]:
        norms = (self.lift_norm is None, self.rounding_norm is None)
        claimed = (self.exact, self.orthogonal, self.lipschitz_bound, self.derivative_bound)
        return (*claimed, self.action_error, self.keeps_range, self.preimages, *norms)


@torch.no_grad()
def capabilities_of(
    bound: Transformation,
    shape: Shape,
    *,
    identity_action: bool = False,
    input_range: tuple[float, float] = (0.0, 1.0),
) -> Capabilities:
    """The claims of a transformation that ``for_shape`` has bound to images (C, H, W).

    Methods are asked of a blank image, at theta = 0. identity_action: its parameters carry no noise
    (T = id).
    """
    x = torch.zeros(1, *shape, dtype=torch.float64, device="cpu")
    origin = x.new_zeros(1, len(bound.parameters))
    nowhere = (0.0,) * len(bound.parameters)
    derivative = (
        bound.bounds.attack_derivative_bound if identity_action else bound.bounds.derivative_bound
    )
    bounded = not bound.parameters or derivative(x, origin, origin) is not None
    error = (
        identity_action or bound.bounds.action_error(bound.lift(x), nowhere, nowhere) is not None
    )
    known = bound.knows_lift_norm
    return Capabilities(
        exact=bound.exact,
        orthogonal=bound.orthogonal,
        lipschitz_bound=identity_action
        or bound.orthogonal
        or bound.bounds.lipschitz_bound(nowhere) is not None,
        derivative_bound=bounded,
        action_error=error,
        keeps_range=bound.keeps_range(*input_range),
        preimages=bound.bounds_class.preimages is not TransformationBounds.preimages,
        lift_norm=_norm(bound.bounds.lift_norm(shape)) if known else None,
        rounding_norm=_norm(bound.bounds.rounding_norm(shape)) if known else None,
        guarantee=Guarantee.INDIVIDUAL if bounded and error else Guarantee.HEURISTIC,
    )


def _norm(value: float) -> float | None:
    return float(value) if math.isfinite(value) and value >= 0.0 else None
