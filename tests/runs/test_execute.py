"""Runs from end to end on a model whose certificates are known: records, resume, refusals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from gsmooth.certification import CertifyTask
from gsmooth.certification.feasibility import check_feasible
from gsmooth.errors import (
    ConfigurationError,
    InputError,
    ModelError,
    RecordError,
    UnreachableError,
    ViolationError,
)
from gsmooth.runs.config.run_file import CONFIG_NAME, load_config
from gsmooth.runs.execute import plan, run_certify
from gsmooth.runs.monitor.interrupt import Interrupted
from gsmooth.runs.predict import run_predict
from gsmooth.runs.records.folder import Row, read_records
from gsmooth.runs.verify.verify import verify_records
from gsmooth.transforms.region import Region
from tests.runs.samples import changed
from tests.runs.tmp_project import MEANS, SETTINGS, Notebook, enter, tmp_project_config

# So much noise that no count is unanimous.
NOISY = "smoothing.sigma=1.0"


@pytest.fixture(autouse=True)
def working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    enter(tmp_path, monkeypatch)


def certified(folder: str, *overrides: str) -> tuple[Row, ...]:
    """The rows of a run, without what differs from one time to the next."""
    run_certify(tmp_project_config(f"output.folder={folder}", *overrides), Notebook())
    return rows_of(folder)


def rows_of(folder: str) -> tuple[Row, ...]:
    return tuple(changed(row, seconds=0.0) for row in read_records(folder).rows)


def gsmooth(*overrides: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """``gsmooth certify`` in a process of its own, one image at a time."""
    flags = [part for setting in (*SETTINGS, *overrides) for part in ("--set", setting)]
    return subprocess.run(
        [sys.executable, "-m", "gsmooth", "certify", *flags, "--set", "engine.in_flight=1"],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
    )


def test_every_image_gets_its_row_and_the_half_space_decides_it() -> None:
    rows = certified("run")
    assert [row.index for row in rows] == list(range(12))
    assert all(row.image.clean_prediction == row.image.label for row in rows)
    assert all(row.attack is not None and row.attack.robust for row in rows)
    for row, mean in zip(rows, MEANS, strict=True):
        # 4 |mean - 0.5|: the distance to the threshold, with weights 1/16 on 16 pixels.
        if row.decision.outcome == "certified":
            assert 4 * abs(mean - 0.5) > 0.3
    assert sum(row.decision.outcome == "certified" for row in rows) == 12
    assert verify_records("run").sound


def test_the_resolved_configuration_lies_beside_the_records() -> None:
    summary = run_certify(tmp_project_config(), Notebook())
    assert load_config(Path("run") / CONFIG_NAME) == summary.config
    assert summary.config.certify.alpha_inner == 0.0005
    assert read_records("run").header.config == summary.config.model_dump(mode="json")


def test_a_run_checks_its_feasibility_once(monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[Region] = []

    def noted(task: CertifyTask) -> None:
        checked.append(task.region)
        check_feasible(task)

    monkeypatch.setattr("gsmooth.runs.outcomes.check_feasible", noted)
    monkeypatch.setattr("gsmooth.certification.api.check_feasible", noted)
    run_certify(tmp_project_config(), Notebook())
    assert len(checked) == 1


def test_counts_do_not_depend_on_batch_size_or_order() -> None:
    fast = certified("fast", NOISY)
    slow = certified("slow", NOISY, "engine.batch_size=64", "engine.in_flight=1")
    assert fast == slow


def test_counts_do_not_depend_on_the_workers_or_on_a_measured_batch_size() -> None:
    expected = certified("one", NOISY)
    assert certified("two", NOISY, "model.device=cpu,cpu") == expected
    assert certified("measured", NOISY, "engine.batch_size=auto") == expected


def test_a_run_is_resumed_on_more_devices_of_its_kind() -> None:
    certified("run", NOISY, "data.limit=4")
    resumed = certified("run", NOISY, "model.device=cpu,cpu", "engine.batch_size=64")
    assert resumed == certified("whole", NOISY)


def test_devices_of_two_kinds_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="several of one kind"):
        run_certify(tmp_project_config("model.device=cpu,cuda:0"), Notebook())


def test_another_seed_gives_other_counts() -> None:
    first, second = (certified(f"seed{s}", NOISY, f"smoothing.seed={s}") for s in (0, 1))
    assert [row.image.prediction_counts for row in first] != [
        row.image.prediction_counts for row in second
    ]


def test_a_run_is_extended_and_resumed_without_repeating_images() -> None:
    whole = certified("whole")
    assert len(certified("parts", "data.limit=4")) == 4
    progress = Notebook()
    summary = run_certify(tmp_project_config("output.folder=parts"), progress)
    assert (summary.images, summary.fresh) == (12, 8)
    kept, warning = progress.lines
    assert kept == "4 of 12 images are in parts already"
    assert warning.startswith(
        "warning: tmp_project_net:build is used with the weights that it makes"
    )
    assert rows_of("parts") == whole


def test_a_run_that_goes_on_keeps_its_rule() -> None:
    old = certified("parts", "data.limit=4", "certify.rule=e-process")
    assert certified("parts")[:4] == old
    assert certified("parts") == certified("whole", "certify.rule=e-process")
    with pytest.raises(RecordError, match=r"certify\.rule: 'e-process' there, 'runner-up' here"):
        certified("parts", "certify.rule=runner-up")
    assert read_records("parts").header.decision_rule == 1


def test_a_run_of_an_earlier_version_goes_on_with_all_selection_votes() -> None:
    early = certified("whole")
    assert {sum(row.image.prediction_counts) for row in early} >= {16}
    config = tmp_project_config("output.folder=parts", "data.limit=4")
    earlier = config.certify.model_copy(update={"n0_first": None})
    run_certify(config.model_copy(update={"certify": earlier}), Notebook())
    header = Path("parts/run.json")
    written = json.loads(header.read_text())
    del written["config"]["certify"]["n0_first"]  # Which that version did not know.
    header.write_text(json.dumps(written))
    assert verify_records("parts").sound
    certified("parts")
    assert {sum(row.image.prediction_counts) for row in read_records("parts").rows} == {64}
    assert verify_records("parts").sound


def test_a_finished_run_casts_no_vote() -> None:
    certified("run")
    assert run_certify(tmp_project_config(), Notebook()).votes == 0


def test_ctrl_c_keeps_what_is_finished_and_says_so() -> None:
    with pytest.raises(Interrupted, match="3 of 12 images are kept in run; the same command"):
        run_certify(tmp_project_config(), Notebook(stop_after=3))
    assert len(rows_of("run")) == 3
    assert certified("run") == certified("whole")


def test_progress_counts_images_votes_and_the_running_certified_accuracy() -> None:
    progress = Notebook()
    summary = run_certify(tmp_project_config(), progress)
    last = progress.tallies[-1]
    assert list(dict.fromkeys(state.done for state in progress.tallies)) == list(range(13))
    assert (last.done, last.total, last.share) == (12, 12, 1.0)
    assert last.votes == summary.votes > 0


def test_another_configuration_in_the_same_folder_is_refused() -> None:
    certified("run", "data.limit=2")
    with pytest.raises(RecordError, match=r"smoothing\.sigma: 0\.25 there, 0\.5 here"):
        certified("run", "smoothing.sigma=0.5")


def test_other_weights_under_the_same_name_are_refused() -> None:
    torch.save({"threshold": torch.tensor(0.5)}, "net.pt")
    certified("run", "model.weights=net.pt", "data.limit=2")
    torch.save({"threshold": torch.tensor(0.4)}, "net.pt")
    with pytest.raises(RecordError, match=r"digests\.weights"):
        certified("run", "model.weights=net.pt")


def test_other_images_under_the_same_name_are_refused() -> None:
    certified("run", "data.limit=2")
    np.savez("images.npz", x=np.zeros((3, 1, 4, 4)), y=np.array([0, 0, 1]))
    with pytest.raises(RecordError, match=r"digests\.images"):
        certified("run")


def test_a_region_out_of_reach_is_refused_before_anything_is_written() -> None:
    config = tmp_project_config("region.l2=0.75", "certify.max_votes=128")
    with pytest.raises(UnreachableError, match="max_votes has to be at least") as caught:
        run_certify(config, Notebook())
    assert caught.value.least_n is not None
    assert not Path("run").exists()
    enough = tmp_project_config("region.l2=0.75", f"certify.max_votes={caught.value.least_n}")
    assert len(plan(enough).indices) == 12


def test_a_model_that_fails_under_its_noise_is_warned_about_once() -> None:
    np.savez("images.npz", x=np.full((30, 1, 4, 4), 0.9), y=np.zeros(30, dtype=np.int64))
    progress = Notebook()
    run_certify(tmp_project_config("attack.enabled=false"), progress)
    (warning,) = (line for line in progress.lines if "weights that it makes" not in line)
    assert "right on 0 of 20 images; train it" in warning
    assert "or lower sigma" in warning


def test_a_false_claim_is_caught_by_the_attack_and_saved() -> None:
    lies = ("transformation.name=tmp_project_net:BrokenTransformation", "smoothing.scales=[1.0]")
    region = ("region.lower=[0.0]", "region.upper=[1.0]", "region.l2=0.0")
    with pytest.raises(ViolationError, match="image 0: certified as class 0") as caught:
        run_certify(tmp_project_config(*lies, *region, "engine.in_flight=1"), Notebook())
    assert "false claim of the transformation" in str(caught.value)
    assert len(rows_of("run")) == 1
    report = json.loads(Path("run/violations/image-0.json").read_text())["case"]
    assert (report["theta"], report["label_found"]) == ([1.0], 1)
    with np.load("run/violations/image-0.npz") as saved:
        assert saved["image"].shape == saved["attacked"].shape == (1, 4, 4)


@pytest.mark.parametrize(
    ("x", "y", "complaint"),
    [
        (
            np.zeros((2, 1, 5, 5)),
            [0, 1],
            r"\(1, 5, 5\), but tmp_project_net:build takes \(1, 4, 4\)",
        ),
        (np.zeros((2, 1, 4, 4)), [0, 2], r"label 2 is out of range"),
        (np.full((2, 1, 4, 4), 255.0), [0, 1], r"image 0: values in .* divide by 255"),
        (np.full((2, 1, 4, 4), np.nan), [0, 1], r"image 0 holds NaN"),
    ],
)
def test_images_that_do_not_fit_are_named(
    x: np.ndarray[tuple[int, ...], np.dtype[np.float64]], y: list[int], complaint: str
) -> None:
    np.savez("images.npz", x=x, y=np.array(y))
    with pytest.raises(InputError, match=complaint):
        run_certify(tmp_project_config(), Notebook())


def test_scores_that_are_not_finite_stop_the_run_and_name_the_image() -> None:
    torch.save({"threshold": torch.tensor(float("nan"))}, "net.pt")
    with pytest.raises(ModelError, match=r"NaN or infinite scores.*image 0"):
        run_certify(tmp_project_config("model.weights=net.pt", "engine.in_flight=1"), Notebook())


def test_radius_mode_says_how_much_of_the_region_holds() -> None:
    rows = certified("run", "certify.mode=radius", "certify.n=640", "region.l2=1.0")
    assert verify_records("run").sound
    for row, mean in zip(rows, MEANS, strict=True):
        assert row.claim.fraction is not None
        assert 0.0 < row.claim.fraction < 4 * abs(mean - 0.5)


def test_predict_needs_no_region() -> None:
    config = tmp_project_config("predict.n=200")
    summary = run_predict(config, Notebook())
    assert summary.standard_accuracy == summary.clean_accuracy == 1.0
    assert summary.abstentions == 0
    assert [answer.index for answer in summary.answers] == list(range(12))


@pytest.mark.parametrize("name", ["SIGKILL", "SIGINT"])
def test_a_run_that_is_cut_off_ends_like_an_uninterrupted_one(name: str) -> None:
    cut = gsmooth(SIGNAL=name, SIGNAL_AT="45")
    assert cut.returncode == (-signal.SIGKILL if name == "SIGKILL" else 130)
    kept = len(rows_of("run"))
    assert 0 < kept < 12
    if name == "SIGINT":
        assert f"interrupted: {kept} of 12 images are kept" in cut.stderr
    assert certified("run", "engine.in_flight=1") == certified("whole", "engine.in_flight=1")


def test_a_full_disk_loses_nothing_that_was_finished() -> None:
    # A limit on file size is what a full disk looks like, also for root in a container.
    assert certified("whole")
    size = Path("whole/records.jsonl").stat().st_size // 2
    flags = [part for setting in SETTINGS for part in ("--set", setting)]
    program = (
        "import resource, runpy, signal, sys\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}))\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"sys.argv = ['gsmooth', 'certify', *{flags!r}]\n"
        "runpy.run_module('gsmooth', run_name='__main__')\n"
    )
    full = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert full.returncode == 7, full.stderr
    assert "the limit on file size is reached" in full.stderr
    assert 0 < len(rows_of("run")) < 12
    assert certified("run") == rows_of("whole")
