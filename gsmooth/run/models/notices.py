"""Notices: what a user should hear once about the model of a run."""

from __future__ import annotations

from collections.abc import Iterator

from torch.jit import ScriptModule

from gsmooth.classifier import Classifier
from gsmooth.run.models.onnx import Onnx
from gsmooth.run.models.programs import Exported


def model_notices(classifier: Classifier) -> Iterator[str]:
    """One sentence each: a file that is a program; an ONNX file that fixes its batch size."""
    module = classifier.module
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
