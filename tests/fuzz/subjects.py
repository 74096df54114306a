"""Random transformations, shapes, laws and regions, some of which are not valid."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Final, Literal, final, get_args, get_origin, get_type_hints

from gsmooth.errors import GsmoothError
from gsmooth.theory.laws import Law, law_from_name
from gsmooth.transforms.base import Parameter, Transformation
from gsmooth.transforms.options import fields_of, fitting_laws
from gsmooth.transforms.region import Region
from gsmooth.transforms.registry import find, load_transformation, transformations

Shape = tuple[int, int, int]

SIGMAS: Final = (0.014, 0.05, 0.1, 0.25, 0.5, 1.0, 4.0)
PARTS: Final = (0.01, 0.1, 0.3, 0.7, 1.0, 1.0, 2.0)
"""Ends of regions, and scales, as fractions of the usual range of attacks."""
FEW_CELLS: Final = (0.01, 0.03)
COSTLY: Final = 4000
"""Number of pixels times parameters above which covers of wide regions take minutes."""
SHAPES: Final[Mapping[str, tuple[Shape, ...]]] = {
    "tiny": ((1, 1, 1), (1, 2, 2), (1, 1, 5), (1, 5, 1), (2, 3, 3), (3, 2, 7), (1, 4, 3)),
    "small": ((1, 8, 8), (1, 9, 12), (3, 8, 10), (4, 8, 8), (1, 16, 16), (1, 7, 7), (3, 12, 9)),
    "medium": ((1, 28, 28), (3, 28, 28), (3, 32, 32), (1, 20, 33), (4, 24, 18), (2, 31, 17)),
    "large": ((1, 64, 64), (3, 64, 64), (3, 64, 48), (4, 65, 63), (1, 96, 80)),
    "huge": ((1, 224, 224), (3, 224, 224), (3, 224, 160), (1, 160, 224)),
}
SIZES: Final = {"tiny": 2.0, "small": 4.0, "medium": 3.0, "large": 1.5, "huge": 0.3}
PAIRS: Final = (
    "rotation+brightness",
    "translation+brightness",
    "scaling+brightness",
    "blur+brightness",
    "similarity+brightness",
    "contrast+brightness",
    "cyclic-blur+cyclic-translation",
    "cyclic-translation+cyclic-blur",
    "integer-translation+brightness",
    "brightness+rotation",
)


@final
@dataclass(frozen=True)
class TransformationUnderTest:
    """The spec and options of a transformation, and the shape of the images."""

    spec: str
    options: dict[str, object]
    shape: Shape

    def built(self) -> Transformation:
        """Return the transformation; GsmoothError if it refuses options or shape."""
        return load_transformation(self.spec, self.options).for_shape(self.shape)


def draw_subject(rng: Random, sizes: Mapping[str, float] = SIZES) -> TransformationUnderTest:
    """A registered transformation, or a composition, with a few of its options changed."""
    single = rng.random() < 0.8
    spec = rng.choice(sorted(transformations()) if single else PAIRS)
    size = rng.choices(list(sizes), list(sizes.values()))[0]
    if size == "huge" and len(find(spec).cls.parameters) > 1:
        size = "large"  # Covers of several parameters take minutes there.
    return TransformationUnderTest(
        spec, _options(rng, spec) if single else {}, rng.choice(SHAPES[size])
    )


def _options(rng: Random, spec: str) -> dict[str, object]:
    """Half of the time the defaults; else every option is changed with some chance."""
    cls = find(spec).cls
    if rng.random() < 0.5:
        return {}
    hints = get_type_hints(cls)
    return {
        name: _value(rng, hints[name], field.default)
        for name, field in fields_of(cls).items()
        if name != "image_px" and rng.random() < 0.4
    }


def _value(rng: Random, hint: object, default: object) -> object:
    if get_origin(hint) is Literal:
        return rng.choice(get_args(hint))
    if hint is bool:
        return rng.random() < 0.5
    if hint is int:
        return rng.choice([0, 1, 2, 3, 5, 8, 16, -1])
    usual = default if isinstance(default, float) else 3.0
    near = [usual, 0.5 * usual, 2.0 * usual, usual + rng.uniform(-0.5, 0.5)]
    return rng.choice([*near, 0.0, 0.5, 1.0, 6.0, -1.0])


def draw_region(rng: Random, operator: Transformation, shape: Shape, extras: bool = True) -> Region:
    """Ends on and off whole numbers, at 0.0 and -0.0; with ``extras`` also l2 and bits."""
    lower, upper = [], []
    costly = shape[1] * shape[2] * len(operator.parameters) > COSTLY
    parts = FEW_CELLS if costly else PARTS
    for parameter in operator.parameters:
        forward = parameter.name in operator.one_sided and rng.random() < 0.95
        low = (
            rng.choice([0.0, -0.0])
            if forward or rng.random() < 0.2
            else -_reach(rng, parameter, parts)
        )
        lower.append(low)
        upper.append(0.0 if rng.random() < 0.1 else _reach(rng, parameter, parts))
    alone = not operator.parameters
    l2 = rng.choice([0.05, 0.25, 1.0]) if alone or (extras and rng.random() < 0.15) else 0.0
    bits = rng.choice([8, 3, 1]) if extras and rng.random() < 0.15 else 0
    return Region(tuple(lower), tuple(upper), l2, bits)


def _reach(rng: Random, parameter: Parameter, parts: tuple[float, ...]) -> float:
    reach = parameter.usual * rng.choice(parts)
    near = [reach, reach * rng.uniform(0.5, 1.0)]
    return rng.choice(near if parts is FEW_CELLS else [*near, float(math.ceil(reach))])


def draw_law(rng: Random, operator: Transformation, *, identity_action: bool = False) -> Law:
    """Return a law that fits the parameters, one time in seven with an unsmoothed parameter."""
    sigma = rng.choice(SIGMAS)
    if identity_action or not operator.has_action or not operator.parameters:
        return law_from_name("gaussian", (), sigma)
    scales = [
        0.0 if parameter.name in operator.unsmoothed else parameter.usual * rng.choice(PARTS)
        for parameter in operator.parameters
    ]
    if len(scales) > 1 and rng.random() < 0.15:
        scales[rng.randrange(len(scales))] = 0.0
    moved = [name for name in operator.one_sided if name not in operator.unsmoothed]
    axes = [axis for axis, p in enumerate(operator.parameters) if p.name in moved]
    name = rng.choice(fitting_laws(operator) or ("gaussian",))
    return law_from_name(name, scales, sigma, operator.orthogonal, one_sided=axes)


def checked_message(error: GsmoothError) -> str:
    """Return the word for a refusal; AssertionError if its message is not fit for users."""
    message = str(error)
    told = type(error).__name__
    assert message.strip(), f"{told} without a message"
    for strange in ("Traceback", "object at 0x", "<class ", "<function ", "\x1b", "Tensor("):
        assert strange not in message, f"{told} says {strange!r}: {message}"
    assert len(message) < 2000, f"{told} says {len(message)} characters: {message[:200]}"
    return "refused"
