"""Distribution-free tolerance bounds: which order statistic exceeds most of a distribution (S8)."""

from __future__ import annotations

from gsmooth.errors import UnreachableError
from gsmooth.theory.arguments import require_alpha, require_counts, require_share
from gsmooth.theory.bounds import least_n_fixed, least_successes


def tolerance_rank(n: int, share: float, alpha: float) -> int:
    """The least k for which P(F(E_(k)) >= share) >= 1 - alpha is proved, whatever F is.

    E_(1) <= ... <= E_(n): n independent values with distribution function F. Proof (Wilks 1941).
    Let x be the least value with F(x) >= share; it exists because F is continuous from the right.
    F(E_(k)) < share just when E_(k) < x, that is when at least k of the values lie below x. Each
    does with probability F(x-) <= share, ties and jumps of F included, so that the number of them
    is binomial and P(F(E_(k)) < share) <= P(Bin(n, share) >= k). This is at most alpha exactly
    where the Clopper-Pearson lower bound for k successes of n is at least ``share``: the same
    number that a bound fixed in advance would need, although the sample itself names the bound.

    Values that are independent but not alike (a sample drawn class by class) are no worse off, F
    being their average: the count is then more concentrated than the binomial (Hoeffding 1956,
    Theorem 4, for k >= n share + 1, which holds for every k that is returned at alpha <= 1/4).

    UnreachableError, with the least n, where even the largest value does not suffice.
    """
    require_counts(0, n)
    require_share(share)
    require_alpha(alpha)
    rank = least_successes(share, n, alpha)
    if rank is None:
        least = least_n_fixed(share, alpha)
        raise UnreachableError(
            f"n={n} images cannot show that a bound holds for a share {share:g} of all at"
            f" confidence {1.0 - alpha:g}: not even their largest error does; the least n is"
            f" {least}",
            least,
        )
    return rank
