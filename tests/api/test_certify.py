"""certify: certificates as objects, in the order of the images; every argument is checked first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import gsmooth as gs
from gsmooth.certification import RegionMode
from gsmooth.data.image_key import image_key
from gsmooth.data.item import Item
from gsmooth.errors import ConfigurationError, InputError, ModelError, UnreachableError
from gsmooth.runs.records.folder import read_records
from tests.api.objects import Mean, images, smoothed
from tests.certifying import certify_many

BALL = gs.Region(l2=0.1)


class Fails(nn.Module):
    """Has no answer."""

    def forward(self, x: Tensor) -> Tensor:
        raise AssertionError("a vote was cast")


def test_results_come_in_the_order_of_the_images() -> None:
    results = gs.certify(smoothed(), images(), BALL)
    assert [r.index for r in results] == [0, 1, 2, 3]
    assert [r.label for r in results] == [1, 0, None, 1]


def test_a_certificate_is_matched_by_its_class_and_an_abstention_by_its_reason() -> None:
    told = []
    for r in gs.certify(smoothed(), images()[1:3], BALL):
        match r.certificate:
            case gs.Certified(label=c):
                told.append(str(c))
            case gs.Abstained(reason=why):
                told.append(str(why))
    assert told == ["0", "budget"]


@pytest.mark.parametrize("one", [images()[0], images()[:1], images()[0].numpy()])
def test_one_image_gives_one_result(one: Any) -> None:
    results = gs.certify(smoothed(), one, BALL)
    assert len(results) == 1
    assert results[0].label == 1


def test_votes_follow_from_seed_and_pixels_whatever_the_batch() -> None:
    g = smoothed()
    together = list(gs.certify(g, images(), BALL))
    alone = [gs.certify(g, image, BALL)[0] for image in images()]
    assert [r.certificate for r in together] == [r.certificate for r in alone]
    assert [r.votes for r in together] == [r.votes for r in alone]


def test_a_loop_draws_other_noise_for_every_image() -> None:
    keys = {gs.certify(smoothed(), image, BALL).keys for image in images()}
    assert len(keys) == 4


def test_the_noise_of_an_image_is_that_of_its_hash() -> None:
    g, image = smoothed(), images()[2]
    item = Item(image_key(image), image.double())
    wanted = next(certify_many(g, [item], BALL, RegionMode()))
    assert gs.certify(g, image, BALL)[0].certificate == wanted.certificate


def test_equal_images_get_equal_results() -> None:
    results = gs.certify(smoothed(), torch.stack([images()[0], images()[0]]), BALL)
    assert results[0].certificate == results[1].certificate
    assert [r.index for r in results] == [0, 1]


def test_nothing_is_computed_before_it_is_asked_for() -> None:
    results = gs.certify(smoothed(Fails()), images(), BALL)
    assert results.finished == ()
    assert "4 not computed yet" in repr(results)
    assert "compute()" in results._repr_html_()
    with pytest.raises(ModelError, match="a vote was cast"):
        results.compute()


@pytest.mark.parametrize(
    "form", [torch.Tensor, torch.Tensor.numpy, lambda x: x.permute(0, 2, 3, 1)]
)
def test_what_becomes_of_the_images_later_changes_no_result(form: Any) -> None:
    x = images()
    results = gs.certify(smoothed(), form(x), BALL)
    x.copy_(images().flip(0))
    assert [r.certificate for r in results] == [
        r.certificate for r in gs.certify(smoothed(), images(), BALL)
    ]
    assert torch.equal(results.images.image(0), images()[0].double())


def test_results_are_computed_once() -> None:
    results = gs.certify(smoothed(), images(), BALL)
    first = results[1]
    assert results[1] is first
    assert results[-3] is first
    assert results[1:3][0] is first
    with pytest.raises(IndexError):
        results[4]


def test_accuracy_counts_right_certificates() -> None:
    results = gs.certify(smoothed(), images(), BALL)
    assert results.certified_accuracy([1, 0, 1, 0]) == 0.5
    assert results.certified_accuracy(torch.tensor([1, 0, 1, 1])) == 0.75


def test_accuracy_counts_a_part_of_the_region_where_it_is_asked_to() -> None:
    results = gs.certify(smoothed(), images()[:1], gs.Region(l2=3.0), mode="radius", n=1000)
    assert results.certified_accuracy(1) == 0.0
    assert results.certified_accuracy(1, fraction=0.1) == 1.0


@pytest.mark.parametrize("labels", [[1, 0, 1], [1, 0, 1, 2], [1.0, 0.0, 1.0, 1.0]])
def test_labels_that_do_not_fit_are_refused(labels: list[Any]) -> None:
    with pytest.raises(InputError, match="labels"):
        gs.certify(smoothed(), images(), BALL).certified_accuracy(labels)
    with pytest.raises(InputError, match="labels"):
        gs.certify(smoothed(), images(), BALL, labels=labels)


def test_accuracy_without_labels_says_what_is_missing() -> None:
    with pytest.raises(InputError, match="true classes are not known; give labels"):
        gs.certify(smoothed(), images(), BALL).certified_accuracy()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"region": gs.Region(angle=(-1, 1))}, ConfigurationError, "unknown parameter 'angle'"),
        ({"region": gs.Region()}, ConfigurationError, "nothing to certify"),
        ({"images": images() * 255.0}, InputError, "outside of the input range"),
        ({"images": torch.zeros(3, 4, 4, 3)}, InputError, "expected"),
        ({"alpha": 0.0}, ConfigurationError, "alpha"),
        ({"alpha": 0.7}, ConfigurationError, "alpha"),
        ({"max_votes": 0}, ConfigurationError, "max_votes"),
        ({"n0": 0}, ConfigurationError, "n0"),
        ({"n": 100}, ConfigurationError, "n is for mode='radius'"),
        ({"bound": "sequence"}, ConfigurationError, "bound is for mode='radius'"),
        ({"mode": "radius", "max_votes": 9}, ConfigurationError, "max_votes is for mode='region'"),
        ({"mode": "nested"}, ConfigurationError, "expected 'region' or 'radius'"),
        ({"guarantee": "distributional"}, ConfigurationError, "gsmooth calibrate"),
        ({"seconds": 1.0}, ConfigurationError, "seconds is for guarantee='online'"),
        ({"centres": 0}, ConfigurationError, "centres"),
        ({"centres": 2.5}, ConfigurationError, "centres=2.5; expected a whole number"),
        ({"centres": "cleen"}, ConfigurationError, "or 'clean'"),
        ({"region": 0.1}, ConfigurationError, "expected a gsmooth.Region"),
        ({"order": "worst"}, ConfigurationError, "expected 'worst-first' or 'inside-out'"),
        ({"max_votes": float("inf")}, ConfigurationError, "whole number"),
        ({"n0": 1.5}, ConfigurationError, "n0=1.5 is of type float; expected a whole number"),
        (
            {"mode": "radius", "bound": "randomized"},
            ConfigurationError,
            "expected 'clopper-pearson' or 'sequence'",
        ),
        (
            {"guarantee": "online", "seconds": 0.0},
            ConfigurationError,
            "seconds=0.0 must be above 0",
        ),
        ({"region": gs.Region(l2=100.0)}, UnreachableError, "even unanimous votes"),
        ({"g": nn.Flatten()}, ConfigurationError, "expected a gsmooth.SmoothedClassifier"),
    ],
)
def test_a_wrong_argument_is_refused_before_the_first_vote(
    arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    usual: dict[str, Any] = {"g": smoothed(Fails()), "images": images(), "region": BALL}
    with pytest.raises(error, match=message):
        gs.certify(**(usual | arguments))


def test_a_region_is_put_into_the_order_of_the_transformation() -> None:
    g = gs.SmoothedClassifier(
        Mean(),
        "rotation+brightness",
        std={"angle": 4.0, "brightness": 0.1},
        sigma=0.25,
        num_classes=2,
        input_shape=(1, 8, 8),
        seed=0,
    )
    region = gs.Region(brightness=(0, 0.01), angle=(-1, 1))
    results = gs.certify(g, torch.full((1, 8, 8), 0.9), region)
    assert results.region.names == ("angle", "brightness")
    assert results.region.upper == (1.0, 0.01)


def test_ends_between_two_steps_are_refused() -> None:
    operator = gs.load_transformation("integer-translation")
    g = gs.SmoothedClassifier(
        Mean(), operator, std={}, sigma=0.25, num_classes=2, input_shape=(1, 8, 8), seed=0
    )
    names = [parameter.name for parameter in operator.parameters]
    region = gs.Region([-0.5] * len(names), [1.0] * len(names), names=names)
    with pytest.raises(ConfigurationError, match="in steps of 1"):
        gs.certify(g, torch.zeros(1, 8, 8), region)


def test_a_network_that_is_no_function_of_its_input_is_refused() -> None:
    class Drops(Mean):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(nn.functional.dropout(x))

    results = gs.certify(smoothed(Drops()), images(), BALL)
    with pytest.raises(ModelError, match="dropout"):
        results.compute()


def test_a_network_whose_labels_depend_on_the_batch_size_keeps_to_one_size() -> None:
    sizes: set[int] = set()

    class Sized(Mean):
        def forward(self, x: Tensor) -> Tensor:
            sizes.add(len(x))
            scores = super().forward(x)
            return scores if len(x) == 256 else scores.flip(1)

    g = smoothed(Sized())
    assert gs.certify(g, images()[:1], BALL)[0].label == 1
    sizes.clear()  # The first look tries other sizes.
    assert gs.certify(g, images()[3:], BALL)[0].label == 1
    assert gs.predict(g, images()[:1], n=64)[0].label == 1
    assert sizes == {256}


def test_training_the_network_further_changes_no_result() -> None:
    net = Mean()
    g = smoothed(net)
    results = gs.certify(g, images(), BALL)
    first = results[0]
    with torch.no_grad():
        net.linear.weight.neg_()
    assert [r.label for r in results] == [1, 0, None, 1]
    assert gs.certify(g, images(), BALL)[0].certificate == first.certificate


def test_an_online_certificate_of_8_bit_images_needs_bits() -> None:
    g = gs.SmoothedClassifier(
        Mean(), "rotation", std={"angle": 4.0}, sigma=0.25, num_classes=2, input_shape=(1, 9, 9)
    )
    image = np.full((9, 9), 200, np.uint8)
    with pytest.raises(ConfigurationError, match="give bits=8"):
        gs.certify(g, image, gs.Region(angle=(-1, 1)), guarantee="online")


def test_a_result_tells_itself_in_a_line() -> None:
    results = gs.certify(smoothed(), images(), BALL).compute()
    assert repr(results[0]).startswith("Result(index=0, certified as 1 (individual), votes=")
    assert "abstained (budget)" in repr(results[2])
    assert repr(results) == "Results(4 images on Region(l2=0.1): 3 certified, 1 abstained)"


def test_an_interrupted_wait_can_be_taken_up_again() -> None:
    class Stops(Mean):
        interrupts = True

        def forward(self, x: Tensor) -> Tensor:
            if Stops.interrupts:
                raise KeyboardInterrupt
            return super().forward(x)

    results = gs.certify(smoothed(Stops()), images(), BALL)
    with pytest.raises(KeyboardInterrupt):
        results.compute()
    Stops.interrupts = False
    wanted = [r.certificate for r in gs.certify(smoothed(), images(), BALL)]
    assert [r.certificate for r in results] == wanted


@pytest.mark.parametrize("rule", ["runner-up", "e-process", "fixed"])
def test_the_rule_that_decides_is_chosen_saved_and_verified(rule: Any, tmp_path: Path) -> None:
    results = gs.certify(smoothed(), images(), BALL, rule=rule)
    (votes,) = {sum(c.trials for c in r.certificate.evidence) for r in results if r.certified}
    assert (votes == 448) is (rule == "fixed")
    saved = results.save(tmp_path / "run", labels=[1, 0, 1, 0])
    assert read_records(saved).header.decision_rule == (2 if rule == "runner-up" else 1)
    assert gs.verify(saved).sound


def test_the_fixed_rule_has_as_many_votes_as_are_asked_for() -> None:
    (result,) = gs.certify(smoothed(), images()[:1], BALL, rule="fixed", n=128)
    assert [centre.trials for centre in result.certificate.evidence] == [128]
    with pytest.raises(ConfigurationError, match="rule='fixed' is for mode='region'"):
        gs.certify(smoothed(), images(), BALL, mode="radius", rule="fixed")
    with pytest.raises(ConfigurationError, match="rule='wald'; expected 'runner-up'"):
        gs.certify(smoothed(), images(), BALL, rule="wald")  # type: ignore[arg-type]
