"""S10: a bound on the robust accuracy of a population covers, and planted faults do not."""

from __future__ import annotations

import numpy as np
import pytest

from gsmooth.errors import ConfigurationError
from gsmooth.theory.bounds import clopper_pearson_lower
from gsmooth.theory.normal import normal_cdf, normal_quantile
from gsmooth.theory.population import (
    PopulationBound,
    bounded_mean_lower,
    kept,
    log_capital,
    tangent,
)

ALPHA = 0.05
TRIALS = 100_000
MARGINS = np.array([0.1, 0.6, 1.2, 3.0])
"""The margins of four kinds of image ..."""
P = np.array([0.99, 0.93, 0.85, 0.97])
"""... and the probability of the true class at their centres."""
SHARES = np.array([0.4, 0.3, 0.2, 0.1])
BOUND = PopulationBound(max_margin=1.5, variation=0.0)


def h(p: np.ndarray, margin: np.ndarray) -> np.ndarray:
    return normal_cdf(normal_quantile(p) - margin)


def cells() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Margins, votes and probabilities of the outcomes of one image."""
    chances = np.concatenate([SHARES * P, SHARES * (1.0 - P)])
    return np.tile(MARGINS, 2), np.repeat([True, False], 4), chances


def drawn(images: int, trials: int = TRIALS) -> np.ndarray:
    """How often each outcome was seen, (trials, outcomes)."""
    return np.random.default_rng(7).multinomial(images, cells()[2], size=trials)


def missed(bound: PopulationBound, counts: np.ndarray, accuracy: float, low: float) -> float:
    """How often the betting bound is above ``accuracy``: where its capital reaches 1 / alpha."""
    margins, right, _ = cells()
    unit = (bound.values(margins, right) - low) / (1.0 - low)
    mean = (accuracy - low) / (1.0 - low)
    return float((log_capital(unit, mean, ALPHA, counts) >= -np.log(ALPHA)).mean())


@pytest.mark.parametrize("margin", [0.0, 0.3, 1.0, 1.6])
@pytest.mark.parametrize("p", [0.6, 0.95, 0.999])
def test_a_tangent_is_below_the_curve_everywhere_and_touches_it(margin: float, p: float) -> None:
    a, b = tangent(margin, p)
    grid = np.linspace(1e-9, 1.0 - 1e-9, 20_001)
    assert (a + b * grid <= h(grid, np.array(margin))).all()
    assert a <= 0.0
    assert a + b <= 1.0
    assert float(a + b * p) == pytest.approx(kept(p, margin), abs=1e-10)


def test_float_noise_is_paid_for_with_one_plus_the_slope() -> None:
    (a, b), (paid, slope) = tangent(0.8, 0.9), tangent(0.8, 0.9, variation=1e-3)
    assert slope == b
    assert float(a - paid) == pytest.approx(1e-3 * (1.0 + float(b)), rel=1e-9)


def test_the_least_value_is_the_least_of_all_margins() -> None:
    margins = np.linspace(0.0, BOUND.max_margin, 1001)
    for right in (False, True):
        values = BOUND.values(margins, np.full(1001, right))
        assert values.min() >= BOUND.least_value
        assert values.max() <= 1.0
    assert BOUND.values([1.5001, np.inf], [True, True]).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("images", [20, 200, 2000])
def test_the_bound_exceeds_the_robust_accuracy_at_most_at_alpha(images: int) -> None:
    counts = drawn(images)
    held = BOUND.max_margin >= MARGINS
    accuracy = float((SHARES * h(P, MARGINS))[held].sum())  # The others may have 0.
    assert missed(BOUND, counts, accuracy, BOUND.least_value) <= ALPHA


def test_the_bound_on_the_mean_of_its_own_values_is_not_idle() -> None:
    """Against the mean that it estimates, where no tangent gives anything away."""
    margins, right, chances = cells()
    mean = float(BOUND.values(margins, right) @ chances)
    rate = missed(BOUND, drawn(2000), mean, BOUND.least_value)
    assert 0.001 < rate <= ALPHA


def test_clopper_pearson_of_a_point_mass_comes_close_to_alpha() -> None:
    p, images, bound = 0.9, 1000, PopulationBound("clopper-pearson", max_margin=0.7, variation=0.0)
    hits = np.random.default_rng(3).binomial(images, p, size=TRIALS)
    lowers = {
        int(k): bound.lower(np.full(images, 0.7), np.arange(images) < k, ALPHA)
        for k in np.unique(hits)
    }
    rate = np.mean([lowers[int(k)] > kept(p, 0.7) for k in hits])
    assert 0.04 < rate <= ALPHA


def test_clopper_pearson_counts_images_of_other_margins_as_the_largest_or_not_at_all() -> None:
    bound = PopulationBound("clopper-pearson", max_margin=1.5, variation=0.0)
    held = MARGINS <= 1.5
    accuracy = float((SHARES * h(P, MARGINS))[held].sum())
    margins, right, chances = cells()
    hits = np.random.default_rng(5).binomial(200, chances[right & (margins <= 1.5)].sum(), TRIALS)
    found = {int(k): kept(clopper_pearson_lower(int(k), 200, ALPHA), 1.5) for k in np.unique(hits)}
    assert np.mean([found[int(k)] > accuracy for k in hits]) <= ALPHA
    right_votes = np.tile(right, 25)  # 75 of the 100 right ones have a margin that is held.
    assert bound.lower(np.tile(margins, 25), right_votes, ALPHA) == kept(
        clopper_pearson_lower(75, 200, ALPHA), 1.5
    )


@pytest.mark.parametrize("seed", range(5))
def test_the_search_finds_where_the_capital_falls_below_its_goal(seed: int) -> None:
    values = np.random.default_rng(seed).beta(2.0, 1.0, size=50)
    lower = bounded_mean_lower(values, ALPHA)
    assert float(log_capital(values, lower, ALPHA)) >= -np.log(ALPHA)
    assert float(log_capital(values, lower + 1e-6, ALPHA)) < -np.log(ALPHA)
    assert lower < values.mean()
    assert lower == bounded_mean_lower(values[::-1], ALPHA)


def test_the_bound_tightens_as_images_are_added() -> None:
    margins, right = np.full(10_000, 0.4), np.arange(10_000) % 50 != 0
    few, many = (BOUND.lower(margins[:n], right[:n], 0.001) for n in (1000, 10_000))
    assert few < many < BOUND.estimate(margins, right) < kept(0.98, 0.4)
    assert many > kept(0.98, 0.4) - 0.02


def test_without_a_right_vote_or_a_proved_margin_the_bound_is_zero() -> None:
    assert BOUND.lower(np.full(100, np.inf), np.ones(100, dtype=bool), ALPHA) == 0.0
    assert BOUND.lower(np.zeros(100), np.zeros(100, dtype=bool), ALPHA) == 0.0


# --- Planted faults: each must be seen to break the coverage. ---


def test_a_tangent_that_is_chosen_by_the_vote_is_not_covered() -> None:
    """The best of two tangents for each vote: then the mean is above the robust accuracy."""
    margins, right, _ = cells()
    low, other = BOUND.least_value, PopulationBound(typical_p=0.9999, max_margin=1.5, variation=0)
    best = np.maximum(BOUND.values(margins, right), other.values(margins, right))
    accuracy = float((SHARES * h(P, MARGINS))[MARGINS <= 1.5].sum())
    unit, mean = np.clip((best - low) / (1.0 - low), 0, 1), (accuracy - low) / (1.0 - low)
    caught = log_capital(unit, mean, ALPHA, drawn(20_000, 1000)) >= -np.log(ALPHA)
    assert caught.mean() > 2 * ALPHA


def test_a_largest_margin_that_is_ignored_is_not_covered() -> None:
    """Images whose margin is unproved count as if they had the largest one."""
    margins, right, _ = cells()
    ignored = BOUND.values(np.minimum(margins, 1.5), right)
    accuracy = float((SHARES * h(P, MARGINS))[MARGINS <= 1.5].sum())
    low = BOUND.least_value
    unit, mean = (ignored - low) / (1.0 - low), (accuracy - low) / (1.0 - low)
    caught = log_capital(unit, mean, ALPHA, drawn(20_000, 1000)) >= -np.log(ALPHA)
    assert caught.mean() > 2 * ALPHA


def test_the_best_of_several_votes_is_not_covered() -> None:
    """The vote is right if one of three is: this is another classifier, at the centre only."""
    best, margins = 1.0 - (1.0 - P) ** 3, MARGINS
    chances = np.concatenate([SHARES * best, SHARES * (1.0 - best)])
    counts = np.random.default_rng(11).multinomial(5000, chances, size=1000)
    accuracy = float((SHARES * h(P, margins))[margins <= 1.5].sum())
    assert missed(BOUND, counts, accuracy, BOUND.least_value) > 2 * ALPHA


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"typical_p": 0.5}, "typical_p=0.5 must lie between"),
        ({"typical_p": 0.8, "max_margin": 1.0}, r"max_margin=1 must lie in 0..0.8416"),
        ({"method": "hoeffding"}, "expected 'betting' or 'clopper-pearson'"),
        ({"method": "clopper-pearson", "max_margin": np.inf}, "be finite"),
    ],
)
def test_settings_that_no_proof_holds_for_are_refused(
    values: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        PopulationBound(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize("values", [[], [1.5], [-0.1], [np.nan]])
def test_a_mean_is_bounded_only_of_values_between_zero_and_one(values: list[float]) -> None:
    with pytest.raises(ConfigurationError, match="all of them in"):
        bounded_mean_lower(values, ALPHA)
