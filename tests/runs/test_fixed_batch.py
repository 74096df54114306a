"""Runs whose model depends on the batch size keep to one; other precisions are other runs."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch

from gsmooth.errors import ModelError, RecordError
from gsmooth.runs.config.identity import fingerprint, identity
from gsmooth.runs.config.resolution import resolved
from gsmooth.runs.context import RunContext, build_context
from gsmooth.runs.execute import plan, run_certify
from gsmooth.runs.fixed_batch import fixed_batch_size, noisy_points, with_fixed_batch_size
from gsmooth.runs.predict import run_predict
from gsmooth.runs.records.folder import Row, read_records
from tests.runs.samples import changed
from tests.runs.tmp_project import Notebook, enter, tmp_project_config

PLANTED = '''
import torch
from torch import nn


class Coarse(nn.Module):
    """The mean against one half, from a coarser type in batches of more than 100; notes sizes."""

    sizes = []

    def __init__(self):
        super().__init__()
        self.level = nn.Parameter(torch.tensor(0.5))

    def forward(self, x):
        self.sizes.append(len(x))
        mean = x.flatten(1).mean(dim=1)
        if len(x) > 100:
            mean = (4.0 * mean).round() / 4.0
        return torch.stack([self.level.expand_as(mean), mean], dim=1)


class Statistics(Coarse):
    def forward(self, x):
        return super().forward(nn.functional.batch_norm(x, None, None, training=True))
'''
COARSE = "model.spec=planted:Coarse"
SIZE = "engine.batch_size"


@pytest.fixture(autouse=True)
def working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    enter(tmp_path, monkeypatch, "planted")
    (tmp_path / "planted.py").write_text(PLANTED)


def examined(context: RunContext) -> torch.Tensor:
    """The points on which a run's model is tried."""
    images = [context.dataset.image(index) for index in context.indices[:4]]
    return noisy_points(context.smoothed, images)


def certify(*overrides: str, stop_after: int | None = None) -> tuple[Row, ...]:
    run_certify(tmp_project_config("attack.enabled=false", *overrides), Notebook(stop_after))
    return tuple(changed(row, seconds=0.0) for row in read_records("run").rows)


def test_a_model_with_batch_statistics_casts_no_vote() -> None:
    settings = tmp_project_config("model.spec=planted:Statistics")
    for command in (run_certify, run_predict):
        with pytest.raises(ModelError, match=r"planted:Statistics: row .* among other images"):
            command(settings, Notebook())
    assert not Path("run").exists()


def test_batch_statistics_are_looked_for_at_the_own_size_of_small_batches() -> None:
    with pytest.raises(ModelError, match=r"of a batch of 4 .* among other images"):
        plan(tmp_project_config("model.spec=planted:Statistics", f"{SIZE}=4"))


def test_batches_of_one_make_a_function_of_batch_statistics() -> None:
    context = plan(tmp_project_config("model.spec=planted:Statistics", f"{SIZE}=1"))
    assert context.smoothed.fixed_batch
    assert context.function is not None
    assert (context.function.kind, context.function.batch_size) == ("batch_dependent", 1)


@pytest.mark.parametrize(("size", "rows"), [(1, 16), (3, 18), (7, 21), (16, 16), (33, 33)])
def test_small_batches_are_examined_full(size: int, rows: int) -> None:
    assert len(examined(plan(tmp_project_config(f"{SIZE}={size}")))) == rows


def test_a_model_that_depends_on_the_batch_size_is_fixed_batch_to_it() -> None:
    certify(COARSE, f"{SIZE}=128", "data.limit=2")
    kept = json.loads(Path("run/run.json").read_text())["identity"]
    assert kept["engine"] == {"batch_size": 128}
    sizes = sys.modules["planted"].Coarse.sizes
    assert sizes[:2] == [2, 3]  # Loading counts the classes.
    check, rest = sizes[2:11], sizes[11:]
    assert check == [128, 128, 128, 64, 1, 1, 3, 7, 42]
    assert set(rest) == {128}


def test_another_batch_size_is_refused_with_both_sizes() -> None:
    certify(COARSE, f"{SIZE}=128", "data.limit=2")
    for size in (256, 64):
        with pytest.raises(RecordError, match=rf"engine\.batch_size: 128 there, {size} here"):
            certify(COARSE, f"{SIZE}={size}")


