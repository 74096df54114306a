"""How well the originals of attacked images can be enclosed when nothing else is known.

    ./scripts/bench online --data mnist.npz [--images 20] [--every 20] [--attack rotation]
                           [--low-pass 1.0] [--seconds 10] [--name online]
                           [--out benchmarks/results]

For every image a transformation is drawn from the region, the image attacked by it and the result
rounded to 8 bits, or not; then every original that the attacked image can have is enclosed in balls
of z-space, one for each cell of parameters that is not ruled out. E is the largest radius of an
image's balls: the residual that every centre has to bear at least. Behind the preprocessing that
the network sees (low-pass, disc or frame), whose kernel sums to one. Cover: margins of the balls
around all cells, in units of the noise at sigma=0.25. Writes JSON with versions and the machine;
prints Markdown. Data: an .npz file with x uint8 (N, H, W) or (N, H, W, C).
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from torch import Tensor, nn

import gsmooth
from benchmarks.machine import describe
from gsmooth.cover.online import build_online_cover
from gsmooth.cover.preimages import enclose_preimages
from gsmooth.cover.settings import COVER
from gsmooth.theory.laws import GaussianLaw

SIGMA = 0.25
PUBLISHED = 0.44
"""The E up to which the published method's certificates go (500 noise angles, MNIST, 10 deg)."""
REGIONS = {
    "rotation": gsmooth.Region((-10.0,), (10.0,)),
    "translation": gsmooth.Region((-1.0, -1.0), (1.0, 1.0)),
}
SCALES = {"rotation": (10.0,), "translation": (1.0, 1.0)}
OPTIONS = {"rotation": {}, "translation": {"frame_px": 4}}


@dataclass(frozen=True)
class Row:
    """One attacked image: cells left, their radii, the cover's balls and margins, and the time.

    found: the original lay in the ball of its cell, and its cell was among those left.
    """

    image: int
    theta: tuple[float, ...]
    bits: int
    cells: int
    error: float
    mean_error: float
    found: bool
    balls: int
    worst_margin: float
    trace_seconds: float
    cover_seconds: float


def images(path: Path, count: int, every: int) -> tuple[list[int], Tensor]:
    """The first ``count`` of every ``every``-th image, (n, C, H, W) in [0, 1], and their places."""
    stored = np.load(path)["x"]
    places = list(range(0, len(stored), every))[:count]
    chosen = torch.from_numpy(stored[places]).double() / 255.0
    return places, chosen[:, None] if chosen.ndim == 3 else chosen.movedim(3, 1)


def measure(
    smoothed: gsmooth.SmoothedClassifier,
    region: gsmooth.Region,
    place: int,
    x: Tensor,
    theta: np.ndarray,
    seconds: float,
) -> Row:
    """One image (1, C, H, W) attacked at theta (m,)."""
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
    return Row(
        image=place,
        theta=tuple(theta.tolist()),
        bits=region.bits,
        cells=len(cells.radius),
        error=float(cells.radius.max()),
        mean_error=float(cells.radius.mean()),
        found=bool(here.any() and (away <= cells.radius[here]).all()),
        balls=len(cover.balls),
        worst_margin=cover.balls[0].margin,
        trace_seconds=traced - began,
        cover_seconds=covered - traced,
    )


def summary(rows: list[Row]) -> dict[str, float]:
    """What a row of the printed table says of one setting."""
    errors = np.array([row.error for row in rows])
    return {
        "images": len(rows),
        "median_error": float(np.median(errors)),
        "largest_error": float(errors.max()),
        "mean_error": float(np.mean([row.mean_error for row in rows])),
        "share_within_published": float((errors <= PUBLISHED).mean()),
        "median_cells": float(np.median([row.cells for row in rows])),
        "median_balls": float(np.median([row.balls for row in rows])),
        "median_worst_margin": float(np.median([row.worst_margin for row in rows])),
        "median_seconds": float(np.median([row.cover_seconds for row in rows])),
        "largest_seconds": float(np.max([row.cover_seconds for row in rows])),
        "all_originals_found": float(all(row.found for row in rows)),
    }


def show(bits: int, found: dict[str, float]) -> None:
    """One line of the Markdown table."""
    print(
        f"| {bits or 'none'} | {found['median_error']:.3f} | {found['largest_error']:.3f}"
        f" | {found['mean_error']:.3f} | {100 * found['share_within_published']:.0f}%"
        f" | {found['median_cells']:.0f} | {found['median_balls']:.0f}"
        f" | {found['median_worst_margin']:.2f} | {found['median_seconds']:.2f}"
        f" | {found['largest_seconds']:.2f} |"
    )


def main() -> None:
    """Enclose, write NAME.json, print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0] if __doc__ else "")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--images", type=int, default=20)
    parser.add_argument("--every", type=int, default=20)
    parser.add_argument("--attack", choices=sorted(REGIONS), default="rotation")
    parser.add_argument("--low-pass", type=float, default=1.0)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--name", default="online", help="of the file of results")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    options = parser.parse_args()
    if options.data is None:
        print("nothing to measure: give --data FILE.npz, with x uint8 (N, H, W[, C])")
        return
    places, pictures = images(options.data, options.images, options.every)
    operator = gsmooth.load_transformation(
        options.attack, {"low_pass_px": options.low_pass, **OPTIONS[options.attack]}
    )
    shape = (int(pictures.shape[1]), int(pictures.shape[2]), int(pictures.shape[3]))
    smoothed = gsmooth.SmoothedClassifier(
        gsmooth.Classifier(nn.Identity(), classes=2, shape=shape),
        operator,
        GaussianLaw(SCALES[options.attack], SIGMA),
        seed=0,
    )
    base = REGIONS[options.attack]
    rows: list[Row] = []
    results = {}
    print(f"{options.attack}, {base.lower} to {base.upper}, low-pass {options.low_pass:g} px")
    print(
        f"| bits | median E | largest E | mean over cells | E <= {PUBLISHED} | cells | balls",
        end="",
    )
    print(" | worst margin | median s | largest s |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for bits in (8, 0):
        region = gsmooth.Region(base.lower, base.upper, bits=bits)
        draw = np.random.default_rng(options.seed)
        here = [
            measure(
                smoothed,
                region,
                place,
                picture[None],
                draw.uniform(region.lower, region.upper),
                options.seconds,
            )
            for place, picture in zip(places, pictures, strict=True)
        ]
        rows += here
        results[f"bits {bits}"] = summary(here)
        show(bits, results[f"bits {bits}"])
    document = {
        "benchmark": "online",
        "attack": options.attack,
        "transformation": {"low_pass_px": options.low_pass, **OPTIONS[options.attack]},
        "region": {"lower": base.lower, "upper": base.upper},
        "sigma": SIGMA,
        "scales": SCALES[options.attack],
        "data": {"file": options.data.name, "every": options.every},
        **describe(),
        "published": {
            "error": PUBLISHED,
            "source": "Fischer et al. (2020); E there is behind a filter of about half the mass",
        },
        "results": results,
        "rows": [asdict(row) for row in rows],
    }
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / f"{options.name}.json"
    path.write_text(json.dumps(document, indent=2) + "\n")
    print(f"written to {path}")


if __name__ == "__main__":
    main()
