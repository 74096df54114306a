"""MAITE's protocols and its own evaluation, with our model, metric and conversions."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest
import torch

import gsmooth as gs
from gsmooth.errors import InputError
from gsmooth.integrations.maite import (
    CertifiedAccuracy,
    CertifiedModel,
    from_maite_dataset,
    from_maite_model,
)
from tests.integrations.subjects import REGION, SHAPE, HalfSpace, images, smooth

TRUTH = (1, 0, 1, 0)
NAMES = {0: "low", 1: "high"}


class Model:
    """A MAITE model that answers in NumPy."""

    metadata: ClassVar = {"id": "half-space", "index2label": NAMES}

    def __call__(self, batch: Any) -> Any:
        with torch.no_grad():
            return list(HalfSpace()(torch.from_numpy(np.stack(batch))).numpy())


class Data:
    """A MAITE data set of four images, two of which are certified."""

    metadata: ClassVar = {"id": "four", "index2label": NAMES}

    def __init__(self, targets: Any = None) -> None:
        self.targets = np.eye(2) if targets is None else targets

    def __len__(self) -> int:
        return len(TRUTH)

    def __getitem__(self, place: int) -> Any:
        image = images(1.0, 0.0, 0.5, 1.0)[place].numpy()
        return image, self.targets[TRUTH[place]], {"id": place}


def test_a_model_of_maite_is_certified() -> None:
    network = from_maite_model(Model(), SHAPE)
    assert (network.classes, network.name) == (2, "in-memory:half-space")
    data = from_maite_dataset(Data())
    results = gs.certify(smooth(network), data, REGION, labels=data.labels)
    assert results.certified_accuracy() == 0.5


def test_a_data_set_of_maite_keeps_labels_and_their_names() -> None:
    data = from_maite_dataset(Data(), limit=3)
    assert (data.labels.tolist(), data.classes, data.shape) == ([1, 0, 1], ("low", "high"), SHAPE)


def test_a_target_without_a_largest_entry_is_no_label() -> None:
    with pytest.raises(InputError, match="with one largest"):
        from_maite_dataset(Data(targets=np.full((2, 2), 0.5)))


def test_scores_of_another_model_are_refused() -> None:
    with pytest.raises(InputError, match="evaluate a gsmooth CertifiedModel"):
        CertifiedAccuracy().update([np.array([1.0, 0.0])], [np.array([1.0, 0.0])], [])


def test_without_a_region_it_answers_as_predict_does() -> None:
    model = CertifiedModel(smooth(), max_votes=128, labels=["low", "high"])
    answers = model(list(images(1.0, 0.5).numpy()))
    assert [int(row.argmax()) for row in answers] == [1, 2]
    assert model.metadata["index2label"] == {0: "low", 1: "high", 2: "abstained"}


@pytest.mark.extras(group="frameworks")
def test_maite_evaluates_our_model_with_our_metric() -> None:
    tasks = pytest.importorskip("maite.tasks", reason='needs the extra "maite"')
    found, predictions, _ = tasks.evaluate(
        model=CertifiedModel(smooth(), REGION),
        metric=CertifiedAccuracy(),
        dataset=Data(),
        batch_size=3,
        return_preds=True,
    )
    assert found["certified_accuracy"] == 0.5
    assert (found["abstained"], found["images"]) == (0.25, 4.0)
    assert (found["lower"], found["upper"]) == pytest.approx((0.0676, 0.9324), abs=1e-4)
    assert [int(row.argmax()) for batch in predictions for row in batch] == [1, 0, 2, 1]


@pytest.mark.extras(group="frameworks")
def test_they_are_what_the_protocols_of_maite_ask_for() -> None:
    ic = pytest.importorskip(
        "maite.protocols.image_classification", reason='needs the extra "maite"'
    )
    assert isinstance(CertifiedModel(smooth(), REGION), ic.Model)
    assert isinstance(CertifiedAccuracy(), ic.Metric)
    assert isinstance(Model(), ic.Model)
    assert isinstance(Data(), ic.Dataset)


@pytest.mark.extras(group="frameworks")
def test_they_pass_the_spot_checks_of_maite() -> None:
    pytest.importorskip("beartype", reason="the checks of maite need beartype")
    from maite.protocols import image_classification as ic
    from maite.spotcheck import spotcheck_component

    model = spotcheck_component(ic.Model)(CertifiedModel(smooth(), REGION))
    metric = spotcheck_component(ic.Metric)(CertifiedAccuracy())
    answers = model(list(images(1.0, 0.5).numpy()))
    metric.update(answers, [np.eye(2)[1]] * 2, [{"id": 0}, {"id": 1}])
    assert metric.compute()["certified_accuracy"] == 0.5
