"""The head of a network: its last linear layer, which fine-tuning replaces."""

from __future__ import annotations

from torch import nn

from gsmooth.errors import ModelError


def last_linear(module: nn.Module) -> tuple[str, nn.Linear]:
    """Return name and module of the last linear layer, in the order of definition.

    Args:
        module: The network.

    Raises:
        ModelError: It has no linear layer.
    """
    found = [(name, part) for name, part in module.named_modules() if isinstance(part, nn.Linear)]
    if not found:
        raise ModelError(
            f"{type(module).__name__} has no linear layer, so its head is not known; replace the"
            " head in the factory, and leave new_head and body_rate out"
        )
    return found[-1]


def replace_head(module: nn.Module, classes: int) -> None:
    """Replace the last linear layer by a new one, with random weights from torch's generator.

    Args:
        module: The network, changed in place.
        classes: Number of outputs of the new layer.

    Raises:
        ModelError: It has no linear layer, or is one itself.

    Example:
        >>> net = nn.Sequential(nn.Flatten(), nn.Linear(16, 1000))
        >>> replace_head(net, 3)
        >>> net[1].out_features
        3
    """
    name, old = last_linear(module)
    if not name:
        raise ModelError("the network is a linear layer itself; build one with so many outputs")
    weight = old.weight
    fresh = nn.Linear(
        old.in_features, classes, old.bias is not None, device=weight.device, dtype=weight.dtype
    )
    parent, _, last = name.rpartition(".")
    setattr(module.get_submodule(parent), last, fresh)
