"""Votes: the same whatever the batch, on the grid, and never for a class when scores tie."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pytest
import torch
from scipy import stats
from torch import Tensor

from gsmooth.certificate import Certified, Guarantee
from gsmooth.certification import Mode, Outcome, RadiusMode, RegionMode
from gsmooth.cover import Cover, IndividualCovers, build_cover
from gsmooth.cover.build import MarginModel
from gsmooth.data.item import Item
from gsmooth.errors import ConfigurationError
from gsmooth.sampling.noise import CHUNK, Draws, SampleKey, Stream
from gsmooth.sampling.smoothed_classifier import GRID, SampleRequest, SmoothedClassifier
from gsmooth.theory.laws import ExponentialLaw, GaussianLaw, Law
from gsmooth.transforms.base import Transformation
from gsmooth.transforms.bounds import TransformationBounds
from gsmooth.transforms.region import Region
from gsmooth_gaussian import Gaussian
from gsmooth_rotation import Rotation
from tests.certifying import certify, certify_many, predict
from tests.engine_objects import (
    Gain,
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

Counts = npt.NDArray[np.int64]
SHAPE = (1, 8, 8)


def rotations(batch_size: int = 1024) -> SmoothedClassifier:
    """Rotated noise images, told apart by a linear network in float64 so that batches agree."""
    generator = torch.Generator().manual_seed(0)
    weights = torch.randn(3, 64, generator=generator, dtype=torch.float64)
    weights -= weights.mean(dim=1, keepdim=True)
    network = Scores(lambda x: (x.flatten(1)[:, None].double() * weights).sum(dim=2))
    return SmoothedClassifier(
        classifier(network, SHAPE, 3),
        Rotation(),
        GaussianLaw((6.0,), 0.25),
        seed=5,
        batch_size=batch_size,
    )


def images(count: int) -> list[Item]:
    generator = torch.Generator().manual_seed(1)
    return [
        Item(index, 0.4 + 0.2 * torch.rand(SHAPE, generator=generator, dtype=torch.float64))
        for index in range(count)
    ]


def requests(g: SmoothedClassifier, items: Sequence[Item], chunks: int) -> list[SampleRequest]:
    return [
        SampleRequest(
            SampleKey(g.seed, item.index, Stream.ESTIMATION, 0, chunk),
            g.transformation.lift(item.image[None])[0],
        )
        for item in items
        for chunk in range(chunks)
    ]


@pytest.mark.parametrize("batch_size", [64, 100, 512, 4096])
def test_counts_do_not_depend_on_the_batch_size(batch_size: int) -> None:
    reference, other = rotations(), rotations(batch_size)
    expected = reference.count(requests(reference, images(3), 5))
    assert expected.sum() == 3 * 5 * CHUNK
    assert len(np.unique(expected, axis=0)) > 1
    assert np.array_equal(other.count(requests(other, images(3), 5)), expected)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_counts_do_not_depend_on_the_number_of_threads(threads: int) -> None:
    g = rotations()
    expected = g.count(requests(g, images(2), 4))
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        fresh = rotations()  # Whose threads are as many as there are now.
        assert np.array_equal(fresh.count(requests(fresh, images(2), 4)), expected)
    finally:
        torch.set_num_threads(before)


def test_a_chunk_of_fewer_rows_counts_just_those() -> None:
    g = half_line(0.0, 0.5)
    sample_key = SampleKey(0, 0, Stream.SCREENING, 0, 0)
    counts = g.count(
        [SampleRequest(sample_key, torch.zeros(1).double(), rows) for rows in (16, 64, 1)]
    )
    assert counts.sum(axis=1).tolist() == [16, 64, 1]


def outcomes(found: Sequence[Outcome]) -> dict[int, object]:
    return {o.index: (o.certificate, o.prediction, o.votes) for o in found}


MODES: list[Mode] = [RegionMode(max_votes=1024), RadiusMode(n=256)]


@pytest.mark.parametrize("mode", MODES)
def test_certificates_do_not_depend_on_how_the_work_is_arranged(mode: Mode) -> None:
    g, items, region = rotations(), images(5), Region((-6.0,), (6.0,))

    def run(order: Sequence[Item], in_flight: int, batch_size: int) -> dict[int, object]:
        work = certify_many(
            rotations(batch_size), order, region, mode, IndividualCovers(2), in_flight=in_flight
        )
        return outcomes(list(work))

    expected = outcomes(
        [certify(g, i.image, region, mode, centres=2, index=i.index) for i in items]
    )
    assert set(expected) == set(range(5))
    assert run(items, 1, 64) == expected
    assert run(items[::-1], 3, 100) == expected
    assert run([items[2], items[0], items[4], items[1], items[3]], 16, 4096) == expected


def test_the_index_not_the_place_in_the_data_names_the_votes() -> None:
    g, (item,) = rotations(), images(1)
    region, mode = Region((-6.0,), (6.0,)), RegionMode(max_votes=1024)
    counts = {
        certify(g, item.image, region, mode, centres=2, index=index).prediction.counts
        for index in range(6)
    }
    assert len(counts) > 1


@pytest.mark.parametrize("grid", [2.0**-8, 2.0**-3, 0.5, 2.0])
def test_the_network_sees_multiples_of_the_grid_only(grid: float) -> None:
    seen: list[Tensor] = []

    def look(x: Tensor) -> Tensor:
        seen.append(x.clone())
        return (x.flatten(1)[:, 0] > 0).long()

    g = SmoothedClassifier(
        classifier(Labels(look), (1, 1, 2)), Turn(), GaussianLaw((20.0,), 0.3), grid=grid, seed=0
    )
    predict(g, torch.tensor([[[1.0 / 3.0, 0.1]]], dtype=torch.float64), n=256)
    values = torch.cat(seen).double() / grid
    assert torch.equal(values, values.round())
    assert len(set(values.flatten().tolist())) > 1


def test_without_a_grid_the_network_sees_the_noise_itself_and_nothing_is_proved() -> None:
    seen: list[Tensor] = []

    def look(x: Tensor) -> Tensor:
        seen.append(x.clone())
        return torch.ones(len(x))

    g = SmoothedClassifier(
        classifier(Labels(look)), Gaussian(), GaussianLaw((), 0.3), grid=0.0, seed=0
    )
    outcome = certify(g, pixel(), Region(l2=0.1))
    assert isinstance(outcome.certificate, Certified)
    assert outcome.certificate.guarantee is Guarantee.HEURISTIC
    values = torch.cat(seen).double() / GRID
    assert not torch.equal(values, values.round())


def test_with_a_grid_an_l2_certificate_is_individual() -> None:
    outcome = certify(half_line(-10.0, 0.3), pixel(), Region(l2=0.1))
    assert outcome.certificate.guarantee is Guarantee.INDIVIDUAL


def test_votes_are_the_network_on_rounded_moved_and_noisy_points() -> None:
    g = turned(lambda phase: phase > 3.0, 9.0)
    z = g.transformation.lift(on_ring()[None])[0]
    sample_key = SampleKey(g.seed, 2, Stream.ESTIMATION, 1, 3)
    draws = Draws(sample_key, z.device)
    moved = Turn().act(z.expand(CHUNK, -1), torch.from_numpy(draws.theta(g.law, CHUNK)))
    points = draws.around(moved, CHUNK, g.law.sigma, GRID)
    ones = int((phase_deg(points.reshape(-1, 1, 1, 2)) > 3.0).sum())
    assert g.count([SampleRequest(sample_key, z)]).tolist() == [[CHUNK - ones, ones, 0]]


def test_vote_shares_are_those_of_the_half_line() -> None:
    g = half_line(-129 * 2.0**-9, 0.5)
    z = torch.zeros(1, dtype=torch.float64)
    chunks = 400
    counts = g.count(
        [SampleRequest(SampleKey(0, 0, Stream.ESTIMATION, 0, chunk), z) for chunk in range(chunks)]
    ).sum(axis=0)
    share = stats.norm.cdf(129 * 2.0**-9 / 0.5)
    assert stats.binomtest(int(counts[1]), chunks * CHUNK, share).pvalue > 1e-6
    assert counts[2] == 0


def test_ties_fill_the_last_column_and_no_class() -> None:
    def sometimes(x: Tensor) -> Tensor:
        lead = x.flatten(1)
        return torch.cat([torch.zeros_like(lead), torch.relu(lead)], dim=1)

    g = SmoothedClassifier(classifier(Scores(sometimes)), Gaussian(), GaussianLaw((), 1.0), seed=0)
    counts = predict(g, pixel(), n=1024).counts
    assert counts[0] == 0
    assert counts[1] + counts[2] == 1024
    assert abs(counts[2] - 512) < 100


@pytest.mark.parametrize("mode", [RegionMode(), RadiusMode(n=512)])
def test_a_network_that_always_ties_is_never_certified(mode: Mode) -> None:
    network = Scores(lambda x: torch.zeros(len(x), 3))
    g = SmoothedClassifier(classifier(network, classes=3), Gaussian(), GaussianLaw((), 1.0), seed=0)
    outcome = certify(g, pixel(), Region(l2=0.1), mode)
    assert not isinstance(outcome.certificate, Certified)
    assert outcome.prediction.label is None
    assert outcome.prediction.counts == (0, 0, 0, 64)


@pytest.mark.parametrize("grid", [0.1, 3.0, -0.5, -(2.0**-8), math.nan, math.inf])
def test_a_grid_that_is_no_power_of_two_is_refused(grid: float) -> None:
    with pytest.raises(ConfigurationError, match=r"grid=.* must be a power of two"):
        half_line(0.0, 0.5, grid=grid)


@pytest.mark.parametrize("grid", [2.0**-50, 2.0**-60, 5e-324])
def test_a_grid_too_fine_for_float64_is_refused(grid: float) -> None:
    with pytest.raises(ConfigurationError, match="too fine"):
        certify(half_line(0.0, 0.5, grid=grid), pixel(0.5), Region(l2=0.1))


def test_sigma_zero_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"sigma=0\.0 must be positive"):
        SmoothedClassifier(
            classifier(HalfLine(0.0), (1, 1, 2)), Turn(), GaussianLaw((6.0,), 0.0), seed=0
        )


@pytest.mark.parametrize(
    ("transformation", "law"),
    [
        (Turn(), GaussianLaw((1.0, 2.0), 0.2)),
        (Gaussian(), GaussianLaw((1.0,), 0.2)),
        (Gaussian(), ExponentialLaw(1.0, 0.2)),
    ],
)
def test_scales_that_do_not_match_the_parameters_are_refused(
    transformation: Transformation, law: Law
) -> None:
    with pytest.raises(ConfigurationError, match="give one std a parameter"):
        SmoothedClassifier(classifier(HalfLine(0.0), (1, 1, 2)), transformation, law, seed=0)


def test_a_batch_of_no_rows_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="batch_size=0 must be at least 1"):
        half_line(0.0, 0.5, batch_size=0)


def test_margins_add_like_pythagoras_whether_the_action_is_orthogonal_or_not() -> None:
    g = SmoothedClassifier(classifier(HalfLine(0.0)), Gain(), GaussianLaw((0.5,), 0.25), seed=0)
    assert isinstance(g.law, GaussianLaw)
    assert not g.law.orthogonal
    assert g.law.margin([0.5], 0.25) == pytest.approx(math.sqrt(2.0))
    assert isinstance(turned(lambda p: p > 0, 3.0).law, GaussianLaw)
    assert turned(lambda p: p > 0, 3.0).law.margin([3.0], 2.0**-8) == pytest.approx(math.sqrt(2.0))


def test_an_l2_ball_under_an_action_that_stretches_it_proves_nothing() -> None:
    g = SmoothedClassifier(classifier(HalfLine(-10.0)), Gain(), GaussianLaw((0.5,), 0.25), seed=0)
    identity_action = build_cover(g, pixel(0.5), Region((-0.2,), (0.2,)))
    assert identity_action.guarantee is Guarantee.INDIVIDUAL
    ball = build_cover(g, pixel(0.5), Region((-0.2,), (0.2,), l2=0.1))
    assert ball.guarantee is Guarantee.HEURISTIC


def test_float_error_grows_with_the_points_that_are_voted_on() -> None:
    g = turned(lambda phase: phase < 400.0, 12.0)
    region = Region((-12.0,), (12.0,))
    slack = [
        float(build_cover(g, 2.0**power * on_ring(), region, 1).balls[0].margin) - 1.0
        for power in (4, 6, 8)
    ]
    assert 0.0 < slack[0] < slack[1] < slack[2]
    with pytest.raises(ConfigurationError, match="not far above the float error"):
        build_cover(g, 2.0**12 * on_ring(), region, 1)


class LoudBounds(TransformationBounds["Loud"]):
    def action_error(self, z: Tensor, reach: tuple[float, ...], offset: tuple[float, ...]) -> float:
        return 0.0


@dataclass(frozen=True)
class Loud(Transformation):
    """A lift that makes everything ten times as long."""

    name: ClassVar[str] = "loud"
    orthogonal: ClassVar[bool] = True
    bounds_class = LoudBounds

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        return z

    def lift(self, x: Tensor) -> Tensor:
        return 10.0 * x.flatten(1)


class MeasuredBounds(LoudBounds):
    def lift_norm(self, shape: tuple[int, int, int]) -> float:
        return 10.0


class Measured(Loud):
    """The same, and says so."""

    bounds_class = MeasuredBounds


def test_an_l2_ball_behind_a_lift_of_unknown_norm_proves_nothing() -> None:
    def ball(transformation: Transformation) -> Cover:
        g = SmoothedClassifier(
            classifier(HalfLine(0.0)), transformation, GaussianLaw((), 0.25), seed=0
        )
        return build_cover(g, pixel(0.5), Region(l2=0.05))

    assert ball(Loud()).guarantee is Guarantee.HEURISTIC
    assert ball(Measured()).guarantee is Guarantee.INDIVIDUAL
    assert ball(Measured()).balls[0].margin == pytest.approx(2.0)


@pytest.mark.parametrize("residual", [0.0, 50.0])
def test_float_errors_are_paid_at_the_longest_point_that_is_voted_on(residual: float) -> None:
    g = turned(lambda phase: phase < 400.0, 12.0)
    region = Region((-12.0,), (12.0,), l2=7.0)
    for centres in (torch.zeros(1, 2).double(), torch.tensor([[3.0, 4.0], [0.0, 1.0]]).double()):
        margin_model = MarginModel.at(g, region, centres, residual)
        longest = float(centres.norm(dim=1).max()) + residual + 7.0
        expected = g.numerical_error(torch.tensor([longest, 0.0]).double())
        assert margin_model.error == pytest.approx(expected)
        assert margin_model.variation >= g.total_variation(torch.tensor([longest, 0.0]).double())


def test_float_errors_of_a_stretching_action_are_paid_where_it_stretches_most() -> None:
    g = SmoothedClassifier(classifier(HalfLine(0.0)), Gain(), GaussianLaw((0.5,), 0.25), seed=0)
    one = torch.ones(1, 1).double()
    small = MarginModel.at(g, Region((-1.0,), (0.0,)), one, 0.0)
    large = MarginModel.at(g, Region((-1.0,), (3.0,)), one, 0.0)
    assert large.error == pytest.approx(8.0 * small.error)
