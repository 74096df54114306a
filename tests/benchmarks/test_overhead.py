"""The timing benchmarks: what they compare and write. How fast anything is, is not tested."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import gsmooth
from benchmarks import bench_overhead, bench_profile, bench_rivals
from benchmarks.__main__ import run
from benchmarks.suite import benchmark
from benchmarks.suite.case import Case
from benchmarks.suite.data import picture
from benchmarks.suite.networks import resnet20, resnet50
from benchmarks.suite.results import RESET, describe
from benchmarks.suite.table import missed
from benchmarks.suite.timing import Rates, Timing, Work, best_size, in_turn
from benchmarks.suite.works import Subject
from gsmooth.certification import Mode, RadiusMode, RegionMode

QUICK = ["--seconds", "0.001", "--rounds", "1", "--clock", "cpu"]


def small(name: str = "small") -> Subject:
    """A linear network on 6 x 6 pixels."""
    torch.manual_seed(0)
    module = nn.Sequential(nn.Flatten(), nn.Linear(36, 3))
    case = Case.model_validate(
        {
            "name": name,
            "network": {"spec": "in-memory:network"},
            "transformation": {"name": "gaussian"},
            "smoothing": {"sigma": 0.25, "scales": []},
            "region": {"l2": 0.1},
            "votes": 100,
            "sizes": [64, 128],
        }
    )
    classifier = gsmooth.Classifier(module, classes=3, shape=(1, 6, 6))
    return Subject(case, classifier, [picture(6)[:1], picture(6, 1)[:1]])


def test_a_ratio_is_of_pairs_of_one_round() -> None:
    rates = Rates("votes/s", {"ours": [2.0, 9.0, 4.0], "theirs": [1.0, 3.0, 8.0]})
    ratio = rates.ratio("case", "ours", "theirs", target=2.5)
    assert (ratio.least, ratio.median, ratio.largest) == (0.5, 2.0, 3.0)
    assert (ratio.first_rate, ratio.second_rate, ratio.rounds) == (4.0, 3.0, 3)
    assert missed(vars(ratio))
    assert not missed(vars(rates.ratio("case", "ours", "theirs", target=2.0)))
    assert not missed(vars(rates.ratio("case", "ours", "theirs")))


def test_works_take_turns_and_every_second_round_runs_backwards() -> None:
    done = []

    def work(name: str, rows: int) -> int:
        done.append(name)
        return rows

    works = {"a": lambda: work("a", 1), "b": lambda: work("b", 2)}
    rates = in_turn(works, Timing(seconds=0.0, rounds=3))
    assert done == ["a", "b", "a", "b", "b", "a", "a", "b"]
    assert all(len(found) == 3 for found in rates.found.values())


def test_the_batch_size_with_the_highest_rate_is_found() -> None:
    def work_of(size: int) -> Work:
        # The same time for any size, but none of the rows of 8 counts.
        return lambda: sum(range(1000)) * 0 + (size if size != 8 else 1)

    assert best_size(work_of, (2, 4, 8), Timing(seconds=0.04, clock="cpu")) == 4


@pytest.mark.parametrize("clock", ["wall", "cpu"])
def test_a_rate_counts_all_rows_and_at_least_one_piece_of_work(clock: str) -> None:
    timing = Timing(0.0, 1, "wall" if clock == "wall" else "cpu")
    assert timing.rate(lambda: 5 + 0 * sum(range(10_000))) > 0.0


def test_votes_are_never_the_same_and_as_many_as_said() -> None:
    cast = small().votes(128)
    assert (cast(), cast()) == (128, 128)


@pytest.mark.parametrize("mode", [RegionMode(), RadiusMode(n=100)])
def test_whole_certificates_count_the_votes_of_all_images(mode: Mode) -> None:
    assert small().certificates(64, mode)() >= 2 * 64


def test_the_ratios_of_a_subject_compare_votes_with_raw_forwards() -> None:
    facts: dict[str, Any] = {"batch_sizes": {}}
    ratios = list(bench_overhead.measured(small(), Timing(0.001, 1), facts))
    assert {(r.first, r.second) for r in ratios} >= {("votes", "raw forwards")}
    assert set(facts["batch_sizes"]["small"]) == {"raw", "votes"}
    assert all(r.least <= r.median <= r.largest for r in ratios)


def test_the_shares_of_a_vote_add_up() -> None:
    shares = list(bench_profile.parts_of(small(), 64, Timing(0.001, 1)))
    assert sum(share["median"] for share in shares) == pytest.approx(1.0)
    assert shares[-1]["part"] == bench_profile.REST


def test_a_run_writes_ratios_versions_and_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Subject, "load", lambda name: small())
    benchmark.run("overhead", ["--only", "digits-l2", *QUICK, "--out", str(tmp_path)])
    found = json.loads((tmp_path / "overhead.json").read_text())
    assert "votes / raw forwards" in capsys.readouterr().out
    assert len(found["ratios"]) == 5
    assert {"versions", "machine", "timing", "batch_sizes"} <= set(found)


def test_a_benchmark_for_gpus_says_so_where_there_is_none(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    run(["gpu"])
    said = capsys.readouterr().out
    assert "gpu is now: overhead --device cuda" in said
    assert "needs a GPU" in said


def test_a_very_small_network_shows_that_the_gpu_benchmark_works_and_is_no_result(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--device", "cpu", "--tiny", "--n", "64", *QUICK, "--out", str(tmp_path)]
    run(["gpu", *given])
    said = capsys.readouterr().out
    assert "tiny-cnn-32, bfloat16: n=64" in said
    assert "not written" in said
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("network", "parameters", "classes"), [(resnet20, 269_722, 10), (resnet50, 25_557_032, 1000)]
)
def test_residual_networks_have_the_published_number_of_parameters(
    network: type[nn.Module], parameters: int, classes: int
) -> None:
    """ResNet-50: as in torchvision. ResNet-20: 0.27 million, and projections where widths grow."""
    module = network()
    projections = 0 if classes == 1000 else 16 * 32 + 32 * 64 + 2 * 32 + 2 * 64
    assert sum(p.numel() for p in module.parameters()) == parameters + projections
    assert module.eval()(torch.zeros(1, 3, 64, 64)).shape == (1, classes)


@pytest.mark.skipif(not RESET.exists(), reason="peak memory is read from /proc")
def test_the_peak_of_a_process_of_its_own_holds_the_noisy_batch() -> None:
    assert bench_rivals.peak("digits-l2", "count", 512, 512, 1) > 512 * 784 * 4


def test_a_description_names_versions_and_what_was_compared_with() -> None:
    found = describe("torch", "no-such-package")
    assert found["versions"]["no-such-package"] == "not installed"
    assert found["machine"]["torch_threads"] == torch.get_num_threads()
