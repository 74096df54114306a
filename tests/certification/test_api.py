"""certify and predict from outside: refusals before a vote, budgets, outcomes."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gsmooth.certificate import Abstained, AbstainReason, Certified, Guarantee
from gsmooth.certification import Mode, Outcome, RadiusMode, RegionMode
from gsmooth.certification.api import predict_many
from gsmooth.cover import IndividualCovers
from gsmooth.data.item import Item
from gsmooth.errors import ConfigurationError, UnreachableError
from gsmooth.sampling.noise import CHUNK, Stream
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.theory.laws import GaussianLaw
from gsmooth.transforms.region import Region
from gsmooth_rotation import Rotation
from tests.certifying import certify, certify_many, check_feasible, predict
from tests.engine_objects import (
    Labels,
    classifier,
    half_line,
    on_ring,
    pixel,
    repeated,
    turned,
)

SURE = half_line(-1000.0, 0.5)
SURE_TURN = turned(lambda phase: phase < 400.0, 6.0)


def least_votes_of(error: pytest.ExceptionInfo[UnreachableError]) -> int:
    least = error.value.least_n
    assert least is not None
    assert f"max_votes has to be at least {least}" in str(error.value)
    return least


@pytest.mark.parametrize("l2", [0.5, 1.0, 1.5])
@pytest.mark.parametrize("alpha", [0.001, 0.05])
def test_the_least_votes_named_for_an_l2_ball_are_those_it_takes(l2: float, alpha: float) -> None:
    region = Region(l2=l2)
    with pytest.raises(UnreachableError) as error:
        certify(SURE, pixel(), region, RegionMode(alpha, max_votes=65))
    least = least_votes_of(error)
    outcome = certify(SURE, pixel(), region, RegionMode(alpha, max_votes=least))
    assert isinstance(outcome.certificate, Certified)
    assert outcome.votes <= least <= 1.01 * outcome.votes + 1
    with pytest.raises(UnreachableError):
        certify(SURE, pixel(), region, RegionMode(alpha, max_votes=outcome.votes - 1))


@pytest.mark.parametrize("reach_deg", [6.0, 12.0, 16.0])
def test_the_least_votes_named_for_one_parameter_and_one_centre_are_those_it_takes(
    reach_deg: float,
) -> None:
    region = Region((-reach_deg,), (reach_deg,))
    with pytest.raises(UnreachableError) as error:
        certify(SURE_TURN, on_ring(), region, RegionMode(max_votes=100), centres=1)
    least = least_votes_of(error)
    outcome = certify(SURE_TURN, on_ring(), region, RegionMode(max_votes=least), centres=1)
    assert isinstance(outcome.certificate, Certified)
    assert outcome.votes <= least <= 1.01 * outcome.votes + 1


@pytest.mark.parametrize("centres", [2, 4, 8])
def test_no_cover_of_several_centres_needs_fewer_votes_than_named(centres: int) -> None:
    region = Region((-18.0,), (18.0,))
    with pytest.raises(UnreachableError) as error:
        check_feasible(SURE_TURN, region, RegionMode(max_votes=100), IndividualCovers(centres))
    least = least_votes_of(error)
    check_feasible(SURE_TURN, region, RegionMode(max_votes=least), IndividualCovers(centres))
    mode = RegionMode(max_votes=20_000)
    outcome = certify(SURE_TURN, on_ring(), region, mode, centres=centres)
    assert isinstance(outcome.certificate, Certified)
    assert outcome.votes >= least


def test_several_centres_reach_what_one_cannot() -> None:
    region, mode = Region((-30.0,), (30.0,)), RegionMode(max_votes=5000)
    with pytest.raises(UnreachableError):
        check_feasible(SURE_TURN, region, mode, IndividualCovers(1))
    outcome = certify(SURE_TURN, on_ring(), region, mode, centres=8)
    assert isinstance(outcome.certificate, Certified)


@pytest.mark.parametrize("l2", [4.5, 20.0, 1e6])
def test_a_region_that_no_votes_reach_is_refused_before_the_first_image(l2: float) -> None:
    def never() -> list[Item]:
        raise AssertionError("an image was asked for")

    class Unread:
        def __iter__(self) -> object:
            return never()

    with pytest.raises(UnreachableError, match="no number of votes suffices") as error:
        next(certify_many(SURE, Unread(), Region(l2=l2), RegionMode(max_votes=10**15)))  # type: ignore[arg-type]
    assert error.value.least_n is None
    assert f"l2 < {l2:g}" in str(error.value)
    assert "more votes" not in str(error.value)
    assert "Use more noise" in str(error.value)


def test_a_std_of_0_for_every_parameter_is_refused_before_anything_is_certified() -> None:
    with pytest.raises(ConfigurationError, match="every parameter of turn has the std 0"):
        turned(lambda phase: phase < 400.0, 0.0)


def test_what_the_image_adds_makes_it_abstain_for_want_of_budget_with_its_least_votes() -> None:
    # The bilinear attack has a residual, which the margin of the shift alone does not include.
    g = SmoothedClassifier(
        classifier(Labels(lambda x: torch.ones(len(x))), (1, 8, 8)),
        Rotation(),
        GaussianLaw((20.0,), 0.02),
        seed=0,
    )
    image = torch.rand((1, 8, 8), generator=torch.Generator().manual_seed(3)).double()
    region, mode = Region((-5.0,), (5.0,)), RegionMode(max_votes=256)
    outcome = certify(g, image, region, mode, centres=1)
    certificate = outcome.certificate
    assert isinstance(certificate, Abstained)
    assert certificate.reason is AbstainReason.BUDGET
    assert certificate.least_n is None or certificate.least_n > 256
    assert outcome.votes == CHUNK


@pytest.mark.parametrize("mode", [RegionMode(), RadiusMode()])
@pytest.mark.parametrize("centres", [0, -1])
def test_no_centres_at_all_are_refused(mode: Mode, centres: int) -> None:
    with pytest.raises(ConfigurationError, match=f"centres={centres}"):
        certify(SURE_TURN, on_ring(), Region((-1.0,), (1.0,)), mode, centres=centres)


def test_no_image_in_flight_is_refused_rather_than_answered_with_nothing() -> None:
    work = certify_many(SURE, repeated(pixel(), 2), Region(l2=0.1), RegionMode(), in_flight=0)
    with pytest.raises(ConfigurationError, match="in_flight=0"):
        next(work)


@pytest.mark.parametrize("mode", [RegionMode(), RadiusMode()])
def test_a_region_of_other_parameters_is_refused(mode: Mode) -> None:
    with pytest.raises(
        ConfigurationError, match=r"region: angle not given; turn has the parameters angle"
    ):
        certify(SURE_TURN, on_ring(), Region(l2=0.1), mode)
    with pytest.raises(ConfigurationError, match=r"gaussian has 0 parameters \(none, only l2\)"):
        certify(SURE, pixel(), Region((-1.0,), (1.0,)), mode)


@settings(max_examples=25)
@given(
    st.floats(-1.0, 1.0),
    st.integers(1, 200),
    st.integers(320, 1200),
    st.floats(0.01, 0.5),
    st.integers(0, 10**6),
)
@example(2.225073858507e-311, 1, 320, 0.5, 0)
def test_no_outcome_costs_more_than_max_votes(
    value: float, n0: int, max_votes: int, l2: float, index: int
) -> None:
    mode = RegionMode(0.05, n0, max_votes)
    g = half_line(0.1, 0.5)
    outcome = certify(g, pixel(value), Region(l2=l2), mode, index=index)
    assert outcome.votes <= max_votes
    spent = sum(e.trials for e in outcome.certificate.evidence)
    assert outcome.votes == sum(outcome.prediction.counts) + spent


def test_every_item_comes_back_once_whatever_the_numbers_in_flight() -> None:
    g = half_line(0.0, 0.5)
    items = [Item(index, pixel(value)) for index, value in enumerate((-2.0, 0.05, 1.0, 3.0, -0.1))]
    for in_flight in (1, 2, 100):
        found: list[Outcome] = list(
            certify_many(g, items, Region(l2=0.2), RegionMode(), in_flight=in_flight)
        )
        assert sorted(o.index for o in found) == [0, 1, 2, 3, 4]
        assert all(o.seconds > 0.0 for o in found)


def test_no_items_give_no_outcomes() -> None:
    assert list(certify_many(SURE, [], Region(l2=0.1), RegionMode())) == []


def test_an_outcome_says_what_was_certified() -> None:
    outcome = certify(half_line(0.0, 0.5), pixel(2.0), Region(l2=0.5), index=7)
    assert outcome.index == 7
    certificate = outcome.certificate
    assert isinstance(certificate, Certified)
    assert certificate.label == outcome.prediction.label == 1
    assert certificate.region == Region(l2=0.5)
    assert certificate.alpha == 0.001
    assert certificate.guarantee is Guarantee.INDIVIDUAL
    assert math.isclose(certificate.evidence[0].margin, 1.0, rel_tol=1e-6)


def test_the_image_s_dtype_does_not_matter() -> None:
    g = half_line(0.0, 0.5)
    double, single = pixel(0.75), pixel(0.75).float()
    one, other = (certify(g, image, Region(l2=0.5)) for image in (double, single))
    assert one.certificate == other.certificate


def test_an_image_that_asks_for_its_gradient_is_answered_like_any_other() -> None:
    # A cover of a turned image is made with NumPy, which takes no such tensor.
    image = on_ring().requires_grad_()
    region = Region((-1.0,), (1.0,))
    assert certify(SURE_TURN, image, region, index=0).certificate == (
        certify(SURE_TURN, on_ring(), region, index=0).certificate
    )


def test_predict_answers_and_abstains() -> None:
    g = half_line(0.0, 0.5)
    assert predict(g, pixel(1.0)).label == 1
    assert predict(g, pixel(-1.0)).label == 0
    assert predict(g, pixel(0.001), n=64).label is None
    assert sum(predict(g, pixel(), n=65).counts) == 128


def test_predict_many_keeps_the_order_and_takes_its_own_stream_of_votes() -> None:
    g = half_line(0.0, 0.5)
    items = [Item(5, pixel(1.0)), Item(2, pixel(-1.0)), Item(9, pixel(0.1))]
    found = list(predict_many(g, items, n=256))
    assert [index for index, _ in found] == [5, 2, 9]
    assert [p.label for _, p in found][:2] == [1, 0]
    (selection,) = predict_many(g, items[2:], n=256, stream=Stream.SELECTION)
    assert selection[1].counts != found[2][1].counts


@pytest.mark.parametrize(("n", "alpha"), [(0, 0.001), (100, 0.0), (100, 0.7)])
def test_predict_refuses_what_it_cannot_use(n: int, alpha: float) -> None:
    with pytest.raises(ConfigurationError, match=r"n=0|alpha="):
        predict(SURE, pixel(), n=n, alpha=alpha)


def test_a_run_refused_for_its_votes_is_told_how_many_more_centres_would_need() -> None:
    g = turned(lambda degrees: degrees > 0, 4.0)
    region, poor = Region((-30.0,), (30.0,)), RegionMode(max_votes=100)
    with pytest.raises(UnreachableError, match="has to be at least") as refused:
        check_feasible(g, region, poor)
    least = refused.value.least_n
    assert least is not None
    check_feasible(g, region, RegionMode(max_votes=least))
    with pytest.raises(UnreachableError, match="no number of votes suffices"):
        check_feasible(g, region, poor, IndividualCovers(1))
