"""export_onnx: the network of a smoothed classifier as a file for other programs."""

from __future__ import annotations

from pathlib import Path

from gsmooth.models.classifier import Classifier
from gsmooth.models.onnx_export import export_network
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier


def export_onnx(g: SmoothedClassifier | Classifier, path: str | Path) -> Path:
    """Write the network of g, with its normalization, as an ONNX file (extra ``onnx``).

    The file takes images (N, C, H, W) in the input range, for every N, and gives scores (N,
    classes). It is compared with the network before it is kept. It holds the network f and no
    noise: whoever deploys it has to smooth it, for example by
    ``gs.SmoothedClassifier(gs.load_model("net.onnx", shape=...), ...)``. A certificate is about the
    network that voted: certify the file itself if that is what will run.

    Args:
        g: The smoothed classifier, or a network alone.
        path: The file.

    Returns:
        The path.

    Raises:
        ModelError: torch cannot export the network, or the file gives other scores.
        OutputError: The file cannot be written.

    Example:
        >>> import tempfile
        >>> import gsmooth as gs
        >>> g = gs.SmoothedClassifier(gs.load_model("shipped:digits-l2"), "gaussian", sigma=0.25)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = export_onnx(g, f"{folder}/net.onnx")
        ...     gs.load_model(str(path), shape=(1, 28, 28)).classes
        10
    """
    network = g.classifier if isinstance(g, SmoothedClassifier) else g
    return export_network(network, Path(path))
