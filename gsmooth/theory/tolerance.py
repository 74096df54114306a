"""Tolerance bounds for any distribution: which order statistic exceeds most of it (S8)."""

from __future__ import annotations

from typing import Final

from gsmooth.errors import ConfigurationError, UnreachableError
from gsmooth.text.rounding import confidence_text
from gsmooth.theory.arguments import require_alpha, require_counts
from gsmooth.theory.bounds import least_n_fixed, least_successes

MOST_ALPHA: Final = 0.25
"""Above it, values drawn class by class may be worse off than the binomial says."""


def tolerance_rank(n: int, share: float, alpha: float) -> int:
    """Least rank k whose order statistic bounds a share of a distribution (S8).

    S8: with confidence 1 - alpha, at least a share ``share`` of all images has an error of at most
    the k-th smallest of n calibration errors, P(F(E_(k)) >= share) >= 1 - alpha, whatever F is.
    E_(1) <= ... <= E_(n) are n independent values with distribution function F.

    Proof (Wilks 1941). Let x be the least value with F(x) >= share; it exists because F is
    continuous from the right. F(E_(k)) < share just when E_(k) < x, that is when at least k of the
    values lie below x. Each does with probability F(x-) <= share, ties and jumps of F included, so
    that the number of them is binomial and P(F(E_(k)) < share) <= P(Bin(n, share) >= k). This is at
    most alpha exactly where the Clopper-Pearson lower bound for k successes of n is at least
    ``share``: the same number that a bound fixed in advance would need, although the sample itself
    names the bound.

    Values that are independent but not alike (a sample drawn class by class) are no worse off, F
    being their average: the count is then more concentrated than the binomial (Hoeffding 1956,
    Theorem 4, for k >= n share + 1). Every k that is returned satisfies this: where share > 1/n the
    binomial reaches its mean n share, and with it every whole number below n share + 1, with a
    probability above 1/4 (Greenberg & Mohri 2014), and P(Bin >= k) <= alpha <= 1/4 is required of
    k.

    Args:
        n: Number of calibration images.
        share: Share of all images, in (1/n, 1).
        alpha: Failure probability, in (0, 1/4].

    Returns:
        The rank k, in 1..n.

    Raises:
        UnreachableError: Even the largest of n values does not suffice; ``least_n`` says how many
            would.
        ConfigurationError: share <= 1/n or alpha > 1/4, for which the proof does not hold.

    Example:
        >>> tolerance_rank(1000, share=0.99, alpha=0.001)
        999
    """
    require_counts(0, n)
    require_alpha(alpha)
    if share >= 1.0:
        raise UnreachableError(
            f"share={share!r}: no number of images bounds the errors of all images; ask for a share"
            " below 1",
            None,
        )
    if not n * share > 1.0:
        raise ConfigurationError(
            f"share={share:g} with n={n} images: expected a share above 1/n, which is"
            f" {1.0 / n:.3g}; ask for the share of images that certificates are to hold for"
        )
    if alpha > MOST_ALPHA:
        raise ConfigurationError(
            f"alpha={alpha:g}: expected at most {MOST_ALPHA:g} here; 0.001 is customary"
        )
    rank = least_successes(share, n, alpha)
    if rank is None:
        least = least_n_fixed(share, alpha)
        raise UnreachableError(
            f"n={n} images cannot show that a bound holds for a share {share:g} of all at"
            f" confidence {confidence_text(1.0 - alpha)}: not even their largest error does; the"
            f" least n is {least}",
            least,
        )
    return rank
