"""Models without a gradient: the adversary does without, says why, and finds what it can."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn

from gsmooth.attacks import AttackOutcome, AttackPlan, attack_many
from gsmooth.data.item import Item
from gsmooth.errors import ModelError, PluginError
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.theory.laws import GaussianLaw
from gsmooth.transforms.base import Parameter, Transformation
from gsmooth.transforms.region import Region
from gsmooth_gaussian import Gaussian
from tests.engine_objects import Scores, Turn, classifier, on_ring, phase_deg, pixel


def lead(x: Tensor) -> Tensor:
    first = x.flatten(1)[:, :1] + 0.5
    return torch.cat([-first, first], dim=1)


def through_numpy(x: Tensor) -> Tensor:
    return lead(torch.from_numpy(x.numpy()))


class NoBackward(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        raise NotImplementedError("no backward pass")


def without_backward(x: Tensor) -> Tensor:
    return lead(NoBackward.apply(x))  # type: ignore[no-untyped-call]


def detached(x: Tensor) -> Tensor:
    return lead(x.detach())


def without_memory_for_it(x: Tensor) -> Tensor:
    if x.requires_grad:
        raise MemoryError
    return lead(x)


def in_inference(x: Tensor) -> Tensor:
    with torch.inference_mode():
        return lead(x)


def quantized(x: Tensor) -> Tensor:
    return lead(torch.fake_quantize_per_tensor_affine(x.detach(), 2.0**-6, 0, -128, 127))


MODELS = {
    through_numpy: "RuntimeError: Can't call numpy",
    without_backward: "NotImplementedError: no backward pass",
    detached: "the model passes no gradient on",
    without_memory_for_it: "MemoryError",
    in_inference: "the model passes no gradient on",
    quantized: "the model passes no gradient on",
}


def attacked(module: nn.Module) -> AttackOutcome:
    g = SmoothedClassifier(classifier(module), Gaussian(), GaussianLaw((), 0.5), seed=0)
    plan = AttackPlan(points=2, random=0, n=256)
    return next(attack_many(g, [(Item(0, pixel(0.4)), 1)], Region(l2=1.5), plan))


@pytest.mark.parametrize(("scores", "said"), MODELS.items())
def test_a_model_without_a_gradient_is_attacked_without_one(scores: Any, said: str) -> None:
    outcome = attacked(Scores(scores))
    assert outcome.missing_gradient is not None
    assert outcome.missing_gradient.startswith(said)
    # Found along the noise: beyond -0.5 the class changes.
    assert outcome.prediction.label == 0
    assert 0.9 < outcome.worst.l2 < 1.5


def test_a_model_that_takes_few_images_at_a_time_is_attacked_in_parts() -> None:
    def few(x: Tensor) -> Tensor:
        if len(x) > 5:
            raise MemoryError
        return lead(x.detach())

    whole = attacked(Scores(detached))
    with pytest.warns(RuntimeWarning, match="does not fit into memory; going on"):
        parts = attacked(Scores(few))
    assert (parts.theta, parts.prediction.label) == (whole.theta, 0)
    assert parts.worst.l2 == pytest.approx(whole.worst.l2)


def test_a_model_with_a_gradient_lacks_nothing() -> None:
    assert attacked(Scores(lead)).missing_gradient is None


def test_a_search_without_steps_lacks_nothing() -> None:
    g = SmoothedClassifier(
        classifier(Scores(through_numpy)), Gaussian(), GaussianLaw((), 0.5), seed=0
    )
    plan = AttackPlan(gradient_steps=0, n=64)
    (outcome,) = attack_many(g, [(Item(0, pixel()), 1)], Region(l2=0.1), plan)
    assert outcome.missing_gradient is None


def test_a_model_that_fails_with_and_without_a_gradient_is_at_fault() -> None:
    def scores(x: Tensor) -> Tensor:
        if len(x) == 64:  # A chunk: what the gradient is taken over.
            raise ValueError("sixty-four")
        return lead(x)

    with pytest.raises(ModelError, match=r"shape \(64, 1, 1, 1\).*ValueError: sixty-four"):
        attacked(Scores(scores))


def test_a_model_that_fails_once_where_a_gradient_is_sought_is_at_fault() -> None:
    seen: list[int] = []

    def scores(x: Tensor) -> Tensor:
        seen.append(len(x)) if x.requires_grad else None
        if len(seen) == 3 and x.requires_grad:
            raise ValueError("only now")
        return lead(x)

    with pytest.raises(ModelError, match="ValueError: only now"):
        attacked(Scores(scores))


def test_a_model_that_leaves_where_a_gradient_is_sought_is_at_fault() -> None:
    def scores(x: Tensor) -> Tensor:
        if x.requires_grad:
            sys.exit(0)
        return lead(x)

    with pytest.raises(ModelError, match="SystemExit: 0"):
        attacked(Scores(scores))


def turned(operator: Transformation, scores: Any) -> AttackOutcome:
    g = SmoothedClassifier(
        classifier(Scores(scores), (1, 1, 2)), operator, GaussianLaw((3.0,), 2.0**-8), seed=0
    )
    plan = AttackPlan(points=9, random=0, n=256)
    region = Region((-80.0,), (80.0,))
    return next(attack_many(g, [(Item(0, on_ring()), 1)], region, plan))


def beyond_60(x: Tensor) -> Tensor:
    first = 60.0 - phase_deg(torch.from_numpy(x.numpy())).float()[:, None]
    return torch.cat([-first, first], dim=1)


def test_the_grid_alone_finds_what_lies_on_it() -> None:
    outcome = turned(Turn(), beyond_60)
    assert outcome.prediction.label == 0
    assert outcome.theta == (80.0,)
    assert str(outcome.missing_gradient).startswith("RuntimeError: Can't call numpy")


@dataclass(frozen=True)
class NumpyAttack(Transformation):
    """The plane turned by NumPy, which has no gradient."""

    name: ClassVar[str] = "numpy-turn"
    parameters: ClassVar[tuple[Parameter, ...]] = Turn.parameters

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        return Turn().act(z, *theta)

    def attack(self, x: Tensor, *theta: Tensor) -> Tensor:
        angles = [torch.from_numpy(t.numpy()) for t in theta]
        return Turn().attack(x, *angles)


def test_an_attack_without_a_gradient_is_tried_at_the_grid() -> None:
    outcome = turned(NumpyAttack(), beyond_60)
    assert outcome.prediction.label == 0
    assert str(outcome.missing_gradient).startswith("RuntimeError: Can't call numpy")


def test_a_plugin_s_own_error_is_no_missing_gradient() -> None:
    @dataclass(frozen=True)
    class Broken(NumpyAttack):
        def attack(self, x: Tensor, *theta: Tensor) -> Tensor:
            if len(theta[0]) == 1:
                raise PluginError("one is too few")
            return super().attack(x, *theta)

    with pytest.raises(PluginError, match="one is too few"):
        turned(Broken(), beyond_60)
