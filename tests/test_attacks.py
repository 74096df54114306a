"""The opponent finds what can be found, counts its passes and claims no violation lightly (O4)."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from gsmooth.attacks import STEPS, AttackOutcome, AttackPlan, attack_many, grid
from gsmooth.certification import Item, certify
from gsmooth.errors import ConfigurationError, InputError, ModelError
from gsmooth.noise import CHUNK
from gsmooth.region import Region
from gsmooth.smoothing import SmoothedClassifier
from gsmooth.theory.laws import GaussianLaw
from gsmooth_gaussian import Gaussian
from tests.engine_objects import (
    HalfLine,
    Labels,
    Scores,
    classifier,
    half_line,
    on_ring,
    pixel,
    turned,
)

TURNS = Region((-20.0,), (35.0,))


def attacked(
    g: SmoothedClassifier, image: Tensor, label: int, region: Region, **plan: float
) -> AttackOutcome:
    items = [(Item(3, image), label)]
    (outcome,) = attack_many(g, items, region, AttackPlan(**plan))  # type: ignore[arg-type]
    return outcome


@pytest.mark.parametrize("points", [2, 3, 4, 31])
def test_the_grid_holds_both_ends_and_the_clean_image(points: int) -> None:
    theta = grid(TURNS, points)[:, 0].tolist()
    assert theta == sorted(set(theta))
    assert {-20.0, 0.0, 35.0} <= set(theta)
    assert len(theta) <= points + 1


def test_the_grid_of_several_parameters_is_their_product() -> None:
    theta = grid(Region((-1.0, -2.0, 0.0), (1.0, 2.0, 0.0)), 3)
    assert theta.shape == (9, 3)
    assert len(theta.unique(dim=0)) == 9  # type: ignore[no-untyped-call]
    assert not theta[:, 2].any()
    assert theta.dtype == torch.float64


@pytest.mark.parametrize(("low", "high"), [(18.0, 22.0), (-20.5, -17.0), (33.0, 36.0)])
def test_the_worst_angle_of_a_classifier_with_one_weak_spot_is_found(
    low: float, high: float
) -> None:
    g = turned(lambda phase: (phase < low) | (phase > high), 0.5)
    outcome = attacked(g, on_ring(), 1, TURNS, points=56)
    assert low < outcome.theta[0] < high
    assert outcome.prediction.label == 0
    assert not outcome.robust
    assert outcome.refutes(1)
    assert outcome.strict.label == 0
    assert outcome.attacked is not None
    turn = torch.full((1, 1), outcome.theta[0], dtype=torch.float64)
    assert torch.allclose(outcome.attacked, g.transformation.attack(on_ring()[None], turn)[0])


def test_a_classifier_without_a_weak_spot_is_robust() -> None:
    outcome = attacked(turned(lambda phase: phase < 60.0, 3.0), on_ring(), 1, TURNS)
    assert outcome.robust
    assert not outcome.refutes(1)
    assert outcome.l2 == 0.0


def test_an_l2_attack_crosses_the_boundary_of_a_half_space_and_stays_in_the_ball() -> None:
    weights = torch.tensor([[1.0, -2.0, 0.5, 0.0]])
    network = Scores(lambda x: x.flatten(1) @ torch.cat([-weights, weights]).T)
    g = SmoothedClassifier(classifier(network, (1, 2, 2)), Gaussian(), GaussianLaw((), 0.25))
    distance = 0.4
    direction = (weights / weights.norm()).reshape(1, 2, 2).double()
    inside = attacked(g, distance * direction, 1, Region(l2=0.9 * distance))
    assert inside.prediction.label != 0
    assert inside.l2 < 0.9 * distance
    outside = attacked(g, distance * direction, 1, Region(l2=1.3 * distance))
    assert outside.prediction.label == 0
    assert not outside.robust
    assert outside.attacked is not None
    moved = outside.attacked - distance * direction
    assert float(moved.norm()) < 1.3 * distance
    cosine = -float((moved * direction).sum()) / float(moved.norm())
    assert cosine > 0.999


def behind_a_step(x: Tensor) -> Tensor:
    return (x.flatten(1)[:, 0] > -0.5).long()


class WithParameters(nn.Module):
    """Has parameters that need gradients behind a step that passes none on."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(3.0))

    def forward(self, x: Tensor) -> Tensor:
        return self.scale * nn.functional.one_hot(behind_a_step(x), 2).float()


class Quantized(nn.Module):
    """Passes a gradient on, and it is zero everywhere."""

    def forward(self, x: Tensor) -> Tensor:
        lead = x.flatten(1)[:, :1].sign()
        return torch.cat([-lead, lead + 0.5 * (x.flatten(1)[:, :1] + 0.5).round()], dim=1)


