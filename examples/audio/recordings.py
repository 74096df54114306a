"""Recorded clips out of installed packages: nothing is fetched, nothing is copied."""

from __future__ import annotations

import wave
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final, final

import numpy as np

from examples.audio.silero import INSTALL, RATE_HZ
from examples.audio.waveforms import SAMPLES, Wave
from gsmooth.errors import InputError

_PEAK: Final = 0.5
"""A recording is brought to this peak, 6 dB below full scale, before anything is certified."""


@final
@dataclass(frozen=True)
class Recording:
    """A PCM16 file in an installed package: mono, 16 kHz.

    turns: a file (RTTM) of who speaks when; None: speech all over. hop: samples from the start of
    one clip to that of the next. Both packages are under the MIT licence.
    """

    package: str
    file: str
    turns: str | None
    hop: int
    install: str

    def clips(self, label: int) -> list[Wave]:
        """Clips (8192,) that are speech (1) or free of it (0) from end to end, in order."""
        folder = _folder(self)
        samples = _samples(folder / self.file)
        spoken = np.ones(len(samples), dtype=bool)
        if self.turns is not None:
            spoken = _spoken(folder / self.turns, len(samples))
        starts = range(0, len(samples) - SAMPLES + 1, self.hop)
        inside = [slice(start, start + SAMPLES) for start in starts]
        return [samples[part] for part in inside if (spoken[part] == bool(label)).all()]


RECORDINGS: Final = {
    # A man's "..." of 0.9 s: seven clips that overlap.
    "utterance": Recording("amfm_decompy", "sample.wav", None, 1024, INSTALL),
    # Two people on the telephone, 30 s, with their turns, and the quiet before they speak.
    "conversation": Recording(
        "pyannote.audio",
        "sample/sample.wav",
        "sample/sample.rttm",
        SAMPLES,
        'pip install --no-deps "pyannote.audio==4.0.7" (without --no-deps: a gigabyte)',
    ),
}


def _folder(recording: Recording) -> Path:
    """Where the package is; InputError with the command that installs it."""
    try:  # Found, not imported.
        found = find_spec(recording.package)
    except ModuleNotFoundError:  # Not even the package that it is in.
        found = None
    places = found.submodule_search_locations if found is not None else None
    folder = Path(places[0]) if places else None
    if folder is None or not (folder / recording.file).is_file():
        raise InputError(
            f"the package {recording.package}, or its {recording.file}, is not installed;"
            f" run: {recording.install}"
        )
    return folder


def _samples(path: Path) -> Wave:
    """The file's samples, scaled so that the largest is 0.5."""
    with wave.open(str(path), "rb") as file:
        given = (file.getframerate(), file.getnchannels(), file.getsampwidth())
        if given != (RATE_HZ, 1, 2):
            raise InputError(
                f"{path}: {given[0]} Hz, {given[1]} channels, {given[2]} bytes a sample; expected"
                f" {RATE_HZ} Hz, mono, 2 bytes"
            )
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float64)
    return np.asarray(samples * (_PEAK / np.abs(samples).max()))


def _spoken(path: Path, samples: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which samples lie in a turn: lines "SPEAKER file 1 start_s length_s ..."."""
    spoken = np.zeros(samples, dtype=bool)
    for line in path.read_text(encoding="utf-8").splitlines():
        fields = line.split()
        if fields:
            start, length = (round(float(field) * RATE_HZ) for field in fields[3:5])
            spoken[start : start + length] = True
    return spoken
