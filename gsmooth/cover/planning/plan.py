"""CoverPlan: what the votes at a few points turn into a cover."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from gsmooth.cover.build import Cover
from gsmooth.cover.pilots import PilotEstimates

Floats = NDArray[np.float64]


class CoverPlan(Protocol):
    """The plan of a cover: votes at a few pilot points decide which centres it has."""

    @property
    def clean(self) -> Tensor:
        """L x (K,): the point whose votes select the class."""

    @property
    def pilots(self) -> Tensor:
        """Points (k, K) whose votes are counted before the cover is planned."""

    @property
    def pilot_theta(self) -> Floats:
        """Their parameters, (k, m)."""

    def without_pilots(self, selection: PilotEstimates) -> Cover | None:
        """The cover of a single ball, if pilot votes could hardly change it.

        Args:
            selection: The votes of the selected class at the clean image.

        Returns:
            The cover, or None where pilots have a choice to make.
        """

    def plan(self, estimates: PilotEstimates) -> Cover:
        """The cover of least expected cost.

        Args:
            estimates: The votes of the selected class at every pilot point and at the clean image.
        """

    def replan(self, estimates: PilotEstimates, budget: float) -> Cover | None:
        """The cover of least expected cost after the first one failed.

        Args:
            estimates: The votes at pilots and at the centres of the first cover.
            budget: Votes that are left.

        Returns:
            The cover, or None if every cover is expected to cost more than the budget.
        """
