"""Seeds of runs: drawn where none is named, found again, and secret where they have to be."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gsmooth.errors import ConfigurationError, OutputError, RecordError
from gsmooth.runs.config.run_config import RunConfig
from gsmooth.runs.config.run_file import load_config
from gsmooth.runs.execute import plan, run_certify
from gsmooth.runs.predict import run_predict
from gsmooth.runs.records.folder import Records, Row, read_records
from gsmooth.runs.seeds.choice import VARIABLE, seed_of_run
from gsmooth.runs.seeds.seed_file import SECRET_NAME, keep_secret, read_secret
from gsmooth.runs.verify.verify import verify_records
from gsmooth.sampling.noise import SecretSeed
from tests.runs.samples import changed
from tests.runs.tmp_project import SETTINGS, Notebook, furnish

UNSEEDED = tuple(setting for setting in SETTINGS if not setting.startswith("smoothing.seed"))
SECRET = SecretSeed(0xFEDCBA9876543210FEDCBA9876543210FEDCBA98, "12" * 16)

# psi_theta(x) = x + theta: every image of the tmp_project has its originals.
SHADE = '''
from dataclasses import dataclass
from typing import ClassVar

from gsmooth.transforms.base import Enclosure, Parameter, Transformation
from gsmooth.transforms.bounds import TransformationBounds


class ShadeBounds(TransformationBounds):
    def action_error(self, z, reach, offset):
        return 1e-9

    def preimages(self, x, lower, upper, rounding):
        half = rounding + (upper - lower) / 2.0
        centre = x.flatten(1) - (lower + upper) / 2.0
        possible = ((centre + half >= 0.0) & (centre - half <= 1.0)).all(dim=1)
        return Enclosure(centre, half[:, 0] * 4.0 * (1.0 + 1e-9), possible)


@dataclass(frozen=True)
class Shade(Transformation):
    """A little light on top."""

    name: ClassVar[str] = "shade"
    parameters: ClassVar[tuple[Parameter, ...]] = (Parameter("light", "1"),)
    orthogonal: ClassVar[bool] = True
    bounds_class = ShadeBounds

    def act(self, z, light):
        return z + light
'''
ONLINE = (
    "transformation.name=shade_net:Shade",
    "smoothing.scales=[0.1]",
    "region.lower=[0.0]",
    "region.upper=[0.01]",
    "region.l2=0.0",
    "certify.guarantee=online",
    "data.limit=2",
)


@pytest.fixture(autouse=True)
def working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delenv(VARIABLE, raising=False)
    for name in ("tmp_project_net", "shade_net"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    furnish(tmp_path)
    (tmp_path / "shade_net.py").write_text(SHADE)


def unseeded(*overrides: str) -> RunConfig:
    return load_config(None, [*UNSEEDED, *overrides])


def certified(*overrides: str) -> Records:
    run_certify(unseeded(*overrides), Notebook())
    return read_records("run")


def counts(records: Records) -> list[tuple[int, ...]]:
    return [row.image.prediction_counts for row in records.rows]


def kept() -> SecretSeed:
    return read_secret(Path("run") / SECRET_NAME)


def seed_file(name: str = "mine", text: str = f"{SECRET.reveal():x}", mode: int = 0o600) -> Path:
    path = Path(name)
    path.write_text(f"{text}\n")
    path.chmod(mode)
    return path


def without_seconds(row: Row) -> Row:
    return changed(row, seconds=0.0)


def test_a_run_without_a_seed_draws_one_and_the_same_command_takes_it_again() -> None:
    notebook = Notebook()
    run_certify(unseeded("data.limit=2"), notebook)
    first = read_records("run")
    (seed,) = {row.randomness.seed for row in first.rows}
    assert seed is not None
    assert f"seed {seed}, drawn for this run; run.json has it" in notebook.lines
    again = Notebook()
    run_certify(unseeded("data.limit=4"), again)
    whole = read_records("run")
    assert {row.randomness.seed for row in whole.rows} == {seed}
    assert not any("drawn" in line for line in again.lines)
    other = certified("output.folder=run2", f"smoothing.seed={seed}", "data.limit=4")
    assert list(map(without_seconds, read_records("run2").rows)) == list(
        map(without_seconds, whole.rows)
    )
    assert other.header.seed_commitment is None


def test_two_runs_without_a_seed_have_different_ones() -> None:
    seeds = {seed_of_run(unseeded()).seed for _ in range(3)}
    assert len(seeds) == 3
    assert all(isinstance(seed, int) for seed in seeds)


def test_a_seed_that_is_named_wins_and_another_one_than_the_folders_is_refused() -> None:
    certified("data.limit=1", "smoothing.seed=7")
    assert seed_of_run(unseeded()).seed == 7
    with pytest.raises(RecordError, match=r"smoothing\.seed: 7 there, 8 here"):
        run_certify(unseeded("smoothing.seed=8"), Notebook())
    seed_file()
    with pytest.raises(RecordError, match=r"smoothing\.seed: 7 there, None here"):
        run_certify(unseeded("smoothing.seed_file=mine"), Notebook())


def test_a_plan_draws_a_seed_and_leaves_nothing_behind() -> None:
    assert isinstance(plan(unseeded()).smoothed.seed, int)
    assert isinstance(plan(unseeded(*ONLINE)).smoothed.seed, SecretSeed)
    assert not Path("run").exists()


def test_an_online_run_draws_a_secret_that_its_owner_alone_can_read() -> None:
    notebook = Notebook()
    run_certify(unseeded(*ONLINE), notebook)
    records, path = read_records("run"), Path("run") / SECRET_NAME
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert f"a secret seed was drawn for this run; {path} keeps it, for your eyes alone" in (
        notebook.lines
    )
    assert kept().reveal().bit_length() > 128
    assert records.header.seed_commitment == kept().commitment
    assert {row.randomness.seed for row in records.rows} == {None}
    assert not any("is public" in line for line in notebook.lines)


def test_the_secret_of_a_run_stands_in_no_other_file_of_it() -> None:
    certified(*ONLINE)
    number = kept().reveal()
    spelled = [str(number), f"{number:x}", f"{number:X}", f"{number:o}", f"{number:b}"]
    files = [path for path in Path("run").rglob("*") if path.is_file()]
    assert {"run.json", "records.jsonl", "config.toml", SECRET_NAME} <= {p.name for p in files}
    for path in files:
        content = path.read_bytes()
        found = [text for text in spelled if text.encode() in content]
        raw = number.to_bytes(32, "big") in content or number.to_bytes(32, "little") in content
        assert (bool(found), raw) == (path.name == SECRET_NAME, False), path


def test_a_secret_run_goes_on_in_its_folder_and_its_counts_follow_from_the_secret() -> None:
    certified(*ONLINE)
    secret = kept()
    whole = certified(*ONLINE, "data.limit=4")
    assert len(whole.rows) == 4
    assert kept() == secret
    other = seed_file(text=f"{secret.reveal():x}")
    again = certified(*ONLINE, "data.limit=4", f"smoothing.seed_file={other}")
    assert counts(again) == counts(whole)
    run_certify(
        unseeded(*ONLINE, "data.limit=4", f"smoothing.seed_file={other}", "output.folder=run2"),
        Notebook(),
    )
    assert counts(read_records("run2")) == counts(whole)


def test_without_its_secret_a_run_is_not_gone_on_with(monkeypatch: pytest.MonkeyPatch) -> None:
    certified(*ONLINE)
    secret, path = kept(), Path("run") / SECRET_NAME
    path.rename("elsewhere")
    with pytest.raises(
        RecordError, match=r"begun with a secret seed, and .*--seed-file.*GSMOOTH_SEED"
    ):
        certified(*ONLINE, "data.limit=3")
    assert len(certified(*ONLINE, "data.limit=3", "smoothing.seed_file=elsewhere").rows) == 3
    monkeypatch.setenv(VARIABLE, f"{secret.reveal():x}")  # Without its salt.
    assert len(certified(*ONLINE, "data.limit=4").rows) == 4
    monkeypatch.delenv(VARIABLE)
    # The run file names the last file that was given.
    with pytest.raises(RecordError, match="begun with a secret seed"):
        certified(*ONLINE, "data.limit=5")


def test_the_file_that_was_named_is_found_again_from_the_folder() -> None:
    seed_file()
    certified(*ONLINE, "smoothing.seed_file=mine")
    assert not (Path("run") / SECRET_NAME).exists()
    assert len(certified(*ONLINE, "data.limit=3").rows) == 3


def test_another_secret_than_the_folders_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    certified(*ONLINE)
    monkeypatch.setenv(VARIABLE, SECRET.text)
    with pytest.raises(RecordError, match=r"seed_commitment\.hash: .* there, .* here") as error:
        certified(*ONLINE, "data.limit=3")
    assert f"{SECRET.reveal():x}" not in str(error.value)
    monkeypatch.delenv(VARIABLE)
    (Path("run") / SECRET_NAME).write_text(SECRET.text)
    with pytest.raises(RecordError, match="hold another one"):
        certified(*ONLINE, "data.limit=3")


def test_shards_that_share_a_seed_file_share_a_fingerprint_and_others_do_not() -> None:
    seed_file()
    seed_file("other", f"{SECRET.reveal() + 1:x}")
    seed_file("same", SECRET.text.split()[1].upper())
    prints = {}
    for name, start in (("mine", 0), ("same", 2), ("other", 0)):
        where = (f"smoothing.seed_file={name}", f"data.start={start}", f"output.folder={name}-run")
        run_certify(unseeded("data.limit=1", *where), Notebook())
        prints[name] = read_records(f"{name}-run").header.fingerprint
    assert prints["mine"] == prints["same"] != prints["other"]


def test_the_randomized_bound_of_a_run_is_verified_with_its_seed_file() -> None:
    seed_file()
    rule = ("certify.mode=radius", "certify.bound=randomized", "certify.n=256", "data.limit=3")
    certified(*rule, "smoothing.seed_file=mine", "attack.enabled=false")
    assert verify_records("run", SECRET).on_trust == ()
    assert verify_records("run", SECRET).sound
    assert len(verify_records("run").on_trust) == 2
    assert verify_records("run").sound
    assert not verify_records("run", SecretSeed.drawn()).sound


def test_a_run_that_was_killed_before_its_header_takes_the_secret_it_left() -> None:
    keep_secret(Path("run"), SECRET)
    assert certified(*ONLINE).header.seed_commitment == SECRET.commitment
    assert kept() == SECRET


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620, 0o602, 0o610])
def test_a_seed_file_that_others_can_use_is_refused_with_the_command_that_mends_it(
    mode: int,
) -> None:
    path = seed_file("my seed", mode=mode)
    with pytest.raises(ConfigurationError, match=r"run: (chmod 600 'my seed')$") as error:
        read_secret(path)
    assert f"{SECRET.reveal():x}" not in str(error.value)
    subprocess.run(["sh", "-c", str(error.value).rpartition("run: ")[2]], check=True)
    assert read_secret(path) == SECRET


def test_a_seed_file_is_a_regular_file_that_holds_a_secret() -> None:
    os.mkfifo("fifo", 0o600)
    for path in (Path("fifo"), Path("run")):
        Path("run").mkdir(mode=0o700, exist_ok=True)
        with pytest.raises(ConfigurationError, match="no regular file"):
            read_secret(path)
    with pytest.raises(ConfigurationError, match=r"missing cannot be read .*openssl rand -hex 32"):
        read_secret(Path("missing"))
    with pytest.raises(ConfigurationError, match=r"^seed file short holds no secret seed"):
        read_secret(seed_file("short", "1234"))
    Path("link").symlink_to(seed_file())
    assert read_secret(Path("link")) == SECRET
    with pytest.raises(ConfigurationError, match="link cannot be read"):
        read_secret(Path("link"), follow=False)


def test_a_secret_is_never_written_through_a_link_or_over_a_file() -> None:
    target, folder = seed_file("target", "untouched"), Path("run")
    folder.mkdir()
    (folder / SECRET_NAME).symlink_to(target.resolve())
    with pytest.raises(OutputError, match="is there already and is not overwritten"):
        keep_secret(folder, SECRET)
    assert target.read_text() == "untouched\n"
    (folder / SECRET_NAME).unlink()
    old = os.umask(0o777)
    try:
        path = keep_secret(folder, SECRET)
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(OutputError, match="is there already and is not overwritten"):
        keep_secret(folder, SecretSeed.drawn())
    assert read_secret(path) == SECRET


def test_a_seed_and_a_seed_file_are_not_both_given() -> None:
    with pytest.raises(ConfigurationError, match="seed and seed_file: give the one or the other"):
        unseeded("smoothing.seed=1", "smoothing.seed_file=mine")


@pytest.mark.parametrize("text", ["", "12", "secret" * 8])
def test_a_variable_that_holds_no_secret_is_refused_without_showing_it(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv(VARIABLE, text)
    with pytest.raises(ConfigurationError, match="the variable GSMOOTH_SEED holds no") as error:
        seed_of_run(unseeded())
    assert len(text) < 3 or text not in str(error.value)
    assert seed_of_run(unseeded("smoothing.seed=3")).seed == 3


def answers(*overrides: str) -> dict[int, tuple[int, ...]]:
    found = run_predict(unseeded("predict.n=1024", "data.limit=2", *overrides), Notebook())
    return {answer.index: answer.prediction.counts for answer in found.answers}


def test_predict_without_a_seed_draws_a_secret_one_and_keeps_it_nowhere() -> None:
    near = np.full((4, 1, 4, 4), 0.5)
    np.savez("near.npz", x=near, y=np.zeros(4, int))
    data = ("data.spec=near.npz",)
    assert answers(*data) != answers(*data)
    assert not Path("run").exists()
    assert answers(*data, "smoothing.seed=5") == answers(*data, "smoothing.seed=5")


def test_predict_under_a_kept_secret_has_other_noise_for_other_images_at_the_same_place() -> None:
    """A service asks again and again about an image at place 0; in 0.1.0 the noise was the same."""
    seed_file()
    for name, level in (("one", 0.5), ("other", 0.5 + 1e-9)):
        np.savez(f"{name}.npz", x=np.full((2, 1, 4, 4), level), y=np.array([0, 1]))
    secret = "smoothing.seed_file=mine"
    one, other = (answers(f"data.spec={name}.npz", secret) for name in ("one", "other"))
    assert one[0] == one[1]  # The same image twice.
    assert one[0] != other[0]
    public = [answers(f"data.spec={name}.npz", "smoothing.seed=5") for name in ("one", "other")]
    assert public[0] == public[1]


def test_a_public_seed_is_named_once_where_an_attacker_makes_the_images() -> None:
    notebook = Notebook()
    run_certify(unseeded(*ONLINE, "smoothing.seed=7"), notebook)
    (line,) = [line for line in notebook.lines if "is public" in line]
    assert line.startswith("the seed 7 is public: an attacker who knows it can make images")
    predicted = Notebook()
    run_predict(unseeded("smoothing.seed=7", "data.limit=1"), predicted)
    assert predicted.lines.count(line) == 1
    secret = Notebook()
    run_predict(unseeded("data.limit=1"), secret)
    assert not any("is public" in told for told in secret.lines)


SPY = """
import sys

import torch


class Spy(torch.nn.Module):
    def forward(self, x):
        with open("/proc/self/cmdline") as line:
            print(line.read(), file=sys.stderr)
        raise RuntimeError("spied")


def build():
    return Spy()
"""


@pytest.mark.parametrize("way", ["variable", "file"])
def test_a_secret_shows_neither_in_the_process_list_nor_in_a_traceback(way: str) -> None:
    Path("spy_net.py").write_text(SPY)
    flags = ["--guarantee=online", "--json", "--debug"]
    environment = dict(os.environ)
    if way == "variable":
        environment[VARIABLE] = SECRET.text
    else:
        flags += ["--seed-file", str(seed_file())]
    settings = [*UNSEEDED, *ONLINE, "model.spec=spy_net:build", "model.classes=2"]
    found = subprocess.run(
        [sys.executable, "-m", "gsmooth", "certify", *flags]
        + [part for setting in settings for part in ("--set", setting)],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert "spied" in found.stderr
    assert "Traceback" in found.stderr
    for text in (str(SECRET.reveal()), f"{SECRET.reveal():x}", SECRET.text):
        assert text not in found.stdout + found.stderr
    assert not Path("run").exists()
