"""Shards: a run that is divided beforehand into runs of their own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from gsmooth.errors import ConfigurationError
from gsmooth.runs.config.run_config import RunConfig
from gsmooth.runs.config.shard import Shard

_FOLDER: Final = re.compile(r"shard-\d+-of-(\d+)")


def sharded(config: RunConfig, text: str, environment: Mapping[str, str]) -> RunConfig:
    """The configuration of one shard, with a folder of its own inside ``output.folder``.

    Args:
        config: That of the whole run; or of this very shard, which is returned as it is.
        text: ``I/N``, or ``auto`` for what the environment says.
        environment: Variables by name.

    Raises:
        ConfigurationError: The text is something else, or the folder holds shards of another N.
    """
    try:
        shard = Shard.of_environment(environment) if text == "auto" else Shard.parse(text)
    except ConfigurationError as error:
        given = "" if text == "auto" else "--shard "
        raise ConfigurationError(f"{given}{error}") from error
    if config.data.shard == str(shard):
        return config
    if config.data.shard is not None:
        raise ConfigurationError(
            f"--shard {shard}: the run file is that of shard {config.data.shard}; leave the flag"
            " out, or name the run file of the whole run"
        )
    _require_one_number(config.output.folder, shard)
    data = config.data.model_copy(update={"shard": str(shard)})
    output = config.output.model_copy(update={"folder": shard.folder(config.output.folder)})
    return config.model_copy(update={"data": data, "output": output})


def _require_one_number(folder: Path, shard: Shard) -> None:
    """ConfigurationError where the folder holds shards of another number of shards."""
    inside = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    for name in sorted(inside):
        found = _FOLDER.fullmatch(name)
        if found is not None and int(found[1]) != shard.of:
            raise ConfigurationError(
                f"--shard {shard}: {folder} holds {name}, a shard of {found[1]}. A part of a run"
                f" that is begun again keeps its number (--shard I/{found[1]}, not auto); for"
                " another division choose another folder"
            )
