"""S10 with real votes: half-lines, for which the accuracy under attack is known exactly."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gsmooth.certification.population import (
    PopulationCertificate,
    check_population,
    population_votes,
    usual_max_margin,
)
from gsmooth.data.item import Item
from gsmooth.errors import ConfigurationError, InputError
from gsmooth.sampling.noise import Stream
from gsmooth.sampling.smoothed_classifier import SampleRequest, SmoothedClassifier
from gsmooth.theory.laws import GaussianLaw
from gsmooth.theory.normal import normal_cdf
from gsmooth.theory.population import PopulationBound
from gsmooth.theory.uniform import UniformLaw
from gsmooth.transforms.region import Region
from tests.engine_objects import Gain, HalfLine, Turn, classifier, half_line, pixel

SIGMA = 0.25
G = half_line(0.5 + 2.0**-9, SIGMA)
ATTACK = Region(l2=0.1)
LEVELS = np.array([0.55, 0.7, 0.9, 1.0])


def items(number: int) -> list[Item]:
    """Images of class 1, drawn with replacement from those of ``LEVELS``."""
    drawn = np.random.default_rng(1).choice(LEVELS, size=number)
    return [Item(place, pixel(float(level))) for place, level in enumerate(drawn)]


def robust_accuracy() -> float:
    """The worst attack moves the pixel by l2 towards the threshold, wherever it is."""
    return float(normal_cdf((LEVELS - ATTACK.l2 - 0.5 - 2.0**-9) / SIGMA).mean())


def certificate(bound: PopulationBound, number: int, alpha: float) -> PopulationCertificate:
    votes = list(population_votes(G, items(number), ATTACK))
    margins, right = [v.margin for v in votes], [v.label == 1 for v in votes]
    return PopulationCertificate.of(ATTACK, bound, margins, right, alpha)


@pytest.mark.parametrize("method", ["betting", "clopper-pearson"])
def test_the_bound_is_below_the_exact_accuracy_under_attack_and_near_it(method: str) -> None:
    most = usual_max_margin(G, ATTACK, 0.8)
    found = certificate(PopulationBound(method, 0.8, most), 3000, 1e-3)  # type: ignore[arg-type]
    assert found.images == found.covered == 3000
    assert robust_accuracy() - 0.07 < found.robust_accuracy < robust_accuracy()
    assert found.right / found.images == pytest.approx(
        float(normal_cdf((LEVELS - 0.5 - 2.0**-9) / SIGMA).mean()), abs=0.03
    )


def test_a_margin_is_that_of_the_l2_ball_with_both_float_errors() -> None:
    (vote,) = population_votes(G, [Item(0, pixel(0.9))], ATTACK)
    assert 0.4 < vote.margin < 0.4 + 1e-3 < usual_max_margin(G, ATTACK, 0.95)


def test_every_image_has_one_vote_in_a_stream_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[SampleRequest] = []
    real = SmoothedClassifier.count

    def noted(self: SmoothedClassifier, requests: list[SampleRequest]) -> np.ndarray:
        asked.extend(requests)
        return real(self, requests)

    monkeypatch.setattr(SmoothedClassifier, "count", noted)
    votes = list(population_votes(G, items(150), ATTACK))
    keys = [request.sample_key for request in asked]
    assert [key.image for key in keys] == [vote.index for vote in votes] == list(range(150))
    assert {(key.stream, request.rows) for key, request in zip(keys, asked, strict=True)} == {
        (Stream.POPULATION, 1)
    }


def test_equal_images_get_fresh_noise() -> None:
    same = [Item(place, pixel(0.5)) for place in range(64)]
    assert {vote.label for vote in population_votes(G, same, ATTACK)} == {0, 1}


def test_without_a_proved_margin_no_vote_is_cast_and_the_image_counts_as_lost() -> None:
    far = Region(l2=100.0)
    (vote,) = population_votes(G, [Item(0, pixel(0.9))], far)
    assert (vote.margin, vote.label) == (math.inf, None)
    found = PopulationCertificate.of(far, PopulationBound(), [vote.margin], [False], 0.05)
    assert (found.robust_accuracy, found.covered) == (0.0, 0)


def test_other_noise_and_no_grid_are_refused() -> None:
    bound = PopulationBound()
    turns, shape = Region((-1.0,), (1.0,)), (1, 1, 2)
    uniform = SmoothedClassifier(classifier(HalfLine(0.5), shape), Turn(), UniformLaw(9.0, SIGMA))
    with pytest.raises(ConfigurationError, match="is uniform; the bound for one vote is proved"):
        check_population(uniform, turns, bound)
    law = GaussianLaw((0.1,), SIGMA, orthogonal=False)
    gain = SmoothedClassifier(classifier(HalfLine(0.5), shape), Gain(), law)
    with pytest.raises(ConfigurationError, match="does not keep lengths"):
        check_population(gain, turns, bound)
    with pytest.raises(ConfigurationError, match="grid is 0, so no margin is proved"):
        check_population(half_line(0.5, SIGMA, grid=0.0), ATTACK, bound)


def test_the_statement_names_what_it_rests_on() -> None:
    told = certificate(PopulationBound(), 500, 0.01).describe()
    for words in ("one vote", "drawn independently", "confidence 0.99", "no statement about one"):
        assert words in told


def test_no_images_are_refused() -> None:
    with pytest.raises(InputError, match="no images"):
        PopulationCertificate.of(ATTACK, PopulationBound(), [], [], 0.05)
