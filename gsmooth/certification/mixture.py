"""Mixture: the tests of every centre of an image, chosen by its selection votes (S9)."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from gsmooth.certification.rules import RadiusMode
from gsmooth.certification.task import CertifyTask
from gsmooth.errors import ConfigurationError
from gsmooth.theory.centre_test import ONE_SIDED, CentreMixture, mixture_of
from gsmooth.theory.settings import THEORY


def chosen_mixture(task: CertifyTask, selection: Sequence[int]) -> CentreMixture:
    """The mixture for an image.

    Args:
        task: What is certified, and how.
        selection: Selection votes by class, and ties last.
    """
    if task.rule.rule != "runner-up":
        return ONE_SIDED
    gap, radius = task.smoothed.law.bounds_every_class, isinstance(task.rule, RadiusMode)
    return mixture_of(selection, gap=gap, radius=radius)


def unanimous_mixture(task: CertifyTask) -> CentreMixture:
    """The mixture after unanimous selection votes, by which fewest unanimous votes suffice.

    Args:
        task: What is certified, and how.
    """
    others = [0] * task.smoothed.classifier.classes
    return chosen_mixture(task, [1, *others])


def check_variation(task: CertifyTask) -> None:
    """ConfigurationError if float noise has more total variation than the tests pay for (F1).

    Args:
        task: What is certified, and how.
    """
    smoothed, paid = task.smoothed, THEORY.runner_up.variation
    if not unanimous_mixture(task).runner_up:
        return
    blank = torch.zeros(1, *smoothed.image_shape, dtype=torch.float64, device="cpu")
    if smoothed.total_variation(smoothed.transformation.lift(blank)[0]) > paid:
        raise ConfigurationError(
            f"smoothing: float noise on the grid {smoothed.grid:g} may change a probability by more"
            f" than {paid:.2g}, which the rule 'runner-up' pays for; choose rule 'e-process', or a"
            " grid nearer to a hundredth of sigma"
        )
