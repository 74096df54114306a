"""How tight bounds are: originals of attacked images, and suprema of rotation around anchors."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from statistics import mean, median
from time import perf_counter, process_time
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
from gsmooth_rotation import Rotation, anchor_angles, anchor_suprema

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
SPAN_DEG: Final = 45.0
SAMPLES: Final = 21
"""Angles an arc that bounds are compared with, both ends and the anchor among them."""


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


def suprema(options: argparse.Namespace, facts: Facts) -> Iterator[Line]:
    """M = max_j M_j of the images of every file, and of the first of CIFAR enlarged."""
    if not (options.mnist or options.cifar):
        raise NothingToMeasureError("give --mnist FILE.npz or --cifar FILE.npz, x (N, H, W[, 3])")
    if options.mnist:
        x = spread(pixels(options.mnist), options.images)
        yield bounded("mnist-28", options.mnist.name, x, 500, 100)
    if options.cifar:
        x = spread(pixels(options.cifar), max(1, options.images // 4))
        yield bounded("cifar-32", options.cifar.name, x, 2500, 100)
        name = f"{options.cifar.name}, enlarged bicubically"
        yield bounded("enlarged-224", name, enlarged(x[:1], 224), 2000, 10)


def spread(x: Tensor, count: int) -> Tensor:
    """``count`` images, float64 in [0, 1], from all over the file: classes may lie together."""
    chosen = torch.linspace(0, len(x) - 1, min(count, len(x))).long()
    return x[chosen].to(torch.float64) / 255.0


def enlarged(x: Tensor, size: int) -> Tensor:
    """Images blown up bicubically to size x size, and cut off at 0 and 1."""
    grown = nn.functional.interpolate(x, (size, size), mode="bicubic", align_corners=False)
    return grown.clamp(0.0, 1.0)


def bounded(name: str, source: str, images: Tensor, anchors: int, compared: int) -> Line:
    """Images (N, C, H, W), +-SPAN_DEG cut into so many arcs, of which some are compared."""
    radius_px = (min(images.shape[2:]) - 1) / 2  # The inscribed disc, as TSS has it.
    found = [supremum(image[None], anchors, compared, radius_px) for image in images]
    column = {field: [each[field] for each in found] for field in found[0]}
    return {
        "case": name,
        "images": len(found),
        "shape": list(images.shape[1:]),
        "source": source,
        "region_deg": [-SPAN_DEG, SPAN_DEG],
        "anchors": anchors,
        "radius_px": radius_px,
        "largest_mean": mean(column["largest"]),
        "largest_max": max(column["largest"]),
        "seconds_first": column["seconds"][0],
        "seconds_median": median(column["seconds"]),
        "cpu_seconds_median": median(column["cpu_seconds"]),
        "above_sampled_mean": mean(column["above"]),
        "above_sampled_worst_arc": max(column["above_worst"]),
        "outcomes": found,
    }


def supremum(x: Tensor, anchors: int, compared: int, radius_px: float) -> Line:
    """M and the mean of M_j of x (1, C, H, W), time, and bound / sampled over some arcs.

    seconds: by the clock; cpu_seconds: of all threads, the same on a machine that others load.
    above: the largest M over the largest sampled distance of those arcs; above_worst: the largest
    ratio of a single arc. Nothing is warmed up.
    """
    began, worked = perf_counter(), process_time()
    bound = anchor_suprema(x, -SPAN_DEG, SPAN_DEG, anchors, radius_px)
    seconds, cpu_seconds = perf_counter() - began, process_time() - worked
    # The worst arc, those at 0, where all pixels are at a kink, and some over the interval.
    arcs = {*torch.linspace(0, anchors - 1, compared).long().tolist(), int(bound.argmax())}
    chosen = torch.tensor(sorted({*arcs, anchors // 2 - 1, anchors // 2}))
    distances = sampled(x, anchors, radius_px, chosen)
    return {
        "largest": float(bound.max()),
        "mean": float(bound.mean()),
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "above": float(bound.max() / distances.max()),
        "above_worst": float((bound[chosen] / distances).max()),
    }


def sampled(x: Tensor, anchors: int, radius_px: float, arcs: Tensor) -> Tensor:
    """Largest distance from the anchor among SAMPLES angles of each of the arcs, (n,)."""
    operator = Rotation(radius_px=radius_px, space="pixels")
    middles = anchor_angles(-SPAN_DEG, SPAN_DEG, anchors)[arcs]
    around = torch.linspace(-1.0, 1.0, SAMPLES, dtype=torch.float64) * (SPAN_DEG / anchors)
    found = []
    for middle in middles.tolist():
        theta = torch.cat([torch.zeros(1, dtype=torch.float64), around]) + middle
        z = operator.lift(operator.attack(x.expand(len(theta), -1, -1, -1), theta[:, None]))
        found.append((z[1:] - z[0]).norm(dim=1).max())
    return torch.stack(found)
