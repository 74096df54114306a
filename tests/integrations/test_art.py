"""The Adversarial Robustness Toolbox, both ways, with its own classifiers and attacks."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import gsmooth as gs
from gsmooth.errors import ModelError
from tests.integrations.subjects import REGION, SHAPE, HalfSpace, images, smooth

pytestmark = [
    pytest.mark.extras(group="frameworks"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
pytest.importorskip("art", reason='needs the extra "art"')


def torch_classifier(net: nn.Module | None = None, **options: Any) -> Any:
    from art.estimators.classification import PyTorchClassifier

    return PyTorchClassifier(
        net or HalfSpace(),
        loss=nn.CrossEntropyLoss(),
        input_shape=SHAPE,
        nb_classes=2,
        device_type="cpu",
        **options,
    )


def test_an_abstention_is_a_class_of_its_own() -> None:
    from gsmooth.integrations.art import to_art

    victim = to_art(smooth(), n=200)
    scores = victim.predict(images(1.0, 0.0, 0.5).numpy())
    assert victim.nb_classes == 3
    assert scores.argmax(axis=1).tolist() == [1, 0, 2]


def test_the_toolbox_counts_an_abstention_as_wrong() -> None:
    from art.utils import compute_accuracy

    from gsmooth.integrations.art import to_art

    scores = to_art(smooth(), n=200).predict(images(0.5, 0.5, 0.0).numpy())
    accuracy, _ = compute_accuracy(scores, np.eye(3)[[0, 1, 0]], abstain=False)
    assert accuracy == pytest.approx(1 / 3)


def test_a_black_box_attack_finds_the_border_and_no_more() -> None:
    from art.attacks.evasion import HopSkipJump

    from gsmooth.integrations.art import to_art

    victim = to_art(smooth(), n=64)
    attack = HopSkipJump(victim, max_iter=2, max_eval=20, init_eval=5, init_size=20, verbose=False)
    np.random.seed(0)
    clean = images(0.9).numpy()
    attacked = attack.generate(clean)
    answer = int(victim.predict(attacked).argmax())
    assert answer != 1
    # The certificate of the image: nothing within the region changes the class.
    (result,) = gs.certify(smooth(), clean[0], REGION)
    assert result.label == 1
    assert np.linalg.norm(attacked - clean) > 0.25


def test_a_network_of_the_toolbox_becomes_ours_with_its_preprocessing() -> None:
    from gsmooth.integrations.art import from_art

    theirs = torch_classifier(preprocessing=(np.array([0.1]), np.array([2.0])), clip_values=(0, 1))
    ours = from_art(theirs)
    x = images(1.0, 0.2, 0.62)
    assert (ours.classes, ours.shape, ours.input_range) == (2, SHAPE, (0.0, 1.0))
    assert torch.allclose(ours.scores(x), torch.from_numpy(theirs.predict(x.numpy())), atol=1e-5)
    assert any(True for _ in ours.module.parameters())
    assert gs.certify(smooth(from_art(torch_classifier())), images(0.9), REGION)[0].label == 1


def test_a_defence_before_the_network_is_part_of_the_classifier() -> None:
    from art.defences.preprocessor import FeatureSqueezing

    from gsmooth.integrations.art import from_art

    squeeze = FeatureSqueezing(clip_values=(0.0, 1.0), bit_depth=1)
    theirs = torch_classifier(preprocessing_defences=squeeze, clip_values=(0, 1))
    x = images(0.9, 0.4)
    ours = from_art(theirs).scores(x)
    assert torch.allclose(ours, torch.from_numpy(theirs.predict(x.numpy())))
    assert not torch.allclose(ours, HalfSpace()(x))


def test_a_classifier_of_channels_last_is_asked_in_its_order() -> None:
    from art.estimators.classification import BlackBoxClassifierNeuralNetwork

    from gsmooth.integrations.art import from_art

    def predict(x: Any) -> Any:
        assert x.shape[1:] == (4, 5, 3)
        return np.stack([x[:, 0, 0, 0], x[:, 0, 0, 2]], axis=1)

    theirs = BlackBoxClassifierNeuralNetwork(
        predict, (4, 5, 3), nb_classes=2, channels_first=False, clip_values=(0, 1)
    )
    ours = from_art(theirs)
    assert ours.shape == (3, 4, 5)
    x = torch.rand(2, 3, 4, 5)
    assert torch.allclose(ours.scores(x), x[:, [0, 2], 0, 0])


def test_a_network_that_is_not_what_predict_returns_is_refused() -> None:
    from gsmooth.integrations.art import from_art

    theirs = torch_classifier()
    theirs.predict = lambda x, **_: np.ones((len(x), 2), dtype=np.float32)
    with warnings.catch_warnings(), pytest.raises(ModelError, match="does not compute what its"):
        from_art(theirs)
