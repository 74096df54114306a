"""CERTIFY and PREDICT of many images (Cohen et al. 2019, generalized to covers)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from gsmooth.certificate import Prediction
from gsmooth.certification import (
    CertifyTask,
    Outcome,
    Voting,
    check_level,
    check_votes,
    chunks,
    decide,
    prediction,
)
from gsmooth.certification.feasibility import check_feasible
from gsmooth.certification.flights import InFlight, Watch, decided
from gsmooth.data.item import Item
from gsmooth.sampling.noise import SampleKey, Stream
from gsmooth.sampling.smoothed_classifier import SampleRequest, SmoothedClassifier


def certify_many(
    task: CertifyTask,
    items: Iterable[Item],
    *,
    in_flight: InFlight = "auto",
    watch: Watch | None = None,
) -> Iterator[Outcome]:
    """Check that the task is feasible, then :func:`certify_feasible`.

    Raises:
        UnreachableError: Before the first image, if no votes could reach the region.
        ConfigurationError: The region or the transformation does not fit the covers.
    """
    check_feasible(task)
    return certify_feasible(task, items, in_flight=in_flight, watch=watch)


def certify_feasible(
    task: CertifyTask,
    items: Iterable[Item],
    *,
    in_flight: InFlight = "auto",
    watch: Watch | None = None,
) -> Iterator[Outcome]:
    """Certificates of many images; votes of several images share batches.

    Counts, and so certificates, depend neither on ``in_flight`` nor on the batch size.

    Args:
        task: What is certified, and how. The caller has called :func:`check_feasible` with it.
        items: The images; each is read when it is begun.
        in_flight: See :data:`InFlight`.
        watch: See :data:`Watch`; called after every round of votes.

    Yields:
        Outcomes, in order of completion.

    Raises:
        InputError: An image does not fit the classifier.
        ModelError: The network's scores are not finite.
    """
    smoothed = task.smoothed

    def begin(item: Item) -> Voting[Outcome]:
        smoothed.check_image(item.image, item.index)
        cover = task.covers.plan(smoothed, item, task.region, task.rule.price)
        return decide(task, item.index, cover)

    found = decided(smoothed, items, begin, in_flight=in_flight, watch=watch)
    for _, outcome, seconds in found:
        yield replace(outcome, seconds=seconds)


def predict_many(
    smoothed: SmoothedClassifier,
    items: Iterable[Item],
    *,
    n: int = 1000,
    alpha: float = 0.001,
    stream: Stream = Stream.PREDICTION,
) -> Iterator[tuple[int, Prediction]]:
    """(index, prediction) for every item, in order. n is rounded up to whole chunks."""
    check_level("alpha", alpha)
    check_votes(n=n)
    for item in items:
        smoothed.check_image(item.image, item.index)
        z = smoothed.transformation.lift(item.image[None].double())[0]
        counts = smoothed.count(
            [
                SampleRequest(SampleKey(smoothed.seed, item.index, stream, 0, chunk), z)
                for chunk in range(chunks(n))
            ]
        )
        yield item.index, prediction(counts.sum(axis=0), alpha)
