"""The votes benchmark: rivals are valid, the oracle is hard to beat, and ours comes near it."""

from __future__ import annotations

import json
import math
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from benchmarks import bench_votes
from benchmarks.bench_votes import TARGET, compare_in, outcome, over
from benchmarks.suite import benchmark
from benchmarks.votes.rules import (
    BETTING,
    HABIT,
    HABITUAL,
    OURS,
    PUBLISHED,
    RIVALS,
    SEQUENTIAL,
    SPRT,
    UNION,
    Cell,
    Rival,
    cells,
)
from benchmarks.votes.streams import replay, stopping

SHARES = (0.5, 0.774, 0.9, 0.99)
NAMES = [rule.name for rule in SEQUENTIAL]


@pytest.mark.parametrize("rule", SEQUENTIAL, ids=NAMES)
@pytest.mark.parametrize("alpha", [0.05, 0.001])
def test_every_rule_accepts_what_is_not_above_its_share_with_probability_alpha_at_most(
    rule: Rival, alpha: float
) -> None:
    for share in SHARES:
        cell = Cell(0.5 * (1.0 + share), share, alpha)
        at_share = outcome(rule, cell, share, 1000, 1).accept
        assert at_share <= alpha
        assert at_share > 0.0 or share == 0.99  # Some need more than 1000 votes for that.
        assert outcome(rule, cell, share - 0.01, 600, 1).accept <= at_share


@pytest.mark.parametrize("share", SHARES)
def test_a_number_that_is_fixed_in_advance_holds_its_level_too(share: float) -> None:
    for alpha in (0.05, 0.001):
        cell = Cell(share, share, alpha)
        assert 0.9 * alpha < outcome(HABITUAL, cell, share, HABIT, HABIT).accept <= alpha


@pytest.mark.parametrize(("p", "share"), [(0.9, 0.6), (0.95, 0.774), (0.99, 0.9), (0.999, 0.7)])
def test_no_rule_needs_fewer_votes_than_its_evidence_takes(p: float, share: float) -> None:
    # E_p[T] KL >= ln(1 / P_share(T < inf)) for every rule that ends under p (Wald).
    cell = Cell(p, share, 0.001)
    bound = math.log(1.0 / cell.alpha) / cell.divergence
    for rule in SEQUENTIAL:
        found = outcome(rule, cell, p, cell.horizon, 1)
        assert found.exhausted < 1e-9
        assert found.expected_trials >= bound
    # What the oracle needs beyond that is the overshoot of its last vote.
    oracle = outcome(SPRT, cell, p, cell.horizon, 1).expected_trials
    assert oracle <= bound + math.log(p / share) / cell.divergence


def quick() -> list[Cell]:
    return [cell for cell in cells(0.001) if cell.horizon < 4000]


@pytest.mark.parametrize("p", [0.9, 0.95, 0.99, 0.999, 1.0])
def test_ours_is_within_a_quarter_of_the_oracle_and_never_behind_the_bettor(p: float) -> None:
    checked = 0
    for cell in (cell for cell in quick() if cell.p == p):
        ours, oracle, betting = (
            outcome(rule, cell, p, cell.horizon, 1).expected_trials
            for rule in (OURS, SPRT, BETTING)
        )
        assert oracle <= ours <= TARGET * oracle, cell
        assert ours < betting, cell
        checked += 1
    assert checked >= 4


@pytest.mark.parametrize(("p", "share"), [(0.9, 0.85), (0.95, 0.9), (0.99, 0.97), (0.999, 0.99)])
def test_ours_is_within_a_quarter_of_the_oracle_where_much_evidence_is_needed(
    p: float, share: float
) -> None:
    cell = Cell(p, share, 0.001)
    n_max = cell.horizon // 3
    ours = outcome(OURS, cell, p, n_max, 1)
    oracle = outcome(SPRT, cell, p, n_max, 1)
    assert ours.exhausted < 1e-3
    # As if what is undecided took three times as long again.
    assert ours.expected_trials + ours.exhausted * 3 * n_max <= TARGET * oracle.expected_trials


