"""What methods minimize, on a linear classifier, against values by hand and closed forms."""

from __future__ import annotations

import math

import pytest
import torch
from scipy.stats import norm
from torch import Tensor, nn

from gsmooth.errors import ConfigurationError
from gsmooth.models.zoo.denoiser import Denoised, Denoiser
from gsmooth.theory.laws import GaussianLaw
from gsmooth.training import NoisyInputs
from gsmooth.training.methods import (
    Consistency,
    Macer,
    Method,
    PlainNoise,
    SmoothAdv,
    Stability,
    TrainedNetwork,
)
from gsmooth.transforms.region import Region
from gsmooth_gaussian import Gaussian
from gsmooth_rotation import Rotation

TINY = 1e-9
X = torch.tensor([[[[0.1, 0.9], [0.4, 0.6]]], [[[0.8, 0.2], [0.3, 0.5]]]])
LABELS = torch.tensor([0, 1])


def linear(weight: Tensor) -> nn.Module:
    """Scores weight @ x for images of four pixels."""
    module = nn.Sequential(nn.Flatten(), nn.Linear(4, len(weight), bias=False))
    with torch.no_grad():
        module[1].weight.copy_(weight)  # type: ignore[operator]
    return module


def trained(module: nn.Module) -> TrainedNetwork:
    return TrainedNetwork(module, module)


WEIGHT = torch.tensor([[1.0, -2.0, 0.5, 0.0], [0.0, 1.0, 1.0, -1.0]])


def view(sigma: float = TINY) -> NoisyInputs:
    return NoisyInputs(Gaussian(), GaussianLaw((), sigma), Region(), 1.0, 0.0)


def cross_entropy(scores: Tensor, labels: Tensor = LABELS) -> float:
    shares = scores.exp() / scores.exp().sum(dim=1, keepdim=True)
    return (-shares[torch.arange(len(labels)), labels].log().mean()).item()


def test_plain_noise_is_the_cross_entropy_of_one_noisy_input() -> None:
    module = linear(WEIGHT)
    found = PlainNoise().loss(trained(module), [view()], X, LABELS, 0.0)
    assert found.loss.item() == pytest.approx(cross_entropy(module(X)), abs=1e-6)


def test_label_smoothing_mixes_in_the_mean_over_classes() -> None:
    module = linear(WEIGHT)
    log_p = module(X).log_softmax(dim=1)
    by_hand = 0.8 * cross_entropy(module(X)) + 0.2 * (-log_p.mean(dim=1).mean()).item()
    found = PlainNoise().loss(trained(module), [view()], X, LABELS, 0.2)
    assert found.loss.item() == pytest.approx(by_hand, abs=1e-6)


def test_consistency_is_the_divergence_of_each_draw_from_their_mean() -> None:
    # Two draws of one image: probabilities (.8, .2) and (.6, .4); their mean is (.7, .3).
    scores = torch.tensor([[[0.8, 0.2]], [[0.6, 0.4]]]).log()
    divergences = [
        0.7 * math.log(0.7 / 0.8) + 0.3 * math.log(0.3 / 0.2),
        0.7 * math.log(0.7 / 0.6) + 0.3 * math.log(0.3 / 0.4),
    ]
    entropy = -(0.7 * math.log(0.7) + 0.3 * math.log(0.3))
    found = Consistency(weight=10.0, entropy=0.5).regularization(scores)
    assert found.item() == pytest.approx(10.0 * sum(divergences) / 2 + 0.5 * entropy, abs=1e-6)


def test_without_noise_consistency_adds_the_entropy_alone() -> None:
    module = linear(WEIGHT)
    found = Consistency(weight=7.0, entropy=0.0).loss(trained(module), [view()], X, LABELS, 0.0)
    assert found.loss.item() == pytest.approx(cross_entropy(module(X)), abs=1e-6)


def test_probabilities_of_zero_leave_consistency_finite() -> None:
    scores = torch.tensor([[[0.0, -1e4]], [[0.0, -1e4]]], requires_grad=True)
    loss = Consistency().regularization(scores)
    (slope,) = torch.autograd.grad(loss, scores)
    assert loss.item() == pytest.approx(0.0, abs=1e-6)
    assert bool(slope.isfinite().all())


@pytest.mark.parametrize("steps", [1, 3])
def test_the_adversary_of_a_linear_classifier_moves_against_its_margin(steps: int) -> None:
    module = linear(WEIGHT)
    method = SmoothAdv(radius=0.3, steps=steps)
    found = method.loss(trained(module), [view()], X, LABELS, 0.0)
    # The gradient of a linear margin is constant: the worst point of the ball is known exactly.
    normal = (WEIGHT[1] - WEIGHT[0]) / (WEIGHT[1] - WEIGHT[0]).norm()
    worst = X.flatten(1) + 0.3 * torch.stack([normal, -normal])
    assert found.loss.item() == pytest.approx(cross_entropy(worst @ WEIGHT.T), abs=1e-5)


