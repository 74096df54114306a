"""The certified l2 radius against the number of votes n, from the votes that a run kept.

A run in radius mode kept N votes of every image. Any n of them could have been its votes: they are
independent given the image, so the mean over all subsets of n votes is an unbiased estimate of the
radius that a run with n votes finds. The number of votes for the class in such a subset has a
hypergeometric distribution, so that the mean is a sum and no subset is drawn.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray
from scipy import special

from gsmooth.errors import ConfigurationError, RecordError
from gsmooth.report.reach import asked_for
from gsmooth.report.settings import REPORT
from gsmooth.report.totals import Totals
from gsmooth.runs.records.folder import Records
from gsmooth.runs.records.row import Row
from gsmooth.runs.verify.profiles import setting
from gsmooth.theory.bounds import ceiling
from gsmooth.theory.normal import normal_quantile

Floats = NDArray[np.float64]

# Counts farther from the mean have together a probability below 1e-16, by Bernstein's inequality.
_DEVIATIONS, _MORE = 9.0, 60.0


@final
@dataclass(frozen=True)
class RadiusAgainstN:
    """Average certified radius by number of votes.

    Args:
        run: Name of the run.
        n: Numbers of votes, ascending; the last is that of the run.
        mean: Average over all images and all subsets of n kept votes; an image whose selected class
            is wrong counts as 0. Not cut at the region that was asked for.
        best: The radius that n unanimous votes show (S5): sigma Phi^-1(alpha^(1/n)).
        sigma: Standard deviation of the noise, less what float arithmetic costs.
        alpha: Level of a certificate.
        images: Number of images.
    """

    run: str
    n: tuple[int, ...]
    mean: tuple[float, ...]
    best: tuple[float, ...]
    sigma: float
    alpha: float
    images: int


@final
@dataclass(frozen=True)
class _Kept:
    """The kept votes of a run: images by votes for the right class; all have ``trials`` votes."""

    trials: int
    sigma: float
    alpha: float
    images: int
    successes: Counter[int]


def radius_against_n(
    run: Records | Totals, n: Sequence[int] | None = None, name: str = ""
) -> RadiusAgainstN:
    """Compute the average certified radius against the number of votes.

    Args:
        run: Records of a run in radius mode on an l2 ball, whose votes were fixed in advance.
        n: Numbers of votes, from 1 to that of the run. None: about 25, evenly spaced in log n.
        name: Name of the run; "": that of its folder.

    Raises:
        ConfigurationError: The run is of another kind, or ``n`` is beyond its votes.
        RecordError: Its rows contradict each other.
    """
    records = run.run if isinstance(run, Totals) else run
    kept = _kept(records)
    ns = _spaced(kept.trials) if n is None else tuple(sorted(set(n)))
    if not ns or not 1 <= ns[0] <= ns[-1] <= kept.trials:
        raise ConfigurationError(
            f"radius against n: n={list(n or ())}; {records.path.parent} kept {kept.trials} votes"
            f" of an image, so that n lies in 1..{kept.trials}"
        )
    return RadiusAgainstN(
        run=name or records.path.parent.name,
        n=ns,
        mean=tuple(_mean_radius(kept, votes) for votes in ns),
        best=tuple(best_radius(votes, kept.sigma, kept.alpha) for votes in ns),
        sigma=kept.sigma,
        alpha=kept.alpha,
        images=kept.images,
    )


def best_radius(n: int, sigma: float, alpha: float) -> float:
    """Return the radius that n unanimous votes show, sigma Phi^-1(alpha^(1/n)); 0 if none (S5).

    Args:
        n: Number of votes, at least 1.
        sigma: Standard deviation of the noise.
        alpha: Level of the certificate, in (0, 1/2].

    Example:
        >>> round(best_radius(100_000, sigma=1.0, alpha=0.001), 2)
        3.81
    """
    return sigma * max(0.0, float(normal_quantile(ceiling(n, alpha))))


def mean_over_subsets(
    successes: int, trials: int, n: int, value: Callable[[NDArray[np.int64]], Floats]
) -> float:
    """Average a function of the successes among n of ``trials`` votes, over all subsets of n votes.

    Args:
        successes: Votes for the class among all.
        trials: Votes in all.
        n: Size of the subsets, in 1..trials.
        value: The function, of an array of counts.

    Returns:
        The mean under the hypergeometric distribution, to about 1e-12 of the largest value.

    Example:
        >>> mean_over_subsets(3, 4, 2, lambda counts: counts.astype(float))
        1.5
    """
    share = successes / trials
    width = _DEVIATIONS * math.sqrt(n * share * (1.0 - share)) + _MORE
    low = max(0, n - (trials - successes), math.floor(n * share - width))
    high = min(n, successes, math.ceil(n * share + width))
    counts = np.arange(low, high + 1)
    # log of pmf(x + 1) / pmf(x), summed up from the first count.
    x = counts[:-1].astype(np.float64)
    steps = np.log((successes - x) * (n - x)) - np.log((x + 1.0) * (trials - successes - n + x + 1))
    logs = np.concatenate(([0.0], np.cumsum(steps)))
    weights = np.exp(logs - logs.max())
    return float(weights @ value(counts) / weights.sum())


def _mean_radius(kept: _Kept, n: int) -> float:
    total = sum(
        number * mean_over_subsets(won, kept.trials, n, lambda c: _radii(c, n, kept))
        for won, number in kept.successes.items()
        if won > 0
    )
    return total / kept.images


def _radii(counts: NDArray[np.int64], n: int, kept: _Kept) -> Floats:
    """The radius sigma Phi^-1(p_lower) for each number of successes among n votes (S1, T1)."""
    found = np.zeros(len(counts))
    some = counts > 0
    won = counts[some].astype(np.float64)
    p_lower = special.betaincinv(won, n - won + 1.0, kept.alpha)
    found[some] = kept.sigma * np.maximum(0.0, special.ndtri(p_lower))
    return found


def _spaced(trials: int) -> tuple[int, ...]:
    exponents = np.linspace(0.0, math.log(trials), REPORT.field.curve_of_n)
    return tuple(sorted({round(math.exp(exponent)) for exponent in exponents} | {trials}))


def _kept(records: Records) -> _Kept:
    first = records.rows[0]
    if fault := _why_not(records, first):
        raise ConfigurationError(
            f"radius against n: {records.path.parent} {fault}; expected a run with --mode radius on"
            " an l2 ball (--l2) whose n votes were fixed in advance"
        )
    centre = first.counts.evidence[0]
    trials = centre.trials
    successes = Counter(_successes(records.rows, trials, records))
    return _Kept(
        trials=trials,
        sigma=_scale(records, first),
        alpha=first.claim.alpha / first.claim.attempts,
        images=successes.total(),
        successes=successes,
    )


def _why_not(records: Records, first: Row) -> str:
    if first.claim.mode != "radius":
        return f"is in {first.claim.mode} mode, which stops as soon as it can decide"
    if first.claim.region.dimensions or not first.claim.region.l2:
        return f"is about {asked_for(records)}"
    if setting(records.header.config, "certify.bound") == "sequence":
        return 'has bound = "sequence", which stops when more votes would hardly help'
    centres = first.counts.evidence
    if len(centres) != 1 or not _scale(records, first):
        return "has no single centre whose margin says how radii grow"
    return ""


def _scale(records: Records, first: Row) -> float:
    """The radius for each unit of margin, which is sigma but for float arithmetic (T1); 0: unknown.

    The margin of the region says it, unless the region is so large that its margin is infinite.
    """
    margin = first.counts.evidence[0].margin
    if 0.0 < margin < math.inf:
        return first.claim.region.l2 / margin
    claims = records.header.capabilities
    # The lift of an identity action lengthens nothing: T1 with sigma itself.
    return first.randomness.noise.sigma if claims and claims.lift_norm == 1.0 else 0.0


def _successes(rows: Iterable[Row], trials: int, records: Records) -> Iterable[int]:
    """Yield the votes for the true class; 0 where another class was selected."""
    for row in rows:
        centres = row.counts.evidence
        if len(centres) != 1 or centres[0].trials != trials:
            raise RecordError(
                f"{records.path}: image {row.index} has not {trials} votes at one centre, as the"
                " first image has; gsmooth verify says what is wrong with these records"
            )
        right = row.decision.selected_label == row.image.label
        yield centres[0].successes if right else 0