def test_a_share_of_999_in_1000_is_shown_within_a_quarter_of_the_oracle_by_unanimous_votes() -> (
    None
):
    cell = Cell(1.0, 0.999, 0.001)
    least = [
        int(np.argmax(rule.boundary(cell, 9000)[1:] <= np.arange(1, 9001))) + 1
        for rule in (SPRT, OURS)
    ]
    assert least[0] == math.ceil(math.log(1000) / -math.log(0.999))
    assert least[1] <= TARGET * least[0]


def test_the_bettor_accepts_when_its_wealth_says_so() -> None:
    cell, votes = Cell(0.9, 0.6, 0.01), 60
    least, cheaper = (rule.boundary(cell, votes) for rule in (BETTING, PUBLISHED))
    for n, won in product((20, 60), range(61)):
        if cell.share * n < won <= n:
            q = [(0.5 + k) / (1 + k) for k in range(won)]  # All successes first: the order is free.
            q += [(0.5 + k) / (1 + won + k) for k in range(n - won)]
            odds = [cell.share] * won + [1 - cell.share] * (n - won)
            wealth = math.prod(chance / fair for chance, fair in zip(q, odds, strict=True))
            assert (won >= least[n]) == (wealth >= 1.0 / cell.alpha)
            assert (won >= cheaper[n]) == (wealth >= 0.5 / cell.alpha)


@pytest.mark.parametrize("rule", [UNION], ids=lambda rule: rule.name)
def test_union_bounds_end_early_only_where_the_next_test_is_won_already(rule: Rival) -> None:
    least = rule.boundary(Cell(0.9, 0.6, 0.01), 600)
    assert np.all(np.diff(least[:400]) >= 0)
    assert np.all(least[:400] <= 600)


def test_a_stream_ends_with_the_first_vote_that_suffices() -> None:
    won = np.ones((2, 100), dtype=np.int64)
    won[1] = 0
    trials, accepted = stopping(OURS, won, 0.774, 0.001)
    assert (trials.tolist(), accepted.tolist()) == ([32, 100], [True, False])
    found = {r["rule"]: r for r in replay("planted", won, 0.774, 0.001)}
    assert found[OURS.name]["deviation"] == 0.0
    assert found[BETTING.name]["deviation"] == 2.5
    assert found[OURS.name]["accepted"] == 0.5


def test_what_is_lost_is_said() -> None:
    found = compare_in(Cell(0.95, 0.774, 0.001))
    sound = {rule.name: 0.5 for rule in RIVALS}
    errors = [{"share": 0.774, "alpha": 0.001, "n_max": 10, **sound, SPRT.name: 1.5}]
    page = benchmark.Page(about="", module="", legend="Votes.")
    document = {"type_one_over_alpha": errors, "replays": []}
    text = bench_votes.votes_page(page, {**document, "cells": [found]})
    assert f"| {over(found, SPRT):.3f} |" in text
    ours = 2.0 * found["every_vote"][OURS.name]
    lost = {**found, "every_vote": {**found["every_vote"], OURS.name: ours}}
    text = bench_votes.votes_page(page, {**document, "cells": [lost]})
    assert f"| **{over(lost, SPRT):.3f}** |" in text
    assert f"| **{found['every_vote'][BETTING.name]:,.1f}** |" in text
    assert "| **1.500** | 0.500 |" in text
    assert {"over_oracle", "to"} <= {key for loss in bench_votes.losses(lost) for key in loss}
    assert not list(bench_votes.losses(found))


def test_both_files_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_votes, "cells", lambda alpha: [Cell(0.95, 0.774, alpha)])
    monkeypatch.setattr(bench_votes, "TESTED_SHARES", (0.774,))
    benchmark.run("votes", ["--alpha", "0.05", "--images", "0", "--out", str(tmp_path)])
    document = json.loads((tmp_path / "votes.json").read_text())
    assert document["cells"][0]["share"] == 0.774
    assert {"versions", "machine", "losses"} <= document.keys()
    assert "| 0.05 | 0.95 | 0.774 |" in (tmp_path / "votes.md").read_text()
