"""Certificates of one l2 ball by gsmooth, by Cohen et al.'s algorithm and by ART, in one run.

    ./scripts/bench rivals [--only digits-l2 ...] [--seconds 2] [--rounds 5] [--threads 1]

The same network, image, n0 and n for all, every one at its default batch size and at its best; a
turn is a whole certificate in radius mode. gsmooth is timed with its grid and without. Then what
one answer costs: "is the class certified at this radius?" by n = 100,000 votes, as is the habit,
and by region mode, image by image. Writes rivals.json.

Neither of the others rounds to a grid: their noise is float32, which nothing is proved of on a
computer. That is cheaper, and the price of the grid is shown.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from statistics import median
from typing import Final

import gsmooth
from benchmarks.machine import add_common, timing_of, write
from benchmarks.rivals import cohen, toolbox
from benchmarks.rivals.cohen import Cohen
from benchmarks.rivals.toolbox import Toolbox
from benchmarks.subjects import SUBJECTS, Subject
from benchmarks.turns import Ratio, Timing, Work, best_size, in_turn, shown
from gsmooth.certification.api import RadiusMode, RegionMode, certify

N0, ALPHA = 128, 0.001
OURS, OFF_GRID = "gsmooth", "gsmooth, no grid"
DEFAULT_COHEN, BEST_COHEN = "Cohen, default batch", "Cohen, best batch"
DEFAULT_ART, BEST_ART = "ART, default batch", "ART, best batch"
WANTED: Final = {DEFAULT_COHEN: 1.3, DEFAULT_ART: 3.0}
TARGETS: Final = {"tiny-cnn-32": WANTED, "digits-l2": WANTED}
COMPARED: Final = ("tiny-cnn-32", "digits-l2", "resnet20-32", "efficientnet-lite0-224")
HABIT: Final = 100_000


@dataclass(frozen=True)
class Answer:
    """What it cost to say whether one image is certified at ``radius``."""

    image: int
    radius: float
    habit_certified: bool
    habit_votes: int
    habit_seconds: float
    certified: bool
    votes: int
    seconds: float


def main() -> None:
    """Measure, print and write rivals.json."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--only", nargs="+", choices=COMPARED, default=list(COMPARED))
    parser.add_argument("--answers", type=int, default=5, help="images asked n=100,000 votes of")
    parser.add_argument("--habit", type=int, default=HABIT, help="votes of the habit")
    add_common(parser)
    options = parser.parse_args()
    timing = timing_of(options)
    sizes: dict[str, dict[str, int]] = {}
    ratios = []
    for name in options.only:
        for ratio in compared(SUBJECTS[name](), timing, sizes):
            ratios.append(asdict(ratio))
            print(shown(ratio), flush=True)
    answers = list(asked(options.answers, options.habit, timing))
    for ratio in costs(answers, options.habit):
        ratios.append(asdict(ratio))
        print(shown(ratio))
    document = {
        "benchmark": "rivals",
        "n0": N0,
        "timing": asdict(timing),
        "batch_sizes": sizes,
        "ratios": ratios,
        "habit": options.habit,
        "answers": [asdict(answer) for answer in answers],
    }
    peers = ("adversarial-robustness-toolbox", "efficientnet-lite-pytorch")
    write(document, options.out, *peers)


def compared(subject: Subject, timing: Timing, sizes: dict[str, dict[str, int]]) -> Iterator[Ratio]:
    """Ours over everyone else's, votes a second of whole certificates at the same n."""
    subject = replace(subject, images=subject.images[:1])
    large = subject.classifier.shape[-1] > 100
    best = {
        OURS: subject.best_vote_size(timing),
        BEST_COHEN: best_size(lambda size: cohens(subject, size), subject.sizes, timing),
        BEST_ART: best_size(lambda size: arts(subject, size), subject.sizes, timing),
        DEFAULT_ART: toolbox.DEFAULT_BATCH,
    }
    if not large:  # A thousand pictures at a time take more memory than most machines have.
        best[DEFAULT_COHEN] = cohen.DEFAULT_BATCH
    sizes[subject.name] = best
    mode = RadiusMode(alpha=ALPHA, n0=N0, n=subject.n)
    works: dict[str, Work] = {
        OURS: subject.certificates(best[OURS], mode),
        OFF_GRID: replace(subject, grid=0.0).certificates(best[OURS], mode),
    }
    works |= {n: cohens(subject, s) for n, s in best.items() if n in (BEST_COHEN, DEFAULT_COHEN)}
    works |= {n: arts(subject, s) for n, s in best.items() if n in (BEST_ART, DEFAULT_ART)}
    rates = in_turn(works, timing)
    targets = TARGETS.get(subject.name, {})
    for name in works:
        if name != OURS:
            yield rates.ratio(subject.name, OURS, name, targets.get(name))
    yield rates.ratio(subject.name, OFF_GRID, BEST_COHEN)


def cohens(subject: Subject, size: int) -> Work:
    """Whole certificates by the published algorithm."""
    classifier, image = subject.classifier, subject.images[0].float()
    smooth = Cohen(classifier.module, classifier.classes, subject.law.sigma, size)

    def certify() -> int:
        smooth.certify(image, N0, subject.n, ALPHA)
        return N0 + subject.n

    return certify


def arts(subject: Subject, size: int) -> Work:
    """Whole certificates by ART."""
    smooth = Toolbox(subject.classifier, subject.law.sigma, N0, ALPHA, size)

    def certify() -> int:
        smooth.certify(subject.images[0], subject.n)
        return N0 + subject.n

    return certify


def asked(images: int, habit: int, timing: Timing) -> Iterator[Answer]:
    """Every image asked twice whether its class is certified within radius 0.25."""
    subject = SUBJECTS["digits-l2"]()
    digits = gsmooth.load_data("shipped:digits")
    batch = best_size(lambda size: cohens(replace(subject, n=2048), size), subject.sizes, timing)
    theirs = Cohen(subject.classifier.module, 10, subject.law.sigma, batch)
    ours = subject.smoothed(subject.best_vote_size(timing))
    radius = subject.region.l2
    for index in range(images):
        image = digits.image(index * (len(digits) // max(1, images)))
        began = timing.now()
        _, reached = theirs.certify(image.float(), N0, habit, ALPHA)
        middle = timing.now()
        found = certify(ours, image, subject.region, RegionMode(alpha=ALPHA), index=index)
        yield Answer(
            image=index,
            radius=radius,
            habit_certified=reached >= radius,
            habit_votes=N0 + habit,
            habit_seconds=middle - began,
            certified=isinstance(found.certificate, gsmooth.Certified),
            votes=found.votes,
            seconds=timing.now() - middle,
        )


def costs(answers: list[Answer], habit: int) -> Iterator[Ratio]:
    """The habit's votes and seconds over ours, image by image."""
    for unit, theirs, ours in (
        ("votes", [a.habit_votes for a in answers], [a.votes for a in answers]),
        ("s", [a.habit_seconds for a in answers], [a.seconds for a in answers]),
    ):
        ratios = [float(one / other) for one, other in zip(theirs, ours, strict=True)]
        if ratios:
            yield Ratio(
                case="digits-l2, one answer",
                first=f"n={habit:,} (Cohen, best batch)",
                second="gsmooth, region mode",
                unit=unit,
                first_rate=float(median(theirs)),
                second_rate=float(median(ours)),
                least=min(ratios),
                median=median(ratios),
                largest=max(ratios),
                rounds=len(ratios),
            )


if __name__ == "__main__":
    main()
