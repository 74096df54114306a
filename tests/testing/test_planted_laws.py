"""The kit's checks of laws: every planted fault fails the check that names it, and no other."""

from __future__ import annotations

import pytest

from gsmooth.testing import transformation_checks
from gsmooth.theory.laws import Law
from gsmooth.transforms.registry import load_transformation
from tests.testing import planted_laws
from tests.testing.planted import Turn
from tests.testing.test_planted_faults import SHAPE, outcome

FAULTS: list[tuple[Law, set[str]]] = [
    (planted_laws.Correct(), set()),
    (planted_laws.Wide(), {"law_samples_match_their_distribution"}),
    (planted_laws.Short(), {"law_shares_hold_for_half_lines"}),
    (planted_laws.Sawtooth(), {"radius_grows_with_the_share"}),
    (planted_laws.Eager(), {"radius_is_zero_at_one_half"}),
    (planted_laws.Squared(), {"radius_is_linear_in_the_scale"}),
]


@pytest.mark.parametrize(("law", "faults"), FAULTS, ids=[type(law).__name__ for law, _ in FAULTS])
def test_a_planted_law_fails_the_check_that_names_its_fault_and_no_other(
    law: Law, faults: set[str]
) -> None:
    checks = transformation_checks(Turn(), shape=SHAPE, examples=40, derandomize=True, laws=[law])
    asked = [check for check in checks if check.__name__.startswith(("law_", "radius_"))]
    assert len(asked) == 5
    validation_errors = {check.__name__: outcome(check) for check in asked}
    failed = {
        name for name, validation_error in validation_errors.items() if validation_error is not None
    }
    assert failed == faults, validation_errors
    assert all(type(law).__name__ in str(validation_errors[name]) for name in failed)


def test_a_law_that_forgets_one_of_two_circles_fails() -> None:
    torus = load_transformation("cyclic-translation")
    law = planted_laws.ForgottenCircle()
    checks = transformation_checks(torus, shape=(1, 6, 6), examples=5, laws=[law])
    (check,) = [c for c in checks if c.__name__ == "law_samples_match_their_distribution"]
    assert "draws repeat on axis 1" in str(outcome(check))
