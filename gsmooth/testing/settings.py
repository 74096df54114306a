"""Settings of the conformance kit: what is tried, with how many votes, and within what tolerance.

A tolerance covers float arithmetic, quadrature or chance. Larger ones hide faults of plugins;
smaller ones report faults where none are.
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
    """The second region, in usual ends: they lie between whole numbers, with kinks inside."""
    second_examples: float = 0.3
    """Fraction of the examples that the second shape and region get."""
    spread: float = 0.5
    """Std of the noise on theta, as a part of the region."""
    second_spread: float = 2.0
    """The same for the second region."""
    sigma: float = 0.25
    """Std of the noise on z with which covers and votes are checked."""
    beyond: float = 4.0
    """Factor by which the action is checked farther out than the region: noise goes there."""


@final
@dataclass(frozen=True)
class ToleranceSettings:
    """Errors that are no fault."""

    action: float = 1e-10
    """Of exact laws, relative: 2^-53 an operation, times phases of some 10^2 radians and sums of
    some 10^3 terms. A slip to float32 (2^-24) is a thousand times larger."""
    derivative: float = 1e-10
    """Of a pulled-back image point, relative to 1 + its norm; finite differences carry it."""
    preimages: float = 1e-9
    """Of attack and lift, relative to 1 + the norm."""
    law: float = 1e-9
    """Of shares and radii, relative: they round outwards by a few 2^-40."""
    quadrature: tuple[float, ...] = (1e-3, 1e-3, 5e-3)
    """Of an exact share, for 0, 1, and 2 or more parameters: the network's rounding as well."""
    ball: float = 1.1
    """Factor by which an iterated ball may exceed the smallest (Badoiu and Clarkson's bound)."""
    false_alarm: float = 1e-6
    """Chance that a correct law or vote fails: once and always, since draws of a seed are fixed."""


@final
@dataclass(frozen=True)
class ImageSettings:
    """Generated images and points of z-space."""

    seeds: int = 2**16
    """Largest seed of a generated image or point."""
    long_point: float = 1024.0
    """Std of a long point's coordinates: images of other scales, and far out in noise."""


@final
@dataclass(frozen=True)
class ActionSettings:
    """Checks of action and attack."""

    rows: int = 33
    """Rows, or cells, of a batch in which one is compared with itself alone."""
    many_rows: int = 67
    """Rows of a large batch: no power of two, and more than any shortcut treats alike."""
    farther: float = 4.0
    """Factor by which float errors are checked farther out: noise may be wider than the region."""
    parts: tuple[float, ...] = (0.5, 0.125, 0.03125)
    """Parts of the way to an end of the region at which the action's direction is checked."""
    unit_slips: tuple[float, ...] = (math.pi / 180.0, 180.0 / math.pi, 0.5, 2.0)
    """Mistaken factors of a parameter: degrees for radians and back, halves, doubles."""
    power_steps: int = 30
    """Steps of the power iteration that estimates a norm."""


@final
@dataclass(frozen=True)
class SearchSettings:
    """The search for a point that exceeds a bound."""

    line_points: int = 17
    """Points on a line along which derivatives are compared."""
    short_part: float = 2.0**-6
    """Part of a cell in which the same is done closely."""
    whole_numbers: int = 4
    """About how many whole numbers of a parameter are looked at, among those of the region."""
    grid: int = 401
    """Points of the dense search: a prime, so that they miss a cover's knots."""
    climbers: int = 6
    """Best points from which the search climbs."""
    climbs: int = 14
    """Steps of such a climb."""


@final
@dataclass(frozen=True)
class HalfspaceSettings:
    """The half-space whose exact share of votes is known."""

    p: float = 0.85
    """Its share of votes at the clean image: it then holds on part of most regions."""
    nodes: int = 64
    """Gauss-Legendre nodes in u = F(theta) for one parameter."""
    points: int = 512
    """Sobol points for several parameters."""
    rows: int = 32
    """Rows that the plugin gets at a time. In a run it gets 64 or more."""


@final
@dataclass(frozen=True)
class OracleSettings:
    """Certificates of that half-space, compared with the truth."""

    votes: int = 2048
    """Votes that are compared with an exact share."""
    centres: int = 3
    runs: int = 24
    """Certificates at ``alpha``, from ``few`` votes a centre, that are counted when false."""
    alpha: float = 0.01
    few: int = 256
    many: int = 8192
    """Votes of the certificate that has to come close to the truth: chance then costs about .04
    of a share of .85."""
    rays: int = 8
    """Attacks that are tried along each ray of the region."""


@final
@dataclass(frozen=True)
class AdversarySettings:
    """The adversary against certificates of a random network."""

    alpha: float = 1e-6
    """Level of the certificates: a refuted one is not chance. PREDICT is at 1e-9."""
    votes: int = 1024
    centres: int = 3
    hidden_units: int = 12
    """Units of the network. Half of them look along attacks, so that the class can change."""
    unit_width: float = 8.0
    """Noise stds in one unit of tanh: what an attack turns over outweighs the noise in all."""
    doubt: float = 0.02
    """Fraction of noisy copies of the clean image that are of the other class."""
    images: tuple[tuple[str, int, float], ...] = (
        ("blob", 3, 1.0),
        ("pixel", 1, 1.0),
        ("noise", 1, 0.25),
    )
    """Kind and seed of an image, and the part of the region that is certified for it."""


@final
@dataclass(frozen=True)
class KitSettings:
    """All settings of the kit, by what they are for."""

    subject: SubjectSettings = SubjectSettings()
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
