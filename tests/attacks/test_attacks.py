"""The adversary finds what can be found, counts its passes and claims no violation lightly (O4)."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from gsmooth.attacks import AttackOutcome, AttackPlan, attack_many, attacked_images, grid, noisy
from gsmooth.attacks.settings import ATTACK
from gsmooth.certificate import Certified, Guarantee
from gsmooth.data.item import Item
from gsmooth.errors import ConfigurationError, InputError, ModelError
from gsmooth.models.classifier import Classifier
from gsmooth.sampling.noise import CHUNK, Draws, SampleKey
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.theory.laws import GaussianLaw
from gsmooth.transforms.region import Region
from gsmooth_gaussian import Gaussian
from tests.certifying import certify, found_as
from tests.engine_objects import (
    WIDE,
    HalfLine,
    Labels,
    Scores,
    Turn,
    classifier,
    half_line,
    on_ring,
    phase_deg,
    pixel,
    turned,
)

FINALISTS = ATTACK.finalists
STARTS = ATTACK.starts

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
    assert outcome.worst.refutes(1)
    assert outcome.worst.strict.label == 0
    turn = torch.full((1, 1), outcome.theta[0], dtype=torch.float64)
    assert torch.allclose(outcome.worst.attacked, g.transformation.attack(on_ring()[None], turn)[0])


def test_a_classifier_without_a_weak_spot_is_robust() -> None:
    outcome = attacked(turned(lambda phase: phase < 60.0, 3.0), on_ring(), 1, TURNS)
    assert outcome.robust
    assert not outcome.worst.refutes(1)
    assert outcome.worst.l2 == 0.0


def test_an_l2_attack_crosses_the_boundary_of_a_half_space_and_stays_in_the_ball() -> None:
    weights = torch.tensor([[1.0, -2.0, 0.5, 0.0]])
    network = Scores(lambda x: x.flatten(1) @ torch.cat([-weights, weights]).T)
    g = SmoothedClassifier(
        classifier(network, (1, 2, 2)), Gaussian(), GaussianLaw((), 0.25), seed=0
    )
    distance = 0.4
    direction = (weights / weights.norm()).reshape(1, 2, 2).double()
    inside = attacked(g, distance * direction, 1, Region(l2=0.9 * distance))
    assert inside.prediction.label != 0
    assert inside.worst.l2 < 0.9 * distance
    outside = attacked(g, distance * direction, 1, Region(l2=1.3 * distance))
    assert outside.prediction.label == 0
    assert not outside.robust
    moved = outside.worst.attacked - distance * direction
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
    g = SmoothedClassifier(classifier(module), Gaussian(), GaussianLaw((), 0.5), seed=0)
    outcome = attacked(g, pixel(0.4), 1, Region(l2=1.5))
    assert 0.0 < outcome.worst.l2 < 1.5
    assert float(outcome.worst.attacked) < -0.5
    assert outcome.prediction.label == 0


def passes(module: nn.Module) -> tuple[nn.Module, list[int]]:
    seen: list[int] = []
    module.register_forward_hook(lambda m, x, y: seen.append(len(y)))
    return module, seen


@pytest.mark.parametrize("l2", [0.0, 0.3])
def test_every_forward_pass_is_counted(l2: float) -> None:
    module, seen = passes(HalfLine(-2.0))
    g = SmoothedClassifier(classifier(module), Gaussian(), GaussianLaw((), 0.5), seed=0)
    outcome = attacked(g, pixel(), 1, Region(l2=l2), n=300, screening_votes=16)
    assert outcome.forwards == sum(seen)
    assert outcome.forwards == 16 + (10 * CHUNK if l2 else 0) + 320


def test_every_forward_pass_over_a_grid_is_counted() -> None:
    g = turned(lambda phase: phase < 60.0, 3.0)
    _, seen = passes(g.classifier.module)
    plan = {"points": 10, "random": 7, "n": 64, "screening_votes": 5}
    outcome = attacked(g, on_ring(), 1, TURNS, **plan)
    # A network of labels has no gradient: every path ends at its first step.
    finals = FINALISTS + STARTS
    paths, again = STARTS * CHUNK, finals * CHUNK
    assert outcome.forwards == sum(seen) == 5 * (len(grid(TURNS, 10)) + 7) + paths + again + 64


def test_an_abstention_at_the_worst_point_is_neither_robust_nor_a_violation() -> None:
    outcome = attacked(half_line(0.0, 0.5), pixel(0.0), 1, Region(), n=1000)
    assert outcome.prediction.label is None
    assert not outcome.robust
    assert not outcome.worst.refutes(0)
    assert not outcome.worst.refutes(1)


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
    assert not any(o.worst.refutes(1) for o in wrong)
    sure = attacked(half_line(3.0, 0.5), pixel(0.0), 1, Region(), n=64)
    assert sure.worst.refutes(1)
    assert sure.worst.strict.alpha == 1e-9


def test_a_right_answer_refutes_the_certificate_of_a_wrong_class_only() -> None:
    outcome = attacked(half_line(-3.0, 0.5), pixel(0.0), 1, Region(l2=0.1))
    assert outcome.prediction.label == 1
    assert not outcome.worst.refutes(1)
    assert outcome.worst.refutes(0)


def test_certified_images_withstand_the_attack() -> None:
    g = turned(lambda phase: (phase > -45.0) & (phase < 50.0), 12.0)
    region = Region((-30.0,), (30.0,))
    for index, angle in enumerate((0.0, 5.0, 15.0, -10.0, 30.0, 60.0)):
        certificate = certify(g, on_ring(angle), region, index=index, centres=6).certificate
        outcome = attacked(g, on_ring(angle), certificate.label, region)
        if hasattr(certificate, "fraction"):
            assert outcome.robust


def test_the_same_search_twice_is_the_same() -> None:
    g = half_line(-0.5, 0.5)
    one, other = (attacked(g, pixel(), 1, Region(l2=0.7)) for _ in range(2))
    assert one == other
    assert torch.equal(one.worst.attacked, other.worst.attacked)


def test_an_image_that_does_not_fit_is_named() -> None:
    with pytest.raises(InputError, match="image 3: shape"):
        attacked(half_line(0.0, 0.5), torch.zeros(1, 2, 2), 1, Region(l2=0.1))


def test_scores_that_are_not_finite_stop_the_search() -> None:
    broken = classifier(HalfLine(float("nan")))
    g = SmoothedClassifier(broken, Gaussian(), GaussianLaw((), 0.5), seed=0)
    with pytest.raises(ModelError, match="NaN or infinite scores"):
        attacked(g, pixel(), 1, Region(l2=0.1))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("points", 0),
        ("n", 0),
        ("random", -1),
        ("gradient_steps", -1),
        ("screening_votes", 0),
        ("screening_votes", 65),
        ("alpha", 0.0),
    ],
)
def test_a_plan_that_cannot_be_carried_out_is_refused(field: str, value: float) -> None:
    with pytest.raises(ConfigurationError, match=field):
        AttackPlan(**{field: value})  # type: ignore[arg-type]


def test_the_grid_of_many_parameters_stays_small() -> None:
    for dimensions in (2, 3, 6, 20):
        theta = grid(Region((-1.0,) * dimensions, (2.0,) * dimensions), 31)
        assert 2 * dimensions <= len(theta) <= 1024
        assert bool((theta == 0.0).all(dim=1).any())
        assert theta.min() == -1.0
        assert theta.max() == 2.0


class Valley(nn.Module):
    """Class 1 except within half a degree of a phase; the scores fall towards it from afar."""

    def __init__(self, phase: float) -> None:
        super().__init__()
        self.phase = phase

    def forward(self, x: Tensor) -> Tensor:
        away = (phase_deg(x) - self.phase).abs().float()
        return torch.stack([0.5 * torch.ones_like(away), away], dim=1)


@pytest.mark.parametrize("phase", [-11.3, 17.9, 33.33])
def test_the_gradient_finds_a_spot_between_the_points_of_the_grid(phase: float) -> None:
    network = classifier(Valley(phase), (1, 1, 2))
    g = SmoothedClassifier(network, Turn(), GaussianLaw((0.02,), 2.0**-8), seed=0)
    without = attacked(g, on_ring(), 1, TURNS, points=4, random=0, gradient_steps=0)
    assert without.robust
    found = attacked(g, on_ring(), 1, TURNS, points=4, random=0, gradient_steps=60)
    assert found.theta[0] == pytest.approx(phase, abs=0.5)
    assert not found.robust
    assert TURNS.lower[0] <= found.theta[0] <= TURNS.upper[0]


def test_random_points_find_what_the_grid_steps_over() -> None:
    g = turned(lambda phase: (phase < 3.0) | (phase > 6.0), 0.2)
    assert attacked(g, on_ring(), 1, TURNS, points=4, random=0).robust
    assert not attacked(g, on_ring(), 1, TURNS, points=4, random=64).robust


def test_a_low_count_among_many_is_screened_again_before_it_is_believed() -> None:
    """Four votes a point mislead: the worst of many is often not the one that looks worst."""
    g = turned(lambda phase: (phase < 20.0) | (phase > 25.0), 1.2)
    found = [
        next(
            attack_many(
                g,
                [(Item(index, on_ring()), 1)],
                TURNS,
                AttackPlan(points=23, random=20, screening_votes=4, n=512),
            )
        )
        for index in range(8)
    ]
    assert all(20.0 < outcome.theta[0] < 25.0 for outcome in found)


def test_an_attacked_image_is_rounded_where_the_region_says_so() -> None:
    network = Classifier(HalfLine(0.0), classes=2, shape=(1, 1, 2), input_range=(-1.0, 1.0))
    g = SmoothedClassifier(network, Turn(), GaussianLaw((3.0,), 0.25), seed=0)
    region = Region((-20.0,), (35.0,), 0.2, bits=3)
    image = torch.tensor([[[0.6, 0.1]]], dtype=torch.float64)
    outcome = attacked(g, image, 1, region, n=128)
    levels = (outcome.worst.attacked + 1.0) * 3.5
    assert torch.allclose(levels, levels.round(), atol=1e-12)
    assert outcome.worst.l2 < 0.2
    theta = torch.tensor([outcome.theta], dtype=torch.float64)
    free = replace(region, bits=0)
    before = attacked_images(g, image[None], theta, free, outcome.worst.added[None])[0]
    before = before.clamp(-1.0, 1.0)
    moved = (before - outcome.worst.attacked).abs().max()
    assert 0.0 < float(moved) <= region.half_level((-1.0, 1.0)) * (1.0 + 1e-12)


def test_what_is_added_is_clipped_to_the_range_and_what_psi_does_is_not() -> None:
    network = Classifier(HalfLine(0.0), classes=2, shape=(1, 1, 2), input_range=(0.0, 1.0))
    g = SmoothedClassifier(network, Turn(), GaussianLaw((3.0,), 0.25), seed=0)
    theta = torch.tensor([[45.0]], dtype=torch.float64)
    image = torch.tensor([[[[1.0, 0.9]]]], dtype=torch.float64)  # Turned to (.07, 1.34).
    added = torch.tensor([[[[-0.5, -0.1]]]], dtype=torch.float64)
    region = Region((-45.0,), (45.0,), 1.0, bits=8)
    found = attacked_images(g, image, theta, region, added).flatten()
    assert float(found[0]) == 0.0
    assert float(found[1]) == pytest.approx(1.2435, abs=1.0 / 510.0)


def test_gradients_pass_through_the_rounding_unchanged() -> None:
    g = turned(lambda phase: phase < 60.0, 3.0)
    image = on_ring(10.0)[None] / 64.0
    theta = torch.tensor([[4.0]], dtype=torch.float64)
    slopes = []
    for bits in (0, 2):
        leaf = theta.clone().requires_grad_(True)
        picture = attacked_images(g, image, leaf, Region((-20.0,), (35.0,), bits=bits))
        (slope,) = torch.autograd.grad(picture.sum(), leaf)
        slopes.append(slope)
    assert torch.equal(*slopes)


def test_parameters_without_noise_are_attacked_as_well() -> None:
    network = classifier(Valley(17.9), (1, 1, 2))
    g = SmoothedClassifier(network, Turn(), GaussianLaw((), 2.0**-6), seed=0)
    found = attacked(g, on_ring(), 1, replace(TURNS, l2=0.01), points=4, random=0, n=256)
    assert found.theta[0] == pytest.approx(17.9, abs=4.0)
    assert found.worst.l2 < 0.01


def test_a_certificate_of_a_part_of_the_region_is_attacked_where_it_holds() -> None:
    g = turned(lambda phase: (phase < 8.0) | (phase > 14.0), 0.5)
    part = Certified(1, Region((-10.0,), (12.0,)), 0.5, Guarantee.INDIVIDUAL, 0.001, ())
    item = Item(3, on_ring())
    plan = AttackPlan(n=256)
    (outcome,) = attack_many(g, [(item, 1)], TURNS, plan, found_as(3, part))
    assert outcome.inside is not None
    assert 8.0 < outcome.inside.theta[0] <= 12.0
    assert outcome.inside.refutes(1)
    elsewhere = replace(part, region=Region((-10.0,), (7.0,)))
    (outcome,) = attack_many(g, [(item, 1)], TURNS, plan, found_as(3, elsewhere))
    assert outcome.worst.refutes(1)
    assert outcome.inside is not None
    assert not outcome.inside.refutes(1)
    assert -10.0 <= outcome.inside.theta[0] <= 7.0


def test_a_certificate_of_a_wrong_class_is_attacked_for_itself() -> None:
    """g is right at the clean image only: the certificate of class 0 fails at 0."""
    g = turned(lambda phase: phase.abs() < 2.0, 0.2)
    wrong = Certified(0, TURNS, 1.0, Guarantee.INDIVIDUAL, 0.001, ())
    (outcome,) = attack_many(
        g, [(Item(3, on_ring()), 1)], TURNS, AttackPlan(n=256), found_as(3, wrong)
    )
    assert outcome.inside is not None
    assert outcome.inside.refutes(0)
    assert abs(outcome.inside.theta[0]) < 2.0


@pytest.mark.parametrize(
    ("label", "region", "guarantee"),
    [(1, TURNS, Guarantee.INDIVIDUAL), (0, Region((0.0,), (1.0,)), Guarantee.ONLINE)],
)
def test_nothing_more_is_tried_where_the_worst_says_all(
    label: int, region: Region, guarantee: Guarantee
) -> None:
    g = turned(lambda phase: phase < 60.0, 3.0)
    held = Certified(label, region, 1.0, guarantee, 0.001, ())
    (outcome,) = attack_many(
        g, [(Item(3, on_ring()), 1)], TURNS, AttackPlan(n=64), found_as(3, held)
    )
    assert outcome.attempts == (outcome.worst,)


def test_noise_is_drawn_on_the_device_of_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """A CPU with a number stands for another device: nothing else may name it."""
    device, drawn = torch.device("cpu", 0), []

    def draws(sample_key: SampleKey, where: torch.device) -> Draws:
        drawn.append(where)
        return Draws(sample_key, where)

    monkeypatch.setattr(noisy, "Draws", draws)
    model = Classifier(HalfLine(0.5), classes=2, shape=(1, 1, 1), input_range=WIDE, device=device)
    g = SmoothedClassifier(model, Gaussian(), GaussianLaw((), 0.25), seed=0, batch_size=64)
    assert attacked(g, pixel(0.25), 0, Region((), (), 0.1), n=64, gradient_steps=2).robust
    assert len(drawn) > 2
    assert set(drawn) == {device}
