"""Interruption, resumption, checkpoints and the order of images."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gsmooth.errors import ConfigurationError
from gsmooth.theory.laws import GaussianLaw
from gsmooth.training import NoisyInputs, TrainPlan, TrainReport, Watching, train_source
from gsmooth.training.interrupt import TrainingInterrupted
from gsmooth.training.loop import TrainingLoop
from gsmooth.training.methods import Consistency
from gsmooth.training.source import ImageSource, StreamedSource, TensorSource
from gsmooth.training.state import Place
from gsmooth.transforms.region import Region
from gsmooth_rotation import Rotation
from tests.training.test_recipe import bars, network

PLAN = TrainPlan(
    epochs=4, batch_size=16, learning_rate=0.02, photometric=0.5, balance=True, average=0.9
)
VIEW = NoisyInputs(Rotation(), GaussianLaw((5.0,), 0.2), Region((-9.0,), (9.0,)), 1.2, 2.0**-8)


def source(count: int = 64) -> ImageSource:
    return TensorSource(*bars(count))


def with_dropout() -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(
            nn.Flatten(), nn.Linear(64, 16), nn.BatchNorm1d(16), nn.Dropout(0.2), nn.Linear(16, 2)
        )


def run(
    module: nn.Module, watching: Watching | None = None, plan: TrainPlan = PLAN, **given: Any
) -> TrainReport:
    images = given.pop("images", source())
    return train_source(module, [VIEW], images, plan, watching, channels=1, **given)


def same(one: nn.Module, other: nn.Module) -> bool:
    return all(torch.equal(v, other.state_dict()[k]) for k, v in one.state_dict().items())


class Stop:
    """Ctrl-C after so many steps."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def __call__(self, place: Place, images: int) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("steps", [1, 4, 6, 11])
def test_a_training_that_is_interrupted_and_resumed_ends_with_the_same_weights(
    tmp_path: Path, steps: int
) -> None:
    whole, parts = with_dropout(), with_dropout()
    expected = run(whole)
    file = tmp_path / "state.pt"
    with pytest.raises(TrainingInterrupted, match="interrupted in epoch"):
        run(parts, Watching(on_step=Stop(steps), resume=file))
    found = run(with_dropout_again := with_dropout(), Watching(resume=file))
    assert same(whole, with_dropout_again)
    figures = [[(e.epoch, e.loss, e.accuracy) for e in r.epochs] for r in (expected, found)]
    assert figures[0] == figures[1]


def test_a_training_can_be_interrupted_more_than_once(tmp_path: Path) -> None:
    whole, last = with_dropout(), with_dropout()
    run(whole)
    for _ in range(2):
        with pytest.raises(TrainingInterrupted):
            run(with_dropout(), Watching(on_step=Stop(5), resume=tmp_path / "state.pt"))
    run(last, Watching(resume=tmp_path / "state.pt"))
    assert same(whole, last)


def test_the_state_of_another_training_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "state.pt"
    with pytest.raises(TrainingInterrupted):
        run(network(), Watching(on_step=Stop(1), resume=file, identity="one"))
    with pytest.raises(ConfigurationError, match="is of another training"):
        run(network(), Watching(resume=file, identity="other"))
    file.write_bytes(b"nothing")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        run(network(), Watching(resume=file, identity="one"))


def test_after_ctrl_c_the_network_holds_the_best_weights_so_far() -> None:
    module, seen = network(), Kept([0.2, 0.6, 0.4, 0.1])
    with pytest.raises(TrainingInterrupted) as stopped:
        run(module, Watching(estimate=seen, on_step=Stop(13)))
    assert [epoch.best for epoch in stopped.value.report.epochs] == [True, True, False]
    assert all(torch.equal(v, module.state_dict()[k]) for k, v in seen.weights[1].items())
    assert not module.training


class Kept:
    """Estimates that are given beforehand; keeps the weights that it is asked about."""

    def __init__(self, values: list[float]) -> None:
        self.values: Iterator[float] = iter(values)
        self.weights: list[dict[str, Tensor]] = []

    def __call__(self, module: nn.Module) -> float:
        torch.rand(3)  # An estimate that draws random numbers changes no training.
        self.weights.append({k: v.clone() for k, v in module.state_dict().items()})
        return next(self.values)


