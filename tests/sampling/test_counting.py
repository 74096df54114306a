"""Counts: the same however requests are batched, and never of a vote that was not cast."""

from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from gsmooth.errors import MemoryShortError, ModelError
from gsmooth.sampling.batch_memory import Meter
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from tests.engine_objects import Scores
from tests.sampling.subjects import Greedy, Linear, Sized, requests, smoothed

MIXED = [16, 64, 16, 32, 64, 1, 64, 16, 64, 48, 64, 64, 7]
SIZES = st.lists(st.sampled_from([1, 7, 16, 32, 64]), min_size=1, max_size=20)


def one_by_one(rows: list[int]) -> np.ndarray:
    """Every request counted alone."""
    g = smoothed()
    return np.concatenate([g.count([request]) for request in requests(rows)])


@settings(max_examples=40, deadline=None)
@given(SIZES, st.integers(1, 600), st.randoms(use_true_random=False))
def test_counts_depend_on_neither_batches_nor_order(rows: list[int], batch: int, random) -> None:  # type: ignore[no-untyped-def]
    expected = one_by_one(rows)
    assert expected.sum(axis=1).tolist() == rows
    asked = requests(rows)
    order = random.sample(range(len(rows)), len(rows))
    counts = smoothed(batch_size=batch).count([asked[place] for place in order])
    assert np.array_equal(counts, expected[order])


def test_votes_around_different_points_differ() -> None:
    assert len(np.unique(one_by_one([64] * 8), axis=0)) > 4


def test_no_requests_have_no_counts() -> None:
    assert smoothed().count([]).shape == (0, 4)


def test_small_requests_fill_the_batches_up() -> None:
    module = Linear()
    smoothed(module).count(requests([16, 64, 16, 64, 16, 64, 16, 32, 32, 64] * 2))
    assert module.sizes == [256, 256, 256]


def test_scores_that_are_not_finite_name_votes_images_and_batch() -> None:
    def scores(x: Tensor) -> Tensor:
        bad = x.flatten(1)[:, :1] > 1.5
        return torch.where(bad, math.nan, x.flatten(1)[:, :3])

    asked = requests([64] * 6)
    with pytest.raises(
        ModelError, match=r"toy: NaN .* of \d+ votes for image 1[\d, ]*, first in batch [123] of 3"
    ):
        smoothed(Scores(scores), 128).count(asked)


ERRORS = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB"),
    RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"),
    MemoryError("Unable to allocate"),
]


@pytest.mark.parametrize("error", ERRORS)
def test_a_batch_that_does_not_fit_is_repeated_in_halves(error: Exception) -> None:
    g = smoothed(Greedy(100, error), 512)
    rows = [64, 16, 64, 64, 64, 32, 64, 64, 16, 16, 64, 64, 64, 64]
    with pytest.warns(RuntimeWarning, match="does not fit into memory") as warned:
        counts = g.count(requests(rows))
    assert np.array_equal(counts, one_by_one(rows))
    # A warning for every size that was tried, not for every batch; and none from then on.
    assert len(warned) <= 3
    assert g.counter.batch_size < 200
    assert np.array_equal(g.count(requests(rows)), counts)


@pytest.mark.parametrize("error", ERRORS)
def test_one_row_that_does_not_fit_is_an_error_that_says_what_to_do(error: Exception) -> None:
    g = smoothed(Greedy(0, error), 1)
    with pytest.raises(MemoryShortError, match=r"batch of 1 .*no smaller batch is possible; free"):
        g.count(requests([64, 64]))


@pytest.mark.parametrize("error", ERRORS)
def test_a_request_that_does_not_fit_is_seen_in_several_passes(error: Exception) -> None:
    network = Greedy(5, error)
    g = smoothed(network, 64)
    with pytest.warns(RuntimeWarning, match="does not fit into memory"):
        counts = g.count(requests([64, 16]))
    assert np.array_equal(counts, one_by_one([64, 16]))
    assert max(network.sizes) == g.counter.batch_size == 4


def test_other_errors_of_the_network_are_not_taken_for_a_lack_of_memory() -> None:
    with pytest.raises(
        ModelError, match=r"shape \(256, 1, 4, 4\), torch.float32: RuntimeError: mat1"
    ):
        smoothed(Greedy(100, RuntimeError("mat1 and mat2 shapes"))).count(requests([64] * 4))


def test_every_pass_of_a_fixed_batch_classifier_has_its_size_where_requests_are_larger() -> None:
    module = Linear()
    g = smoothed(module, 10, fixed_batch=True)
    assert np.array_equal(g.count(requests([64, 16, 7])), one_by_one([64, 16, 7]))
    assert set(module.sizes) == {10}


