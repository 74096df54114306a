"""gsmooth beside Cohen et al.'s algorithm and ART: certificates of one l2 ball, and memory."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import Final

import gsmooth
from benchmarks.suite.benchmark import Facts, Line, NothingToMeasureError
from benchmarks.suite.results import RESET, in_a_process, tell
from benchmarks.suite.rivals import ART_BATCH, COHEN_BATCH, Cohen, Toolbox
from benchmarks.suite.timing import Ratio, Timing, Work, best_size, in_turn, ratio_of
from benchmarks.suite.works import TIMED, Subject
from gsmooth.certification import CertifyTask, RadiusMode, RegionMode
from gsmooth.certification.api import certify_many
from gsmooth.data.item import Item

N0, ALPHA = 128, 0.001
OURS, OFF_GRID = "gsmooth", "gsmooth, no grid"
DEFAULT_COHEN, BEST_COHEN = "Cohen, default batch", "Cohen, best batch"
DEFAULT_ART, BEST_ART = "ART, default batch", "ART, best batch"
MIB: Final = 2**20
TOLERANCE: Final = 1.1
"""What counts as flat in n: pages of the allocator come and go."""


def rivals(options: argparse.Namespace, facts: Facts) -> Iterator[Ratio]:
    """The ratios of every subject, and those of one answer."""
    timing = Timing.asked(options)
    facts |= {"n0": N0, "timing": asdict(timing), "batch_sizes": {}, "habit": options.habit}
    for name in options.only:
        yield from compared(Subject.load(name), timing, facts["batch_sizes"])
    facts["answers"] = list(asked(options.answers, options.habit, timing))
    yield from costs(facts["answers"], options.habit)


def compared(subject: Subject, timing: Timing, sizes: dict[str, dict[str, int]]) -> Iterator[Ratio]:
    """Ours over everyone else's, votes a second of whole certificates at the same n."""
    subject = replace(subject, images=subject.images[:1])
    best = {
        OURS: subject.best_vote_size(timing),
        BEST_COHEN: best_size(lambda size: cohens(subject, size), subject.case.sizes, timing),
        BEST_ART: best_size(lambda size: arts(subject, size), subject.case.sizes, timing),
        DEFAULT_ART: ART_BATCH,
    }
    # A thousand large pictures at a time take more memory than most machines have.
    if subject.classifier.shape[-1] <= 100:
        best[DEFAULT_COHEN] = COHEN_BATCH
    sizes[subject.name] = best
    mode = RadiusMode(alpha=ALPHA, n0=N0, n=subject.case.votes)
    works: dict[str, Work] = {
        OURS: subject.certificates(best[OURS], mode),
        OFF_GRID: subject.off_grid().certificates(best[OURS], mode),
    }
    works |= {n: cohens(subject, s) for n, s in best.items() if n in (BEST_COHEN, DEFAULT_COHEN)}
    works |= {n: arts(subject, s) for n, s in best.items() if n in (BEST_ART, DEFAULT_ART)}
    rates = in_turn(works, timing)
    for name in works:
        if name != OURS:
            yield rates.ratio(subject.name, OURS, name, subject.case.targets.get(name))
    yield rates.ratio(subject.name, OFF_GRID, BEST_COHEN)


def certificates(method: type[Cohen | Toolbox], subject: Subject, size: int) -> Work:
    """Whole certificates of the first image by another's method."""
    smooth = method(subject.classifier, subject.sigma, N0, ALPHA, size)

    def certify() -> int:
        smooth.certify(subject.images[0], subject.case.votes)
        return N0 + subject.case.votes

    return certify


cohens, arts = (partial(certificates, method) for method in (Cohen, Toolbox))


