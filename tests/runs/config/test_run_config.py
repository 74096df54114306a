"""Run files: what they say becomes a RunConfig, or an error that names file, path and field."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gsmooth.errors import ConfigurationError
from gsmooth.runs.config.identity import fingerprint
from gsmooth.runs.config.overrides import Override
from gsmooth.runs.config.region_section import TransformationSection
from gsmooth.runs.config.run_config import RunConfig, to_toml
from gsmooth.runs.config.run_file import load_config

RUN_FILE = """
[model]
spec = "mine:net"
weights = "net.pt"
classes = 10
shape = [1, 28, 28]

[smoothing]
sigma = 0.25
scales = [6]

[region]
lower = [-30.0]
upper = [30.0]
"""


@pytest.fixture
def run_file(tmp_path: Path) -> Path:
    path = tmp_path / "run.toml"
    path.write_text(RUN_FILE)
    return path


def message_of(path: Path | None, *overrides: str | Override) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load_config(path, overrides)
    return str(caught.value)


def test_a_run_file_becomes_typed_values(run_file: Path) -> None:
    config = load_config(run_file)
    assert config.model.weights == Path("net.pt")
    assert config.model.shape == (1, 28, 28)
    assert config.smoothing.scales == (6.0,)
    assert config.certify.alpha == 0.001


def test_without_a_file_the_defaults_hold() -> None:
    assert load_config() == RunConfig()


def test_later_overrides_win_over_earlier_ones_and_the_file(run_file: Path) -> None:
    config = load_config(run_file, ["smoothing.sigma=0.5", "smoothing.sigma=.75"])
    assert config.smoothing.sigma == 0.75


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a.b=1", 1),
        ("a.b=.5", 0.5),
        ("a.b=-1e-3", -0.001),
        ("a.b=true", True),
        ("a.b=[-30, 2.5]", [-30, 2.5]),
        ("a.b=shipped:digits", "shipped:digits"),
        ('a.b="1"', "1"),
        ("a.b=C:/x=y", "C:/x=y"),
        ("a.b=1\nc=2", "1\nc=2"),
        ("a.b=", ""),
    ],
)
def test_an_override_is_toml_or_else_a_string(text: str, value: object) -> None:
    override = Override.parse(text)
    assert (override.path, override.value) == ("a.b", value)


@pytest.mark.parametrize("text", ["sigma", "=3", "a..b=3", ".a=3"])
def test_an_override_without_path_or_value_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="expected path=value"):
        Override.parse(text)


def test_a_typo_names_file_path_field_and_the_nearest_one(run_file: Path) -> None:
    run_file.write_text(RUN_FILE.replace("sigma =", "sigm ="))
    message = message_of(run_file)
    assert message.startswith(f"{run_file}: smoothing.sigm: unknown field 'sigm'")
    assert "(did you mean 'sigma'?); [smoothing] has law, sigma, scales" in message


def test_a_typo_in_a_section_names_the_nearest_section(run_file: Path) -> None:
    run_file.write_text(RUN_FILE.replace("[smoothing]", "[smothing]"))
    assert "did you mean 'smoothing'?" in message_of(run_file)


def test_every_mistake_is_reported_at_once(run_file: Path) -> None:
    run_file.write_text(RUN_FILE.replace("sigma =", "sigm =").replace("classes = 10", "classes=1"))
    assert len(message_of(run_file).splitlines()) == 2


@pytest.mark.parametrize(
    ("override", "complaint"),
    [
        ("smoothing.sigma=-1", "smoothing.sigma: input should be greater than 0; given: -1"),
        ("smoothing.sigma=wide", "smoothing.sigma: input should be a valid number; given: 'wide'"),
        ('smoothing.sigma="0.2"', "smoothing.sigma: input should be a valid number; given: '0.2'"),
        ("smoothing.sigma=nan", "smoothing.sigma: input should be a finite number"),
        ("certify.n0=true", "certify.n0: input should be a valid integer; given: True"),
        ("certify.alpha=1", "certify.alpha: input should be less than or equal to 0.5; given: 1"),
        (
            "certify.mode=arc",
            "certify.mode: input should be 'region', 'radius' or 'nested'; given: 'arc'",
        ),
        ("region.lower=[1]", "region: the interval [1.0, 30.0] must be finite and contain 0"),
        ("region.lower=[-1, -1]", "region: 2 lower ends and 1 upper ends were given"),
        ("model.shape=[28, 28]", "model.shape: expected [channels, height, width]"),
        ("smoothing=3", "smoothing: input should be an object; given: 3"),
    ],
)
def test_a_bad_override_is_named_with_what_was_expected(
    run_file: Path, override: str, complaint: str
) -> None:
    assert message_of(run_file, override).startswith(f"--set {override}: {complaint}")


@pytest.mark.parametrize(
    "path", ["certify.n", "certify.n0", "certify.n_inner", "predict.n", "attack.n", "attack.random"]
)
def test_more_votes_than_memory_holds_are_refused(path: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{path}: .*less than or equal to 10+"):
        load_config(overrides=[f"{path}={2**70}"])


@pytest.mark.parametrize("path", ["model.spec", "data.spec", "output.folder", "model.device"])
def test_a_text_with_a_nul_is_refused_by_field(path: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{path}: holds the character NUL"):
        load_config(overrides=[Override(path, "a\0b", f"--{path}")])


def test_one_end_of_a_region_is_not_enough() -> None:
    assert "give both lower and upper" in message_of(None, "region.lower=[-3]")


def test_a_value_is_not_a_section() -> None:
    message = message_of(None, "data.limit=3", "data.limit.x=1")
    assert "'limit' is a value, not a section" in message


def test_a_flag_is_named_by_its_own_name() -> None:
    message = message_of(None, Override("smoothing.sigma", -1.0, "--sigma -1.0"))
    assert message.startswith("--sigma -1.0: smoothing.sigma: ")


def test_broken_toml_says_where(run_file: Path) -> None:
    run_file.write_text("[model\n")
    assert message_of(run_file).startswith(f"{run_file}: not valid TOML: ")
    assert "line 1" in message_of(run_file)


def test_a_missing_run_file_is_named(tmp_path: Path) -> None:
    assert f"run file {tmp_path / 'none.toml'} cannot be read" in message_of(tmp_path / "none.toml")


def test_the_written_file_loads_to_the_same_configuration(tmp_path: Path, run_file: Path) -> None:
    config = load_config(run_file, ["transformation.options.low_pass=0.7", "data.limit=5"])
    copy = tmp_path / "copy.toml"
    copy.write_text(to_toml(config))
    assert load_config(copy) == config


def test_an_option_that_is_none_is_left_out_of_the_file() -> None:
    options = {"radius_px": None, "low_pass_px": 0.7}
    config = RunConfig(transformation=TransformationSection(name="rotation", options=options))
    assert tomllib.loads(to_toml(config))["transformation"]["options"] == {"low_pass_px": 0.7}


@given(
    st.sampled_from(["engine.batch_size", "engine.in_flight", "data.limit", "data.every"]),
    st.integers(1, 10**6),
)
def test_what_changes_no_count_leaves_the_fingerprint(path: str, value: int) -> None:
    assert fingerprint(load_config(None, [f"{path}={value}"])) == fingerprint(RunConfig())


@pytest.mark.parametrize(
    "override",
    [
        "smoothing.seed=1",
        "smoothing.sigma=0.3",
        "certify.alpha=0.01",
        "model.weights=other.pt",
        "data.split=train",
        "transformation.options.low_pass=0.7",
        "attack.points=5",
        "model.device=cuda:1",
    ],
)
def test_what_may_change_a_record_changes_the_fingerprint(override: str) -> None:
    assert fingerprint(load_config(None, [override])) != fingerprint(RunConfig())


def test_the_fingerprint_covers_what_the_configuration_points_to() -> None:
    prints = {fingerprint(RunConfig(), {"weights": digest}) for digest in ("a", "b")}
    assert len(prints | {fingerprint(RunConfig())}) == 3


def test_devices_of_one_kind_share_a_fingerprint() -> None:
    first, second = (load_config(None, [f"model.device=cuda:{i}"]) for i in (0, 1))
    assert fingerprint(first) == fingerprint(second)


def test_a_configuration_is_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        RunConfig().smoothing.seed = 3  # type: ignore[misc]


def test_run_files_need_no_torch() -> None:
    program = "import gsmooth.runs.config.run_file, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
