"""What follows from the seed of a run: its commitment, and the draws of the randomized bound."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gsmooth.errors import ConfigurationError
from gsmooth.runs.records.header import RunHeader
from gsmooth.runs.records.row import Row
from gsmooth.runs.verify.profiles import lower_bounds, setting, supported_fraction
from gsmooth.sampling.noise import SampleKey, SecretSeed, Seed, Stream

Message = tuple[str, str]


def usable_seed(header: RunHeader, given: SecretSeed | None) -> SecretSeed | None:
    """The seed that was given, if it is that of the run; None otherwise.

    ConfigurationError where the seed of the run is public, so that none can be given.
    """
    if given is None:
        return None
    if header.seed_commitment is None:
        raise ConfigurationError(
            "--seed-file: this run has a public seed, which run.json names; leave the flag out"
        )
    return given if header.seed_commitment.binds(given) else None


def seed_faults(header: RunHeader, given: SecretSeed | None) -> Iterator[Message]:
    """(field, message) unless the seed that was given is the one that the run is committed to."""
    if given is not None and usable_seed(header, given) is None:
        yield "seed_commitment", "not that of the seed given, which is the seed of another run"


def seed_on_trust(header: RunHeader, seed: SecretSeed | None) -> tuple[str, ...]:
    """What would need the secret seed of the run to be checked; nothing where it is there."""
    if header.seed_commitment is None or seed is not None:
        return ()
    found = ["that the run has the seed which run.json is committed to"]
    if _randomized(header.config):
        found.append("the uniform draws of the randomized bound (S7)")
    return tuple(found)


def draws_of(row: Row, seed: Seed) -> list[float]:
    """The uniform draw of each centre: made from the seed, before any vote (S7)."""
    sample_key = SampleKey(seed, row.index, Stream.BOUND, 0, 0)
    return [float(u) for u in sample_key.generator().random(len(row.counts.evidence))]


def randomized_faults(row: Row, secret: Seed | None) -> Iterator[Message]:
    """(field, message) unless the randomized bounds support just what a row in radius mode claims.

    secret: the seed, where the row has none. Without either, some draws have to support it.
    """
    seed = secret if row.randomness.seed is None else row.randomness.seed
    if seed is not None:
        draws = draws_of(row, seed)
        least = most = supported_fraction(row.counts.evidence, lower_bounds(row, draws))
    else:  # A larger draw gives a smaller bound.
        ends = ([end] * len(row.counts.evidence) for end in (1.0, 0.0))
        least, most = (
            supported_fraction(row.counts.evidence, lower_bounds(row, end)) for end in ends
        )
    claimed, low, high = row.claim.fraction or 0.0, least or 0.0, most or 0.0
    if low <= claimed <= high:
        return
    if claimed == 0.0 or high == 0.0:
        support = "do not support" if claimed > 0.0 else "support"
        yield "outcome", f"{row.decision.outcome}, but the counts {support} a certificate"
    else:
        yield "fraction", f"{row.claim.fraction!r}, but the counts support {_between(low, high)}"


def _between(low: float, high: float) -> str:
    return repr(high) if low == high else f"{low!r} to {high!r}, whatever the draws were"


def _randomized(config: Mapping[str, object]) -> bool:
    radius = setting(config, "certify.mode") == "radius"
    return radius and setting(config, "certify.bound") == "randomized"
