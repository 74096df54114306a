"""Noise on the grid: exactly what the bits say, and as near to the normal law as is paid for (F1).

The oracles are the float64 evaluation of the same bits, and the law of the sampler in full: where,
in steps of 2^-68 of the uniform, its output passes from one number to the next.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import final

import mpmath
import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats
from torch import Tensor

from gsmooth.errors import ConfigurationError
from gsmooth.sampling.noise import (
    SAMPLER,
    Draws,
    SampleKey,
    Stream,
    grid_total_variation,
    sampler_on,
)
from gsmooth.sampling.noise.grid_cells import (
    BLOCK,
    CELLS,
    LARGEST,
    around_by_cells,
    fits,
    refined,
    table,
)
from gsmooth.sampling.noise.normals import around_by_normals, device_normals
from gsmooth.theory.laws import GaussianLaw

Floats = npt.NDArray[np.float64]
CPU = torch.device("cpu")
GRID = 2.0**-8
# One in a million a test, at seeds that are fixed: what passes once passes always.
FALSE_ALARM = 1e-6
SCALES = [2.0**-4, 0.5, 3.0, 16.0, 64.0]
FRACTIONS = [0.0, 0.5, -0.5, 0.5 - 2.0**-53, 2.0**-53 - 0.5, 2.0**-53, -(2.0**-60), 0.1, -1.0 / 3.0]


def at(chunk: int, image: int = 0) -> SampleKey:
    return SampleKey(3, image, Stream.ESTIMATION, 0, chunk)


def around(mean: Tensor, rows: int, sigma: float, grid: float, chunk: int = 0) -> Tensor:
    return Draws(at(chunk), CPU).around(mean, rows, sigma, grid)


@final
@dataclass(frozen=True)
class Tape:
    """The same bits over and over, of cells first and then of the places within them."""

    words: npt.NDArray[np.uint16]
    fine: int
    asked: list[int]

    def random_raw(self, size: int) -> npt.NDArray[np.uint64]:
        self.asked.append(size)
        if len(self.asked) % 2 == 0:
            return np.full(size, self.fine, np.uint64)
        return np.resize(self.words, 4 * size).view(np.uint64)


def evaluated(tape: Tape, mean: Floats, rows: int, sigma: float, grid: float) -> Floats:
    """What the bits of a tape say by float64 alone; one block."""
    scaled = np.broadcast_to(mean, (rows, mean.shape[1])) / grid
    whole = np.rint(scaled)
    words = np.resize(tape.words, scaled.size)
    fine = np.full(scaled.size, tape.fine, np.uint64)
    offset = refined(words, fine, (scaled - whole).ravel(), sigma / grid)
    return (whole + offset.reshape(scaled.shape)) * grid


fractions = st.one_of(st.sampled_from(FRACTIONS), st.floats(-0.5, 0.5))
means = st.tuples(st.integers(-(2**20), 2**20), fractions).map(lambda pair: pair[0] + pair[1])


@settings(max_examples=150, deadline=None)
@given(
    steps=st.lists(means, min_size=1, max_size=40),
    scale=st.one_of(st.sampled_from(SCALES), st.floats(2.0**-20, 1024.0)),
    exponent=st.integers(-20, 20),
    seed=st.integers(0, 2**32 - 1),
    fine=st.one_of(st.sampled_from([0, 2**64 - 1]), st.integers(0, 2**64 - 1)),
    rows=st.integers(1, 200),
)
def test_the_fast_way_is_the_exact_evaluation_of_the_same_bits(
    steps: list[float], scale: float, exponent: int, seed: int, fine: int, rows: int
) -> None:
    grid = 2.0**exponent
    words = np.random.default_rng(seed).integers(0, CELLS, 4096, np.uint16)
    words[:2] = 0, CELLS - 1
    tape, mean = Tape(words, fine, []), np.array([steps]) * grid
    sampled = around_by_cells(tape, torch.from_numpy(mean), rows, scale * grid, grid)
    assert np.array_equal(sampled.double().numpy(), evaluated(tape, mean, rows, scale * grid, grid))
    # All that had to be looked at closely: cells on a boundary, the outermost, and slack.
    assert tape.asked[1] <= sampled.numel()


@pytest.mark.parametrize("fraction", FRACTIONS)
@pytest.mark.parametrize("scale", [*SCALES, 1024.0])
def test_no_place_within_a_cell_contradicts_what_its_ends_decide(
    scale: float, fraction: float
) -> None:
    words = np.arange(CELLS).astype(np.uint16)
    rest, cells = np.full(CELLS, fraction), table(scale, 1.0)
    near = np.float32(fraction)
    low = np.rint(cells.edges[:-1] + (near - cells.slack))
    high = np.rint(cells.edges[1:] + (near + cells.slack))
    for fine in (0, 2**63, 2**64 - 1):
        exact = refined(words, np.full(CELLS, fine, np.uint64), rest, scale)
        assert np.all(low <= exact)
        assert np.all(exact <= high)
    # A cell straddles at most one boundary for every unit of its width, and a few touch by slack.
    undecided = np.mean(low != high)
    assert undecided <= (9.0 * scale + 16.0) / CELLS + 4.0 * float(cells.slack) * 1.5


def test_edges_are_wrong_by_less_than_the_slack_that_they_leave_for_sums() -> None:
    mpmath.mp.prec = 120
    cells = table(64.0, 1.0)
    places = [1, 2, 3, 77, 4096, 30000, 32767, 32768, 32769, 50000, 65534, 65535]
    for place in places:
        true = 64 * mpmath.sqrt(2) * mpmath.erfinv(2 * mpmath.mpf(place) / CELLS - 1)
        assert abs(mpmath.mpf(float(cells.edges[place])) - true) < float(cells.slack) / 2
    assert cells.edges[0] == -math.inf
    assert cells.edges[-1] == math.inf


def test_quantiles_are_good_to_ten_ulps_in_the_middle_and_in_the_tails() -> None:
    # What grid_total_variation takes for granted, with room: it allows 16.
    mpmath.mp.prec = 160
    generator = np.random.default_rng(0)
    places = np.concatenate(
        [
            *(2.0**power * (1.0 + generator.random(4)) for power in range(-69, -1)),
            0.5 - 2.0 ** -generator.uniform(2.0, 52.0, 60),
            # Where the implementation passes from one approximation to another.
            math.exp(-2.0) + generator.uniform(-1e-3, 1e-3, 60),
            math.exp(-32.0) * (1.0 + generator.uniform(-0.01, 0.01, 30)),
        ]
    )
    for place in places[places < 0.5]:
        found = mpmath.mpf(float(special.ndtri(place)))
        # One Newton step from 50 bits gives 100.
        step = (mpmath.ncdf(found) - mpmath.mpf(float(place))) / mpmath.npdf(found)
        assert abs(step) <= 10 * mpmath.mpf(2) ** -53 * abs(found)


def uniforms(words: Floats, fine: Floats) -> list[mpmath.mpf]:
    """Where in (0, 1) the places ``fine`` / 2^52 of cells ``words`` lie; see ``refined``."""
    return [
        (mpmath.mpf(int(w)) + mpmath.mpf(int(v)) / 2**52) / CELLS
        if w < CELLS // 2
        else (mpmath.mpf(int(w) + 1) - mpmath.mpf(int(v)) / 2**52) / CELLS
        for w, v in zip(words, fine, strict=True)
    ]


def passages(scale: float, fraction: float, reached: Floats) -> list[mpmath.mpf]:
    """The uniform from which on the sampler gives ``reached`` (n,) or more, each to 2^-68."""

    def value(words: Floats, fine: Floats) -> Floats:
        shifted = fine.astype(np.uint64) << np.uint64(12)
        rest = np.full(len(words), fraction)
        return refined(words.astype(np.uint16), shifted, rest, scale)

    top = 2.0**52 - 1.0
    low, high = np.zeros(len(reached)), np.full(len(reached), CELLS - 1.0)
    while np.any(low < high):  # The first cell whose largest value reaches.
        middle = np.floor((low + high) / 2.0)
        largest = value(middle, np.where(middle < CELLS // 2, top, 0.0))
        low, high = (
            np.where(largest >= reached, low, np.minimum(middle + 1.0, high)),
            np.where(largest >= reached, middle, high),
        )
    # Within a cell of the upper half larger places mean smaller values.
    rising = low < CELLS // 2
    first, last = np.zeros(len(reached)), np.full(len(reached), top + 1.0)
    while np.any(first < last):
        middle = np.floor((first + last) / 2.0)
        does = (value(low, middle) >= reached) == rising
        first, last = np.where(does, first, middle + 1.0), np.where(does, middle, last)
    return uniforms(low, first)


@pytest.mark.parametrize("fraction", [0.0, 0.5, 2.0**-53 - 0.5, 0.3, -1.0 / 3.0])
@pytest.mark.parametrize("scale", [0.25, 1.0, 4.0, 16.0])
def test_the_whole_law_of_the_sampler_is_as_near_to_the_normal_as_is_paid_for(
    scale: float, fraction: float
) -> None:
    mpmath.mp.prec = 160
    reach = math.ceil(9.5 * scale) + 1
    reached = np.arange(-reach + 1.0, reach + 1.0)
    ours = passages(scale, fraction, reached)
    # Unrefined cells agree with refined ones (above), so the law is that of refined ones alone.
    true = [
        mpmath.ncdf((mpmath.mpf(float(k)) - mpmath.mpf("0.5") - mpmath.mpf(fraction)) / scale)
        for k in reached
    ]
    assert all(a <= b for a, b in pairwise(ours))
    steps = [a - b for a, b in zip(ours, true, strict=True)]
    parts = zip([mpmath.mpf(0), *steps], [*steps, mpmath.mpf(0)], strict=True)
    variation = sum((abs(right - left) for left, right in parts), mpmath.mpf(0)) / 2
    bound = grid_total_variation(1, scale, 1.0)
    assert 0 < variation <= bound
    # The bound is no better than it has to be, and not a wild guess either.
    assert bound <= 1000.0 * float(variation)


@pytest.mark.parametrize("sigma", [0.25 * GRID, 3.0 * GRID, 0.25])
def test_draws_around_many_means_are_rounded_normals(sigma: float) -> None:
    generator = np.random.default_rng(1)
    mean = torch.from_numpy(generator.uniform(-2.0, 2.0, (1, 500)))
    drawn = torch.cat([around(mean, 64, sigma, GRID, chunk) for chunk in range(8)])
    # A rounded value with a uniform in its own cell is as good as the unrounded one.
    steps, y = drawn.double().numpy() / GRID, mean.numpy() / GRID
    assert np.array_equal(steps, np.rint(steps))
    low = special.ndtr((steps - 0.5 - y) * GRID / sigma)
    high = special.ndtr((steps + 0.5 - y) * GRID / sigma)
    uniform = low + (high - low) * generator.random(steps.shape)
    assert stats.kstest(uniform.ravel(), "uniform").pvalue > FALSE_ALARM
    # Also coordinate by coordinate, and vote by vote.
    for axis in (0, 1):
        sums = special.ndtri(uniform).sum(axis=axis) / math.sqrt(uniform.shape[axis])
        assert stats.kstest(sums, "norm").pvalue > FALSE_ALARM


@pytest.mark.parametrize("size", [1, 7, 784, BLOCK - 1, BLOCK + 3])
def test_one_mean_for_all_rows_is_the_same_as_that_mean_in_every_row(size: int) -> None:
    mean = torch.rand(1, size, dtype=torch.float64)
    rows = 64 if size < 1000 else 3
    assert torch.equal(
        around(mean, rows, 0.25, GRID), around(mean.repeat(rows, 1), rows, 0.25, GRID)
    )


def test_rows_and_blocks_do_not_repeat_each_other() -> None:
    drawn = around(torch.zeros(1, BLOCK + 64, dtype=torch.float64), 3, 0.25, GRID)
    assert len({tuple(row.tolist()) for row in drawn[:, :64]}) == 3
    assert not torch.equal(drawn[0, :64], drawn[0, BLOCK:])


def test_theta_does_not_depend_on_whether_noise_was_drawn_before() -> None:
    law, mean = GaussianLaw((3.0,), 0.25), torch.zeros(1, 5, dtype=torch.float64)
    first, second = Draws(at(0), CPU), Draws(at(0), CPU)
    theta, noise = first.theta(law, 4), first.around(mean, 4, 0.25, GRID)
    assert torch.equal(second.around(mean, 4, 0.25, GRID), noise)
    assert np.array_equal(second.theta(law, 4), theta)
    assert Draws(at(0), CPU).theta(GaussianLaw((), 0.25), 4).shape == (4, 0)


def test_threads_draw_what_one_draws_alone() -> None:
    scales = [0.2 + 0.01 * chunk for chunk in range(40)]
    mean = torch.rand(1, 300, dtype=torch.float64)

    def drawn(chunk: int) -> Tensor:
        return around(mean, 64, scales[chunk], GRID, chunk)

    alone = [drawn(chunk) for chunk in range(40)]
    table.cache_clear()
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(drawn, range(40)))
    assert all(torch.equal(a, b) for a, b in zip(alone, together, strict=True))


WIDE = 2.0 * 1024.0 * GRID


@pytest.mark.parametrize(
    ("mean", "sigma"), [(-0.2 * GRID, 0.25), (0.1 * GRID, 0.3 * GRID), (-1e-300, 0.25), (0.0, WIDE)]
)
def test_no_zero_has_a_sign(mean: float, sigma: float) -> None:
    point = torch.full((1, 2000), mean, dtype=torch.float64)
    for drawn in (
        around(point, 64, sigma, GRID),
        around_by_normals(device_normals(0, 64, 2000, CPU), point, sigma, GRID),
    ):
        assert bool((drawn == 0.0).any())
        assert not bool(torch.signbit(drawn[drawn == 0.0]).any())


def test_cells_are_left_where_they_would_not_be_exact_or_not_pay() -> None:
    one = torch.ones(1, 3, dtype=torch.float64)
    assert fits(one, 0.25, GRID)
    assert fits(LARGEST * GRID * one, 0.25, GRID)
    assert not fits(1.01 * LARGEST * GRID * one, 0.25, GRID)
    assert not fits(-1.01 * LARGEST * GRID * one, 0.25, GRID)
    assert not fits(one, WIDE, GRID)
    assert not fits(one * math.nan, 0.25, GRID)
    assert not fits(one * math.inf, 0.25, GRID)
    assert not fits(one, 2.0**-130, 2.0**-130)


@pytest.mark.parametrize(("mean", "sigma"), [(0.3, WIDE), (2.0**16 + 0.3, 0.25), (-1e9, 0.25)])
def test_noise_that_cells_do_not_serve_is_normal_and_on_the_grid(mean: float, sigma: float) -> None:
    point = torch.full((1, 4000), mean, dtype=torch.float64)
    drawn = around(point, 16, sigma, GRID).double()
    assert torch.equal(drawn / GRID, (drawn / GRID).round())
    if mean == 0.3:
        noise = (drawn.numpy().ravel() - mean) / sigma
        assert stats.kstest(noise, "norm").pvalue > FALSE_ALARM


def test_a_mean_that_is_not_finite_stays_so() -> None:
    point = torch.tensor([[math.nan, 0.5]], dtype=torch.float64)
    drawn = around(point, 4, 0.25, GRID)
    assert bool(drawn[:, 0].isnan().all())
    assert bool(drawn[:, 1].isfinite().all())


def test_without_a_grid_the_noise_is_not_rounded() -> None:
    drawn = around(torch.zeros(1, 4000, dtype=torch.float64), 16, 0.25, 0.0).double()
    assert stats.kstest(drawn.numpy().ravel() / 0.25, "norm").pvalue > FALSE_ALARM
    assert not torch.equal(drawn / GRID, (drawn / GRID).round())


# What other devices do, here with a generator on the CPU.


def test_device_noise_is_normal_on_the_grid_and_a_function_of_its_seed() -> None:
    point = torch.full((1, 1000), 0.3, dtype=torch.float64)

    def drawn(seed: int) -> Tensor:
        return around_by_normals(device_normals(seed, 64, 1000, CPU), point, 0.25, GRID)

    first = drawn(1)
    assert torch.equal(first, drawn(1))
    assert not torch.equal(first, drawn(2))
    assert first.dtype == torch.float32
    steps = first.double() / GRID
    assert torch.equal(steps, steps.round())
    assert stats.kstest((first.double().numpy().ravel() - 0.3) / 0.25, "norm").pvalue > FALSE_ALARM


def test_device_normals_have_more_than_24_bits() -> None:
    normals = device_normals(1, 1, 1000, CPU)
    assert normals.dtype == torch.float64
    assert float((normals != normals.float().double()).double().mean()) > 0.99


def test_device_seeds_differ_in_every_component_of_the_key() -> None:
    sample_keys = [
        SampleKey(seed, image, stream, centre, chunk)
        for seed in (0, 2**32)
        for image in (0, 1)
        for stream in Stream
        for centre in (0, 1)
        for chunk in (0, 1, 11)
    ]
    seeds = {c.device_seed() for c in sample_keys}
    assert len(seeds) == len(sample_keys)
    assert max(seeds) > 2**60  # All 64 bits are used.


@pytest.mark.parametrize("mean", [-(2.0**40) - 0.3, -0.5, 0.0, 2.0**60])
def test_the_size_of_a_mean_adds_no_error_on_devices(mean: float) -> None:
    # The whole part is added last and exactly, or as a function of the true rounded value.
    normals = device_normals(5, 8, 100, CPU)
    point = torch.full((1, 100), mean * GRID, dtype=torch.float64)
    rest = mean - np.rint(mean)
    offset = np.rint(rest + normals.numpy() * 64.0)
    drawn = around_by_normals(normals.clone(), point, 0.25, GRID)
    assert np.array_equal(drawn.numpy(), ((np.rint(mean) + offset) * GRID).astype(np.float32))


def test_a_device_without_float64_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="'mps' has no float64"):
        device_normals(0, 1, 1, torch.device("mps"))


def test_each_kind_of_device_has_a_sampler_of_its_own() -> None:
    names = [sampler_on(torch.device(kind)) for kind in ("cpu", "cuda", "cuda:1")]
    assert names[0] == SAMPLER != names[1] == names[2]
