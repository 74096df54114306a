"""The conformance kit with options, shapes and regions that its own tests do not have."""

from __future__ import annotations

from random import Random
from typing import Final

from gsmooth.errors import GsmoothError
from gsmooth.runs.smoke_test import smoke_tested
from gsmooth.testing import Status, check_results
from gsmooth.testing.checks import EVERY
from tests.fuzz.subjects import checked_message, draw_region, draw_subject
from tests.fuzz.trial import Found

SIZES: Final = {"tiny": 1.0, "small": 3.0, "medium": 0.5}
CHECKS: Final = 4
"""How many of them are tried at a time."""


def try_kit(seed: int) -> str:
    """A few checks of one transformation."""
    rng = Random(seed)
    drawn = draw_subject(rng, SIZES)
    print(drawn, flush=True)
    only = [body.__name__ for body in rng.sample(EVERY, CHECKS)]
    try:
        operator = smoke_tested(drawn.built(), drawn.shape)
        region = draw_region(rng, operator, drawn.shape, extras=False)
        examples, chosen = rng.choice([5, 15, 40]), rng.getrandbits(20)
        found = list(
            check_results(
                operator,
                shape=drawn.shape,
                region=region,
                examples=examples,
                seed=chosen,
                only=only,
            )
        )
    except GsmoothError as error:
        return checked_message(error)
    broken = [result for result in found if result.status is Status.FAILED]
    if not broken:
        return "kept"
    if all("ConfigurationError: " in result.why for result in broken):
        return "refused"
    told = next(result for result in broken if "ConfigurationError: " not in result.why)
    raise Found(f"{told.why}\n\n{told.code}\n\n{drawn}, {region}, examples={examples}")
