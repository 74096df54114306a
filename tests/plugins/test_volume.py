"""The volume plugin: exact radii in decibels, PCM16 rounding and clipping, no attack beats it."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from gsmooth.attacks import rounded
from gsmooth.certificate import Guarantee
from gsmooth.cover import build_cover
from gsmooth.models.classifier import Classifier
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.testing import transformation_checks
from gsmooth.theory.laws import GaussianLaw
from gsmooth.transforms.region import Region
from gsmooth_volume import Volume
from tests.engine_objects import Labels
from tests.plugins.pointwise import around, radius_is, survivors, threshold

SHAPE = (1, 1, 60)
FULL = (-1.0, 1.0)
PCM16 = Volume(high=1.0 - 2.0**-15)


def exact(z: Tensor, v: float) -> Tensor:
    """T_v z with 64 bits of mantissa, rounded once."""
    factor = np.longdouble(10.0) ** (np.longdouble(v) / np.longdouble(20.0))
    return torch.from_numpy((z.numpy().astype(np.longdouble) * factor).astype(np.float64))


def tone(amplitude: float, samples: int = 60) -> Tensor:
    """A sine, (1, 1, samples)."""
    turns = torch.arange(samples, dtype=torch.float64) * 0.07
    return amplitude * torch.sin(2.0 * math.pi * turns)[None, None]


CHECKS = transformation_checks(Volume(), shape=SHAPE, region=around(6.0), examples=10, exact=exact)
UNCLIPPED = transformation_checks(
    Volume(clip=False), shape=SHAPE, region=around(6.0), examples=10, exact=exact
)


@pytest.mark.parametrize("check", CHECKS)
def test_volume_keeps_its_promises(check: Callable[[], None]) -> None:
    check()


@pytest.mark.parametrize("check", UNCLIPPED)
def test_unclipped_volume_keeps_its_promises(check: Callable[[], None]) -> None:
    check()


def test_the_radius_of_a_threshold_on_loudness_is_in_decibels() -> None:
    radius = 20.0 * math.log10(1.6)
    g = threshold(
        Volume(),
        lambda x: x.mean(dim=(1, 2, 3)) > 0.25,
        radius,
        sigma=2.0**-6,
        shape=SHAPE,
        input_range=FULL,
    )
    radius_is(g, torch.full(SHAPE, 0.4, dtype=torch.float64), radius)


def speech(scale_db: float) -> SmoothedClassifier:
    network = Classifier(
        Labels(lambda x: x[:, 0, 0, 0] > 0), classes=2, shape=SHAPE, input_range=FULL
    )
    return SmoothedClassifier(
        network, Volume(), GaussianLaw((scale_db,), 0.05, orthogonal=False), seed=0
    )


def test_sixteen_bits_and_clipping_that_never_happens_cost_next_to_nothing() -> None:
    # 12 dB below full scale and up to 6 dB louder: no sample is clipped.
    cover = build_cover(speech(6.0), tone(0.25)[0][None], around(6.0, bits=16), "clean")
    assert cover.guarantee is Guarantee.INDIVIDUAL
    assert 1.0 <= cover.balls[0].margin <= 1.005


def test_clipping_is_in_the_margin_where_samples_are_clipped() -> None:
    louder, softer = Region((0.0,), (3.0,)), Region((-3.0,), (0.0,))
    loud = tone(1.0)[0][None]
    assert build_cover(speech(6.0), loud, softer, "clean").balls[0].margin <= 0.501
    cover = build_cover(speech(6.0), loud, louder, "clean")
    assert cover.guarantee is Guarantee.INDIVIDUAL
    back = Volume().attack(loud[None], torch.tensor([[3.0]]).double()) / 10.0**0.15 - loud
    assert cover.balls[0].margin >= math.hypot(0.5, float(back.norm()) * 10.0**0.15 / 0.05)


def test_what_a_pcm16_file_holds_is_within_half_a_level_of_the_clipped_waveform() -> None:
    v = torch.tensor([[4.0]], dtype=torch.float64)
    clipped = PCM16.attack(tone(1.0)[None], v)
    file = (clipped * 2.0**15).round().clamp(-(2.0**15), 2.0**15 - 1.0) / 2.0**15
    half = around(1.0, bits=16).half_level(FULL)
    assert float((file - clipped).abs().max()) <= half
    assert float((rounded(clipped, 16, FULL) - clipped).abs().max()) <= half * (1.0 + 1e-12)
    assert PCM16.keeps_range(*FULL)
    assert not Volume(clip=False).keeps_range(*FULL)


@pytest.mark.parametrize(("operator", "bits"), [(Volume(), 16), (Volume(clip=False), 0)])
def test_no_attack_changes_what_is_certified(operator: Volume, bits: int) -> None:
    assert survivors(operator, (2.0,), around(1.0, bits), shape=SHAPE, input_range=FULL) >= 2


def test_no_attack_changes_what_is_certified_without_noise_on_volume() -> None:
    region = around(1.0, bits=16)
    assert survivors(Volume(), (), region, shape=SHAPE, input_range=FULL) >= 2


def test_a_range_without_silence_is_refused() -> None:
    with pytest.raises(ValueError, match="silence"):
        Volume(low=0.1)
