"""Export of a network to ONNX, compared with the network before anyone relies on it."""

from __future__ import annotations

import tempfile
import warnings
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor

from gsmooth.boundaries.user_code import one_line
from gsmooth.errors import ModelError, OutputError
from gsmooth.models.classifier import Classifier
from gsmooth.models.onnx import load_onnx
from gsmooth.models.settings import MODELS

_SIZES = (1, 2, 5)
"""Rows of the batches that are compared; the network is exported with two."""


def export_network(classifier: Classifier, path: Path) -> Path:
    """Write the network of a classifier, with its normalization, as an ONNX file of any batch size.

    The file takes images (N, C, H, W) in the input range, float32, and gives scores (N, classes).

    Args:
        classifier: The network.
        path: The file.

    Returns:
        The path.

    Raises:
        ModelError: torch cannot export the network; it computes in another precision; or the file
            gives other scores than the network, and is not kept.
        OutputError: The file cannot be written.
    """
    if classifier.autocast is not None:
        raise ModelError(
            f"{classifier.name}: it computes in {classifier.autocast}, and an ONNX file would in"
            " float32, which is another network; leave autocast out, and certify that one"
        )
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder) / "network.onnx"
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            _export(classifier, draft)
            _require_same(classifier, draft)
        try:
            path.write_bytes(draft.read_bytes())
        except OSError as error:
            raise OutputError(f"{path} cannot be written ({error})") from error
    return path


def _export(classifier: Classifier, path: Path) -> None:
    """By torch.export where onnxscript is installed, else by tracing."""
    inputs, outputs = ["images"], ["scores"]
    batch = _images(classifier, 2)
    new = find_spec("onnxscript") is not None
    free = (
        {"dynamic_shapes": ({0: torch.export.Dim.DYNAMIC},), "external_data": False}
        if new
        else {"dynamic_axes": {name: {0: "batch"} for name in (*inputs, *outputs)}}
    )
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                classifier.module,
                (batch,),
                str(path),
                input_names=inputs,
                output_names=outputs,
                dynamo=new,
                verbose=False,
                **free,
            )
    except Exception as error:  # An operator without a counterpart, control flow, no package onnx.
        raise ModelError(
            f"{classifier.name}: torch cannot export it to ONNX ({one_line(error)})"
            + ('; try again after: pip install "gsmooth[onnx-export]"' if not new else "")
        ) from error


def _require_same(classifier: Classifier, path: Path) -> None:
    file = load_onnx(path, classifier.shape, classes=classifier.classes)
    if file.fixed_batch_size is not None:
        raise ModelError(f"{classifier.name}: its batch size became fixed when it was exported")
    for size in _SIZES:
        images = _images(classifier, size)
        with torch.no_grad():
            ours, theirs = classifier.scores(images), file(images)
        drift = MODELS.export_drift * max(1.0, float(ours.abs().max()))
        if ours.shape != theirs.shape or not torch.allclose(ours, theirs, rtol=0.0, atol=drift):
            raise ModelError(
                f"{classifier.name}: as ONNX it gives other scores for {size} images; does it do"
                " something at random, or depend on the batch? The file was not kept"
            )


def _images(classifier: Classifier, size: int) -> Tensor:
    low, high = classifier.input_range
    device = classifier.device
    drawn = torch.rand(size, *classifier.shape, dtype=torch.float32, device="cpu")
    return (low + (high - low) * drawn).to(device)
