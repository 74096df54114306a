"""Accuracies: of plugins and covers on shipped digits, of other transformations on .npz files."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean
from typing import Final

import numpy as np

from benchmarks.suite.accuracy import config_of, measured, weights_of
from benchmarks.suite.benchmark import Facts, Line, NothingToMeasureError
from benchmarks.suite.case import Case, Split, cases
from benchmarks.suite.data import arrays, digit_parts, sign_parts, sign_tests
from benchmarks.suite.results import commit, digest
from benchmarks.suite.train import about_training
from gsmooth import load_data
from gsmooth.attacks.enumeration import enumerated_labels
from gsmooth.data.dataset import Dataset
from gsmooth.errors import ConfigurationError
from gsmooth.runs.context import build_context
from gsmooth.runs.records.journal import make_folder

SOURCE: Final = "Li et al. 2021 (TSS), 500 images of MNIST's test set"
PARTS: Final = {"mnist": digit_parts, "gtsrb": sign_parts}
"""By study: what divides a file of images."""


def plugins(options: argparse.Namespace, facts: Facts) -> Iterator[Line]:
    """A line for every case that is asked for, or that has records."""
    if options.split != "heldout":
        facts["benchmark"] = f"plugins-{options.split}"
    facts |= {"split": options.split, "source_of_others": SOURCE, "commit": commit()}
    placed = [on_split(case, options.split) for case in cases("plugins")]
    yield from measured(placed, options, Path(options.runs) / options.split, training_images)


def on_split(case: Case, split: Split) -> Case:
    """The case on the images of one split, "heldout" or "choosing" (of settings)."""
    return case.but(data={"spec": case.network.images[split], "split": split})


def training_images(case: Case) -> Dataset:
    """What its network is trained on: never what settings are chosen on, or held out."""
    return load_data(case.network.images["training"], "training")


def centres(options: argparse.Namespace, facts: Facts) -> Iterator[Line]:
    """A line for every case that is asked for, or that has records."""
    facts["commit"] = commit()
    yield from measured(cases("centres"), options, Path(options.runs), training_images)


def geometry(options: argparse.Namespace, facts: Facts) -> Iterator[Line]:
    """A line for every case that is asked for, or that has records."""
    source = options.train or options.data
    if source is None:
        raise NothingToMeasureError("give --train FILE.npz (and --data FILE.npz)")
    study = "gtsrb" if "track" in arrays(source) else "mnist"
    test = tested(study, options)
    images = {"spec": str(test), "every": options.every}
    every = [case.but(data=images) for case in cases(f"geometry-{study}")]
    facts["benchmark"] = f"geometry-{study}"
    facts["data"] = {"file": test.name, "sha256": digest(test), "every": options.every}

    def training(case: Case) -> Dataset:
        if options.train is None:
            raise SystemExit(f"geometry: no {weights_of(case, options)}; give --train FILE.npz")
        return PARTS[study](options.train)[0]

    for line in measured(every, options, Path(options.runs) / study, training):
        facts["training"] = about_training(weights_of(every[0], options))
        yield line


def window(options: argparse.Namespace, facts: Facts) -> Iterator[Line]:
    """A line for every case, with the enumeration of the attacks where they can be listed."""
    if options.train is None:
        raise NothingToMeasureError("give --train FILE.npz")
    test = tested("gtsrb", options)
    every = [case.but(data={"spec": str(test)}) for case in cases("window")]
    facts["data"] = {"file": test.name, "sha256": digest(test)}
    trained = {case.weights: about_training(weights_of(case, options)) for case in every}
    facts["training"] = trained
    for line in measured(
        every, options, Path(options.runs), lambda _: sign_parts(options.train)[0]
    ):
        (case,) = (case for case in every if case.name == line["cell"])
        trained[case.weights] = about_training(weights_of(case, options))
        yield {**line, "enumerated": enumerated(case, options)}


def enumerated(case: Case, options: argparse.Namespace) -> float | None:
    """How often the network itself is right at every attack; None where they cannot be listed."""
    context = build_context(config_of(case, options, Path(options.runs)))
    right = []
    for index in context.indices:
        item = context.item(index)
        try:
            _, labels = enumerated_labels(context.smoothed, item.image, context.region)
        except ConfigurationError:
            return None
        right.append(bool((labels == int(context.dataset.labels[index])).all()))
    return fmean(right)


def tested(study: str, options: argparse.Namespace) -> Path:
    """The .npz of the test images; for signs it is cut out of the training file."""
    if study == "mnist":
        if options.data is None:
            raise SystemExit("geometry: give --data FILE.npz, the test images")
        return Path(options.data)
    held = sign_tests(options.train or options.data)
    path = Path(options.runs) / "gtsrb-test.npz"
    make_folder(path.parent)
    np.savez(path, x=held.images, y=held.labels, classes=np.array(held.classes))
    return path
