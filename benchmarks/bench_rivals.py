"""Certificates of one l2 ball by gsmooth, by Cohen et al.'s algorithm and by ART, in one run."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace

import gsmooth
from benchmarks.suite.benchmark import Facts, Line
from benchmarks.suite.rivals import ART_BATCH, COHEN_BATCH, Cohen, Toolbox
from benchmarks.suite.timing import Ratio, Timing, Work, best_size, in_turn, ratio_of
from benchmarks.suite.works import Subject
from gsmooth.certification.api import RadiusMode, RegionMode, certify

N0, ALPHA = 128, 0.001
OURS, OFF_GRID = "gsmooth", "gsmooth, no grid"
DEFAULT_COHEN, BEST_COHEN = "Cohen, default batch", "Cohen, best batch"
DEFAULT_ART, BEST_ART = "ART, default batch", "ART, best batch"


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


def cohens(subject: Subject, size: int) -> Work:
    """Whole certificates by the published algorithm."""
    classifier, image = subject.classifier, subject.images[0].float()
    smooth, n = (
        Cohen(classifier.module, classifier.classes, subject.sigma, size),
        subject.case.votes,
    )

    def certify() -> int:
        smooth.certify(image, N0, n, ALPHA)
        return N0 + n

    return certify


def arts(subject: Subject, size: int) -> Work:
    """Whole certificates by ART."""
    smooth, n = Toolbox(subject.classifier, subject.sigma, N0, ALPHA, size), subject.case.votes

    def certify() -> int:
        smooth.certify(subject.images[0], n)
        return N0 + n

    return certify


def asked(images: int, habit: int, timing: Timing) -> Iterator[Line]:
    """Every image asked twice whether its class is certified within radius 0.25."""
    subject = Subject.load("digits-l2")
    digits = gsmooth.load_data("shipped:digits")
    sizes, short = subject.case.sizes, subject.case.model_copy(update={"votes": 2048})
    batch = best_size(lambda size: cohens(replace(subject, case=short), size), sizes, timing)
    theirs = Cohen(subject.classifier.module, 10, subject.sigma, batch)
    ours, region = subject.smoothed(subject.best_vote_size(timing)), subject.region
    for index in range(images):
        image = digits.image(index * (len(digits) // max(1, images)))
        began = timing.now()
        _, reached = theirs.certify(image.float(), N0, habit, ALPHA)
        middle = timing.now()
        found = certify(ours, image, region, RegionMode(alpha=ALPHA), index=index)
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
