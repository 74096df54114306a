"""The kit itself: every planted fault fails the check that names it, and no unrelated one."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable
from unittest import SkipTest

import pytest
import torch
from torch import Tensor

from gsmooth.errors import ConfigurationError
from gsmooth.testing import Point, Status, check_results, repeat, transformation_checks
from gsmooth.transforms.base import Enclosure, Parameter, Transformation
from gsmooth.transforms.region import Region
from gsmooth.transforms.registry import load_transformation
from tests.cover.subjects import Weave
from tests.testing import planted, planted_actions, planted_companions, planted_frames
from tests.testing.planted import TurnBounds

LAW = "action_obeys_composition_law"
ROUNDING = "action_error_bounds_rounding"
SLOPE = "derivative_bound_holds"
SUPREMUM = "certified_supremum_holds"
STILL_SLOPE = "attack_derivative_bound_holds"
MARGINS = "margins_grow_with_the_region"
ORIGINALS = "preimages_are_enclosed"
FOR_COMPOSITIONS = ("named_action_is_linear", "fixed_part_stays", "action_derivative_bounds_motion")

# Where a fault falsifies more than one promise, all of them are named.
FAULTS: list[tuple[Transformation, set[str]]] = [
    (planted_actions.WarpAsAction(), {LAW}),
    (planted_actions.Backwards(), {"action_follows_attack"}),
    (planted_actions.OtherUnit(factor=math.pi / 180.0), {"action_follows_attack"}),
    (planted_actions.OtherUnit(factor=180.0 / math.pi), {"action_follows_attack"}),
    (planted_actions.OtherUnit(factor=0.5), {"action_follows_attack"}),
    (planted_actions.Louder(), {"action_preserves_distances"}),
    (planted_actions.Projecting(), {"action_at_zero_is_identity"}),
    (planted_actions.Shuffled(), {LAW, "parameters_commute"}),
    (planted_frames.Squaring(), {"lift_is_linear"}),
    (planted_frames.Understated(), {"lift_norm_bounds_lift"}),
    (planted.TenPercentShort(), {SLOPE}),
    (planted.Motionless(), {SLOPE}),
    (planted.Comb(height=0.02), {SLOPE, SUPREMUM, "profiles_hold_on_every_part"}),
    (planted.Straight(), {"curvature_bound_holds"}),
    (planted.ShortWhereItLies(), {STILL_SLOPE}),
    (planted.StraightWhereItLies(), {"attack_curvature_bound_holds"}),
    (planted.StillComb(height=0.02), {STILL_SLOPE, "identity_supremum_holds"}),
    (planted.Nervous(), {MARGINS}),
    (planted.Forgetful(), {ORIGINALS}),
    (planted.Exact(), {ORIGINALS}),
    (planted.Denying(), {ORIGINALS}),
    (planted_frames.Crowded(), {"rows_are_independent"}),
    (planted_frames.Scribbling(), {"inputs_are_untouched"}),
    (planted_actions.SinglePhase(), {LAW, ROUNDING}),
    (planted_actions.Flickering(), {"results_are_deterministic"}),
    (planted_frames.Halved(), {"dtype_and_device_are_kept"}),
    (planted.Flat(), {"attack_is_differentiable"}),
    (planted.Displaced(), {"attack_at_zero_is_identity"}),
    (planted_actions.Faultless(), {ROUNDING}),
    (planted_frames.Transposed(), {"readout_has_the_image_shape"}),
    (planted_frames.Rounder(), {"rounding_norm_bounds_lift"}),
    (planted_actions.Growing(), {"action_never_lengthens"}),
    (planted_actions.Stretching(), {"lipschitz_bound_holds"}),
    (planted_actions.Shortcut(), {"votes_match_the_exact_share"}),
    (planted.Overflowing(), {"attack_keeps_the_range"}),
    (planted_companions.Settled(), {"fixed_part_stays"}),
    (planted_companions.Slow(), {"action_derivative_bounds_motion"}),
    (planted_companions.Precise(), {"exact_attack_is_the_action"}),
    (planted_companions.Bent(), {"named_action_is_linear", "fixed_part_stays"}),
    (planted_companions.Drifting(), {"affine_intensity_is_the_attack"}),
    (planted.Comb(height=4.0, proved=False), {"attacks_never_beat_certificates", MARGINS}),
]
SHAPE = (1, 4, 4)


def outcome(check: Callable[[], None]) -> str | None:
    """The complaint of a check that fails; None when it passes or does not apply."""
    try:
        check()
    except SkipTest:
        return None
    except AssertionError as fault:
        return str(fault)
    return None


@pytest.mark.parametrize("check", transformation_checks(planted.Turn(), shape=SHAPE))
def test_the_honest_transformation_passes(check: Callable[[], None]) -> None:
    check()


@pytest.mark.parametrize(
    "check",
    transformation_checks(Weave(), shape=SHAPE, region=Region((-0.6, 0.0), (0.4, 0.0)), examples=8),
)
def test_two_parameters_of_which_one_rests_pass(check: Callable[[], None]) -> None:
    check()


@pytest.mark.parametrize(
    "check",
    transformation_checks(
        Weave(), shape=SHAPE, region=Region((-0.6, -0.2), (0.4, 0.5)), examples=12
    ),
)
def test_two_honest_parameters_pass(check: Callable[[], None]) -> None:
    check()


def test_an_honest_part_of_compositions_passes_every_check_for_them() -> None:
    found = check_results(planted_companions.Named(), shape=SHAPE, only=FOR_COMPOSITIONS)
    assert [v.status for v in found] == [Status.PASSED] * len(FOR_COMPOSITIONS)


@pytest.mark.parametrize(
    ("broken", "faults"), FAULTS, ids=[type(broken).__name__ for broken, _ in FAULTS]
)
def test_a_planted_fault_fails_the_checks_that_name_it_and_no_other(
    broken: Transformation, faults: set[str]
) -> None:
    width = 30.0 if isinstance(broken, planted_actions.WarpAsAction) else 1.0
    shape = (1, 4, 6) if isinstance(broken, planted_frames.Transposed) else SHAPE
    region = Region((-width,) * len(broken.parameters), (width,) * len(broken.parameters))
    validation_errors = {}
    for examples in (15, 5):  # Fewer for the checks that pass whatever is tried.
        for check in transformation_checks(
            broken, shape=shape, region=region, examples=examples, derandomize=True
        ):
            if (check.__name__ in faults) == (examples == 15):
                validation_errors[check.__name__] = outcome(check)
    failed = {
        name for name, validation_error in validation_errors.items() if validation_error is not None
    }
    assert failed == faults, {name: validation_errors[name] for name in failed - faults}
    for name in failed:
        with pytest.raises(Exception, match=r"."):  # Whatever the plugin raises, once more.
            exec(str(validation_errors[name]).partition("\n\n")[2], {})


def test_a_failure_names_the_check_the_transformation_and_a_counterexample() -> None:
    checks = {check.__name__: check for check in transformation_checks(planted_actions.Louder())}
    validation_error = outcome(checks["action_preserves_distances"])
    assert validation_error is not None
    assert validation_error.startswith("action_preserves_distances: ")
    assert "Louder" in validation_error
    assert "theta=" in validation_error
    assert "Point(" in validation_error


def test_another_unit_is_named_with_the_parameter_and_the_factor() -> None:
    broken = planted_actions.OtherUnit(factor=180.0 / math.pi)
    (found,) = check_results(broken, shape=SHAPE, only=["action_follows_attack"])
    assert "follows the action at 0.01745 times turn much better than at turn" in found.why
    assert "is theta of act in another unit than theta of attack?" in found.why


@pytest.mark.parametrize("ends", [(-1.0, 0.0), (-0.2, 1.0), (0.0, 4.0)])
def test_an_attack_that_clips_nearly_all_of_an_image_is_in_the_unit_of_its_action(
    ends: tuple[float, float],
) -> None:
    clipped = load_transformation("brightness", {"clip": True})
    region = Region(ends[:1], ends[1:])
    (found,) = check_results(clipped, shape=SHAPE, region=region, only=["action_follows_attack"])
    assert found.status == Status.PASSED


def test_a_failure_shows_the_code_that_repeats_it() -> None:
    checks = {check.__name__: check for check in transformation_checks(planted_actions.Louder())}
    validation_error = str(outcome(checks["action_preserves_distances"]))
    told, _, code = validation_error.partition("\n\n")
    assert "from tests.testing.planted_actions import Louder" in code
    assert "    theta=(1.0,)," in code  # Shrunk.
    with pytest.raises(AssertionError) as again:
        exec(code, {})
    assert str(again.value) in told


def test_an_example_that_holds_is_repeated_in_silence() -> None:
    repeat(
        "action_preserves_distances",
        planted.Turn(),
        shape=SHAPE,
        region=Region((-1.0,), (1.0,)),
        point=Point("normal", 3),
        theta=(0.5,),
    )


def test_the_code_of_a_local_class_says_where_to_run_it() -> None:
    class CrashingBounds(TurnBounds):
        def lift_norm(self, shape: tuple[int, int, int]) -> float:
            raise KeyError("frame")

    class Crashing(planted.Turn):
        bounds_class = CrashingBounds

    checks = {c.__name__: c for c in transformation_checks(Crashing(amplitude=0.5), shape=SHAPE)}
    validation_error = str(outcome(checks["lift_norm_bounds_lift"]))
    assert "# Crashing is local: run this where it is defined." in validation_error
    assert "    Crashing(amplitude=0.5)," in validation_error


def test_results_tell_passed_failed_skipped_and_exempt_with_a_reason() -> None:
    only = [
        "action_at_zero_is_identity",
        "parameters_commute",
        "derivative_bound_holds",
        "action_preserves_distances",
        "lift_is_linear",
    ]
    exempt = {"lift_is_linear": "shown elsewhere"}
    found = list(check_results(planted_actions.Louder(), shape=SHAPE, only=only, exempt=exempt))
    assert [(v.check, str(v.status)) for v in found] == [
        ("action_at_zero_is_identity", "passed"),
        ("parameters_commute", "skipped"),
        ("action_preserves_distances", "failed"),
        ("lift_is_linear", "exempt"),
        ("derivative_bound_holds", "passed"),
    ]
    reasons = {v.check: v.why for v in found}
    assert reasons["action_at_zero_is_identity"] == "T_0 z = z."
    assert reasons["parameters_commute"] == "there is at most one parameter"
    assert reasons["lift_is_linear"] == "shown elsewhere"
    assert [bool(v.code) for v in found] == [False, False, True, False, False]


def test_a_seed_repeats_every_try() -> None:
    only = ["derivative_bound_holds"]
    runs = [
        [v.why for v in check_results(planted.TenPercentShort(), shape=SHAPE, seed=seed, only=only)]
        for seed in (1, 1, 2)
    ]
    assert runs[0] == runs[1]


def test_a_one_sided_parameter_is_checked_from_zero_on() -> None:
    class Fading(planted_actions.Louder):
        """z exp(-theta) for theta >= 0."""

        parameters = (Parameter("fade", "1"),)
        one_sided = ("fade",)
        nonexpansive = True
        orthogonal = False

        def act(self, z: Tensor, *theta: Tensor) -> Tensor:
            assert bool((theta[0] >= 0.0).all()), "nothing undoes a fade"
            return z * torch.exp(-theta[0])

    checks = {c.__name__: c for c in transformation_checks(Fading(), shape=SHAPE, examples=5)}
    assert {name: outcome(check) for name, check in checks.items()} == dict.fromkeys(checks)
    with pytest.raises(ConfigurationError, match="fade of louder is one-sided"):
        transformation_checks(Fading(), region=Region((-1.0,), (1.0,)))


def test_an_error_inside_a_plugin_becomes_a_failed_check() -> None:
    class CrashingBounds(TurnBounds):
        def lift_norm(self, shape: tuple[int, int, int]) -> float:
            raise KeyError("frame")

    class Crashing(planted.Turn):
        bounds_class = CrashingBounds

    checks = {c.__name__: c for c in transformation_checks(Crashing(), shape=SHAPE)}
    assert "KeyError" in str(outcome(checks["lift_norm_bounds_lift"]))


def test_an_exempted_check_is_skipped_with_its_reason() -> None:
    exempt = {"attack_is_differentiable": "the attack is a codec"}
    checks = {
        check.__name__: check
        for check in transformation_checks(planted.Flat(), shape=SHAPE, exempt=exempt)
    }
    with pytest.raises(SkipTest, match=r"attack_is_differentiable is exempted: .* a codec"):
        checks["attack_is_differentiable"]()


@pytest.mark.parametrize(
    ("exempt", "message"),
    [
        ({"lift_is_liner": "x"}, r"did you mean 'lift_is_linear'"),
        ({"lift_is_linear": " "}, r"give the reason"),
    ],
)
def test_an_exemption_needs_a_known_check_and_a_reason(
    exempt: dict[str, str], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        transformation_checks(planted.Turn(), exempt=exempt)


def test_a_region_of_the_wrong_size_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="one interval a parameter"):
        transformation_checks(planted.Turn(), region=Region((-1.0, 0.0), (1.0, 1.0)))


def test_a_claim_that_is_not_made_is_left_out_and_told() -> None:
    silent = planted_actions.WarpAsAction()
    listed = {check.__name__ for check in transformation_checks(silent)}
    unclaimed = ["action_preserves_distances", SLOPE, ROUNDING, SUPREMUM, ORIGINALS]
    assert not listed & set(unclaimed)
    told = {result.check: result for result in check_results(silent, only=unclaimed)}
    assert {str(result.status) for result in told.values()} == {"skipped"}
    assert "derivative_bound is None" in told[SLOPE].why
    assert "preimages is None" in told[ORIGINALS].why


def test_checks_of_an_honest_transformation_skip_nothing() -> None:
    for check in transformation_checks(planted.Turn(), shape=SHAPE, examples=1):
        check()


def test_a_transformation_without_an_action_is_checked_for_what_is_left() -> None:
    class StillBounds(TurnBounds):
        def preimages(
            self, x: Tensor, lower: Tensor, upper: Tensor, rounding: float
        ) -> Enclosure | None:
            return planted.Turn().bounds.preimages(x, lower, upper, rounding)

    class Still(planted.Turn):
        orthogonal = True
        bounds_class = StillBounds

        @property
        def has_action(self) -> bool:
            return False

        def act(self, z: Tensor, *theta: Tensor) -> Tensor:
            raise AssertionError("there is no action")

        def attack(self, x: Tensor, *theta: Tensor) -> Tensor:
            return planted.Turn().attack(x, *theta)

    checks = {c.__name__: c for c in transformation_checks(Still(), shape=SHAPE, examples=5)}
    assert {name: outcome(check) for name, check in checks.items()} == dict.fromkeys(checks)
    assert {STILL_SLOPE, "identity_supremum_holds", ORIGINALS} <= set(checks)
    assert not {LAW, SLOPE, SUPREMUM, "action_follows_attack"} & set(checks)


def test_the_kit_without_hypothesis_says_what_to_install() -> None:
    code = "import sys; sys.modules['hypothesis'] = None; import gsmooth.testing"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert "pip install 'gsmooth[test]'" in run.stderr


@pytest.mark.parametrize(
    ("subject", "complaint"),
    [
        (planted_actions.WholeTurn(), ""),
        (planted_actions.HalfTurn(), "1 periods of 3.14159 change T z"),
        (planted_actions.Squeezed(), "which is for isometries, but T takes points"),
        (load_transformation("cyclic-translation"), ""),
        (load_transformation("rotation+contrast"), ""),
    ],
    ids=["right", "half", "ellipse", "torus", "beside a gain"],
)
def test_a_wrong_period_and_one_without_an_isometry_fail(
    subject: Transformation, complaint: str
) -> None:
    (found,) = check_results(subject, shape=(1, 6, 6), only=("periods_are_those_of_the_action",))
    assert found.status is (Status.FAILED if complaint else Status.PASSED)
    assert complaint in found.why


def test_haar_noise_is_checked_with_the_other_laws_of_a_parameter_with_a_period() -> None:
    only = ("law_samples_match_their_distribution", "radius_is_linear_in_the_scale")
    found = check_results(planted_actions.WholeTurn(), shape=SHAPE, only=only)
    assert [one.status for one in found] == [Status.PASSED] * 2
