"""Opponent: how a run's attacks were searched for, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gsmooth.run.records import Records


def searches(records: Records, *, gradient: bool = True) -> str:
    """The kinds of search that the run's [attack] section asks for; "" where it does not say.

    gradient: False where there was none to follow.
    """
    plan = records.header.config.get("attack")
    if not isinstance(plan, Mapping) or not plan:
        return ""
    return ", ".join(_kinds(plan, records.rows[0].region.dimensions, gradient))


def _kinds(plan: Mapping[str, object], dimensions: int, gradient: bool) -> Iterator[str]:
    if dimensions:
        yield f"grid of {plan.get('points')}{' a parameter' if dimensions > 1 else ''}"
        if plan.get("random"):
            yield f"{plan['random']} random"
    if plan.get("gradient_steps"):
        yield f"{plan['gradient_steps']} gradient steps" if gradient else "no gradient to be had"