@pytest.mark.parametrize(
    "module", [Labels(behind_a_step), WithParameters(), Quantized()], ids=lambda m: type(m).__name__
)
def test_a_model_without_a_useful_gradient_is_searched_along_the_noise(module: nn.Module) -> None:
    g = SmoothedClassifier(classifier(module), Gaussian(), GaussianLaw((), 0.5))
    outcome = attacked(g, pixel(0.4), 1, Region(l2=1.5))
    assert outcome.attacked is not None
    assert 0.0 < outcome.l2 < 1.5
    assert float(outcome.attacked) < -0.5
    assert outcome.prediction.label == 0


def passes(module: nn.Module) -> tuple[nn.Module, list[int]]:
    seen: list[int] = []
    module.register_forward_hook(lambda m, x, y: seen.append(len(y)))
    return module, seen


@pytest.mark.parametrize("l2", [0.0, 0.3])
def test_every_forward_pass_is_counted(l2: float) -> None:
    module, seen = passes(HalfLine(-2.0))
    g = SmoothedClassifier(classifier(module), Gaussian(), GaussianLaw((), 0.5))
    outcome = attacked(g, pixel(), 1, Region(l2=l2), n=300, screening_votes=16)
    assert outcome.forwards == sum(seen)
    assert outcome.forwards == 16 + (STEPS * CHUNK if l2 else 0) + 320


def test_every_forward_pass_over_a_grid_is_counted() -> None:
    g = turned(lambda phase: phase < 60.0, 3.0)
    _, seen = passes(g.classifier.module)
    outcome = attacked(g, on_ring(), 1, TURNS, points=10, n=64, screening_votes=5)
    assert outcome.forwards == sum(seen) == 5 * len(grid(TURNS, 10)) + 64


def test_an_abstention_at_the_worst_point_is_neither_robust_nor_a_violation() -> None:
    outcome = attacked(half_line(0.0, 0.5), pixel(0.0), 1, Region(), n=1000)
    assert outcome.prediction.label is None
    assert not outcome.robust
    assert not outcome.refutes(0)
    assert not outcome.refutes(1)


def test_a_wrong_answer_at_the_plan_s_alpha_alone_is_no_violation() -> None:
    # 64 unanimous votes give PREDICT a p-value of 2^-63; 20 of them would not do for 1e-9.
    even = half_line(0.12, 0.5)
    found = [
        attack
        for index in range(30)
        for attack in attack_many(
            even, [(Item(index, pixel(0.0)), 1)], Region(), AttackPlan(n=256, alpha=0.05)
        )
    ]
    wrong = [o for o in found if o.prediction.label == 0]
    assert len(wrong) > 15
    assert not any(o.refutes(1) for o in wrong)
    sure = attacked(half_line(3.0, 0.5), pixel(0.0), 1, Region(), n=64)
    assert sure.refutes(1)
    assert sure.strict.alpha == 1e-9


def test_a_right_answer_refutes_the_certificate_of_a_wrong_class_only() -> None:
    outcome = attacked(half_line(-3.0, 0.5), pixel(0.0), 1, Region(l2=0.1))
    assert outcome.prediction.label == 1
    assert not outcome.refutes(1)
    assert outcome.refutes(0)


def test_certified_images_withstand_the_attack() -> None:
    g = turned(lambda phase: (phase > -45.0) & (phase < 50.0), 12.0)
    region = Region((-30.0,), (30.0,))
    for index, angle in enumerate((0.0, 5.0, 15.0, -10.0, 30.0, 60.0)):
        certificate = certify(g, on_ring(angle), region, index=index, centres=6).certificate
        outcome = attacked(g, on_ring(angle), certificate.label, region)
        if hasattr(certificate, "gauge"):
            assert outcome.robust


def test_the_same_search_twice_is_the_same() -> None:
    g = half_line(-0.5, 0.5)
    one, other = (attacked(g, pixel(), 1, Region(l2=0.7)) for _ in range(2))
    assert one == other
    assert one.attacked is not None
    assert other.attacked is not None
    assert torch.equal(one.attacked, other.attacked)


def test_an_image_that_does_not_fit_is_named() -> None:
    with pytest.raises(InputError, match="image 3: shape"):
        attacked(half_line(0.0, 0.5), torch.zeros(1, 2, 2), 1, Region(l2=0.1))


def test_scores_that_are_not_finite_stop_the_search() -> None:
    broken = classifier(HalfLine(float("nan")))
    g = SmoothedClassifier(broken, Gaussian(), GaussianLaw((), 0.5))
    with pytest.raises(ModelError, match="NaN or infinite scores"):
        attacked(g, pixel(), 1, Region(l2=0.1))


@pytest.mark.parametrize(
    ("field", "value"),
    [("points", 0), ("n", 0), ("screening_votes", 0), ("screening_votes", 65), ("alpha", 0.0)],
)
def test_a_plan_that_cannot_be_carried_out_is_refused(field: str, value: float) -> None:
    with pytest.raises(ConfigurationError, match=field):
        AttackPlan(**{field: value})  # type: ignore[arg-type]
