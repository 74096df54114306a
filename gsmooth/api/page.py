"""The page of results in memory."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gsmooth.api.results import Results
from gsmooth.api.saving import records_of
from gsmooth.report.page.document import document_of
from gsmooth.report.page.names import RunNames
from gsmooth.report.page.paths import Attacker
from gsmooth.report.page.write import write_document
from gsmooth.report.totals import Totals


def written_page(results: Results, path: Path, labels: NDArray[np.int64]) -> Path:
    """Write the page of computed results.

    Args:
        results: The results, all of them computed.
        path: The file, whose name without suffix is that of the run.
        labels: The true classes (N,).
    """
    found, g = records_of(results, labels), results.smoothed
    records = replace(found, path=Path(path.stem) / found.path.name)
    attacker = Attacker(
        g.transformation, results.images, g.classifier.input_range, RunNames.of(records)
    )
    return write_document(document_of([(Totals.of(records), attacker)]), path)
