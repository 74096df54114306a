"""Certificates and answers for tests that have the parts of a task, or a single image."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from torch import Tensor

from gsmooth.certificate import Certificate, Prediction
from gsmooth.certification import CertifyTask, Mode, Outcome, RegionMode, Voting
from gsmooth.certification import api as engine
from gsmooth.certification import decide as decide_task
from gsmooth.certification.feasibility import check_feasible as check_task
from gsmooth.certification.flights import InFlight, Watch
from gsmooth.cover import Centres, Cover, CoverBuilder, CoverPlan, IndividualCovers, OnlineCovers
from gsmooth.data.item import Item
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.transforms.region import Region


def certify_many(
    smoothed: SmoothedClassifier,
    items: Iterable[Item],
    region: Region,
    mode: Mode,
    covers: CoverBuilder | None = None,
    *,
    in_flight: InFlight = "auto",
    watch: Watch | None = None,
) -> Iterator[Outcome]:
    task = CertifyTask(smoothed, region, mode, covers or IndividualCovers())
    return engine.certify_many(task, items, in_flight=in_flight, watch=watch)


def check_feasible(
    smoothed: SmoothedClassifier, region: Region, mode: Mode, covers: CoverBuilder | None = None
) -> None:
    check_task(CertifyTask(smoothed, region, mode, covers or IndividualCovers()))


def certify(
    smoothed: SmoothedClassifier,
    image: Tensor,
    region: Region,
    mode: Mode | None = None,
    *,
    centres: Centres = None,
    index: int | None = None,
    online: bool = False,
    seconds: float | None = None,
) -> Outcome:
    """The outcome of one image."""
    covers = OnlineCovers(centres, seconds) if online else IndividualCovers(centres)
    items, rule = [Item.of(image, index)], mode or RegionMode()
    return next(certify_many(smoothed, items, region, rule, covers))


def predict(
    smoothed: SmoothedClassifier,
    image: Tensor,
    *,
    n: int = 1000,
    alpha: float = 0.001,
    index: int | None = None,
) -> Prediction:
    """PREDICT at one image."""
    return next(engine.predict_many(smoothed, [Item.of(image, index)], n=n, alpha=alpha))[1]


def decide(
    smoothed: SmoothedClassifier, index: int, cover: Cover | CoverPlan, mode: Mode
) -> Voting[Outcome]:
    """The decision on one cover, or on the plan of one."""
    region = cover.region if isinstance(cover, Cover) else Region()
    return decide_task(CertifyTask(smoothed, region, mode), index, cover)


def found_as(index: int, certificate: Certificate) -> dict[int, Outcome]:
    """The outcome with this certificate, by its index."""
    return {index: Outcome(index, certificate, Prediction(certificate.label, (), 0.001), 0)}
