"""Outlook: what the centres that wait are expected to cost, by all votes so far."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gsmooth.certification import RegionMode
from gsmooth.certification.outlook import Outlook, as_majority
from gsmooth.cover import Ball, PilotEstimates
from gsmooth.theory.normal import normal_cdf
from tests.certification.fake_votes import ball

NEAR, FAR = ball(0.5), replace(ball(0.5), theta=(1.0,))
NOTHING = PilotEstimates(np.zeros((0, 1)), np.zeros(0), np.zeros(0))


def votes(known: Outlook, balls: list[Ball], seen: PilotEstimates = NOTHING) -> float:
    theta = np.array([ball.theta for ball in balls])
    return known.votes(theta, np.array([ball.required_p for ball in balls]), seen)


def one(theta: float, won: float, cast: float) -> PilotEstimates:
    return PilotEstimates(np.array([[theta]]), np.array([won]), np.array([cast]))


def outlook(won: tuple[float, float], cast: float = 64.0, rival: float = 1.0) -> Outlook:
    estimates = PilotEstimates(np.array([[0.0], [1.0]]), np.array(won), np.full(2, cast))
    return Outlook(estimates, (), RegionMode().price, rival)


def test_a_centre_with_few_votes_nearby_is_expected_to_cost_more_than_any_budget() -> None:
    known = outlook((64.0, 20.0))
    assert votes(known, [NEAR]) < 50.0
    assert votes(known, [FAR]) > 5000.0
    assert votes(known, [NEAR, FAR]) > 5000.0
    assert votes(known, []) == 0.0


def test_votes_of_a_tested_centre_tell_of_others_where_all_are_alike() -> None:
    known = replace(outlook((64.0, 64.0)), alike=(0,))
    assert votes(known, [FAR]) < 50.0
    assert votes(known, [FAR], one(0.0, 30, 300)) > 5000.0
    seen = one(0.0, 150, 300)
    assert votes(outlook((64.0, 64.0)), [FAR], seen) < votes(known, [FAR], seen)


def test_other_votes_that_are_spread_make_a_centre_cheaper() -> None:
    assert votes(outlook((50.0, 40.0), rival=0.2), [FAR]) < votes(outlook((50.0, 40.0)), [FAR])


def test_half_the_gap_stands_for_the_margin() -> None:
    # Phi(a + d) and Phi(a - d) are as far apart as Phi(d) and Phi(-d).
    p, second = float(normal_cdf(0.6)), float(normal_cdf(-1.4))
    found = as_majority(np.array([p]), second / (1.0 - p))
    assert found[0] == pytest.approx(float(normal_cdf(1.0)), abs=1e-9)
    assert as_majority(np.array([0.0, 0.3, 1.0]), 1.0).tolist() == pytest.approx([0.0, 0.3, 1.0])
