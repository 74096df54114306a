"""No bound that is negative, NaN or of another shape leaves a plugin, whoever asks for it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partialmethod, wraps
from types import FunctionType
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn

from gsmooth.certificate import Guarantee
from gsmooth.certification import RegionMode
from gsmooth.cover import build_cover
from gsmooth.cover.online import build_online_cover
from gsmooth.cover.pulled_back import PulledBackImage
from gsmooth.errors import ConfigurationError, PluginError
from gsmooth.models.classifier import Classifier
from gsmooth.sampling.smoothed_classifier import SmoothedClassifier
from gsmooth.theory.laws import GaussianLaw, ProductLaw, law_from_name
from gsmooth.transforms.base import AffineIntensity, Enclosure, Parameter, Transformation
from gsmooth.transforms.bound_checks import BOUNDS, CheckedBound
from gsmooth.transforms.bounds import TransformationBounds
from gsmooth.transforms.composition import composed
from gsmooth.transforms.region import Region
from gsmooth_blur import Blur
from gsmooth_brightness import Brightness
from tests.certifying import certify

SHAPE = (1, 4, 4)
MAPS = {
    "act",
    "attack",
    "lift",
    "linear_lift",
    "normalization",
    "readout",
    "fixed_part",
    "for_shape",
    "input_shape",
    "lift_variants",
    "with_usual_lift",
    "periods",
    "inverse",
    "product",
    "without_noise",
    "affine_intensity",
}
CLAIMS = {"keeps_range"}


class BoundedBounds(TransformationBounds["Bounded"]):
    def lift_norm(self, shape: tuple[int, int, int]) -> float:
        return 1.0

    def rounding_norm(self, shape: tuple[int, int, int]) -> float:
        return 10.0

    def lipschitz_bound(self, reach: tuple[float, ...]) -> float | None:
        return 1.0

    def action_error(
        self, z: Tensor, reach: tuple[float, ...], offset: tuple[float, ...]
    ) -> float | None:
        return 0.0

    def action_derivative(self, z: Tensor) -> Tensor | None:
        return z.new_zeros((len(z), 1))

    def derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor | None:
        return torch.full_like(lower, 0.1)

    def chord_bound(
        self, x: Tensor, lower: Tensor, upper: Tensor, start: Tensor, end: Tensor
    ) -> Tensor | None:
        return None

    def patch_bound(
        self, x: Tensor, lower: Tensor, upper: Tensor, corners: Tensor
    ) -> Tensor | None:
        return None

    def action_curvature(self, z: Tensor) -> Tensor | None:
        return z.new_zeros((len(z), 1))

    def recurrence(self, x: Tensor, axis: int) -> tuple[float, float] | None:
        return 1.0, 0.1

    def curvature_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor | None:
        return torch.full_like(lower, 0.1)

    def attack_derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor | None:
        return torch.full_like(lower, 0.1)

    def attack_curvature_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor | None:
        return torch.full_like(lower, 0.1)

    def breakpoints(self, axis: int, lower: float, upper: float) -> tuple[float, ...]:
        return (0.0,)

    def visible(
        self, apart: Tensor, centre: Tensor, shift: Tensor, reach: tuple[float, ...]
    ) -> Tensor:
        return apart

    def preimages(
        self, x: Tensor, lower: Tensor, upper: Tensor, rounding: float
    ) -> Enclosure | None:
        count = len(lower)
        possible = torch.ones(count, dtype=torch.bool)
        radius = torch.full((count,), 0.01, dtype=torch.float64)
        return Enclosure(x.flatten(1).expand(count, -1), radius, possible)


@dataclass(frozen=True)
class Bounded(Transformation):
    """x times 2^theta attacked, the identity as action, and every bound that there is."""

    name: ClassVar[str] = "bounded"
    parameters: ClassVar[tuple[Parameter, ...]] = (Parameter("stop", "octaves"),)
    z_space: ClassVar[str] = "pixels of bounded"
    bounds_class = BoundedBounds

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        return z + 0.0 * theta[0]

    def attack(self, x: Tensor, *theta: Tensor) -> Tensor:
        return x * (1.0 + 0.01 * theta[0][:, :, None, None].abs())

    def lift(self, x: Tensor) -> Tensor:
        return x.flatten(1)

    def fixed_part(self, z: Tensor) -> Tensor:
        return z


def bounded_by(members: dict[str, Any], name: str = "planted", **claims: Any) -> Transformation:
    """A ``Bounded`` with other bounds."""
    own = type("PlantedBounds", (BoundedBounds,), members)
    made = type("Planted", (Bounded,), {"bounds_class": own, "name": name, **claims})()
    assert isinstance(made, Transformation)
    return made


def planted(method: str, value: float, **claims: Any) -> Transformation:
    """A ``Bounded`` one bound of which answers ``value`` somewhere."""
    honest = {"chord_bound": _chord, "patch_bound": _patch}.get(method, vars(BoundedBounds)[method])

    def spoilt(self: BoundedBounds, *args: Any) -> Any:
        answer = honest(self, *args)
        if isinstance(answer, Enclosure):
            answer.radius[-1] = value
        elif isinstance(answer, Tensor):
            answer = answer.clone()
            answer[(-1,) * answer.ndim] = value
        else:
            answer = (value,) if isinstance(answer, tuple) else value
        return answer

    return bounded_by({method: spoilt}, **claims)


def _chord(self: BoundedBounds, x: Tensor, lower: Tensor, *ends: Tensor) -> Tensor:
    """Where it is known, covers do not ask for the derivative."""
    return lower.new_full((len(lower),), 0.1)


def _patch(self: BoundedBounds, x: Tensor, lower: Tensor, *ends: Tensor) -> Tensor:
    return torch.full_like(lower, 0.1)


def smoothed(operator: Transformation, scales: tuple[float, ...]) -> SmoothedClassifier:
    model = Classifier(_First(), classes=2, shape=SHAPE)
    law = GaussianLaw(scales, 0.25, operator.orthogonal)
    return SmoothedClassifier(model, operator, law, seed=0)


class _First(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        lead = x.flatten(1)[:, :1] + 3.0
        return torch.cat([lead, -lead], dim=1)


IMAGE = torch.full(SHAPE, 0.5, dtype=torch.float64)


def certified(operator: Transformation, region: Region, scales: tuple[float, ...]) -> object:
    subject = smoothed(operator, scales)
    return certify(subject, IMAGE, region, mode=RegionMode(alpha=0.001, n0=100, max_votes=4096))


def online(operator: Transformation) -> object:
    return build_online_cover(smoothed(operator, (1.0,)), IMAGE, Region((-0.1,), (0.1,), bits=8))


BOX = Region((-0.1,), (0.1,))
BALL = Region((-0.1,), (0.1,), l2=0.01)
ROUNDED = Region((-0.1,), (0.1,), bits=8)
PAIR = Region((-0.1, -0.1), (0.1, 0.1))
WAYS: dict[str, Callable[[str, float], object]] = {
    "lift_norm": lambda m, v: certified(planted(m, v), BALL, (1.0,)),
    "rounding_norm": lambda m, v: certified(planted(m, v), ROUNDED, (1.0,)),
    "lipschitz_bound": lambda m, v: certified(planted(m, v), BOX, (1.0,)),
    "action_error": lambda m, v: certified(planted(m, v), BOX, (1.0,)),
    "derivative_bound": lambda m, v: certified(planted(m, v), BOX, (1.0,)),
    "chord_bound": lambda m, v: certified(planted(m, v), BOX, (1.0,)),
    "patch_bound": lambda m, v: certified(planted(m, v), BOX, (1.0,)),
    "curvature_bound": lambda m, v: certified(planted(m, v), BOX, (1.0,)),
    "attack_derivative_bound": lambda m, v: certified(planted(m, v), BOX, ()),
    "attack_curvature_bound": lambda m, v: certified(planted(m, v), BOX, ()),
    "preimages": lambda m, v: online(planted(m, v, orthogonal=True)),
    # Only compositions ask how fast the action moves.
    "action_curvature": lambda m, v: certified(
        beside_brightness(planted(m, v, orthogonal=True)), PAIR, (1.0, 0.1)
    ),
    "action_derivative": lambda m, v: certified(
        beside_brightness(planted(m, v, orthogonal=True)), PAIR, (1.0, 0.1)
    ),
}


OTHERS = {"breakpoints", "recurrence", "visible"}


def beside_brightness(operator: Transformation) -> Transformation:
    """The operator, then brightness."""
    options: dict[str, Any] = {operator.name: operator}
    return composed(type(operator), Brightness)(**options)


def methods_of(cls: type) -> set[str]:
    return {
        name
        for name, member in vars(cls).items()
        if isinstance(member, FunctionType | CheckedBound) and not name.startswith("_")
    }


def test_the_two_lists_of_an_author_are_maps_with_claims_and_the_checked_bounds() -> None:
    assert methods_of(Transformation) == MAPS | CLAIMS
    assert methods_of(TransformationBounds) == set(BOUNDS) == {*WAYS, *OTHERS}


@pytest.mark.parametrize("method", sorted(BOUNDS))
def test_refuses_a_bound_on_the_transformation_itself_where_nothing_reads_it(method: str) -> None:
    honest = vars(BoundedBounds)[method]
    message = rf"Stray: {method} is a bound.*class StrayBounds\(TransformationBounds\)"
    with pytest.raises(PluginError, match=message):
        type("Stray", (Bounded,), {method: honest})


def test_refuses_a_bound_that_a_mixin_brings_to_the_transformation_itself() -> None:
    mixin = type("Mixin", (), {"lift_norm": _norm})
    with pytest.raises(PluginError, match="Mixed: lift_norm is a bound"):
        type("Mixed", (mixin, Bounded), {})


@pytest.mark.parametrize("given", [None, 1.0, Bounded, type("Bare", (), {"lift_norm": 1.0})])
def test_refuses_bounds_of_a_class_whose_answers_are_not_checked(given: object) -> None:
    with pytest.raises(PluginError, match=r"Bare: bounds_class is .*TransformationBounds"):
        type("Bare", (Bounded,), {"bounds_class": given})


def test_refuses_such_a_class_that_is_set_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Bounded, "bounds_class", Bounded)
    with pytest.raises(PluginError, match=r"Bounded: bounds_class is .*TransformationBounds"):
        Bounded().bounds.lift_norm(SHAPE)


def test_refuses_an_option_that_hides_the_bounds() -> None:
    with pytest.raises(PluginError, match="Hiding: bounds is made from bounds_class"):
        type("Hiding", (Bounded,), {"bounds": 3})


def test_bounds_know_the_options_of_the_transformation_that_they_belong_to() -> None:
    brightness = Brightness(clip=False)
    assert brightness.bounds.of is brightness


@pytest.mark.parametrize("value", [(0.0, 0.1), (-90.0, 0.1), (90.0, -0.1), (math.nan, 0.1), 90.0])
def test_refuses_a_step_after_which_nothing_can_recur(value: object) -> None:
    bounds = bounded_by({"recurrence": lambda self, x, axis: value}).bounds
    with pytest.raises(PluginError, match=r"planted: recurrence gave .*expected"):
        bounds.recurrence(IMAGE[None], 0)


def test_an_honest_transformation_is_certified_in_every_way() -> None:
    for method, ask in WAYS.items():
        if method != "lipschitz_bound":
            ask(method, 1.0 if method in ("lift_norm", "rounding_norm") else 0.001)


@pytest.mark.parametrize("value", [-1e-300, -1.0, math.nan, -math.inf])
@pytest.mark.parametrize("method", sorted(WAYS))
def test_refuses_to_certify_by_a_bound_that_is_no_bound(method: str, value: float) -> None:
    with pytest.raises(PluginError, match=rf"planted: {method} gave .*{value!r}.*expected"):
        WAYS[method](method, value)


@pytest.mark.parametrize("factor", [1.001, math.nan])
def test_refuses_a_visible_part_that_is_longer_than_the_whole(factor: float) -> None:
    longer = bounded_by({"visible": lambda self, apart, *_: apart * factor})
    with pytest.raises(PluginError, match="visible gave a part that is longer than the whole"):
        certified(longer, BOX, ())


@pytest.mark.parametrize(
    "method", ["derivative_bound", "action_error", "lift_norm", "rounding_norm"]
)
def test_refuses_such_a_bound_inside_a_composition(method: str) -> None:
    operator = beside_brightness(planted(method, -math.inf, orthogonal=True))
    region = Region((-0.1, -0.1), (0.1, 0.1), l2=0.01, bits=8)
    with pytest.raises(PluginError, match=f"planted: {method} gave .*-inf"):
        certified(operator, region, (1.0, 0.1))


def test_refuses_a_kink_that_is_no_number() -> None:
    with pytest.raises(PluginError, match="planted: breakpoints gave nan"):
        certified(planted("breakpoints", math.nan), BOX, (1.0,))


def test_refuses_a_factor_below_one_where_nothing_is_stretched_by_less() -> None:
    with pytest.raises(PluginError, match=r"lipschitz_bound gave 0\.5, expected a number >= 1"):
        certified(planted("lipschitz_bound", 0.5), BOX, (1.0,))


def test_refuses_a_bound_of_another_shape() -> None:
    def one_number(self: BoundedBounds, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        return lower.new_zeros(())

    wrong = bounded_by({"derivative_bound": one_number}, "wrong")
    with pytest.raises(PluginError, match=r"wrong: derivative_bound gave \(\), expected a tensor"):
        certified(wrong, BOX, (1.0,))


def test_checks_a_bound_that_a_mixin_gives() -> None:
    class Mixin:
        def lift_norm(self, shape: tuple[int, int, int]) -> float:
            return -1.0

    class MixedBounds(Mixin, BoundedBounds):
        pass

    with pytest.raises(PluginError, match=r"bounded: lift_norm gave -1\.0"):
        MixedBounds(Bounded()).lift_norm(SHAPE)


class _Called:
    def __call__(self, shape: tuple[int, int, int]) -> float:
        return -1.0


def _norm(self: BoundedBounds, *_: Any) -> float:
    return -1.0


FORMS: dict[str, Any] = {
    "a docstring taken over from a checked method": wraps(BoundedBounds.lift_norm)(_norm),
    "a docstring taken over from the defaults": wraps(TransformationBounds.lift_norm)(_norm),
    "a method of the class": classmethod(lambda cls, shape: -1.0),
    "a static method": staticmethod(lambda shape: -1.0),
    "a property": property(lambda self: lambda shape: -1.0),
    "a partial method": partialmethod(_norm, 1),
    "a cache": lru_cache(_norm),
    "an object": _Called(),
}


@pytest.mark.parametrize("form", FORMS)
def test_checks_a_bound_in_whatever_form_a_class_has_it(form: str) -> None:
    made = bounded_by({"lift_norm": FORMS[form]}, "formed")
    with pytest.raises(PluginError, match=r"formed: lift_norm gave -1\.0"):
        made.bounds.lift_norm(SHAPE)


def test_checks_a_bound_that_a_class_gets_after_it_was_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(BoundedBounds, "lift_norm", _norm)
    with pytest.raises(PluginError, match=r"bounded: lift_norm gave -1\.0"):
        Bounded().bounds.lift_norm(SHAPE)


def test_a_static_method_that_gives_a_bound_is_called_as_one() -> None:
    made = bounded_by({"lift_norm": staticmethod(lambda shape: 2.0)})
    assert made.bounds.lift_norm(SHAPE) == 2.0


def test_refuses_a_bound_that_an_object_brings_along_for_itself() -> None:
    bounds: Any = Bounded().bounds
    with pytest.raises(PluginError, match="bounded: lift_norm is set on an object; it has to be"):
        bounds.lift_norm = _Called()


def test_refuses_speeds_for_another_number_of_parameters() -> None:
    made = bounded_by({"action_derivative": lambda self, z: z.new_zeros((len(z), 2))})
    with pytest.raises(
        PluginError, match=r"action_derivative gave \(1, 2\), expected a tensor \(1, 1\)"
    ):
        made.bounds.action_derivative(torch.zeros(1, 16))


def test_a_bound_may_say_that_nothing_is_known() -> None:
    assert (
        planted("derivative_bound", math.inf).bounds.derivative_bound(
            IMAGE[None], torch.zeros(1, 1), torch.ones(1, 1)
        )
        == torch.inf
    )
    assert planted("lift_norm", math.inf).bounds.lift_norm(SHAPE) == math.inf


def test_refuses_an_attack_that_gives_no_image() -> None:
    def broken(self: Transformation, x: Tensor, *theta: Tensor) -> Tensor:
        return torch.where(theta[0][:, :, None, None] > 0.05, torch.nan, x)

    operator = type("Broken", (Bounded,), {"attack": broken, "name": "broken"})()
    with pytest.raises(PluginError, match=r"broken: the attacked image.*theta=\(0\.0"):
        certified(operator, BOX, (1.0,))


def test_refuses_a_flow_that_is_no_number() -> None:
    with pytest.raises(PluginError, match="growth=nan"):
        AffineIntensity(math.nan, 0.0)


def test_refuses_a_calibrated_error_below_zero() -> None:
    from gsmooth.cover.distributional import distributional_cover

    subject = smoothed(planted("action_error", 0.0, orthogonal=True), (1.0,))
    with pytest.raises(ConfigurationError, match="residual holds a negative"):
        distributional_cover(subject, IMAGE, ROUNDED, -0.001, 1)


@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_a_region_has_no_negative_zero(zero: float) -> None:
    region = Region((zero,), (-zero,), l2=zero)
    ends = (*region.lower, *region.upper, region.l2, *region.scaled(0.0).lower)
    assert [math.copysign(1.0, end) for end in ends] == [1.0] * 4


@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_a_cover_from_negative_zero_holds_the_blur_in_between(zero: float) -> None:
    """A sampled kernel is farther from the action at .1 px^2 than at .236 px^2, a cell's end."""
    wave = torch.cos(9.0 * math.pi / 10.0 * (torch.arange(10, dtype=torch.float64) + 0.5))
    image = (0.5 + 0.014 * wave[:, None] * wave)[None]
    model = Classifier(nn.Identity(), classes=2, shape=(1, 10, 10))
    options: dict[str, Any] = {"blur": Blur(kernel="sampled")}
    operator = composed(Blur, Brightness)(**options)
    law = law_from_name("exponential", [2.0, 1.2e-4], sigma=0.014, one_sided=[0])
    assert isinstance(law, ProductLaw)
    subject = SmoothedClassifier(model, operator, law, seed=0)
    region = Region((zero, -0.0073), (0.236, 0.0073))
    cover = build_cover(subject, image, region, 64)
    assert cover.guarantee is Guarantee.INDIVIDUAL
    ball = min(cover.balls, key=lambda ball: abs(ball.theta[1]))
    pulled_back = PulledBackImage(subject.transformation, image[None])
    theta = torch.tensor([[v / 100.0, ball.theta[1]] for v in range(23)], dtype=torch.float64)
    residual = (pulled_back.points(theta) - cover.clean).norm(dim=1).numpy()
    needed = law.margin(theta.numpy() - ball.theta, residual)
    assert needed.max() <= ball.margin
