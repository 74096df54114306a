"""TransformationSection and RegionSection: what a run certifies against."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from gsmooth.errors import ConfigurationError
from gsmooth.runs.config.section import NO_OPTIONS, Section
from gsmooth.transforms.region import Region


def _one_spelling(name: str) -> str:
    """``a+b`` for ``a + b``: the name is part of a run's identity, and so are its card's."""
    return "+".join(part.strip() for part in name.split("+"))


class TransformationSection(Section):
    """The attack that is certified against."""

    name: Annotated[str, AfterValidator(_one_spelling)] | None = None
    """A name that `gsmooth plugins` lists, several joined with `+`, or `my_module:MyClass`."""
    options: dict[str, object] = NO_OPTIONS
    """The transformation's own options: its dataclass fields."""


End = Annotated[float, AfterValidator(lambda value: value + 0.0)]
"""An end of an interval; -0.0 becomes 0.0, as in ``Region``."""


class RegionSection(Section):
    """What is certified: lower <= theta <= upper, one number a parameter, and an l2 ball."""

    lower: tuple[End, ...] | None = None
    """Lower end of each parameter's interval, in its unit. The interval contains 0."""
    upper: tuple[End, ...] | None = None
    """Upper end of each parameter's interval, in its unit."""
    l2: Annotated[End, Field(ge=0.0)] | None = None
    """Radius of an additive l2 ball on top, in units of the input range. Left out: 0."""
    bits: Annotated[int, Field(ge=0, le=16)] = 0
    """The attacked image is rounded to 2^bits levels of the input range (8: an image file). 0: it
    stays a float image."""

    @model_validator(mode="after")
    def _ends_match(self) -> Self:
        if (self.lower is None) != (self.upper is None):
            raise ValueError("give both lower and upper, one number a parameter")
        try:
            Region(self.lower or (), self.upper or (), self.l2 or 0.0, self.bits)
        except ConfigurationError as error:
            raise ValueError(str(error).removeprefix("region: ")) from error
        return self
