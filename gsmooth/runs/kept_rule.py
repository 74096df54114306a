"""The decision rule of a run that goes on: that of its folder, where no other is asked for."""

from __future__ import annotations

from gsmooth.runs.config.run_config import CertifySection, RunConfig
from gsmooth.runs.records.folder import stored_header


def with_kept_rule(config: RunConfig) -> RunConfig:
    """The configuration with the rule of the records in its folder, unless it names one itself.

    Votes are judged by one rule for ever, so records of an older default go on under that.

    Args:
        config: What run file and flags say.
    """
    header = stored_header(config.output.folder)
    if header is None or "rule" in config.certify.model_fields_set:
        return config
    kept = header.config.get("certify")
    rule = kept.get("rule") if isinstance(kept, dict) else None
    if rule is None or rule == config.certify.rule:
        return config
    certify = CertifySection.model_validate({**config.certify.model_dump(), "rule": rule})
    return config.model_copy(update={"certify": certify})
