"""A text that describes how the adversary of a run searched for attacks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gsmooth.runs.records.folder import Records


def searches(records: Records, *, blind: float = 0.0) -> str:
    """Describe the kinds of search in the run's section [attack]; "" without such a section.

    Args:
        records: Records of the run.
        blind: Fraction of the attacks that had no gradient.
    """
    plan = records.header.config.get("attack")
    if not isinstance(plan, Mapping) or not plan:
        return ""
    return ", ".join(_kinds(plan, records.rows[0].claim.region.dimensions, blind))


def _kinds(plan: Mapping[str, object], dimensions: int, blind: float) -> Iterator[str]:
    if dimensions:
        yield f"grid of {plan.get('points')}{' a parameter' if dimensions > 1 else ''}"
        if plan.get("random"):
            yield f"{plan['random']} random"
    if plan.get("gradient_steps"):
        steps = f"{plan['gradient_steps']} gradient steps"
        some = f"{steps} where there is a gradient" if blind > 0.0 else steps
        yield "no gradient to be had" if blind == 1.0 else some