def test_the_weights_of_the_best_estimate_are_kept() -> None:
    module, seen = network(), Kept([0.5, 0.8, 0.8, 0.7])
    report = run(module, Watching(estimate=seen))
    assert [(e.estimate, e.best) for e in report.epochs] == [
        (0.5, True),
        (0.8, True),
        (0.8, True),
        (0.7, False),
    ]
    assert report.kept is report.epochs[2]
    assert all(torch.equal(v, module.state_dict()[k]) for k, v in seen.weights[2].items())


def test_estimates_change_no_weights_of_the_training() -> None:
    one, other = network(), network()
    run(one)
    run(other, Watching(estimate=Kept([0.1, 0.2, 0.3, 0.4])))
    assert same(one, other)


def test_long_trainings_are_estimated_now_and_then_and_at_the_end() -> None:
    report = run(
        network(), Watching(estimate=Kept([0.5] * 30)), replace(PLAN, epochs=61), images=source(16)
    )
    estimated = [e.epoch for e in report.epochs if e.estimate is not None]
    assert estimated == [*range(8, 61, 8), 61]


def test_without_an_average_the_last_weights_are_returned() -> None:
    module = network()
    loop = TrainingLoop(
        module, [VIEW], source(), replace(PLAN, average=0.0), None, "mine", Watching()
    )
    loop.run()
    trained = loop.state.averaged.module
    assert same(trained, module)


def test_the_average_is_that_of_all_steps_by_hand() -> None:
    layer, weights = nn.Linear(64, 2), []

    def follow(place: Place, images: int) -> None:
        weights.append(layer.weight.detach().double())

    run(nn.Sequential(nn.Flatten(), layer), Watching(on_step=follow))
    # The first weights are copied; then the decay grows to the given one.
    mean = weights[0]
    for step, weight in enumerate(weights[1:], start=1):
        decay = min(0.9, (1.0 + step) / (10.0 + step))
        mean = decay * mean + (1.0 - decay) * weight
    assert torch.allclose(layer.weight.double(), mean, atol=1e-5)


def test_classes_are_drawn_equally_often_where_that_is_asked_for() -> None:
    labels = torch.tensor([0] * 60 + [1] * 4)
    seen: list[int] = []

    class Listed(ImageSource):
        def __init__(self) -> None:
            self.labels = labels

        def batches(self, parts: Any) -> Iterator[Tensor]:
            for part in parts:
                seen.extend(labels[part].tolist())
                yield bars(64)[0][part]

    run(network(), plan=replace(PLAN, epochs=8), images=Listed())
    assert 0.4 < sum(seen) / len(seen) < 0.6


class Disk:
    """Pictures that are read one by one."""

    def __init__(self, images: Tensor) -> None:
        self.images = images.numpy()

    def pixels(self, part: Any, dtype: Any) -> Any:
        return np.stack([self.images[place] for place in part]).astype(dtype)


@pytest.mark.parametrize("workers", [0, 2])
def test_streamed_images_train_as_those_in_memory_do(workers: int) -> None:
    images, labels = bars(64)
    part = np.arange(8, 56)
    one, other = network(), network()
    run(one, images=TensorSource(images[8:56], labels[8:56]))
    run(other, images=StreamedSource(Disk(images), part, labels[8:56], workers=workers))
    assert same(one, other)


def test_amp_trains_in_bfloat16_and_keeps_weights_in_float32() -> None:
    one, other = network(), network()
    run(one)
    report = run(other, plan=replace(PLAN, amp="bfloat16"))
    assert not same(one, other)
    assert other.state_dict()["1.weight"].dtype == torch.float32
    assert report.epochs[-1].loss < report.epochs[0].loss


def test_the_body_can_be_left_as_it_is() -> None:
    module = network()
    before = {k: v.clone() for k, v in module.state_dict().items()}
    run(module, plan=replace(PLAN, body_rate=0.0))
    after = module.state_dict()
    assert torch.equal(before["1.weight"], after["1.weight"])
    assert not torch.equal(before["4.weight"], after["4.weight"])


def test_every_method_learns(tmp_path: Path) -> None:
    report = run(network(), plan=replace(PLAN, method=Consistency(), epochs=6))
    assert report.epochs[-1].accuracy > 0.8
