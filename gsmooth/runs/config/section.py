"""Section: what the tables of a run file share."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from gsmooth.certificate import MOST_VOTES

Probability = Annotated[float, Field(gt=0.0, lt=1.0)]
Positive = Annotated[float, Field(gt=0.0)]
Count = Annotated[int, Field(ge=1)]
Level = Annotated[float, Field(gt=0.0, le=0.5)]
Votes = Annotated[int, Field(ge=1, le=MOST_VOTES)]
NO_OPTIONS: Final[dict[str, object]] = {}
"""The default of options; pydantic copies it."""


class Section(BaseModel):
    """A table of a run file: unknown keys, NaN and infinities are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
