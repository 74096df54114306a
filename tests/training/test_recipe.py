"""The recipe learns, repeats itself and leaves no trace."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from gsmooth.errors import ConfigurationError, InputError, ModelError
from gsmooth.theory.laws import GaussianLaw
from gsmooth.training import EpochReport, NoisyInputs, TrainPlan, train, train_views
from gsmooth.transforms.region import Region
from gsmooth_gaussian import Gaussian
from gsmooth_rotation import Rotation
from gsmooth_translation import Translation

LAW = GaussianLaw((), 0.25)
BALL = Region(l2=0.25)
SHORT = TrainPlan(epochs=6, batch_size=32, learning_rate=0.02)


def bars(count: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Images of a bright bar on the left (0) or on the right (1) of a noisy square."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, 2, (count,), generator=generator)
    images = 0.3 * torch.rand(count, 1, 8, 8, generator=generator)
    for image, label in zip(images, labels, strict=True):
        image[:, :, 6 * int(label) : 6 * int(label) + 2] += 0.7
    return images, labels


def network(seed: int = 0) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Flatten(), nn.Linear(64, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 2)
        )


def trained(plan: TrainPlan = SHORT, module: nn.Module | None = None) -> nn.Module:
    module = module or network()
    train(module, Gaussian(), LAW, *bars(128), BALL, plan)
    return module


def test_a_short_run_learns_images_it_has_not_seen_under_their_noise() -> None:
    module = trained(TrainPlan(epochs=12, batch_size=32, learning_rate=0.02, average=0.9))
    images, labels = bars(200, seed=1)
    noisy = images + 0.25 * torch.randn(images.shape, generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        accuracy = float((module(noisy).argmax(dim=1) == labels).float().mean())
    assert accuracy > 0.9


def test_a_run_learns_behind_a_lift_with_angles_as_attacks() -> None:
    images, labels = bars(96)
    module = network()
    plan = TrainPlan(epochs=10, batch_size=32, learning_rate=0.02, variation=0.0)
    report = train(
        module, Rotation(), GaussianLaw((5.0,), 0.2), images, labels, Region((-9.0,), (9.0,)), plan
    )
    assert report.epochs[-1].accuracy > 0.85
    assert report.epochs[-1].loss < report.epochs[0].loss


TURNS = NoisyInputs(Rotation(), GaussianLaw((5.0,), 0.2), Region((-9.0,), (9.0,)), 1.1, 2.0**-8)
SHIFTS = NoisyInputs(
    Translation(pad_px=2), GaussianLaw((0.3, 0.3), 0.2), Region((-1.0, -1.0), (1.0, 1.0)), 1.1, 0.0
)


def test_one_network_learns_to_be_good_under_several_views() -> None:
    module = network()
    plan = TrainPlan(epochs=12, batch_size=32, learning_rate=0.02, variation=0.0, average=0.9)
    train_views(module, [TURNS, SHIFTS], *bars(128), plan)
    images, labels = bars(200, seed=1)
    for view in (TURNS, SHIFTS):
        with torch.inference_mode():
            right = module(view(images)).argmax(dim=1) == labels
        assert float(right.float().mean()) > 0.85


def test_training_under_one_view_is_training_as_ever() -> None:
    plan = TrainPlan(epochs=2, batch_size=32, widen=1.3)
    one, other = network(), network()
    train(one, Gaussian(), LAW, *bars(64), BALL, plan)
    view = NoisyInputs(Gaussian(), LAW, BALL, 1.3, 2.0**-8)
    train_views(other, [view], *bars(64), plan)
    assert all(torch.equal(one.state_dict()[k], v) for k, v in other.state_dict().items())


def test_training_without_a_view_is_refused() -> None:
    with pytest.raises(InputError, match="no views"):
        train_views(network(), [], *bars(8))


def test_the_same_seed_gives_the_same_weights_and_another_seed_others() -> None:
    one, other = trained().state_dict(), trained().state_dict()
    assert all(torch.equal(one[name], other[name]) for name in one)
    different = trained(TrainPlan(6, 32, 0.02, seed=1)).state_dict()
    assert not torch.equal(one["1.weight"], different["1.weight"])


def test_what_was_drawn_before_does_not_change_the_weights() -> None:
    one = trained().state_dict()
    torch.manual_seed(99)
    torch.rand(7)
    other = trained().state_dict()
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_the_global_generator_is_left_as_it_was() -> None:
    torch.manual_seed(11)
    before = torch.get_rng_state()
    trained()
    assert torch.equal(torch.get_rng_state(), before)


def test_the_global_generator_is_put_back_after_a_failure_too() -> None:
    torch.manual_seed(12)
    before = torch.get_rng_state()
    with pytest.raises(ModelError):
        train(network(), Gaussian(), LAW, torch.full((4, 1, 8, 8), math.nan), _zeros(4), BALL)
    assert torch.equal(torch.get_rng_state(), before)


def _zeros(count: int) -> Tensor:
    return torch.zeros(count, dtype=torch.int64)


def test_a_loss_that_is_not_finite_stops_training_and_says_what_to_do() -> None:
    images = torch.zeros(8, 1, 8, 8)
    images[5] = math.nan
    with pytest.raises(ModelError, match=r"the loss became nan in epoch 1; lower learning_rate="):
        train(network(), Gaussian(), LAW, images, _zeros(8), BALL)


def test_the_images_are_left_untouched() -> None:
    images, labels = bars(64)
    before = images.clone()
    train(network(), Gaussian(), LAW, images, labels, BALL, TrainPlan(epochs=1))
    assert torch.equal(images, before)


def test_the_network_comes_back_in_evaluation_mode() -> None:
    assert not trained().training


def test_the_running_average_is_what_is_returned() -> None:
    last = trained(TrainPlan(6, 32, 0.02, average=0.0)).state_dict()
    slow = trained(TrainPlan(6, 32, 0.02, average=0.9)).state_dict()
    assert not torch.equal(last["1.weight"], slow["1.weight"])
    start = network().state_dict()["1.weight"]
    assert (slow["1.weight"] - start).norm() < (last["1.weight"] - start).norm()


def test_every_epoch_is_reported_as_it_ends() -> None:
    seen: list[EpochReport] = []
    report = train(
        network(), Gaussian(), LAW, *bars(64), BALL, TrainPlan(epochs=3), on_epoch=seen.append
    )
    assert tuple(seen) == report.epochs
    assert [e.epoch for e in seen] == [1, 2, 3]
    assert all(0.0 <= e.accuracy <= 1.0 and e.loss > 0.0 for e in seen)
    assert seen[0].seconds <= seen[1].seconds <= seen[2].seconds


@pytest.mark.parametrize(("epochs", "batch_size"), [(1, 64), (1, 1000), (2, 64)])
def test_very_short_runs_work(epochs: int, batch_size: int) -> None:
    plan = TrainPlan(epochs=epochs, batch_size=batch_size)
    report = train(network(), Gaussian(), LAW, *bars(64), BALL, plan)
    assert len(report.epochs) == epochs


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("epochs", 0),
        ("batch_size", 0),
        ("learning_rate", 0.0),
        ("learning_rate", math.nan),
        ("weight_decay", -0.1),
        ("warm_up", 1.0),
        ("warm_up", -0.1),
        ("widen", 0.0),
        ("variation", 1.5),
        ("average", 1.0),
    ],
)
def test_a_plan_that_cannot_be_carried_out_names_its_field(field: str, value: float) -> None:
    with pytest.raises(ConfigurationError, match=rf"train\.{field}="):
        TrainPlan(**{field: value})  # type: ignore[arg-type]


@pytest.mark.parametrize(("images", "labels"), [(0, 0), (8, 7)])
def test_images_without_labels_are_refused(images: int, labels: int) -> None:
    with pytest.raises(InputError, match=f"{images} images and {labels} labels"):
        train(network(), Gaussian(), LAW, torch.zeros(images, 1, 8, 8), _zeros(labels), BALL)


class Seen(nn.Module):
    """Keeps the sizes of the batches that it is trained on."""

    def __init__(self) -> None:
        super().__init__()
        self.network = network()
        self.sizes: list[int] = []

    def forward(self, x: Tensor) -> Tensor:
        self.sizes.append(len(x))
        return self.network(x)  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("images", "sizes"), [(65, [32, 33]), (64, [32, 32]), (66, [32, 32, 2]), (33, [33])]
)
def test_a_last_batch_of_one_image_goes_with_the_one_before(images: int, sizes: list[int]) -> None:
    module = Seen()
    train(module, Gaussian(), LAW, *bars(images), BALL, TrainPlan(epochs=1, batch_size=32))
    assert module.sizes == sizes


def test_one_image_alone_cannot_train_batch_normalization_and_the_error_says_so() -> None:
    with pytest.raises(ModelError, match=r"train: mine fails on a batch of shape \(1, .*ValueErr"):
        train(network(), Gaussian(), LAW, *bars(1), BALL, SHORT, name="mine")


class Leaves(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        raise SystemExit(0)


class Untrainable(Leaves):
    def forward(self, x: Tensor) -> Tensor:
        return torch.zeros(len(x), 2)


class Hungry(Leaves):
    def forward(self, x: Tensor) -> Tensor:
        raise MemoryError


@pytest.mark.parametrize(
    ("module", "said"),
    [
        (
            Leaves(),
            "train: mine fails on a batch of shape (32, 1, 8, 8), torch.float32: SystemExit",
        ),
        (Untrainable(), "train: the gradient of mine fails on a batch of shape (32, 1, 8, 8)"),
        (Hungry(), "does not fit into memory (MemoryError); take a smaller train.batch_size"),
        (nn.Flatten(), "train: mine has no parameters that can be trained"),
    ],
)
def test_a_network_that_cannot_be_trained_is_a_model_error(module: nn.Module, said: str) -> None:
    with pytest.raises(ModelError) as caught:
        train(module, Gaussian(), LAW, *bars(64), BALL, SHORT, name="mine")
    assert said in str(caught.value)
