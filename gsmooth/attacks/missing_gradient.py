"""The gradient of the smoothed loss at one point, or why there is none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from gsmooth.boundaries.user_code import one_line
from gsmooth.errors import ModelError
from gsmooth.models.call import out_of_memory

Forward = Callable[[Tensor], tuple[Tensor, Tensor]]
"""From parameters, or an additive part, to scores (N, classes) and the noisy copies (N, K)."""


@final
@dataclass(frozen=True)
class Slope:
    """The result of one pass.

    Args:
        scores: Scores of the noisy copies of one image (N, classes), without gradients.
        copies: The noisy copies (N, K), without gradients.
        value: The gradient of the cross-entropy; None if it is zero, not finite or missing.
        missing: Why there is no gradient; None if there is one.
    """

    scores: Tensor
    copies: Tensor
    value: Tensor | None
    missing: str | None


def slope(forward: Forward, at: Tensor, label: int) -> Slope:
    """The gradient at ``at`` of the cross-entropy of ``forward`` against ``label``.

    Many models have none: programs, NumPy code, integer arithmetic, a backward pass that is not
    implemented or does not fit into memory. If the pass with gradients raises, it is repeated
    without. An error that occurs there too is the model's (or the plugin's) own; so is one that
    does not occur again in a second pass with gradients.
    """
    failure: Exception | None = None
    try:
        return _with_gradient(forward, at, label)
    except Exception as error:
        if _leaves(error):
            raise
        missing = one_line(_cause(error))
        if not out_of_memory(error):
            failure = error
    # Outside of the handler, so that a pass that was too large, and what it held, are gone.
    found = without_gradient(forward, at, missing)
    if failure is not None and _gives_a_gradient(forward, at, label):
        raise failure
    return found


def _gives_a_gradient(forward: Forward, at: Tensor, label: int) -> bool:
    try:
        _with_gradient(forward, at, label)
    except Exception:
        return False
    return True


@torch.no_grad()
def without_gradient(forward: Forward, at: Tensor, missing: str) -> Slope:
    """The same pass without gradients; missing: why there are none."""
    return Slope(*forward(at), None, missing)


def _with_gradient(forward: Forward, at: Tensor, label: int) -> Slope:
    leaf = at.clone().requires_grad_(True)
    scores, copies = forward(leaf)
    value, missing = _gradient(scores, copies, leaf, label)
    return Slope(scores.detach(), copies.detach(), value, missing)


def _gradient(
    scores: Tensor, copies: Tensor, leaf: Tensor, label: int
) -> tuple[Tensor | None, str | None]:
    if not copies.requires_grad:
        return None, "the transformation passes no gradient on"
    target = torch.full((len(scores),), label, device=scores.device, dtype=torch.int64)
    loss = torch.nn.functional.cross_entropy(scores, target) if scores.requires_grad else scores
    # Scores can need gradients for the model's parameters and still not depend on the leaf.
    found: tuple[Tensor | None, ...] = (None,)
    if loss.requires_grad:
        found = torch.autograd.grad(loss, leaf, allow_unused=True)
    value = found[0]
    if value is None:
        return None, "the model passes no gradient on"
    useful = bool(value.any()) and bool(value.isfinite().all())
    return value if useful else None, None


def _leaves(error: Exception) -> bool:
    """True if the model did not fail but tried to end the process."""
    return not isinstance(_cause(error), Exception)


def _cause(error: Exception) -> BaseException:
    """The exception that the model raised, if ``error`` wraps it; else ``error``."""
    if isinstance(error, ModelError) and error.__cause__ is not None:
        return error.__cause__
    return error
