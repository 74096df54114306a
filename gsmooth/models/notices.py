"""Notices to the user about the model of a run, each printed once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from torch.jit import ScriptModule

from gsmooth.models.classifier import Classifier
from gsmooth.models.digest import holds_nothing
from gsmooth.models.hubs import is_of_hub
from gsmooth.models.onnx import Onnx
from gsmooth.models.programs import PROGRAM_SUFFIXES, Exported


def model_notices(classifier: Classifier, weights: Path | None = None) -> Iterator[str]:
    """Yield a sentence for each property of the model that a user should know.

    These are: a factory without weights; a program file; an ONNX file with a fixed batch size; a
    module without parameters and buffers, whose digest is that of any other such module.

    Args:
        classifier: The model.
        weights: File of the model's weights; None if none was loaded.
    """
    module = classifier.module
    empty = holds_nothing(classifier)
    if weights is None and _is_factory(classifier.name) and not empty:
        yield (
            f"warning: {classifier.name} is used with the weights that it makes itself, which are"
            " random unless it loads its own; for trained ones --set model.weights=FILE"
        )
    if empty:
        yield (
            f"{classifier.name} holds no parameters or buffers, so that records cannot tell it from"
            " another network of that name; its get_extra_state() may return what it computes with"
        )
    if isinstance(module, Exported | ScriptModule):
        yield (
            f"{classifier.name} is a program, which runs on this machine: use such files only from"
            " those whom you trust"
        )
    if isinstance(module, Onnx) and module.fixed_batch_size is not None:
        one = module.fixed_batch_size == 1
        how = "image by image" if one else f"{module.fixed_batch_size} images at a time"
        yield (
            f"{classifier.name} fixes its batch size and is run {how}, which is slow; export it"
            " with a dynamic batch axis"
        )


def _is_factory(spec: str) -> bool:
    """Return True if ``spec`` is module:factory, not a file with a colon in its name."""
    own = spec.startswith("shipped:") or is_of_hub(spec)
    return ":" in spec and not own and Path(spec).suffix.lower() not in PROGRAM_SUFFIXES
