"""The parts of the search, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tests.fuzz.inputs import try_inputs
from tests.fuzz.kills import try_kills
from tests.fuzz.kit import try_kit
from tests.fuzz.matrix import try_matrix
from tests.fuzz.records import try_records
from tests.fuzz.trees import try_tests
from tests.fuzz.trial import Part

_EVERY: Final = (
    Part("tests", try_tests, weight=3.0, seconds=1800.0),
    Part("matrix", try_matrix, weight=3.0, seconds=900.0),
    Part("kit", try_kit, weight=2.0, seconds=900.0),
    Part("inputs", try_inputs, weight=1.5, seconds=300.0),
    Part("records", try_records, weight=0.5, seconds=300.0),
    Part("kills", try_kills, weight=1.0, seconds=600.0, needs="ray"),
)
PARTS: Final[Mapping[str, Part]] = {part.name: part for part in _EVERY}
