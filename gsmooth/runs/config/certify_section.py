"""CertifySection and PopulationSection: how votes become certificates."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from gsmooth.runs.config.section import Count, Level, Positive, Probability, Section, Votes


class CertifySection(Section):
    """How votes become a certificate."""

    mode: Literal["region", "radius", "nested"] = "region"
    """`region`: whether g is constant on all of the region (stops early). `radius`: on how much of
    it, by `n` votes at each centre. `nested`: the method of Fischer et al. (2020)."""
    alpha: Level = 0.001
    """Probability, for each image, that its certificate is wrong."""
    n0: Votes = 64
    """Votes that select the class, at the clean image."""
    n0_first: Votes | None = 16
    """Region mode with `rule = "runner-up"`: if the first so many of these votes are all for one
    class, no more are cast. Left out in older runs, which cast all of them. A value of `n0` or more
    does the same."""
    max_votes: Count = 5000
    """Region mode: votes for one image, selection included."""
    futility: Level = 0.001
    """Region mode: level at which a hopeless centre is given up. Radius mode with `bound =
    "sequence"`: level of the estimate of what more votes could give. Both change how often images
    are certified, never soundness."""
    order: Literal["worst-first", "inside-out"] = "worst-first"
    """Region mode. `worst-first`: the centre that is most likely to fail comes first. `inside-out`:
    the part of the region that was reached is certified."""
    n: Votes = 10_000
    """Radius mode, and `rule = "fixed"`: votes at each centre, fixed in advance. With `bound =
    "sequence"`: the most."""
    bound: Literal["clopper-pearson", "randomized", "sequence"] = "clopper-pearson"
    """Radius mode: lower bound on the class's probability. `sequence` stops as soon as the radius
    is within `within` of what n votes could give."""
    within: Probability = 0.05
    """`bound = "sequence"`: the part of the radius that may be given up to save votes."""
    n_outer: Votes = 200
    """Nested mode: draws of the parameters at each centre."""
    n_inner: Votes = 1000
    """Nested mode: votes of each draw."""
    alpha_inner: Level | None = None
    """Nested mode: the part of alpha for the inner tests. Left out: half of alpha."""
    rule: Literal["runner-up", "e-process", "fixed"] = "runner-up"
    """Region mode, and radius mode with `bound = "sequence"`. `e-process`: a test that may stop
    after any vote. `runner-up`: mixed with a test of the gap to every other class, which needs
    fewer votes where other votes are spread. `fixed`: n votes at each centre and Clopper-Pearson at
    alpha / centres. A run that goes on keeps its rule."""
    attempts: Literal[1, 2] = 2
    """Region mode without `centres`: 2 allows a second cover where the first fails, chosen by the
    votes of the first; every test is then made at alpha / 2."""
    centres: Count | Literal["clean"] | None = None
    """Number of centres that cover the region, at most. Left out: as many as cost least (in radius
    mode the transformation's own number, in nested mode 1). `"clean"`: one, the clean image."""
    guarantee: Literal["individual", "distributional", "online", "population"] = "individual"
    """`individual`: errors are bounded image by image. `distributional`: they are taken from a
    calibration. `online`: the images are attacked already, and all their originals are
    certified. `population`: one vote for each image, and one bound, on the accuracy of single votes
    under attack over the distribution that the images were drawn from (`[population]`)."""
    calibration: Path | None = None
    """The file that `gsmooth calibrate` wrote. None of its images may be certified with it."""
    online_seconds: Positive | Literal["unlimited"] = 10.0
    """Online: seconds for the search for an image's originals. A search that ends early encloses
    them in larger balls. `"unlimited"`: search until more gains nothing."""

    @model_validator(mode="after")
    def _premise_is_given(self) -> Self:
        if (self.guarantee == "distributional") != (self.calibration is not None):
            raise ValueError(
                'guarantee = "distributional" and calibration = FILE belong together; gsmooth'
                " calibrate writes such a file"
            )
        return self

    @model_validator(mode="after")
    def _population_is_possible(self) -> Self:
        if self.guarantee == "population" and self.mode != "region":
            raise ValueError(
                f'guarantee = "population" casts one vote for each image, so mode "{self.mode}" has'
                " no part in it; leave mode out"
            )
        if self.guarantee == "population" and self.centres not in (None, 1):
            raise ValueError(
                'guarantee = "population" votes at the centre of a single ball; leave centres out'
            )
        return self

    @model_validator(mode="after")
    def _online_is_possible(self) -> Self:
        if self.guarantee == "online" and self.mode == "nested":
            raise ValueError(
                'mode "nested" takes its margins from the clean image, which guarantee = "online"'
                " does not know; choose mode region or radius"
            )
        if self.guarantee == "online" and self.centres == "clean":
            raise ValueError(
                'centres = "clean" needs the clean image, which guarantee = "online" does not'
                " know; give a number, or leave it out"
            )
        return self


class PopulationSection(Section):
    """The bound of `certify.guarantee = "population"`. It is chosen before the votes, by other
    images or none."""

    bound: Literal["betting", "clopper-pearson"] = "betting"
    """`betting`: each image counts by its own margin. `clopper-pearson`: all images count as if
    they had the margin `max_margin`, which is better where margins hardly differ (an l2 ball)."""
    typical_p: Annotated[float, Field(gt=0.5, lt=1.0)] = 0.95
    """`betting`: about the share of votes for the true class that is expected. Any is sound."""
    max_margin: Annotated[float, Field(ge=0.0)] | None = None
    """Images with a larger margin count as not robust. Left out: the standard normal quantile of
    `typical_p`; without parameters, a little more than the margin of the l2 ball."""
