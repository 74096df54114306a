"""How tight bounds are: the balls around the originals of attacked images."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from statistics import mean, median
from time import perf_counter
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

import gsmooth
from benchmarks.suite.benchmark import Facts, Line, NothingToMeasureError
from benchmarks.suite.data import pixels
from gsmooth.cover.online import build_online_cover
from gsmooth.cover.preimages import enclose_preimages
from gsmooth.cover.settings import COVER
from gsmooth.theory.laws import GaussianLaw

SIGMA: Final = 0.25
PUBLISHED: Final = 0.44
"""The E up to which the published method's certificates go (500 noise angles, MNIST, 10 deg)."""
SOURCE: Final = "Fischer et al. (2020); E there is behind a filter of about half the mass"
REGIONS: Final = {
    "rotation": gsmooth.Region((-10.0,), (10.0,)),
    "translation": gsmooth.Region((-1.0, -1.0), (1.0, 1.0)),
}
SCALES: Final = {"rotation": (10.0,), "translation": (1.0, 1.0)}
OPTIONS: Final = {"rotation": {}, "translation": {"frame_px": 4}}


def online(options: argparse.Namespace, facts: Facts) -> Iterator[Line]:
    """The figures with rounding to 8 bits and without; those of each image are in ``facts``."""
    if options.data is None:
        raise NothingToMeasureError("give --data FILE.npz, with x uint8 (N, H, W[, C])")
    images = pixels(options.data)[:: options.every][: options.images].double() / 255.0
    base = REGIONS[options.attack]
    given = {"low_pass_px": options.low_pass, **OPTIONS[options.attack]}
    facts |= {
        "benchmark": options.name,
        "attack": options.attack,
        "transformation": given,
        "region": {"lower": base.lower, "upper": base.upper},
        "sigma": SIGMA,
        "scales": SCALES[options.attack],
        "data": {"file": options.data.name, "every": options.every},
        "published": {"error": PUBLISHED, "source": SOURCE},
        "rows": [],
    }
    smoothed = smoothed_of(options.attack, given, images[0])
    for bits in (8, 0):
        region = gsmooth.Region(base.lower, base.upper, bits=bits)
        draw = np.random.default_rng(options.seed)
        here = []
        for place, image in enumerate(images):
            theta = draw.uniform(region.lower, region.upper)
            found = enclosed(smoothed, region, image[None], theta, options.seconds)
            here.append({"image": place * options.every, **found})
        facts["rows"] += here
        yield {"bits": bits or "none", **summary(here)}


def smoothed_of(attack: str, given: dict[str, object], image: Tensor) -> gsmooth.SmoothedClassifier:
    """The smoothing of a network for such images (C, H, W); which network does not matter."""
    channels, height, width = image.shape
    return gsmooth.SmoothedClassifier(
        gsmooth.Classifier(nn.Identity(), classes=2, shape=(channels, height, width)),
        gsmooth.load_transformation(attack, given),
        GaussianLaw(SCALES[attack], SIGMA),
        seed=0,
    )


def enclosed(
    smoothed: gsmooth.SmoothedClassifier,
    region: gsmooth.Region,
    x: Tensor,
    theta: NDArray[np.float64],
    seconds: float,
) -> Line:
    """One image (1, C, H, W) attacked at theta (m,): cells left, radii, balls, margins, time.

    found: the original lay in the ball of its cell, and its cell was among those left.
    """
    operator = smoothed.transformation
    sent = operator.attack(x, *(torch.tensor([[value]]).double() for value in theta.tolist()))
    if region.bits:
        levels = 2**region.bits - 1
        sent = (sent * levels).round() / levels
    began = perf_counter()
    half, tolerance = region.half_level(), COVER.online.tolerance * smoothed.law.sigma
    cells = enclose_preimages(operator, sent, region, half, tolerance=tolerance, seconds=seconds)
    traced = perf_counter()
    cover = build_online_cover(smoothed, sent[0], region, seconds=seconds)
    covered = perf_counter()
    here = ((cells.lower <= theta) & (theta <= cells.upper)).all(axis=1)
    away = (operator.lift(x) - cells.centre[torch.from_numpy(here)]).norm(dim=1).numpy()
    return {
        "theta": theta.tolist(),
        "bits": region.bits,
        "cells": len(cells.radius),
        "error": float(cells.radius.max()),
        "mean_error": float(cells.radius.mean()),
        "found": bool(here.any() and (away <= cells.radius[here]).all()),
        "balls": len(cover.balls),
        "worst_margin": cover.balls[0].margin,
        "trace_seconds": traced - began,
        "cover_seconds": covered - traced,
    }


def summary(rows: list[dict[str, Any]]) -> Line:
    """The figures of one setting."""
    column = {name: [row[name] for row in rows] for name in rows[0]}
    middle = ("error", "cells", "balls", "worst_margin")
    return {
        "images": len(rows),
        **{f"median_{name}": float(median(column[name])) for name in middle},
        "largest_error": max(column["error"]),
        "mean_error": float(np.mean(column["mean_error"])),
        "share_within_published": mean(error <= PUBLISHED for error in column["error"]),
        "median_seconds": median(column["cover_seconds"]),
        "largest_seconds": max(column["cover_seconds"]),
        "all_originals_found": float(all(column["found"])),
    }