def test_every_pass_of_a_fixed_batch_classifier_has_one_size() -> None:
    module = Sized()
    counts = smoothed(module, fixed_batch=True).count(requests(MIXED))
    assert set(module.sizes) == {256}
    assert np.array_equal(counts, one_by_one(MIXED))
    assert counts.sum(axis=1).tolist() == MIXED


def test_the_counts_of_a_fixed_batch_classifier_depend_on_the_size() -> None:
    counts = smoothed(Sized(), 128, fixed_batch=True).count(requests(MIXED))
    assert not np.array_equal(counts, one_by_one(MIXED))


def test_a_fixed_batch_batch_that_does_not_fit_is_an_error() -> None:
    g = smoothed(Greedy(255, ERRORS[0]), fixed_batch=True)
    with pytest.raises(MemoryShortError, match=r"batch of 256 .* begin a new one with a smaller"):
        g.count(requests([64]))


class Waits(TorchFunctionMode):
    """Calls that wait for the device, by name."""

    NAMES = frozenset(
        {"cpu", "item", "tolist", "__bool__", "__int__", "__float__", "nonzero", "unique", "equal"}
    )

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def __torch_function__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        if (name := getattr(func, "__name__", "")) in self.NAMES:
            self.seen.append(name)
        return func(*args, **(kwargs or {}))


class Reads(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Operators whose result has a size or value that the host has to read."""

    NAMES = frozenset(
        {"_local_scalar_dense", "nonzero", "masked_select", "_unique2", "bincount", "equal"}
    )

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.seen: list[str] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        if func.overloadpacket.__name__ in self.NAMES:
            self.seen.append(str(func))
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("batch_size", [64, 128, 1024])
def test_a_round_has_one_transfer_however_many_its_batches(batch_size: int) -> None:
    module = Linear()
    g = smoothed(module, batch_size)
    with Waits() as waits, Reads() as reads:
        g.counter.alone().count(requests(MIXED))
    assert len(module.sizes) == {64: 9, 128: 5, 1024: 1}[batch_size]
    assert waits.seen == ["cpu"]
    assert reads.seen == []


def peaks(g: SmoothedClassifier, batches: int) -> tuple[int, int]:
    """Bytes of tensors, and of NumPy's arrays, at the peak of counting full batches."""
    asked = requests([64] * (batches * g.batch_size // 64))
    counter = g.counter.alone()
    counter.count(asked[:1])
    tracemalloc.start()
    with Meter() as meter:
        counter.count(asked)
    arrays = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return meter.peak, arrays


def test_memory_is_bounded_by_the_batch_and_not_by_n() -> None:
    g = smoothed(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(16, 3)), 1024)
    tensors, arrays = peaks(g, 2)
    more_tensors, more_arrays = peaks(g, 20)
    table = 18 * 16 * 5 * 8  # bytes of counts that 18 batches more have
    assert more_tensors <= tensors + 2 * table
    assert more_arrays <= arrays + 30 * table


def test_counting_takes_hardly_more_memory_than_a_forward_pass() -> None:
    layers = [torch.nn.Conv2d(1, 8, 3, padding=1), torch.nn.ReLU(), torch.nn.Flatten()]
    g = smoothed(torch.nn.Sequential(*layers, torch.nn.Linear(128, 3)), 512)
    with Meter() as meter:
        g.classifier.votes(torch.rand(512, 1, 4, 4))
    assert peaks(g, 3)[0] <= 1.5 * meter.peak


def test_the_meter_sees_what_is_made_and_what_is_gone() -> None:
    with Meter() as meter:
        first = torch.zeros(1000)
        view = first.reshape(10, 100)
        second = view + 1.0
        del first, view
        assert meter.live == 4000
        third = second.double()
        assert meter.live == 12000
    assert meter.peak == 12000
    assert third.sum() == 1000.0


SPARSE = ("to_sparse", "to_sparse_csr", "to_sparse_csc")


@pytest.mark.parametrize("form", SPARSE)
@pytest.mark.filterwarnings("ignore:Sparse C:UserWarning")
def test_the_meter_sees_what_a_sparse_tensor_is_made_of(form: str) -> None:
    with Meter() as meter:
        dense = torch.eye(100, dtype=torch.float64)
        sparse = getattr(dense, form)()
        del dense
        # 100 numbers in float64, and at least as many indices in int64.
        assert 1600 <= meter.live <= 4000
        product = sparse @ torch.ones(100, 7, dtype=torch.float64)
        del sparse
        assert meter.live == product.nbytes
    assert meter.peak >= 80_000


def test_the_meter_lets_tensors_pass_that_do_not_show_their_memory() -> None:
    with Meter() as meter:
        opaque = torch.ones(10, 10).to_mkldnn()
        assert float(opaque.to_dense().sum()) == 100.0
    assert meter.peak >= 400
