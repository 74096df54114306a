"""CertifyCallback in a real Lightning training of a few steps."""

from __future__ import annotations

import random
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import gsmooth as gs
from gsmooth.errors import ConfigurationError, InputError, UnreachableError
from tests.integrations.subjects import REGION, HalfSpace, images, smooth

pytestmark = pytest.mark.extras(group="frameworks")
lightning: Any = pytest.importorskip("lightning", reason='needs the extra "lightning"')
TRUTH = torch.tensor([1, 0, 1, 0])
IMAGES = images(1.0, 0.0, 0.5, 1.0)
"""Of these four images, with their labels, two are certified: the third is on the border."""


def module(**normalized: Any) -> Any:
    class Module(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.net = HalfSpace()
            self.dropout = nn.Dropout(0.5)
            self.seen: list[tuple[float, float, bool]] = []

        def forward(self, x: Tensor) -> Tensor:
            if normalized:
                x = x * normalized["std"] + normalized["mean"]
            scores: Tensor = self.net(self.dropout(x))
            return scores

        def training_step(self, batch: Any, index: int) -> Tensor:
            self.seen.append((torch.rand(()).item(), random.random(), self.dropout.training))
            return nn.functional.cross_entropy(self(batch[0]), batch[1])

        def validation_step(self, batch: Any, index: int) -> None:
            self.log("loss", nn.functional.cross_entropy(self(batch[0]), batch[1]))

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), lr=0.0)

    return Module()


def loader(x: Tensor = IMAGES, shuffle: bool = False) -> DataLoader[Any]:
    return DataLoader(TensorDataset(x, TRUTH), batch_size=3, shuffle=shuffle)


def callback(**options: Any) -> Any:
    from gsmooth.integrations.lightning import CertifyCallback

    return CertifyCallback(smooth, options.pop("region", REGION), **{"every": 1} | options)


def trained(
    *callbacks: Any, epochs: int = 1, net: Any = None, x: Tensor = IMAGES
) -> tuple[Any, Any]:
    lightning.seed_everything(5, verbose=False)
    trainer = lightning.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=list(callbacks),
    )
    net = net or module()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Of Lightning: few workers, a small data set.
        trainer.fit(net, loader(x, shuffle=True), loader(x))
    return trainer, net


def test_the_first_validation_images_are_certified_and_logged() -> None:
    trainer, _ = trained(callback())
    found = {name: float(value) for name, value in trainer.logged_metrics.items()}
    assert found["certified_accuracy"] == 0.5
    expected = {"certified_accuracy_lower": 0.0676, "certified_accuracy_upper": 0.9324}
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-4)


def test_so_many_images_are_taken_as_were_asked_for() -> None:
    assert float(trained(callback(images=2))[0].logged_metrics["certified_accuracy"]) == 1.0


def test_it_waits_for_its_epoch() -> None:
    assert "certified_accuracy" not in trained(callback(every=2))[0].logged_metrics
    assert "certified_accuracy" in trained(callback(every=2), epochs=2)[0].logged_metrics


def test_validation_alone_certifies_whatever_the_epoch() -> None:
    trainer, net = trained(callback(every=9))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        (found,) = trainer.validate(net, loader(), verbose=False)
    assert found["certified_accuracy"] == 0.5


def test_a_training_is_the_same_with_it_and_without() -> None:
    def noisy(net: nn.Module) -> gs.SmoothedClassifier:
        torch.rand(3), random.random(), np.random.rand()
        net.train()
        return smooth(net)

    own = callback()
    own.smooth = noisy
    _, plain = trained(epochs=3)
    _, certified = trained(own, epochs=3)
    assert plain.seen == certified.seen
    assert all(training for _, _, training in certified.seen)


def test_images_that_the_loader_normalizes_are_brought_back() -> None:
    mean, std = 0.2, 0.5
    net = module(mean=mean, std=std)
    trainer, _ = trained(callback(mean=[mean], std=[std]), net=net, x=(IMAGES - mean) / std)
    assert float(trainer.logged_metrics["certified_accuracy"]) == 0.5


def test_normalized_images_are_refused_where_nothing_is_said_of_it() -> None:
    with pytest.raises(InputError, match="give the callback its mean and std"):
        trained(callback(), x=(IMAGES - 0.5) / 0.5)


def test_another_normalization_than_that_of_the_loader_is_refused() -> None:
    with pytest.raises(InputError, match="are mean and std those of the data loader"):
        trained(callback(mean=[0.9], std=[0.9]), x=(IMAGES - 0.5) / 0.5)


def test_a_region_out_of_reach_is_refused_before_the_first_step() -> None:
    net = module()
    with pytest.raises(UnreachableError):
        trained(callback(region=gs.Region(l2=9.0)), net=net)
    assert net.seen == []


def test_a_batch_of_another_form_asks_for_unpack() -> None:
    from gsmooth.integrations.lightning import _usual

    x, truth = _usual({"pixel_values": IMAGES, "labels": TRUTH})
    assert (x is IMAGES, truth is TRUTH) == (True, True)
    with pytest.raises(InputError, match="give unpack"):
        _usual({"picture": IMAGES})


def test_half_a_normalization_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="mean and std, or neither"):
        callback(mean=[0.5])


def test_the_images_are_the_same_every_time() -> None:
    own = callback(images=3)
    trained(own, epochs=2)
    assert sum(len(labels) for _, labels in own._kept) == 3
    assert torch.equal(torch.cat([x for x, _ in own._kept]), IMAGES[:3])
