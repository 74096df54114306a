"""verify: derive every certificate of a folder of records again, without a vote."""

from __future__ import annotations

from pathlib import Path

from gsmooth.runs.verify.verify import VerifyReport, verify_records
from gsmooth.sampling.noise import SecretSeed


def verify(folder: str | Path, seed: SecretSeed | None = None) -> VerifyReport:
    """Derive every certificate in a folder of records again from its votes.

    Args:
        folder: A folder that :meth:`Results.save` or ``gsmooth certify`` wrote.
        seed: That of a run with a secret one, to check that it is the one the run committed to.

    Returns:
        The report: ``sound`` (nothing contradicts the records), ``complete`` (every image that was
        planned is there), ``faults``, and ``on_trust``, what was not checked.

    Raises:
        RecordError: The records cannot be read.

    Example:
        >>> import gsmooth as gs
        >>> import tempfile
        >>> import torch
        >>> net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 2))
        >>> _ = torch.nn.init.constant_(net[1].weight[0], 5.0)
        >>> g = gs.SmoothedClassifier(
        ...     net, "gaussian", sigma=0.25, num_classes=2, input_shape=(1, 2, 2), seed=0
        ... )
        >>> results = gs.certify(g, torch.ones(1, 2, 2), gs.Region(l2=0.1), labels=0)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     verify(results.save(f"{folder}/run")).sound
        True
    """
    return verify_records(folder, seed)
