"""A classifier that is not a function of its input is refused, or gets a fixed batch size."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from gsmooth.errors import ConfigurationError, ModelError
from gsmooth.models import load_model, shipped_models
from gsmooth.models.classifier import Classifier
from gsmooth.sampling import checked_function
from tests.engine_objects import HalfLine, Scores

SHAPE = (1, 4, 4)


def images(rows: int = 64, seed: int = 0) -> Tensor:
    return torch.rand(rows, *SHAPE, generator=torch.Generator().manual_seed(seed))


def network(scores: Callable[[Tensor], Tensor], classes: int = 3) -> Classifier:
    return Classifier(Scores(scores), classes=classes, shape=SHAPE, name="planted")


WEIGHT = torch.randn(16, 3, generator=torch.Generator().manual_seed(1))


def linear(x: Tensor) -> Tensor:
    """Sums in an order of their own, so that rows get the same in every batch."""
    return (x.flatten(1)[:, :, None] * WEIGHT).sum(dim=1)


def test_a_function_of_each_row_is_exact() -> None:
    found = checked_function(network(linear), images())
    assert (found.kind, found.difference) == ("exact", 0.0)
    assert (found.rows, found.batch_size) == (32, 64)


def test_a_label_network_without_any_spread_is_exact() -> None:
    assert checked_function(network(lambda x: torch.ones(len(x), 3)), images()).kind == "exact"


def normalized(x: Tensor) -> Tensor:
    """Batch normalization that stays in training mode."""
    return linear(nn.functional.batch_norm(x, None, None, training=True))


def placed(x: Tensor) -> Tensor:
    """The first row gets another label than it would anywhere else."""
    return linear(x).index_fill(0, torch.tensor([0]), 0.0) + torch.tensor([0.0, 0.0, 1e-3])


def forgetful(x: Tensor) -> Tensor:
    """Dropout that stays switched on."""
    return linear(nn.functional.dropout(x, 0.5))


@pytest.mark.parametrize(
    ("scores", "cause"),
    [
        (normalized, r"among other images of a batch of that size.*F\.dropout.*statistics"),
        (placed, "0 of a batch of 64 .* in another place of the same batch"),
        (forgetful, "in the very same batch, a second time.*use_deterministic_algorithms"),
    ],
)
def test_a_model_that_is_no_function_is_refused_with_its_row_and_cause(
    scores: Callable[[Tensor], Tensor], cause: str
) -> None:
    with pytest.raises(ModelError, match=f"planted: row .*{cause}"):
        checked_function(network(scores), images())


def test_batch_statistics_are_found_where_no_label_hangs_on_them() -> None:
    """A bias that no statistic outweighs: labels agree, and scores do not."""
    bias = torch.tensor([0.0, 0.0, 1e3])

    def scores(x: Tensor) -> Tensor:
        return 10.0 * normalized(x) + bias

    assert len(set(scores(images()).argmax(dim=1).tolist())) == 1
    with pytest.raises(ModelError, match="among other images"):
        checked_function(network(scores), images())


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**20), st.integers(10, 90))
def test_batch_statistics_are_found_in_any_batch(seed: int, rows: int) -> None:
    with pytest.raises(ModelError, match="among other images"):
        checked_function(network(normalized), images(rows, seed))


def coarse_above(rows: int) -> Callable[[Tensor], Tensor]:
    """What a library does that takes another type for large batches."""

    def scores(x: Tensor) -> Tensor:
        return linear(x.bfloat16().float()) if len(x) > rows else linear(x)

    return scores


@pytest.mark.parametrize("rows", [2, 32])
def test_a_model_that_depends_on_the_batch_size_alone_is_batch_dependent(rows: int) -> None:
    found = checked_function(network(coarse_above(rows)), images())
    assert found.kind == "batch_dependent"
    assert 0.0 < found.difference < 0.1


def test_a_size_that_no_batch_has_does_no_harm() -> None:
    assert checked_function(network(coarse_above(64)), images()).kind == "exact"


def test_last_digits_that_change_with_the_size_are_rounding() -> None:
    def scores(x: Tensor) -> Tensor:
        return linear(x) * (1.0 + 2.0**-22 * (len(x) % 2))

    found = checked_function(network(scores), images())
    assert found.kind == "rounding"
    assert 0.0 < found.difference < 1e-5


def test_in_16_bits_the_last_digit_counts() -> None:
    def scores(x: Tensor) -> Tensor:
        return (linear(x) * (1.0 + 2.0**-7 * (len(x) < 4))).bfloat16()

    assert checked_function(network(scores), images()).kind == "batch_dependent"
    assert checked_function(network(lambda x: linear(x).bfloat16()), images()).kind == "exact"


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_scores_that_are_not_finite_are_left_to_the_votes(bad: float) -> None:
    def scores(x: Tensor) -> Tensor:
        return linear(x).masked_fill(x.flatten(1)[:, :1] > 0.5, bad)

    found = checked_function(network(scores), images())
    assert (found.kind, found.difference) == ("exact", 0.0)


def test_scores_that_are_not_finite_among_others_only_are_found() -> None:
    def scores(x: Tensor) -> Tensor:
        return linear(x) + (math.nan if bool((x == x.max()).all(dim=(1, 2, 3)).any()) else 0.0)

    with pytest.raises(ModelError, match="among other images"):
        checked_function(network(scores), images())


def test_what_extreme_neighbours_get_is_nobodys_concern() -> None:
    def scores(x: Tensor) -> Tensor:
        flat = x.flatten(1)
        same = (flat.amax(dim=1) == flat.amin(dim=1))[:, None]
        return linear(x).masked_fill(same, math.inf)

    assert checked_function(network(scores), images()).kind == "exact"


def test_the_check_takes_three_batches_and_parts_of_one() -> None:
    seen: list[int] = []

    def scores(x: Tensor) -> Tensor:
        seen.append(len(x))
        return linear(x)

    checked_function(network(scores), images())
    assert seen == [64, 64, 64, 32, 1, 1, 3, 7, 21]
    seen.clear()
    checked_function(network(scores), images(18), 6)
    assert seen == [6] * 9 + [18, 9, 1, 1, 3, 7, 6]


def neighbourly(share: float, coarse: bool = False) -> Callable[[Tensor], Tensor]:
    """Scores that are moved by a share of their mean over the batch."""

    def scores(x: Tensor) -> Tensor:
        own = linear(x)
        moved = own + share * own.mean(dim=0)
        return moved.bfloat16() if coarse else moved

    return scores


@pytest.mark.parametrize("share", [0.005, 0.02, 0.1])
@pytest.mark.parametrize("seed", range(4))
def test_neighbours_are_found_in_16_bits_where_no_fixed_batch_helps(
    share: float, seed: int
) -> None:
    """Below 1/8 of the spread, which a place may change in 16 bits, and a size as well."""
    with pytest.raises(ModelError, match=r"among other images .* apart, where scores spread by"):
        checked_function(network(neighbourly(share, coarse=True)), images(seed=seed))


def test_neighbours_are_found_under_autocast() -> None:
    torch.manual_seed(0)
    layer = nn.Linear(16, 3)

    def scores(x: Tensor) -> Tensor:
        own: Tensor = layer(x.flatten(1))
        return own + 0.05 * own.mean(dim=0)

    planted = Classifier(Scores(scores), classes=3, shape=SHAPE, autocast="bfloat16")
    with pytest.raises(ModelError, match="among other images"):
        checked_function(planted, images())


@pytest.mark.parametrize("share", [1e-4, 3e-4, 1e-3, 1e-2])
def test_small_effects_of_neighbours_are_never_called_batch_dependent(share: float) -> None:
    with pytest.raises(ModelError, match="among other images"):
        checked_function(network(neighbourly(share)), images())


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 63), st.integers(16, 64))
def test_a_row_that_looks_at_another_is_found_at_any_distance(far: int, rows: int) -> None:
    def scores(x: Tensor) -> Tensor:
        own = linear(x)
        return (own + 0.05 * own.roll(far % rows or 1, 0)).bfloat16()

    with pytest.raises(ModelError, match="among other images"):
        checked_function(network(scores), images(rows))


@pytest.mark.parametrize("size", [2, 3, 4, 8, 15])
def test_neighbours_are_exchanged_at_the_own_size_of_small_batches(size: int) -> None:
    def scores(x: Tensor) -> Tensor:
        return normalized(x) if len(x) == size else linear(x)

    with pytest.raises(ModelError, match=f"of a batch of {size} .*among other images"):
        checked_function(network(scores), images(-(-16 // size) * size), size)


@pytest.mark.parametrize("size", [2, 5])
def test_what_only_happens_beyond_a_small_batch_size_makes_it_batch_dependent(size: int) -> None:
    def scores(x: Tensor) -> Tensor:
        return normalized(x) if len(x) > size else linear(x)

    found = checked_function(network(scores), images(4 * size * 2), size)
    assert (found.kind, found.batch_size) == ("batch_dependent", size)


def test_statistics_of_a_batch_of_one_are_a_function() -> None:
    found = checked_function(network(neighbourly(0.5)), images(16), 1)
    assert (found.kind, found.rows, found.batch_size) == ("batch_dependent", 16, 1)
    assert checked_function(network(linear), images(16), 1).kind == "exact"


def test_dropout_is_found_in_batches_of_one() -> None:
    with pytest.raises(ModelError, match=r"0 of a batch of 1 .*in the very same batch"):
        checked_function(network(forgetful), images(16), 1)


@pytest.mark.parametrize(("least", "most"), [(7, 7), (4, 7), (20, 22), (4, 31)])
def test_statistics_of_short_batches_only_make_it_batch_dependent(least: int, most: int) -> None:
    """With a fixed batch size, no batch is short."""

    def scores(x: Tensor) -> Tensor:
        return neighbourly(0.01)(x) if least <= len(x) <= most else linear(x)

    assert checked_function(network(scores), images()).kind == "batch_dependent"


@pytest.mark.parametrize(("rows", "size"), [(9, None), (16, 5), (16, 0), (0, 1)])
def test_batches_that_are_not_full_are_no_check(rows: int, size: int | None) -> None:
    with pytest.raises(ConfigurationError, match=f"{rows} images in batches"):
        checked_function(network(linear), images(rows), size)


@pytest.mark.parametrize("name", shipped_models())
def test_the_shipped_networks_are_functions_of_their_input(name: str) -> None:
    classifier, random = load_model(f"shipped:{name}"), torch.Generator().manual_seed(0)
    seen = torch.rand(64, *classifier.shape, generator=random)
    noise = torch.randn(seen.shape, generator=random)
    found = checked_function(classifier, seen + 0.2 * noise)
    assert found.kind in ("exact", "rounding")
    assert found.difference < 1e-4


def test_a_gradient_is_possible_after_the_check() -> None:
    """What a module keeps from the check would otherwise be unfit for attacks."""
    classifier = Classifier(HalfLine(0.5), classes=2, shape=SHAPE)
    checked_function(classifier, images())
    x = images(2).requires_grad_(True)
    classifier.scores(x).sum().backward()  # type: ignore[no-untyped-call]
    assert x.grad is not None