def test_a_folder_of_free_batch_sizes_is_not_gone_on_with_at_one() -> None:
    certify(COARSE, f"{SIZE}=64", "data.limit=2")
    assert fixed_batch_size(Path("run")) is None
    with pytest.raises(RecordError, match=r"engine\.batch_size: not given there, 128 here"):
        certify(COARSE, f"{SIZE}=128")


def test_the_same_batch_size_goes_on_with_the_same_counts() -> None:
    certify(COARSE, f"{SIZE}=128", "data.limit=5")
    resumed = certify(COARSE, f"{SIZE}=128")
    Path("run").rename("first")
    whole = certify(COARSE, f"{SIZE}=128", "engine.in_flight=3")
    assert resumed == whole
    assert len(whole) == 12


def test_auto_takes_the_size_that_the_folder_is_fixed_batch_to() -> None:
    certify(COARSE, f"{SIZE}=192", "data.limit=2")
    settings = tmp_project_config(COARSE, f"{SIZE}=auto", "attack.enabled=false")
    assert with_fixed_batch_size(settings, Path("elsewhere")) == settings
    context = plan(settings)
    assert context.config.engine.batch_size == context.smoothed.batch_size == 192
    assert context.smoothed.fixed_batch
    assert context.header.fingerprint == read_records("run").header.fingerprint


def test_a_function_of_its_input_stays_free() -> None:
    certify(f"{SIZE}=64", "data.limit=2")
    context = plan(tmp_project_config(f"{SIZE}=128"))
    assert context.function is not None
    assert (context.function.kind, context.smoothed.fixed_batch) == ("exact", False)
    assert "engine" not in context.header.identity
    certify(f"{SIZE}=128")


def test_the_check_looks_at_whole_batches_of_points_under_noise() -> None:
    context = plan(tmp_project_config(f"{SIZE}=100"))
    points = examined(context)
    assert points.shape == (100, 16)
    assert points.dtype == torch.float32
    assert len({tuple(point) for point in points.tolist()}) == 100
    assert torch.equal(points, examined(context))


def test_predict_casts_its_votes_at_one_size_too() -> None:
    summary = run_predict(tmp_project_config(COARSE, f"{SIZE}=128", "data.limit=2"), Notebook())
    assert summary.config.engine.batch_size == 128
    sizes = sys.modules["planted"].Coarse.sizes
    assert set(sizes[11:]) == {128}


OPTIONS = ("model.autocast=bfloat16", "model.channels_last=true", "model.compile=true")


def test_options_of_the_model_are_part_of_a_run_where_they_are_used() -> None:
    plain = tmp_project_config()
    assert not {"autocast", "channels_last", "compile"} & set(identity(plain)["model"])  # type: ignore[call-overload]
    prints = {fingerprint(tmp_project_config(option)) for option in OPTIONS}
    prints |= {fingerprint(plain), fingerprint(tmp_project_config("model.autocast=float16"))}
    assert len(prints) == 5


def test_what_sequences_take_is_part_of_a_run_that_uses_one() -> None:
    sequence = "certify.bound=sequence"
    assert fingerprint(tmp_project_config("certify.within=0.2")) == fingerprint(
        tmp_project_config()
    )
    assert "within" not in identity(tmp_project_config())["certify"]  # type: ignore[operator]
    assert fingerprint(tmp_project_config(sequence, "certify.within=0.2")) != fingerprint(
        tmp_project_config(sequence)
    )


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("model.autocast=bfloat16", "autocast: not given there, 'bfloat16' here"),
        ("model.channels_last=true", "channels_last: not given there, True here"),
    ],
)
def test_another_precision_or_layout_is_another_run(option: str, said: str) -> None:
    certify(f"{SIZE}=64", "data.limit=2")
    with pytest.raises(RecordError, match=rf"Different: model\.{said}\."):
        certify(f"{SIZE}=64", option)
    other = certify(f"{SIZE}=64", option, "data.limit=2", "output.folder=run2")
    assert len(other) == 2
    with pytest.raises(RecordError, match="there, not given here"):
        certify(f"{SIZE}=64", "output.folder=run2")


def test_one_thread_is_taken_only_where_it_is_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measured are this machine's rates; whichever wins, the threads that stay are its own."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        context = build_context(resolved(tmp_project_config("engine.batch_size=auto")))
        assert torch.get_num_threads() in (1, 2)
        assert context.smoothed.batch_size >= 1
        torch.set_num_threads(2)
        build_context(resolved(tmp_project_config("engine.batch_size=auto", "engine.threads=2")))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