def test_the_adversary_stays_in_its_ball_behind_a_lift_and_rounding() -> None:
    module = nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 2))
    noisy = NoisyInputs(Rotation(), GaussianLaw((5.0,), 0.2), Region((-9.0,), (9.0,)), 1.0, 2.0**-8)
    from gsmooth.training.noise import LiftedViews

    lifted = LiftedViews.of([noisy], torch.rand(3, 1, 8, 8))
    method = SmoothAdv(radius=0.5, steps=4, draws=2)
    noise = [lifted.noise() for _ in range(2)]
    (moved,) = method.adversary(trained(module), lifted, noise, torch.tensor([0, 1, 0]))
    distance = (moved - lifted.parts[0].z).norm(dim=1)
    assert bool((distance > 0.4).all())
    assert bool((distance <= 0.5 + 1e-6).all())


def test_the_adversary_leaves_modes_and_gradients_of_the_network_as_they_were() -> None:
    module = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(4), nn.Linear(4, 2)).train()
    module[2].bias.requires_grad_(False)
    before = module[1].running_mean.clone()  # type: ignore[operator]

    def seen(x: Tensor) -> Tensor:
        if not module.training:
            assert torch.equal(module[1].running_mean, before)  # type: ignore[arg-type]
        return module(x)  # type: ignore[no-any-return]

    SmoothAdv().loss(TrainedNetwork(module, seen), [view(0.1)], X, LABELS, 0.0)
    assert module.training
    assert module[1].training
    assert [p.requires_grad for p in module.parameters()] == [True, True, True, False]


def test_macer_pushes_the_radius_of_right_images_up_to_gamma() -> None:
    # Soft votes of two draws: (.9, .1) and (.7, .3) for image 0, which is right: p_A = .8.
    draws = torch.tensor([[[0.9, 0.1], [0.6, 0.4]], [[0.7, 0.3], [0.6, 0.4]]]).log()
    found = Macer(beta=1.0, gamma=4.0).hinge(draws, torch.tensor([0, 1]))
    xi = norm.ppf(0.8) - norm.ppf(0.2)
    assert found.tolist() == pytest.approx([4.0 - xi, 0.0], abs=1e-5)


def test_a_radius_beyond_gamma_and_unanimous_votes_add_nothing() -> None:
    draws = torch.tensor([[[0.9, 0.1], [1.0, 0.0]]]).log().clamp_min(-1e6)
    draws.requires_grad_()
    found = Macer(beta=1.0, gamma=1.0).hinge(draws, torch.tensor([0, 0]))
    (slope,) = torch.autograd.grad(found.sum(), draws)
    assert found.tolist() == [0.0, 0.0]
    assert bool(slope.isfinite().all())


def test_macer_is_the_log_of_the_mean_probability_and_the_weighted_hinge() -> None:
    module = linear(WEIGHT)
    method = Macer(weight=3.0, gamma=5.0, beta=2.0, draws=4)
    sigma = 1e-4  # All draws agree to three digits.
    found = method.loss(trained(module), [view(sigma)], X, LABELS, 0.0)
    p = (2.0 * module(X)).softmax(dim=1).max(dim=1)
    right = p.indices == LABELS
    xi = 2.0 * norm.ppf(p.values.detach().numpy())
    hinge = float(((5.0 - torch.from_numpy(xi)) * right).mean())
    by_hand = cross_entropy(module(X)) + 3.0 * sigma / 2.0 * hinge
    assert found.loss.item() == pytest.approx(by_hand, abs=2e-4)


def test_stability_asks_for_the_answers_of_the_network_itself() -> None:
    network = linear(torch.tensor([[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0]]))
    denoised = Denoised(Denoiser(1, width=2), network).train()
    answers = network(X).argmax(dim=1)
    wrong = 1 - answers
    found = Stability().loss(trained(denoised), [view()], X, wrong, 0.0)
    assert torch.equal(found.labels, answers)
    assert found.loss.item() == pytest.approx(cross_entropy(network(X), answers), abs=1e-5)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Consistency(draws=1), "consistency: draws=1; expected at least 2"),
        (lambda: Consistency(weight=-1.0), "consistency: weight=-1.0 must be a positive number"),
        (lambda: SmoothAdv(radius=math.inf), "smoothadv: radius=inf"),
        (lambda: Macer(draws=0), "macer: draws=0; expected at least 1"),
        (lambda: Macer(gamma=math.nan), "macer: gamma=nan"),
    ],
)
def test_a_method_that_cannot_be_carried_out_names_its_field(make: Method, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        make()  # type: ignore[operator]
