"""Adversary: how a run's attacks were searched for, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gsmooth.runs.records.folder import Records


def searches(records: Records, *, blind: float = 0.0) -> str:
    """The kinds of search that the run's [attack] section asks for; "" where it does not say.

    blind: the fraction of the attacks that had no gradient to follow.
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
