"""``./scripts/fuzz`` keeps going after a finding, and says how to repeat what it found."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from gsmooth.errors import InputError
from tests.fuzz import __main__ as fuzz
from tests.fuzz import pool
from tests.fuzz.parts import PARTS
from tests.fuzz.subjects import checked_message
from tests.fuzz.trial import Part, Result, Trial


def test_whatever_a_part_raises_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def body(seed: int) -> str:
        raise ZeroDivisionError(f"seed {seed} of 12")

    monkeypatch.setitem(PARTS, "odd", Part("odd", body, 1.0, 1.0))
    first, second = (pool.attempt(Trial("odd", seed)) for seed in (7, 8))
    assert first.found == "ZeroDivisionError: seed 7 of 12"
    assert "in body" in first.detail
    assert first.trial.command == "./scripts/fuzz --trial odd:7"
    assert first.kind == second.kind


def test_time_is_dealt_by_weight() -> None:
    parts = [Part("much", str, weight=3.0, seconds=1.0), Part("little", str, 1.0, 1.0)]
    deck = pool.Deck(parts, seed=5)
    dealt = []
    for _ in range(40):
        dealt.append(trial := deck.deal())
        deck.spend(Result(trial, "", seconds=2.0))
    assert sum(trial.part == "much" for trial in dealt) == 30
    assert len({(trial.part, trial.seed) for trial in dealt}) == 40


def test_findings_make_the_exit_code_1_and_are_told_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = [Result(Trial("kit", seed), "FOUND", 1.0, "wrong by 0.5", "detail") for seed in (1, 2)]
    made = [*found, Result(Trial("kit", 3), "kept", 1.0)]
    monkeypatch.setattr(fuzz, "results", lambda *_: (result for result in made))
    assert fuzz.main(["kit", "0.5", "--seed", "4"]) == 1
    said = capsys.readouterr().out
    assert said.count("FOUND by ./scripts/fuzz --trial kit:1") == 1
    assert "kit: 3 trials: 2 FOUND, 1 kept" in said
    assert "2 findings, 1 kinds" in said


def test_a_refusal_without_a_message_for_people_is_a_finding() -> None:
    assert checked_message(InputError("image 3 holds NaN; repair it")) == "refused"
    with pytest.raises(AssertionError, match="object at 0x"):
        checked_message(InputError(f"expected a tensor, got {object()!r}"))


def test_an_unknown_part_is_refused() -> None:
    with pytest.raises(SystemExit, match="'matricks' is neither a number of minutes nor one of"):
        fuzz.main(["matricks"])


def test_ctrl_c_prints_the_summary_and_leaves_no_process_behind() -> None:
    run = subprocess.Popen(
        [sys.executable, "-m", "tests.fuzz", "records", "10", "--jobs", "1", "--seed", "1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert run.stdout is not None
    assert run.stdout.readline().startswith("fuzz: records; 10 min, 1 jobs, ")
    run.send_signal(signal.SIGINT)
    said, _ = run.communicate(timeout=60)
    assert run.returncode == 130
    assert ", interrupted" in said
