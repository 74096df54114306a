"""explain: why a result is what it is, in the sentences of ``gsmooth explain``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gsmooth.api.saving import certify_section
from gsmooth.api.voting import as_voting
from gsmooth.errors import ConfigurationError
from gsmooth.report.explain.case import Case
from gsmooth.report.explain.explanation import Explanation, explained
from gsmooth.runs.records.row import Row

if TYPE_CHECKING:
    from gsmooth.api.results import Result, Results


def explanation_of(result: Result, results: Results | None) -> Explanation:
    """The explanation of one result; ConfigurationError where its batch is not known."""
    if results is None:
        raise ConfigurationError(
            "explain: this result is a copy, or was built by hand; those of gsmooth.certify know"
            " what was asked for: results[7].explain()"
        )
    return explained(_case(result, results))


def _case(result: Result, results: Results) -> Case:
    """The result as a record would have it, without digests."""
    truth = None if results.labels is None else int(results.labels[result.index])
    task = results.task
    section = certify_section(task)
    row = Row.from_outcome(
        result.outcome,
        smoothed=as_voting(results.smoothed, results.images),
        region=results.region,
        fingerprint="",
        versions={},
        mode=section.mode,
        label=-1 if truth is None else truth,
        image_digest="",
    )
    config = {"certify": section.model_dump(mode="json")}
    return Case(row, config, results.smoothed.transformation.parameters, None, truth)
