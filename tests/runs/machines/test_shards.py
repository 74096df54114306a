"""Shards of a run, merged in any order, are the run of one process; nothing is chosen or lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gsmooth.cli.app import app
from gsmooth.errors import (
    ConfigurationError,
    IncompleteError,
    OutputError,
    RecordError,
)
from gsmooth.runs.config.identity import fingerprint
from gsmooth.runs.config.run_file import load_config
from gsmooth.runs.config.shard import Shard
from gsmooth.runs.execute import run_certify
from gsmooth.runs.machines.merge import merge_records, without_times
from gsmooth.runs.machines.shards import sharded
from gsmooth.runs.population import run_population
from gsmooth.runs.records.folder import RecordWriter, Row, read_records
from gsmooth.runs.verify.verify import verify_records
from tests.runs.tmp_project import Notebook, enter, tmp_project_config

NOISY = "smoothing.sigma=1.0"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return enter(tmp_path, monkeypatch)


def shard(text: str, *overrides: str) -> Path:
    """The folder of one shard, finished."""
    config = sharded(tmp_project_config(NOISY, *overrides), text, {})
    return run_certify(config, Notebook()).folder


def four(*overrides: str) -> list[Path]:
    return [shard(f"{number}/4", *overrides) for number in (1, 2, 3, 4)]


def rows(folder: Path | str) -> tuple[Row, ...]:
    return tuple(map(without_times, read_records(folder).rows))


@pytest.fixture
def whole() -> tuple[Row, ...]:
    run_certify(tmp_project_config(NOISY, "output.folder=whole"), Notebook())
    return rows("whole")


def test_merged_shards_in_any_order_are_the_run_of_one_process(whole: tuple[Row, ...]) -> None:
    folders = four()
    assert [str(folder) for folder in folders[:2]] == ["run/shard-1-of-4", "run/shard-2-of-4"]
    assert [row.index for row in rows(folders[1])] == [1, 5, 9]
    contents = set()
    for number, order in enumerate(permutations(folders)):
        merge_records(order, Path(f"merged{number}"))
        contents.add(Path(f"merged{number}/records.jsonl").read_bytes())
    assert len(contents) == 1
    assert rows("merged0") == whole
    mine, theirs = (read_records(place).header for place in ("merged0", "whole"))
    assert (mine.fingerprint, mine.plan) == (theirs.fingerprint, theirs.plan)
    found = verify_records("merged0")
    assert found.sound
    assert found.complete


def test_a_merged_run_goes_on_as_one_run(whole: tuple[Row, ...]) -> None:
    folders = four()
    with pytest.raises(IncompleteError, match=r"9 of 12 planned.*missing: 2, 6, 10\."):
        merge_records([folders[0], folders[1], folders[3]], Path("run"))
    assert not Path("run/records.jsonl").exists()
    merge_records([folders[0], folders[1], folders[3]], Path("run"), partial=True)
    assert verify_records("run").missing == 3
    config = load_config(Path("run/config.toml"), [])
    assert config.data.shard is None
    assert run_certify(config, Notebook()).fresh == 3
    assert rows("run") == whole


def test_a_folder_that_holds_rows_is_added_to() -> None:
    folders = four()
    merge_records(folders[:2], Path("run"), partial=True)
    found = merge_records(folders[1:], Path("run"))
    assert (found.images, found.planned, found.twice) == (12, 12, 3)


def test_parts_that_overlap_without_a_difference_are_one_run(whole: tuple[Row, ...]) -> None:
    for name, part in (("a", "data.limit=8"), ("b", "data.start=5")):
        run_certify(tmp_project_config(NOISY, part, f"output.folder={name}"), Notebook())
    assert merge_records([Path("a"), Path("b")], Path("both")).twice == 3
    assert rows("both") == whole


def test_different_rows_of_one_image_are_refused_and_none_is_taken() -> None:
    folders = four()
    own = read_records(folders[0])
    again = Path("again")
    with RecordWriter(again, own.header) as writer:
        for row in own.rows:
            votes = replace(row.counts, pilot_votes=row.counts.pilot_votes + (row.index == 4))
            writer.write(replace(row, counts=votes))
    for order in ([*folders, again], [again, *folders]):
        with pytest.raises(RecordError, match=r"image 4: .* different rows of it.*none is taken"):
            merge_records(order, Path("run"))
    assert not Path("run/records.jsonl").exists()


def test_folders_of_other_runs_are_refused_by_the_fields_that_differ() -> None:
    first, other = shard("1/2"), shard("2/2", "smoothing.seed=1", "output.folder=other")
    with pytest.raises(RecordError, match=r"not of one run.*smoothing\.seed: "):
        merge_records([first, other], Path("run"))
    with pytest.raises(RecordError, match="no such file or folder"):
        merge_records([first, Path("nothing")], Path("run"))


def test_a_folder_that_another_process_writes_to_is_not_merged_into() -> None:
    folders = four()
    merge_records(folders, Path("run"))
    header = read_records("run").header
    with RecordWriter(Path("run"), header), pytest.raises(OutputError, match="another process"):
        merge_records(folders, Path("run"))


def test_the_shard_is_no_part_of_the_fingerprint() -> None:
    config = tmp_project_config()
    assert fingerprint(sharded(config, "2/3", {})) == fingerprint(config)


def test_a_shard_goes_on_from_its_own_run_file() -> None:
    folder = shard("2/4")
    config = load_config(folder / "config.toml", [])
    assert run_certify(config, Notebook()).fresh == 0
    assert sharded(config, "2/4", {}) == config
    with pytest.raises(ConfigurationError, match="run file is that of shard 2/4"):
        sharded(config, "1/4", {})


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"RANK": "0", "WORLD_SIZE": "3"}, "1/3"),
        ({"RANK": "2", "WORLD_SIZE": "3"}, "3/3"),
        ({"ID": "0", "MIN": "0", "MAX": "7", "COUNT": "8"}, "1/8"),
        ({"ID": "8", "MIN": "1", "MAX": "8", "COUNT": "8", "WORLD_SIZE": "1"}, "8/8"),
        ({"ID": "6", "MIN": "2", "MAX": "8", "COUNT": "4", "STEP": "2"}, "3/4"),
    ],
)
def test_auto_is_what_slurm_or_torchrun_say(variables: dict[str, str], expected: str) -> None:
    assert str(Shard.of_environment(named(variables))) == expected


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({}, "found neither the variables of a SLURM array"),
        ({"ID": "3", "MIN": "1", "MAX": "7", "COUNT": "3"}, "have gaps"),
        (
            {"ID": "1", "MIN": "0", "MAX": "3", "COUNT": "4", "WORLD_SIZE": "2"},
            "and one of several",
        ),
        ({"ID": "1", "MIN": "0", "MAX": "3"}, "SLURM_ARRAY_TASK_COUNT is None"),
        ({"RANK": "x", "WORLD_SIZE": "2"}, "RANK is 'x'"),
    ],
)
def test_an_environment_that_does_not_say_which_shard_is_refused(
    variables: dict[str, str], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Shard.of_environment(named(variables))


def named(variables: dict[str, str]) -> dict[str, str]:
    torchrun = ("RANK", "WORLD_SIZE")
    return {k if k in torchrun else f"SLURM_ARRAY_TASK_{k}": v for k, v in variables.items()}


@pytest.mark.parametrize("text", ["0/4", "5/4", "1", "1/0", "a/b", "1/2/3", "-1/2"])
def test_what_is_no_shard_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"--shard .*(expected I/N|the first shard is)"):
        sharded(tmp_project_config(), text, {})
    with pytest.raises(ConfigurationError, match=r"data.shard"):
        tmp_project_config(f'data.shard="{text}"')


def test_more_shards_than_images_and_another_number_of_shards_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="12 images, so it can have 12 shards at most"):
        shard("1/13")
    shard("1/12")
    with pytest.raises(ConfigurationError, match=r"holds shard-01-of-12, a shard of 12"):
        sharded(tmp_project_config(), "1/2", {})


def test_shards_without_a_common_seed_or_of_a_population_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = sharded(tmp_project_config(), "1/2", {})
    open_ = config.smoothing.model_copy(update={"seed": None})
    with pytest.raises(ConfigurationError, match=r"all shards of a run have one seed.*--seed"):
        run_certify(config.model_copy(update={"smoothing": open_}), Notebook())
    monkeypatch.setenv("GSMOOTH_SEED", "ab" * 32)
    found = run_certify(config.model_copy(update={"smoothing": open_}), Notebook())
    assert read_records(found.folder).header.seed_commitment is not None
    with pytest.raises(ConfigurationError, match="the bound is about all of them together"):
        run_population(config, Notebook())


def test_a_model_whose_labels_depend_on_the_batch_size_needs_one_for_all_shards(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from gsmooth.runs import execute

    def examined(context: Any, fixed_batch: bool) -> Any:
        return replace(context, smoothed=replace(context.smoothed, fixed_batch=True))

    monkeypatch.setattr(execute, "examined", examined)
    shard("1/2")
    with pytest.raises(ConfigurationError, match=r"--set engine.batch_size="):
        shard("2/2", 'engine.batch_size="auto"')


def invoked(*arguments: str) -> Iterator[Any]:
    yield CliRunner().invoke(app, [*arguments, "--json"])


def test_the_command_merges_prints_and_explains() -> None:
    folders = [str(folder) for folder in four()]
    for result in invoked("merge", *folders, "-o", "run"):
        assert result.exit_code == 0
        document = json.loads(result.stdout)
        assert (document["images"], document["planned"], document["twice"]) == (12, 12, 0)
    for result in invoked("merge", folders[0], "-o", "part"):
        assert result.exit_code == IncompleteError.exit_code
    for result in invoked("verify", "run"):
        assert result.exit_code == 0
