"""attack, predict and train take the same objects as certify, and check what belongs together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import gsmooth as gs
from gsmooth.api.attack import _raise_if_refuted
from gsmooth.api.results import Result
from gsmooth.attacks import AttackOutcome, Attempt
from gsmooth.certificate import Certified, Guarantee, Prediction
from gsmooth.errors import ConfigurationError, InputError, ViolationError
from gsmooth.training import EpochReport
from tests.api.objects import images, smoothed

BALL = gs.Region(l2=0.1)
G = smoothed()
FEW: dict[str, Any] = {"points": 3, "random": 2, "gradient_steps": 1, "n": 64}


def test_predictions_come_in_the_order_of_the_images() -> None:
    found = gs.predict(smoothed(), images()[[1, 0, 1]], n=200)
    assert [p.label for p in found] == [0, 1, 0]
    assert sum(found[0].counts) == 256


def test_a_prediction_is_the_same_in_any_batch() -> None:
    g = smoothed()
    together = gs.predict(g, images(), n=64)
    assert together == [gs.predict(g, image, n=64)[0] for image in images()]


def test_a_prediction_that_stops_early_is_the_same_class_for_fewer_votes() -> None:
    g = smoothed()
    fixed, early = gs.predict(g, images()), gs.predict(g, images(), adaptive=True)
    assert [p.label for p in early] == [p.label for p in fixed]
    assert [sum(p.counts) for p in early][:2] == [12, 12]


@pytest.mark.parametrize("arguments", [{"n": 0}, {"alpha": 0.0}, {"alpha": 0.6}])
def test_numbers_out_of_range_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        gs.predict(smoothed(), images(), **arguments)


def test_attacks_come_in_the_order_of_the_images() -> None:
    outcomes = gs.attack(smoothed(), images(), [1, 0, 0, 0], BALL, **FEW)
    assert [outcome.index for outcome in outcomes] == [0, 1, 2, 3]
    assert [outcome.robust for outcome in outcomes] == [True, True, False, False]


def test_certificates_of_the_same_question_are_attacked() -> None:
    g = smoothed()
    results = gs.certify(g, images(), BALL)
    outcomes = gs.attack(g, images(), [1, 0, 1, 1], BALL, certificates=results, **FEW)
    assert all(outcome.robust for outcome in outcomes if results[outcome.index].certified)


@pytest.mark.parametrize(
    ("other", "what"),
    [
        (lambda: gs.certify(smoothed(), images(), BALL), "smoothed classifier"),
        (lambda: gs.certify(G, images()[:2], BALL), "images"),
        (lambda: gs.certify(G, images().flip(0), BALL), "images"),
        (lambda: gs.certify(G, images(), gs.Region(l2=0.2)), "region"),
    ],
)
def test_certificates_of_another_question_are_refused(other: Any, what: str) -> None:
    with pytest.raises(ConfigurationError, match=f"not about the same .*{what}"):
        gs.attack(G, images(), [1, 0, 1, 1], BALL, certificates=other(), **FEW)


def test_a_list_of_certificates_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"expected the results of gsmooth\.certify"):
        gs.attack(G, images()[0], 1, BALL, certificates=[], **FEW)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"labels": [1, 0]}, InputError),
        ({"labels": [1, 0, 1, 2]}, InputError),
        ({"region": gs.Region(angle=(-1, 1))}, ConfigurationError),
        ({"images": images() * 255.0}, InputError),
        ({"n": 0}, ConfigurationError),
    ],
)
def test_what_does_not_fit_is_refused_before_an_attack(
    arguments: dict[str, Any], error: type[Exception]
) -> None:
    usual: dict[str, Any] = {"images": images(), "labels": [1, 0, 1, 1], "region": BALL, **FEW}
    with pytest.raises(error):
        gs.attack(smoothed(), **(usual | arguments))


def attempt(l2: float, label: int | None) -> AttackOutcome:
    nothing = torch.zeros(1, 4, 4)
    worst = Attempt((), l2, Prediction(label, (0, 64, 0), 1e-9), 0, nothing, nothing)
    return AttackOutcome(0, worst, worst.strict, False, 64)


def result(guarantee: Guarantee = Guarantee.INDIVIDUAL) -> Result:
    certificate = Certified(0, BALL, 1.0, guarantee, 0.001, ())
    return Result(0, certificate, Prediction(0, (64, 0, 0), 0.001), 64)


def test_an_attack_that_refutes_a_certificate_stops_everything() -> None:
    with pytest.raises(ViolationError, match=r"certified as class 0, but .* answers 1"):
        _raise_if_refuted(result(), attempt(0.05, 1))


@pytest.mark.parametrize(
    ("found", "attacked"),
    [
        (result(), attempt(0.05, 0)),
        (result(), attempt(0.05, None)),
        (result(), attempt(0.2, 1)),
        (result(Guarantee.ONLINE), attempt(0.05, 1)),
    ],
)
def test_an_attack_outside_or_without_another_answer_refutes_nothing(
    found: Result, attacked: AttackOutcome
) -> None:
    _raise_if_refuted(found, attacked)


class Small(nn.Module):
    """Learns which half of the pixels is bright."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(64, 2), nn.BatchNorm1d(2))

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.layers(x)
        return scores


