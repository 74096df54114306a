"""SmoothingSection: the noise of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from gsmooth.runs.config.section import Positive, Section

LawName = Literal[
    "gaussian", "uniform", "exponential", "folded-normal", "laplace", "haar", "grid-uniform"
]


class SmoothingSection(Section):
    """The noise of the smoothed classifier. Without a seed, one is drawn."""

    law: LawName | tuple[LawName, ...] | None = None
    """Law of the noise on the parameters: one for all of them, a list with one for each, or a table
    by name. Left out: `gaussian`. `haar`: uniform over the whole period of a parameter, which then
    costs nothing; not for labels that it tells apart (6 and 9 under rotation). `grid-uniform`:
    whole steps up to the scale, for parameters in steps of 1."""
    sigma: Positive | None = None
    """Standard deviation of the noise on the image, in units of the input range."""
    scales: tuple[Annotated[float, Field(ge=0.0)], ...] | None = None
    """Scale (for a Gaussian: standard deviation) of the noise on each parameter, in its unit. 0:
    this parameter is attacked and not smoothed, unless its law is `haar`, which has no scale."""
    grid: Annotated[float, Field(ge=0.0)] | None = None
    """Noisy values are rounded to multiples of it. Left out: 2^-8. 0 switches the rounding off, and
    certificates are then heuristic."""
    seed: Annotated[int, Field(ge=0)] | None = None
    """A number that anyone may know. Votes follow from it, the image, the centre and the chunk."""
    seed_file: Path | None = None
    """File of a secret seed."""

    @model_validator(mode="after")
    def _one_seed(self) -> Self:
        if self.seed is not None and self.seed_file is not None:
            raise ValueError(
                "seed and seed_file: give the one or the other, a number that anyone may read or"
                " the file of a secret"
            )
        return self

    @model_validator(mode="after")
    def _some_noise(self) -> Self:
        if self.scales and not any(self.scales) and not any(self.haar(len(self.scales))):
            raise ValueError(
                "scales: no parameter has noise; for none at all give no scales (--std none)"
            )
        return self

    def laws(self, count: int) -> tuple[str, ...]:
        """The law of each of ``count`` parameters, as far as their names say; else one for all."""
        law = self.law or "gaussian"
        return (law,) * count if isinstance(law, str) else law

    def haar(self, count: int) -> tuple[bool, ...]:
        """Of each of ``count`` parameters, whether its law is ``haar``."""
        return tuple(law == "haar" for law in self.laws(count))
