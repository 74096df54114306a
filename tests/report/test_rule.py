"""What is said of the rule by which votes decided."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest

from gsmooth.report.rule import decided_by
from gsmooth.runs.records.folder import Records
from tests.runs.samples import make_header, make_row


@pytest.mark.parametrize(
    ("mode", "rule", "said"),
    [
        ("region", {"futility": 0.001}, "e-process; gives up at level 0.001"),
        ("region", {"futility": 0.001, "rule": "fixed"}, "Clopper-Pearson at alpha / centres"),
        ("radius", {"bound": "randomized", "within": 0.05, "futility": 0.001}, "randomized"),
        (
            "radius",
            {"bound": "sequence", "within": 0.05, "futility": 0.001},
            "sequence; ends within 0.05 of what n votes give, at level 0.001",
        ),
        ("region", {}, ""),
    ],
)
def test_the_rule_is_named_with_the_level_at_which_it_gives_up(
    mode: Literal["region", "radius"], rule: dict[str, object], said: str
) -> None:
    header = make_header(config={"certify": rule})
    run = Records(header, (make_row(0, mode=mode),), Path("run"))
    assert decided_by(run) == said