def asked(images: int, habit: int, timing: Timing) -> Iterator[Line]:
    """Every image asked twice whether its class is certified within radius 0.25."""
    subject = Subject.load("digits-l2")
    digits = gsmooth.load_data("shipped:digits")
    short = subject.but(votes=2048)
    batch = best_size(lambda size: cohens(short, size), subject.case.sizes, timing)
    theirs = Cohen(subject.classifier, subject.sigma, N0, ALPHA, batch)
    ours, region = subject.smoothed(subject.best_vote_size(timing)), subject.region
    for index in range(images):
        image = digits.image(index * (len(digits) // max(1, images)))
        began = timing.now()
        _, reached = theirs.certify(image, habit)
        middle = timing.now()
        task = CertifyTask(ours, region, RegionMode(alpha=ALPHA))
        found = next(certify_many(task, [Item(index, image)]))
        yield {
            "image": index,
            "radius": region.l2,
            "habit_certified": reached >= region.l2,
            "habit_votes": N0 + habit,
            "habit_seconds": middle - began,
            "certified": isinstance(found.certificate, gsmooth.Certified),
            "votes": found.votes,
            "seconds": timing.now() - middle,
        }


def costs(answers: Sequence[Line], habit: int) -> Iterator[Ratio]:
    """The habit's votes and seconds over ours, image by image."""
    for unit, name in (("votes", "votes"), ("s", "seconds")) if answers else ():
        theirs = [answer[f"habit_{name}"] for answer in answers]
        ours = [answer[name] for answer in answers]
        first = f"n={habit:,} (Cohen, best batch)", theirs
        yield ratio_of("digits-l2, one answer", first, ("gsmooth, region mode", ours), unit)


def memory(options: argparse.Namespace, facts: Facts) -> Iterator[Ratio]:
    """The ratios of every subject; or nothing but one piece of work, whose peak is told."""
    if not RESET.exists():
        raise NothingToMeasureError("peak memory is read from /proc, which only Linux has")
    if options.work is not None:
        subject, asked = Subject.load(options.subject), WORKS[options.work]
        # Imports on first use, tables of the sampler and the library's own buffers are no batch's.
        small = min(options.batch, 4)
        subject.forwards(small)()
        asked(subject.but(votes=small), small)()
        tell(lambda: asked(subject.but(votes=options.n), options.batch)())
    facts["threads"] = options.threads
    for name in options.only:
        yield from peaks(name, options)


def peaks(name: str, options: argparse.Namespace) -> Iterator[Ratio]:
    """The ratios of one subject."""
    case, most = TIMED[name].memory, options.most
    assert case is not None

    def used(work: str, batch: int, n: int) -> list[float]:
        # At least a page: some are divided by it.
        rounds = range(options.rounds)
        return [max(1 / 256, peak(name, work, batch, n, options.threads) / MIB) for _ in rounds]

    few, many, batch = min(case.few, most), min(case.many, most), f"batch {case.batch}"
    forward = f"one forward pass, {batch}", used("forward", case.batch, 0)
    small, large = used("count", case.batch, few), used("count", case.batch, many)
    at_most = partial(ratio_of, unit="MiB", wanted="at most")
    yield at_most(name, (f"{many:,} votes, {batch}", large), forward, target=2.0)
    yield at_most(name, (f"{many:,} votes", large), (f"{few:,} votes", small), target=TOLERANCE)
    n = min(case.others, most)
    for work, label, size in OTHERS if n else ():
        theirs = f"{label}, batch {size}", used(work, size, n)
        yield at_most(f"{name}, n={n:,}", theirs, (f"{OURS}, {batch}", large))


def peak(subject: str, work: str, batch: int, n: int, threads: int | None) -> int:
    """Bytes that ``work`` (a key of WORKS) needs at most, from a fresh process."""
    spent = in_a_process("memory", subject=subject, work=work, batch=batch, n=n, threads=threads)
    return spent.peak_bytes - spent.bytes_before


WORKS: Final[Mapping[str, Callable[[Subject, int], Work]]] = {
    "forward": Subject.forwards,
    "count": Subject.votes_at_once,
    "cohen": cohens,
    "art": arts,
}
OTHERS: Final = (("cohen", "Cohen", COHEN_BATCH), ("art", "ART", ART_BATCH))
