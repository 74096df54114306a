"""Settings of the conformance kit: examples, numbers of votes, and tolerances.

A tolerance covers errors of float arithmetic, quadrature or chance. Larger ones hide faults of
plugins; smaller ones report faults that do not exist.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, final


@final
@dataclass(frozen=True)
class SubjectSettings:
    """Shapes, regions and noise under which a transformation is checked."""

    first_shape: tuple[int, int, int] = (1, 16, 16)
    second_shape: tuple[int, int, int] = (3, 9, 12)
    second_ends: tuple[float, float] = (-1.37, 1.21)
    """Ends of the second region, in units of ``usual``: between whole numbers, kinks inside."""
    second_examples: float = 0.3
    """Fraction of the examples for the second shape and region."""
    spread: float = 0.5
    """Std of the noise on theta, as a fraction of the region."""
    second_spread: float = 2.0
    """The same for the second region."""
    sigma: float = 0.25
    """Std of the noise on z with which covers and votes are checked."""
    beyond: float = 4.0
    """Factor by which the action is checked beyond the region, where noise moves points."""


@final
@dataclass(frozen=True)
class GroupSettings:
    """Checks of groups under Haar noise."""

    draws: int = 4096
    """Elements of a group that are multiplied to see whether uniform parameters stay uniform."""
    boxes: int = 4
    """Parts of a period in which these are counted."""


@final
@dataclass(frozen=True)
class ToleranceSettings:
    """Tolerances: errors up to these are accepted."""

    action: float = 1e-10
    """Of the laws of an action, relative: 2^-53 an operation, times phases of some 10^2 radians and
    sums of about 10^3 terms. The error of float32 (2^-24) is a thousand times larger."""
    derivative: float = 1e-10
    """Of a pulled-back image, relative to 1 + its norm; finite differences contain it."""
    preimages: float = 1e-9
    """Of attack and lift, relative to 1 + the norm."""
    law: float = 1e-9
    """Of shares and radii, relative; they are rounded outwards by a few 2^-40."""
    quadrature: tuple[float, ...] = (1e-3, 1e-3, 5e-3)
    """Of an exact share, for 0, 1, and 2 or more parameters, with the network's rounding."""
    ball: float = 1.1
    """Factor by which an iterated ball may exceed the smallest (Badoiu and Clarkson's bound)."""
    false_alarm: float = 1e-6
    """Probability that a correct law or vote fails; with a fixed seed it then always fails."""


@final
@dataclass(frozen=True)
class ImageSettings:
    """Generated images and points of z-space."""

    seeds: int = 2**16
    """Largest seed of a generated image or point."""
    long_point: float = 1024.0
    """Std of a long point's coordinates, for images of other scales and large noise."""


@final
@dataclass(frozen=True)
class ActionSettings:
    """Checks of action and attack."""

    rows: int = 33
    """Rows, or cells, of a batch in which each is compared with the same one alone."""
    many_rows: int = 67
    """Rows of a large batch: not a power of two, and more than special cases for few rows."""
    farther: float = 4.0
    """Factor by which float errors are checked beyond the region, since noise may be wider."""
    parts: tuple[float, ...] = (0.5, 0.125, 0.03125)
    """Fractions of an end of the region at which the action's direction is checked."""
    unit_slips: tuple[float, ...] = (math.pi / 180.0, 180.0 / math.pi, 0.5, 2.0)
    """Wrong factors of a parameter: degrees for radians and the reverse, halves, doubles."""
    power_steps: int = 30
    """Steps of the power iteration that estimates a norm."""


@final
@dataclass(frozen=True)
class SearchSettings:
    """The search for a point that exceeds a bound."""

    line_points: int = 17
    """Points on a line along which derivatives are compared."""
    patch_points: int = 9
    """Points along each axis of a cell at which C is compared with what is between its corners."""
    short_part: float = 2.0**-6
    """Fraction of a cell for the same comparison over a short distance."""
    whole_numbers: int = 4
    """Approximate number of whole numbers of a parameter, in the region, that are tried."""
    grid: int = 401
    """Points of the dense search: a prime, so that they differ from a cover's grid points."""
    climbers: int = 6
    """Best points from which the search climbs."""
    climbs: int = 14
    """Steps of such a climb."""


@final
@dataclass(frozen=True)
class HalfspaceSettings:
    """The half-space whose exact share of votes is known."""

    p: float = 0.85
    """Its share of votes at the clean image; it is then certified on a part of most regions."""
    nodes: int = 64
    """Gauss-Legendre nodes in u = F(theta) for one parameter."""
    points: int = 512
    """Sobol points for several parameters."""
    rows: int = 32
    """Rows of a batch for the plugin; in a run it gets 64 or more."""


@final
@dataclass(frozen=True)
class OracleSettings:
    """Certificates of that half-space, compared with the truth."""

    votes: int = 2048
    """Votes that are compared with an exact share."""
    centres: int = 3
    runs: int = 24
    """Number of certificates at ``alpha`` with ``few`` votes a centre; false ones are counted."""
    alpha: float = 0.01
    few: int = 256
    many: int = 8192
    """Votes of the certificate that must be nearly tight; chance then costs about .04 of a share of
    .85."""
    rays: int = 8
    """Attacks along each ray of the region."""


@final
@dataclass(frozen=True)
class AdversarySettings:
    """The search for attacks on certificates of a random network."""

    alpha: float = 1e-6
    """Level of the certificates: a refuted one is not due to chance. PREDICT uses 1e-9."""
    votes: int = 1024
    centres: int = 3
    hidden_units: int = 12
    """Units of the network. Half of them have the direction of attacks: the class can change."""
    unit_width: float = 8.0
    """Noise stds in one unit of tanh, so that an attack has more effect than noise."""
    doubt: float = 0.02
    """Fraction of noisy copies of the clean image with the other class."""
    images: tuple[tuple[str, int, float], ...] = (
        ("blob", 3, 1.0),
        ("pixel", 1, 1.0),
        ("noise", 1, 0.25),
    )
    """Kind and seed of an image, and the fraction of the region that is certified for it."""


@final
@dataclass(frozen=True)
class KitSettings:
    """All settings of the kit, by purpose."""

    subject: SubjectSettings = SubjectSettings()
    group: GroupSettings = GroupSettings()
    tolerance: ToleranceSettings = ToleranceSettings()
    images: ImageSettings = ImageSettings()
    action: ActionSettings = ActionSettings()
    search: SearchSettings = SearchSettings()
    halfspace: HalfspaceSettings = HalfspaceSettings()
    oracle: OracleSettings = OracleSettings()
    adversary: AdversarySettings = AdversarySettings()
    law_chunks: int = 64
    """Chunks of draws that are compared with a law's distribution."""


KIT: Final = KitSettings()
