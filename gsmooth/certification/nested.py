"""The nested method of Fischer et al. (2020), the published baseline (T6).

It smooths twice. The inner classifier G(z) is the majority of f under noise delta alone; the outer
one, g(z) = argmax_c P(G(T_theta z) = c), takes the majority of G over theta. A certificate of this
module is about *that* g, not about the vote over theta and delta together that T4 certifies.

Proof for an orthogonal action. Let z_j be a centre, A the set of all b for which G has class c on
the whole ball of radius E around T_b z_j, and p = P(theta in A). An attacked point is z' =
T_gamma(z_j + e) with ||e|| <= E, proved for every attack, and T_theta z' = T_(theta + gamma) z_j +
T_(theta + gamma) e lies in the ball around T_(theta + gamma) z_j, because ||T_b e|| = ||e|| <= E
for every b, not only for most: rho = 0 in T6. So G(T_theta z') = c whenever theta + gamma lies in
A, which by the law's theorem has probability above 1/2 when p exceeds the share that the shift
gamma requires (Gaussian theta: Phi(|gamma| / sigma_theta)).

Statistics. Each of n_outer draws of theta passes if a Clopper-Pearson bound at level alpha_inner /
n_outer on its own n_inner noise votes exceeds Phi(E / sigma); then b = theta lies in A (T1), but
for an event of probability alpha_inner for all draws together. Outside of it no more draws pass
than lie in A, so the bound at alpha_outer = alpha - alpha_inner on the draws that pass is one on p.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from time import perf_counter
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gsmooth.certificate import (
    Abstained,
    AbstainReason,
    CentreEvidence,
    Certificate,
    Certified,
    Guarantee,
    InnerEvidence,
    Step,
    Verdict,
)
from gsmooth.certification import check_level, check_votes, chunks, prediction
from gsmooth.certification.outcome import Outcome
from gsmooth.certification.settings import CERTIFICATION
from gsmooth.cover.bounds.boxes import pulled_back_centres, require_pulled_back
from gsmooth.cover.bounds.margin_model import check_region
from gsmooth.cover.nested import NestedCentre, build_nested_cover
from gsmooth.data.item import Item
from gsmooth.errors import ConfigurationError, UnreachableError
from gsmooth.sampling.noise import CHUNK, Draws, SampleKey, Stream
from gsmooth.sampling.smoothed_classifier import SampleRequest, SmoothedClassifier
from gsmooth.theory.bounds import (
    ceiling,
    clopper_pearson_lower,
    least_n_fixed,
    least_successes,
)
from gsmooth.theory.laws import GaussianLaw
from gsmooth.transforms.region import Region

Floats = NDArray[np.float64]


@final
@dataclass(frozen=True)
class NestedMode:
    """n_outer draws of theta with n_inner noise votes each, both fixed in advance.

    Args:
        alpha: Failure probability of a certificate.
        n0: Selection votes, which choose the class; rounded up to whole chunks of 64.
        n_outer: Draws of theta.
        n_inner: Noise votes of each draw; rounded up to whole chunks of 64.
        alpha_inner: The part of alpha for the inner tests; the rest is for the outer bound.
    """

    alpha: float = 0.001
    n0: int = 64
    n_outer: int = 200
    n_inner: int = 1000
    alpha_inner: float = 0.0005

    def __post_init__(self) -> None:
        check_level("alpha", self.alpha)
        check_votes(n0=self.n0, n_outer=self.n_outer, n_inner=self.n_inner)
        if not 0.0 < self.alpha_inner < self.alpha:
            raise ConfigurationError(
                f"alpha_inner={self.alpha_inner} must lie between 0 and alpha={self.alpha}: the"
                " rest of alpha is for the outer bound; half of it is customary"
            )

    @property
    def alpha_outer(self) -> float:
        """Level of the bound on the share of draws that pass."""
        return self.alpha - self.alpha_inner

    @property
    def alpha_draw(self) -> float:
        """Level of each inner test (union bound)."""
        return self.alpha_inner / self.n_outer

    @property
    def votes(self) -> int:
        """Noise votes of each draw."""
        return chunks(self.n_inner) * CHUNK


def certify_nested_many(
    smoothed: SmoothedClassifier,
    items: Iterable[Item],
    region: Region,
    mode: NestedMode,
    *,
    centres: int = 1,
    error: float | None = None,
) -> Iterator[Outcome]:
    """Nested certificates (T6), in order: the largest fraction of the region that votes support.

    The prediction of an outcome is PREDICT of the vote over theta and delta together.

    Args:
        smoothed: The smoothed classifier.
        items: The images.
        region: The attacks that are certified.
        mode: The numbers of votes and the levels.
        centres: The region is cut into at most so many equal boxes, with the pulled-back clean
            image as the centre of each; 1 is the published method.
        error: A calibrated bound E (the distributional guarantee); by default E is bounded for
            every image and box.

    Raises:
        UnreachableError: Not even n_outer draws that all pass show a majority.
        ConfigurationError: The action is not orthogonal, or theta has no noise.
    """
    check_nested_feasible(smoothed, region, mode, centres)
    return certify_nested_feasible(smoothed, items, region, mode, centres=centres, error=error)


def certify_nested_feasible(
    smoothed: SmoothedClassifier,
    items: Iterable[Item],
    region: Region,
    mode: NestedMode,
    *,
    centres: int,
    error: float | None,
) -> Iterator[Outcome]:
    """:func:`certify_nested_many` for callers of :func:`check_nested_feasible`."""
    for item in items:
        smoothed.check_image(item.image, item.index)
        yield _NestedTest(smoothed, item, region, mode).outcome(centres, error)


def check_nested_feasible(
    smoothed: SmoothedClassifier, region: Region, mode: NestedMode, centres: int = 1
) -> None:
    """Refuse transformations that the method does not cover, and votes that cannot suffice.

    Raises:
        UnreachableError: n_outer draws that all pass do not show that more than half of all do.
        ConfigurationError: The action is not orthogonal, or theta has no noise.
    """
    check_region(smoothed, region)
    require_pulled_back(smoothed, "the nested method")
    if centres < 1:
        raise ConfigurationError(f"certify: centres={centres} must be at least 1")
    if ceiling(mode.n_outer, mode.alpha_outer) > 0.5:
        return
    least = least_n_fixed(0.5, mode.alpha_outer)
    raise UnreachableError(
        f"n_outer={mode.n_outer} draws cannot show a majority at alpha_outer={mode.alpha_outer:g};"
        f" the least number is {least}",
        least,
    )


class _NestedTest:
    """The two-level test of one image."""

    def __init__(
        self, smoothed: SmoothedClassifier, item: Item, region: Region, mode: NestedMode
    ) -> None:
        self.smoothed, self.item, self.mode = smoothed, item, mode
        self.region = region.staying(smoothed.law.periodic)
        # delta alone: theta is drawn here, and inner votes are cast at T_theta z.
        self.inner = replace(smoothed, law=GaussianLaw((), smoothed.law.sigma))
        self.label = 0
        self.votes = 0

    def outcome(self, centres: int, error: float | None) -> Outcome:
        began = perf_counter()
        x = self.item.image[None].to(torch.float64)
        clean = self.smoothed.transformation.lift(x)[0]
        selected = self._selected(clean)
        layout = build_nested_cover(self.smoothed, x, self.region, centres, error)
        certificate = self._certificate(list(layout.nested_centres), layout.guarantee)
        answer = prediction(selected, self.mode.alpha)
        seconds = perf_counter() - began
        return Outcome(self.item.index, certificate, answer, self.votes, seconds)

    def _selected(self, clean: Tensor) -> NDArray[np.int64]:
        """Counts of the selection votes, over theta and delta together; sets the class."""
        sample_keys = [
            self._sample_key(Stream.SELECTION, 0, k) for k in range(chunks(self.mode.n0))
        ]
        counts: NDArray[np.int64] = self.smoothed.count(
            [SampleRequest(sample_key, clean) for sample_key in sample_keys]
        ).sum(axis=0)
        self.votes += int(counts.sum())
        self.label = int(np.argmax(counts[:-1]))
        return counts

    def _certificate(self, nested_centres: list[NestedCentre], guarantee: Guarantee) -> Certificate:
        """Centres from the inside outwards, each at the full alpha (C5), while they add some."""
        mode, fraction = self.mode, 1.0
        evidence = [
            _evidence(nested_centre, mode, (), 0, Verdict.UNTESTED)
            for nested_centre in nested_centres
        ]
        for place, nested_centre in enumerate(nested_centres):
            if nested_centre.start >= fraction:
                break
            counts, passed = self._inner_tests(nested_centre, place)
            p_lower = clopper_pearson_lower(passed, mode.n_outer, mode.alpha_outer)
            reached = _supported(nested_centre.profile, p_lower)
            fraction = min(fraction, reached)
            verdict = Verdict.ACCEPTED if reached > nested_centre.start else Verdict.FUTILE
            if counts:
                evidence[place] = _evidence(nested_centre, mode, counts, passed, verdict)
        found = tuple(evidence)
        if fraction > 0.0:
            within = self.region.scaled(fraction)
            return Certified(self.label, within, fraction, guarantee, mode.alpha, found)
        inner = [nested_centre for nested_centre in nested_centres if nested_centre.start == 0.0]
        if any(
            max(nested_centre.inner_required_p, nested_centre.first_required_p) >= 1.0
            for nested_centre in inner
        ):
            reason = AbstainReason.UNREACHABLE
            return Abstained(reason, self.label, None, guarantee, mode.alpha, found)
        least = self._least_n(nested_centres)
        reason = AbstainReason.FUTILE if least == 0 else AbstainReason.BUDGET
        return Abstained(reason, self.label, least or None, guarantee, mode.alpha, found)

    def _inner_tests(self, nested_centre: NestedCentre, place: int) -> tuple[tuple[int, ...], int]:
        """Inner votes for the class, draw by draw, and how many draws pass.

        It stops when the draws that are left could not support any fraction even if all passed.
        The bound is for n_outer draws, and draws that are left out count as failures.
        """
        mode = self.mode
        needed = least_successes(nested_centre.inner_required_p, mode.votes, mode.alpha_draw)
        if needed is None:
            return (), 0
        least = least_successes(nested_centre.first_required_p, mode.n_outer, mode.alpha_outer)
        counts: list[int] = []
        passed = 0
        for first in range(0, mode.n_outer, CERTIFICATION.nested_draws):
            if least is None or passed + mode.n_outer - first < least:
                break
            drawn = range(first, min(first + CERTIFICATION.nested_draws, mode.n_outer))
            found = self._inner_counts(nested_centre, place, drawn)
            counts += found
            passed += sum(count >= needed for count in found)
        return tuple(counts), passed

    def _inner_counts(self, nested_centre: NestedCentre, place: int, drawn: range) -> list[int]:
        """Inner votes for the class at T_theta z for these draws of theta."""
        theta = np.concatenate([self._theta(place, number) for number in drawn])
        z = pulled_back_centres(self.smoothed, nested_centre.z, theta)
        parts = chunks(self.mode.n_inner)
        counts = self.inner.count(
            [
                SampleRequest(self._sample_key(Stream.INNER, place, number * parts + part), point)
                for number, point in zip(drawn, z, strict=True)
                for part in range(parts)
            ]
        )
        self.votes += int(counts.sum())
        return [int(n) for n in counts[:, self.label].reshape(len(drawn), parts).sum(axis=1)]

    def _theta(self, place: int, number: int) -> Floats:
        """theta (1, m) of one outer draw: a function of its own sample key."""
        sample_key = self._sample_key(Stream.ESTIMATION, place, number)
        return Draws(sample_key, torch.device("cpu")).theta(self.smoothed.law, 1)

    def _sample_key(self, stream: Stream, centre: int, chunk: int) -> SampleKey:
        return SampleKey(self.smoothed.seed, self.item.index, stream, centre, chunk)

    def _least_n(self, nested_centres: list[NestedCentre]) -> int | None:
        """Votes that could have sufficed; 0 if those that were cast could; None if none could."""
        shares = [
            nested_centre.inner_required_p
            for nested_centre in nested_centres
            if nested_centre.start == 0.0
        ]
        try:
            least = max(least_n_fixed(required_p, self.mode.alpha_draw) for required_p in shares)
        except UnreachableError:
            return None
        if least <= self.mode.votes:
            return 0
        return (
            chunks(self.mode.n0) * CHUNK + len(shares) * self.mode.n_outer * chunks(least) * CHUNK
        )


def _supported(profile: tuple[Step, ...], p_lower: float) -> float:
    """Largest fraction whose share, and every smaller one's, lies below p_lower."""
    fraction = 0.0
    for step in profile:
        if step.required_p > 0.0 and step.required_p >= p_lower:
            break
        fraction = step.fraction
    return fraction


def _evidence(
    nested_centre: NestedCentre,
    mode: NestedMode,
    counts: tuple[int, ...],
    passed: int,
    verdict: Verdict,
) -> CentreEvidence:
    inner = InnerEvidence(
        nested_centre.inner_margin, nested_centre.inner_required_p, mode.votes, counts
    )
    return CentreEvidence(
        nested_centre.theta,
        nested_centre.margin,
        nested_centre.required_p,
        passed,
        len(counts),
        verdict,
        nested_centre.profile,
        inner,
        class_votes=(),
        ties=0,
    )
