"""What a row may claim: no more than the transformation did, and the run asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gsmooth.certificate import Guarantee
from gsmooth.runs.records.capabilities import Capabilities
from gsmooth.runs.records.row import Row
from gsmooth.runs.verify.profiles import setting
from gsmooth.theory.laws import GaussianLaw, HaarLaw

Message = tuple[str, str]


def guarantee_faults(
    row: Row, config: Mapping[str, object], claims: Capabilities | None
) -> Iterator[Message]:
    """(field, message) where the guarantee is more than the run asked for, or can be proved.

    claims: what the transformation claimed when the run was made; None: not recorded (schema 2).
    """
    if claims is not None and _says_orthogonal(row) and not claims.orthogonal:
        yield "noise.orthogonal", "true, but the transformation did not claim it"
    if row.claim.guarantee is Guarantee.HEURISTIC:
        # What rests on something unproved is heuristic in every run.
        return
    asked = setting(config, "certify.guarantee")
    if setting(config, "smoothing.grid") == 0.0:
        yield "guarantee", f"{row.claim.guarantee}, but without a grid nothing is proved (F1)"
    elif asked is not None and row.claim.guarantee != asked:
        yield "guarantee", f"{row.claim.guarantee}, but the run has certify.guarantee = {asked!r}"
    elif claims is not None and (lacking := ", ".join(_lacking(row, claims))):
        yield "guarantee", f"{row.claim.guarantee}, but the transformation did not claim {lacking}"


def claims_faults(claims: Capabilities) -> Iterator[Message]:
    """A message unless the strongest guarantee is the one that the other claims support."""
    proved = claims.derivative_bound and claims.action_error
    expected = Guarantee.INDIVIDUAL if proved else Guarantee.HEURISTIC
    if claims.guarantee is not expected:
        yield "capabilities.guarantee", f"{claims.guarantee}, but the claims support {expected}"


def _says_orthogonal(row: Row) -> bool:
    """Whether its margins are those of T4, for orthogonal actions; other laws always say so."""
    axes = row.randomness.noise.axes
    return (
        row.randomness.noise.orthogonal
        and bool(axes)
        and row.randomness.noise.name in (GaussianLaw.name, HaarLaw.name)
    )


def _lacking(row: Row, claims: Capabilities) -> Iterator[str]:
    """The claims that the guarantee of the row needs and the transformation did not make."""
    region, smoothed = row.claim.region, bool(row.randomness.noise.axes)
    if smoothed and not claims.action_error:
        yield "action_error"
    if (
        row.claim.guarantee is Guarantee.INDIVIDUAL
        and region.dimensions
        and not claims.derivative_bound
    ):
        yield "derivative_bound"
    carried = row.claim.guarantee is not Guarantee.INDIVIDUAL or row.claim.mode == "nested"
    if smoothed and carried and not claims.orthogonal:
        yield "orthogonal"
    if row.claim.guarantee is Guarantee.ONLINE:
        if not claims.preimages:
            yield "preimages"
        return
    if region.bits and not claims.keeps_range:
        yield "keeps_range"
    if (region.l2 > 0.0 or region.bits) and claims.lift_norm is None:
        yield "lift_norm"
    # Without a Lipschitz bound on T the residual has to be exactly 0 (T5).
    if smoothed and not claims.lipschitz_bound and (region.l2 > 0.0 or region.bits):
        yield "lipschitz_bound"
