"""The decision rule of a run that goes on: that of its folder, where no other is asked for."""

from __future__ import annotations

from typing import Final

from gsmooth.runs.config.certify_section import CertifySection
from gsmooth.runs.config.run_config import RunConfig
from gsmooth.runs.records.folder import stored_header

_OLDER: Final[dict[str, object]] = {"n0_first": None}
"""What a folder has that does not name a setting: it is of a version that did not have it."""


def with_kept_rule(config: RunConfig) -> RunConfig:
    """The configuration with the rule of the records in its folder, unless it names one itself.

    Votes are judged by one rule for ever, so records of an older default go on under that. So does
    the number of selection votes.

    Args:
        config: What run file and flags say.
    """
    header = stored_header(config.output.folder)
    kept = None if header is None else header.config.get("certify")
    if not isinstance(kept, dict):
        return config
    own, found = config.certify.model_fields_set, {**_OLDER, **kept}
    names = [name for name in found if name in ("rule", *_OLDER) and name not in own]
    changed = {name: found[name] for name in names}
    if all(getattr(config.certify, name) == value for name, value in changed.items()):
        return config
    certify = CertifySection.model_validate({**config.certify.model_dump(), **changed})
    return config.model_copy(update={"certify": certify})
