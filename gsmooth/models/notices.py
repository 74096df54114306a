"""Notices: what a user should hear once about the model of a run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from torch.jit import ScriptModule

from gsmooth.models.classifier import Classifier
from gsmooth.models.digest import holds_nothing
from gsmooth.models.onnx import Onnx
from gsmooth.models.programs import PROGRAM_SUFFIXES, Exported


def model_notices(classifier: Classifier, weights: Path | None = None) -> Iterator[str]:
    """One sentence each: a factory without weights; a program; an ONNX file of a fixed batch size.

    Also a module without parameters and buffers, as around an engine of another maker, which
    records cannot tell from another.

    weights: the file that was loaded into the model, if any.
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
    """Whether ``spec`` is module:factory, and no file with a colon in its name."""
    own = spec.startswith(("shipped:", "timm:"))
    return ":" in spec and not own and Path(spec).suffix.lower() not in PROGRAM_SUFFIXES
