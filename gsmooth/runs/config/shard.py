"""Shard: which part of the images of a run this process certifies, as one of several."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self, final

from gsmooth.errors import ConfigurationError

_TEXT: Final = re.compile(r"(\d{1,9})/(\d{1,9})")
_ARRAY: Final = "SLURM_ARRAY_TASK_"


@final
@dataclass(frozen=True)
class Shard:
    """Part ``number`` of ``of``, counted from 1: of the images of a run every ``of``-th one.

    ConfigurationError unless 1 <= number <= of.

    Example:
        >>> Shard.parse("2/3").taken(range(0, 20, 2))
        range(2, 20, 6)
    """

    number: int
    of: int

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.of:
            raise ConfigurationError(f"{self.number}/{self.of}: the first shard is 1/{self.of}")

    @classmethod
    def parse(cls, text: str) -> Self:
        """The shard I/N."""
        found = _TEXT.fullmatch(text)
        if found is None:
            raise ConfigurationError(f"{text!r}: expected I/N, such as 2/8 (the second of eight)")
        return cls(int(found[1]), int(found[2]))

    @classmethod
    def of_environment(cls, environment: Mapping[str, str]) -> Self:
        """The shard of a task of a SLURM array, or of a process that torchrun started.

        ConfigurationError where it is neither, or both.
        """
        array = f"{_ARRAY}ID" in environment
        world = _number(environment, "WORLD_SIZE") if "WORLD_SIZE" in environment else 1
        if array and world > 1:
            raise ConfigurationError(
                "--shard auto: this is a task of a SLURM array and one of several processes of"
                " torchrun; say which part is meant with --shard I/N"
            )
        if array:
            return cls._of_array(environment)
        if "WORLD_SIZE" in environment and "RANK" in environment:
            return cls(_number(environment, "RANK") + 1, world)
        raise ConfigurationError(
            "--shard auto: found neither the variables of a SLURM array (SLURM_ARRAY_TASK_ID,"
            " sbatch --array) nor those of torchrun (RANK, WORLD_SIZE); give --shard I/N"
        )

    @classmethod
    def _of_array(cls, environment: Mapping[str, str]) -> Self:
        own, least, most, count = (
            _number(environment, f"{_ARRAY}{name}") for name in ("ID", "MIN", "MAX", "COUNT")
        )
        step = _number(environment, f"{_ARRAY}STEP") if f"{_ARRAY}STEP" in environment else 1
        place, rest = divmod(own - least, max(1, step))
        if rest or (count - 1) * max(1, step) != most - least:
            raise ConfigurationError(
                f"--shard auto: the {count} tasks of this SLURM array, {least} to {most}, have"
                " gaps, so a task cannot tell which of them it is; use --array=1-N, or give"
                " --shard I/N"
            )
        return cls(place + 1, count)

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    def taken(self, indices: range) -> range:
        """The positions of this shard among those of the whole run.

        ConfigurationError where there are fewer than shards.
        """
        if self.of > len(indices):
            raise ConfigurationError(
                f"data.shard={self}: the run has {len(indices)} images, so it can have"
                f" {len(indices)} shards at most"
            )
        return indices[self.number - 1 :: self.of]

    def folder(self, whole: Path) -> Path:
        """The folder of the shard, inside that of the whole run."""
        return whole / f"shard-{self.number:0{len(str(self.of))}}-of-{self.of}"


def _number(environment: Mapping[str, str], name: str) -> int:
    try:
        return int(environment[name])
    except (KeyError, ValueError) as error:
        raise ConfigurationError(
            f"--shard auto: the variable {name} is {environment.get(name)!r}; expected a number"
        ) from error
