"""The statement of a run in plain words: what is proved, for whom, and under which assumptions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, final

from gsmooth.report.attacked_images import section
from gsmooth.report.page.names import RunNames
from gsmooth.report.reach import describe, handed_in
from gsmooth.report.summary import Summary
from gsmooth.report.totals import Totals
from gsmooth.runs.records.folder import Records
from gsmooth.runs.records.recorded_noise import SIZE_WORDS, AxisNoise
from gsmooth.runs.verify.profiles import setting
from gsmooth.text.display import shortened
from gsmooth.text.rounding import percent, text_down, text_up
from gsmooth.transforms.region import Region

_RUNNER_UP: Final = 2
"""The first decision rule with the test of the runner-up (``gsmooth.certificate``)."""


@final
@dataclass(frozen=True)
class Assumption:
    """One thing that the statement rests on: a word for it, and a sentence or two."""

    name: str
    text: str


@final
@dataclass(frozen=True)
class Subject:
    """A run to speak of: its totals, names and summary."""

    totals: Totals
    names: RunNames
    summary: Summary

    @property
    def records(self) -> Records:
        """The records of the run."""
        return self.totals.run

    @property
    def region(self) -> Region:
        """The region of the run."""
        return self.records.rows[0].claim.region


def lead(subject: Subject) -> str:
    """Say in one sentence what is shown for how many images."""
    summary = subject.summary
    share = summary.certified
    count = f"{share.count:,} of {share.total:,} {'image' if share.total == 1 else 'images'}"
    return f"For {count} ({percent(share.value)}), {_shown(summary)} that {_claim(subject)}."


def explanation(subject: Subject) -> Iterator[str]:
    """Yield the sentences after the first: the error, other images, and who is spoken of."""
    summary = subject.summary
    alpha = text_up(summary.alpha)
    yield (
        f"g is the smoothed classifier: it gives the class that wins a vote of the network over"
        f" noisy copies of the image. Each certificate is wrong with a probability of at most"
        f" {alpha}. It is about one image of this data set and about no other image."
    )
    if summary.certified_at:
        parts = [f"{percent(s.value)} on {f:.0%} of it" for f, s in summary.certified_at if f < 1.0]
        yield f"On smaller parts of the region more images are certified: {', '.join(parts)}."
    if abstained := sum(summary.abstentions.values()):
        verb = "has" if abstained == 1 else "have"
        yield f"{_images(abstained)} {verb} no certificate: nothing is claimed about them."
    right = sum(subject.totals.reached.values())
    wrong = summary.images - abstained - right
    if wrong:
        verb = "is" if wrong == 1 else "are"
        yield (
            f"{_images(wrong)} {verb} certified for a class that is not the true one: there the"
            " answer is stable, and wrong."
        )
    if summary.planned is not None and summary.images < summary.planned:
        yield f"The run is not finished: {summary.planned:,} images were planned."


def assumptions(subject: Subject) -> Iterator[Assumption]:
    """Yield what the statement rests on."""
    records, summary = subject.records, subject.summary
    yield Assumption("The classifier", _classifier(subject))
    yield Assumption("The attack", _attack(subject))
    yield from _guarantee(summary)
    yield Assumption("Error", _error(summary))
    yield Assumption("Randomness", _randomness(records))
    if summary.prepared:
        yield Assumption("The images", f"Certificates are about the images {summary.prepared}.")
    yield Assumption("True classes", "The labels of the data are taken to be right.")
    yield Assumption(
        "The records",
        "This page shows what the records state, and checks nothing. gsmooth verify derives every"
        " certificate again from the votes.",
    )


def at_the_centres(subject: Subject) -> str:
    """Say what else lets a class pass at a centre; "" where the required share is all.

    S9: a lead over every other class, of twice the margin, is enough.
    """
    if subject.records.header.decision_rule < _RUNNER_UP:
        return ""
    return (
        "Under the rule of this run a class also passes at a centre by a lead over every other"
        " class: twice the margin that the required share stands for."
    )


def _shown(summary: Summary) -> str:
    if set(summary.guarantees) <= {"individual", "online"}:
        return "it is proved"
    if "heuristic" in summary.guarantees:
        return "the votes suggest, without a proof,"
    return "it is proved, where the premise below holds,"


def _claim(subject: Subject) -> str:
    names, region = subject.names, subject.region
    what, _, _ = describe(region, names.parameters).rpartition(", ")
    if names.online:
        return (
            f"g gives the true class for every original from which {names.attack} within {what}"
            " can have made the image"
        )
    if not any((*region.lower, *region.upper)):
        norm = text_down(region.l2, 3)
        return (
            "g gives the true class after every change of the pixels that has an l2 norm below"
            f" {norm}"
        )
    more = " and every change of the pixels on top of it" if region.l2 else ""
    return f"g gives the true class after every {names.attack}{more} within {what}"


def _images(count: int) -> str:
    return "1 image" if count == 1 else f"{count:,} images"


def _classifier(subject: Subject) -> str:
    config = subject.records.header.config
    noise = subject.records.rows[0].randomness.noise
    axes = [
        f"{_axis(axis)} on {shortened(parameter.name)}"
        for axis, parameter in zip(noise.axes, subject.names.parameters, strict=False)
        if axis.size or axis.law == "haar"
    ]
    pixels = [f"Gaussian noise of standard deviation {noise.sigma:g} on the pixels"]
    device = setting(config, "model.device")
    return (
        f"g votes with {' and '.join([*axes, *pixels])}. The statement is about g with these"
        " weights and this noise, not about the network alone. A service has to answer by the same"
        f" vote (gsmooth predict), on the same kind of device ({shortened(str(device or 'cpu'))})."
    )


def _axis(axis: AxisNoise) -> str:
    word = SIZE_WORDS.get(axis.law, "size").replace("_", " ")
    return f"{axis.law} noise ({word} {axis.size:g})" if axis.size else f"{axis.law} noise"


def _attack(subject: Subject) -> str:
    names, region = subject.names, subject.region
    form = {
        0: "It hands in an image of floating-point numbers, without rounding.",
    }.get(region.bits, f"It hands in an image that is {handed_in(region)}.")
    if not names.attack:
        return f"The attacker may change pixels within the l2 norm given above. {form}"
    options = section(section(subject.records.header.config, "transformation"), "options")
    told = ", ".join(f"{key} = {value}" for key, value in options.items() if value is not None)
    how = f" with the options {shortened(told, 300)}" if told else ""
    return (
        f"The attack is the operator {names.attack} of the installed package{how}. Another"
        f" implementation, for example with another interpolation, is another attack. {form}"
    )


def _guarantee(summary: Summary) -> Iterator[Assumption]:
    for kind in summary.guarantees:
        yield Assumption(f"Guarantee: {kind}", _GUARANTEES.get(kind, kind))
    for premise in summary.premises:
        yield Assumption("Premise", f"{premise[0].upper()}{premise[1:]}.")


_GUARANTEES = {
    "individual": "Proved of each image by itself; nothing is assumed about how images are"
    " distributed.",
    "distributional": "Proved of each image for which the premise holds; the premise is a"
    " statement about a share of images like those of the calibration.",
    "heuristic": "Not proved: the transformation lacks a bound. gsmooth plugins NAME lists what"
    " is missing.",
    "online": "The images are taken to be attacked already. Proved of every original within the"
    " region.",
}


def _error(summary: Summary) -> str:
    expected = text_up(summary.alpha * summary.images, 2)
    return (
        f"Each certificate is wrong with a probability of at most {text_up(summary.alpha)}, over"
        f" the noise of its votes. Over all {summary.images:,} images, at most {expected} wrong"
        " certificates are to be expected."
    )


def _randomness(records: Records) -> str:
    if records.header.seed_commitment is not None:
        return (
            "The noise follows from a secret seed, so nobody can have chosen the images by it. The"
            " records hold a commitment to the seed."
        )
    seed = setting(records.header.config, "smoothing.seed")
    return (
        f"The noise follows from the public seed {seed}. The proofs hold for images that were not"
        " chosen by it, which is so for data that were collected before; against an attacker who"
        " can try images, use a secret seed."
    )
