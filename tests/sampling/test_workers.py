"""Several workers: the same counts, and errors that reach the caller."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch
from torch import Tensor

from gsmooth.errors import ConfigurationError, ModelError
from gsmooth.sampling import devices_of
from gsmooth.sampling.workers import drawing_pool, started_pool
from tests.engine_objects import Scores
from tests.sampling.subjects import Greedy, Linear, Sized, requests, smoothed

ROWS = [64, 16, 32, 64, 64, 16, 64, 48] * 6


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("batch_size", [64, 200])
def test_counts_do_not_depend_on_the_number_of_workers(workers: int, batch_size: int) -> None:
    expected = smoothed().count(requests(ROWS))
    g = smoothed(batch_size=batch_size, devices=("cpu",) * workers)
    for _ in range(3):
        assert np.array_equal(g.count(requests(ROWS)), expected)


def test_fixed_batch_workers_pad_their_batches_too() -> None:
    expected = smoothed(Sized(), fixed_batch=True).count(requests(ROWS))
    g = smoothed(Sized(), fixed_batch=True, devices=("cpu", "cpu"))
    assert np.array_equal(g.count(requests(ROWS)), expected)


def test_workers_have_replicas_of_their_own() -> None:
    module = Linear()
    g = smoothed(module, 64, devices=("cpu", "cpu"))
    g.count(requests(ROWS))
    seen = [worker.classifier.module for worker in g.counter._workers]
    assert seen[0] is module
    assert seen[1] is not module
    assert isinstance(seen[1], Linear)
    assert torch.equal(seen[1].weights, module.weights)


def test_workers_share_a_lack_of_memory() -> None:
    g = smoothed(
        Greedy(100, RuntimeError("DefaultCPUAllocator: can't allocate memory")),
        256,
        devices=("cpu", "cpu"),
    )
    with pytest.warns(RuntimeWarning, match="does not fit"):
        counts = g.count(requests(ROWS))
    assert np.array_equal(counts, smoothed().count(requests(ROWS)))


def test_an_error_in_one_worker_stops_the_others_and_is_raised() -> None:
    def scores(x: Tensor) -> Tensor:
        return torch.zeros(len(x), 3, 1)

    with pytest.raises(ModelError, match="expected scores"):
        smoothed(Scores(scores), 64, devices=("cpu", "cpu")).count(requests(ROWS))


@pytest.mark.parametrize(
    ("text", "expected"),
    [("cpu", ("cpu",)), ("cuda:0, cuda:1", ("cuda:0", "cuda:1")), ("cpu,cpu", ("cpu", "cpu"))],
)
def test_devices_are_separated_by_commas(text: str, expected: tuple[str, ...]) -> None:
    assert devices_of(text) == expected


@pytest.mark.parametrize("text", ["", "cpu,cuda:0", "cuda:0,", "cpu,,cpu"])
def test_devices_of_several_kinds_are_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="several of one kind"):
        devices_of(text)


def test_pools_are_kept_and_leave_the_number_of_threads_alone() -> None:
    before = torch.get_num_threads()
    assert drawing_pool(2) is drawing_pool(2)
    assert torch.get_num_threads() == before
    pool = started_pool(3, 2)
    assert {pool.submit(torch.get_num_threads).result() for _ in range(9)} == {2}
    seen: list[int] = []
    later = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
    later.start()
    later.join()
    assert seen == [before]
    pool.shutdown()


@pytest.mark.parametrize("devices", [("meta",), ("cpu", "meta"), ("meta", "cpu")])
def test_workers_of_another_kind_than_the_classifier_are_refused(devices: tuple[str, ...]) -> None:
    with pytest.raises(ConfigurationError, match="the classifier is on cpu"):
        smoothed(devices=devices)
