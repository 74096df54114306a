"""A text that describes the decision rule of a run."""

from __future__ import annotations

from gsmooth.runs.records.folder import Records
from gsmooth.runs.verify.profiles import setting
from gsmooth.text.rounding import text_up


def decided_by(records: Records) -> str:
    """Return a text such as ``e-process; gives up at level 0.001``; empty without a recorded rule.

    S6: a stop at the futility level costs power, but not soundness.
    """
    config = records.header.config
    version = records.header.decision_rule
    mode, level = records.rows[0].claim.mode, setting(config, "certify.futility")
    if mode == "nested":
        return "a vote of votes"
    if mode == "region":
        if setting(config, "certify.rule") == "fixed":
            return "Clopper-Pearson at alpha / centres"
        test = "e-process" if version == 1 else "e-process and test of the runner-up"
        return f"{test}; gives up at level {level:g}" if isinstance(level, float) else ""
    bound, within = setting(config, "certify.bound"), setting(config, "certify.within")
    if bound == "sequence" and isinstance(within, float) and isinstance(level, float):
        return (
            f"sequence; ends within {text_up(within, 3)} of what n votes give, at level {level:g}"
        )
    return bound if isinstance(bound, str) else ""
