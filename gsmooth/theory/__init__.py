"""The mathematics of certificates, one number at a time: noise laws, radii, bounds and tests.

All of it is float64 and depends on numpy and scipy.special only. Labels such as T1 or S6 refer to
docs/theory.md.
"""

from gsmooth.theory.bounds import (
    BinomialTest,
    FixedBound,
    FixedSample,
    ceiling,
    clopper_pearson_lower,
    clopper_pearson_upper,
    least_n_fixed,
    least_successes,
    predict_test,
    randomized_clopper_pearson_lower,
)
from gsmooth.theory.exact import (
    Decision,
    StoppingOutcome,
    StoppingRule,
    boundary_rule,
    exact_outcome,
    looks_after,
)
from gsmooth.theory.laws import (
    ExponentialLaw,
    FoldedNormalLaw,
    GaussianLaw,
    LaplaceLaw,
    Law,
    ProductLaw,
    UniformLaw,
    law_from_name,
)
from gsmooth.theory.radii import (
    gaussian_radius,
    gaussian_required_p,
    general_margin,
    round_down,
    target_margin,
)
from gsmooth.theory.sequential import (
    EProcess,
    Futility,
    StreamedSample,
    anytime_lower,
    cannot_accept,
    log_e_value,
)

__all__ = [
    "BinomialTest",
    "Decision",
    "EProcess",
    "ExponentialLaw",
    "FixedBound",
    "FixedSample",
    "FoldedNormalLaw",
    "Futility",
    "GaussianLaw",
    "LaplaceLaw",
    "Law",
    "ProductLaw",
    "StoppingOutcome",
    "StoppingRule",
    "StreamedSample",
    "UniformLaw",
    "anytime_lower",
    "boundary_rule",
    "cannot_accept",
    "ceiling",
    "clopper_pearson_lower",
    "clopper_pearson_upper",
    "exact_outcome",
    "gaussian_radius",
    "gaussian_required_p",
    "general_margin",
    "law_from_name",
    "least_n_fixed",
    "least_successes",
    "log_e_value",
    "looks_after",
    "predict_test",
    "randomized_clopper_pearson_lower",
    "round_down",
    "target_margin",
]
