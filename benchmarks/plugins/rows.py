"""Every line of the table. Settings were chosen on training digits (``--split choosing``)."""

from __future__ import annotations

import math
from typing import Final

from benchmarks.plugins.cells import Cell
from benchmarks.plugins.subjects import FAINT, TORUS, WAVES

_LARGER, _SMALLER = math.log(1.3), math.log(0.7)
_PCM16 = {"high": 1.0 - 2.0**-15}

SINGLE: Final = (
    Cell("gaussian", "gaussian", (), (), "shipped:digits-l2", 0.25, (), "l2 0.25", l2=0.25),
    Cell(
        "rotation-30", "rotation", (-30.0,), (30.0,), "shipped:digits-rotation", 0.15, (4.0,),
        "±30°", options={"low_pass_px": 0.9}, published="rotation-30",
    ),
    Cell(
        "rotation-50", "rotation", (-50.0,), (50.0,), "rotation", 0.15, (4.0,),
        "±50°", options={"low_pass_px": 0.9}, published="rotation-50",
    ),
    Cell(
        "scaling-30", "scaling", (_SMALLER,), (_LARGER,), "scaling", 0.15, (0.15,),
        "70% to 130%", published="scaling-30",
    ),
    Cell(
        "similarity", "similarity", (-10.0, math.log(0.9)), (10.0, math.log(1.1)), "similarity",
        0.15, (5.0, 0.12), "±10°, 90% to 110%",
    ),
    Cell(
        "translation-2", "translation", (-2.0, -2.0), (2.0, 2.0), "translation", 0.25, (1.6, 1.6),
        "±2 px, fractions too", options={"low_pass_px": 1.2},
    ),
    Cell(
        "integer-translation-3", "integer-translation", (-3.0, -3.0), (3.0, 3.0),
        "integer-translation", 0.25, (1.6, 1.6), "±3 px, whole pixels",
    ),
    Cell(
        "cyclic-translation-8", "cyclic-translation", (-8.0, -8.0), (8.0, 8.0), "torus", 0.1,
        (5.0, 5.0), "±8 px, fractions too", subject=TORUS, published="cyclic-translation-8",
    ),
    Cell(
        "brightness", "brightness", (-0.5,), (0.5,), "light", 0.1, (0.5,),
        "±0.5", published="brightness",
    ),
    Cell(
        "contrast", "contrast", (math.log(0.5),), (math.log(2.0),), "light", 0.1, (0.6,),
        "half to twice",
    ),
    Cell(
        "gamma", "gamma", (-0.7,), (0.7,), "light", 0.1, (0.5,), "power 1/2 to 2",
    ),
    Cell(
        "blur", "blur", (0.0,), (36.0,), "blur", 0.008, (8.0,), "variance up to 36 px²",
        law="exponential", grid=2.0**-10, subject=FAINT, published="blur",
    ),
    Cell(
        "cyclic-blur", "cyclic-blur", (0.0,), (36.0,), "blur", 0.008, (8.0,),
        "variance up to 36 px²", law="exponential", grid=2.0**-10, subject=FAINT,
        published="blur",
    ),
    Cell(
        "volume", "volume", (-6.0,), (6.0,), "volume", 0.05, (4.0,),
        "±6 dB, clipped, 16 bits", options=_PCM16, bits=16, subject=WAVES,
        max_votes=20_000,
    ),
)  # fmt: skip

TOGETHER: Final = (
    Cell(
        "rotation+brightness", "rotation+brightness", (-30.0, -0.2), (30.0, 0.2),
        "rotation+brightness", 0.15, (4.0, 0.2), "±30°, ±0.2",
        options={"rotation": {"low_pass_px": 0.9}},
    ),
    Cell(
        "rotation+brightness-l2", "rotation+brightness", (-30.0, -0.2), (30.0, 0.2),
        "rotation+brightness", 0.15, (4.0, 0.2), "±30°, ±0.2, l2 0.05",
        options={"rotation": {"low_pass_px": 0.9}}, l2=0.05,
    ),
    Cell(
        "scaling+brightness", "scaling+brightness", (_SMALLER, -0.2), (_LARGER, 0.2),
        "scaling+brightness", 0.15, (0.15, 0.2), "70% to 130%, ±0.2",
    ),
    Cell(
        "scaling+brightness-narrow", "scaling+brightness", (math.log(0.8), -0.1),
        (math.log(1.2), 0.1), "scaling+brightness", 0.15, (0.15, 0.2), "80% to 120%, ±0.1",
        max_votes=20_000,
    ),
    Cell(
        "scaling+brightness-l2", "scaling+brightness", (math.log(0.8), -0.1),
        (math.log(1.2), 0.1), "scaling+brightness", 0.15, (0.15, 0.2),
        "80% to 120%, ±0.1, l2 0.05", l2=0.05, max_votes=20_000,
    ),
    Cell(
        "contrast+brightness", "contrast+brightness", (math.log(0.8), -0.5), (math.log(1.25), 0.5),
        "contrast+brightness", 0.25, (0.0, 0.5), "80% to 125%, ±0.5",
    ),
    Cell(
        "blur+brightness+translation", "cyclic-blur+brightness+cyclic-translation",
        (0.0, -0.2, -4.0, -4.0), (4.0, 0.2, 4.0, 4.0), "blur+brightness+translation", 0.05,
        (2.5, 0.2, 4.0, 4.0), "variance up to 4 px², ±0.2, ±4 px", law="exponential",
        subject=TORUS,
    ),
)  # fmt: skip

CELLS: Final[tuple[Cell, ...]] = (*SINGLE, *TOGETHER)