def small() -> Small:
    """The same network every time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Small()


def halves() -> tuple[Tensor, Tensor]:
    images = torch.zeros(32, 1, 8, 8)
    images[:16, :, :4] = 1.0
    images[16:, :, 4:] = 1.0
    return images, torch.tensor([0] * 16 + [1] * 16)


def trained(net: nn.Module, **arguments: Any) -> Any:
    usual: dict[str, Any] = {
        "std": {"angle": 4.0},
        "sigma": 0.25,
        "num_classes": 2,
        "input_shape": (1, 8, 8),
        "epochs": 10,
    }
    data = halves()
    return gs.train(net, "rotation", *data, gs.Region(angle=(-5, 5)), **(usual | arguments))


def test_a_network_learns_and_keeps_its_mode() -> None:
    net = small()
    net.train()
    report = trained(net)
    assert report.epochs[-1].loss < report.epochs[0].loss
    assert net.training
    assert net.layers[2].training
    g = gs.SmoothedClassifier(
        net, "rotation", std={"angle": 4.0}, sigma=0.25, num_classes=2, input_shape=(1, 8, 8)
    )
    images, _ = halves()
    assert [p.label for p in gs.predict(g, images[[0, -1]], n=200)] == [0, 1]


def test_training_leaves_the_random_numbers_of_torch_as_they_were() -> None:
    net = small()
    before = torch.get_rng_state()
    trained(net, epochs=1)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"std": {"angel": 4.0}}, ConfigurationError),
        ({"epochs": 0}, ConfigurationError),
        ({"input_shape": (1, 9, 9)}, InputError),
        ({"sigma": 0.0}, ConfigurationError),
    ],
)
def test_training_refuses_what_does_not_fit(
    arguments: dict[str, Any], error: type[Exception]
) -> None:
    net = small()
    with pytest.raises(error):
        trained(net, **arguments)
    assert net.training


def test_a_validation_part_chooses_the_weights_and_groups_stay_together() -> None:
    images, labels = halves()
    net = small()
    report = gs.train(
        net,
        "rotation",
        images.repeat(8, 1, 1, 1),
        labels.repeat(8),
        gs.Region(angle=(-5, 5)),
        std={"angle": 4.0},
        sigma=0.25,
        num_classes=2,
        input_shape=(1, 8, 8),
        epochs=4,
        validation=0.5,
        groups=[f"track {place % 32}" for place in range(256)],
        method=gs.Consistency(),
        photometric=0.3,
    )
    estimates = [epoch.estimate for epoch in report.epochs]
    assert all(estimate is not None for estimate in estimates)
    assert report.kept is not None
    assert report.kept.estimate == max(estimates, key=lambda e: e or 0.0)


def test_a_training_goes_on_from_its_file(tmp_path: Path) -> None:
    whole, parts = small(), small()
    expected = trained(whole, epochs=3)

    def stop(report: EpochReport) -> None:
        raise RuntimeError("the machine is switched off")

    file = tmp_path / "state.pt"
    with pytest.raises(RuntimeError):
        trained(parts, epochs=3, resume=file, on_epoch=stop)
    # Another network of the same initial weights: all that was learnt is in the file.
    fresh = small()
    found = trained(fresh, epochs=3, resume=file)
    assert found.epochs[-1].loss == expected.epochs[-1].loss
    assert all(torch.equal(v, fresh.state_dict()[k]) for k, v in whole.state_dict().items())


def test_groups_are_one_an_image() -> None:
    with pytest.raises(InputError, match="groups: 3 of them for 32 images"):
        trained(small(), validation=0.5, groups=[0, 1, 2])
