"""Seeds of runs: named by the user, found again in a run's folder, or drawn."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, final

from gsmooth.errors import ConfigurationError, RecordError
from gsmooth.runs.config.run_config import RunConfig
from gsmooth.runs.records.folder import stored_header
from gsmooth.runs.records.header import RunHeader
from gsmooth.runs.seeds.seed_file import SECRET_NAME, keep_secret, read_secret
from gsmooth.sampling.noise import SecretSeed, Seed, public_seed

VARIABLE: Final = "GSMOOTH_SEED"
"""The environment variable that holds a secret seed."""


@final
@dataclass(frozen=True)
class RunSeed:
    """The seed of a run, and its configuration, which names the seed unless that is secret.

    drawn: just now; if it is secret, it is kept nowhere yet.
    """

    config: RunConfig
    seed: Seed
    drawn: bool = False

    def keep(self) -> tuple[str, ...]:
        """Keep a drawn secret in the folder of its run; returns what to print about a drawn seed.

        OutputError where it cannot be kept.
        """
        if not self.drawn:
            return ()
        if not isinstance(self.seed, SecretSeed):
            return (f"seed {self.seed}, drawn for this run; run.json has it",)
        path = keep_secret(self.config.output.folder, self.seed)
        return (f"a secret seed was drawn for this run; {path} keeps it, for your eyes alone",)


def seed_of_run(config: RunConfig) -> RunSeed:
    """The seed that the user names; else that of the run's folder; else one that is drawn.

    A drawn seed is secret where images come from an attacker (the online guarantee). RecordError
    where the folder's seed is secret and its file is not found, ConfigurationError for a seed file
    that cannot be used, and for a shard without a seed that the others can have too.
    """
    folder = config.output.folder
    old, named = stored_header(folder), named_seed(config)
    if named is not None:
        return RunSeed(config, _with_salt_of(old, named))
    if old is not None and old.seed_commitment is not None:
        return RunSeed(config, _secret_of(folder, old))
    if old is not None:
        return _public(config, _stated(old, folder))
    if os.path.lexists(folder / SECRET_NAME):  # A run that was killed before its first line.
        return RunSeed(config, read_secret(folder / SECRET_NAME, follow=False))
    if config.data.shard is not None:
        raise ConfigurationError(
            f"data.shard={config.data.shard}: all shards of a run have one seed, so it has to be"
            " named: give --seed NUMBER to all of them, or --seed-file FILE for a secret one"
        )
    if config.certify.guarantee == "online":
        return RunSeed(config, SecretSeed.drawn(), drawn=True)
    return replace(_public(config, public_seed()), drawn=True)


def named_seed(config: RunConfig) -> Seed | None:
    """The seed of the configuration, of the file that it names, or of the environment; or None."""
    smoothing = config.smoothing
    if smoothing.seed is not None:
        return smoothing.seed
    if smoothing.seed_file is not None:
        return read_secret(smoothing.seed_file)
    text = os.environ.get(VARIABLE)
    return None if text is None else SecretSeed.parsed(text, f"the variable {VARIABLE}")


def public_notice(config: RunConfig) -> Iterator[str]:
    """The notice about a public seed where images come from an attacker."""
    if (seed := config.smoothing.seed) is not None:
        yield (
            f"the seed {seed} is public: an attacker who knows it can make images that are answered"
            " or certified falsely; leave it out for a secret one"
        )


def kept_seed(config: RunConfig, folder: Path) -> Seed:
    """The seed of a run that took place in ``folder``.

    RecordError where it is secret and not found, or where another one is named.
    """
    header, named = stored_header(folder), named_seed(config)
    commitment = None if header is None else header.seed_commitment
    if named is not None:
        if commitment is None or (isinstance(named, SecretSeed) and commitment.binds(named)):
            return named
        raise RecordError(f"{folder}: the seed named is not the one that its run.json commits to")
    if header is None or commitment is None:
        raise RecordError(f"{folder}: the seed of this run is secret, and {_how_to_name(folder)}")
    return _secret_of(folder, header)


def _secret_of(folder: Path, header: RunHeader) -> SecretSeed:
    """The secret that the run in ``folder`` is committed to."""
    commitment = header.seed_commitment
    assert commitment is not None
    own, stated = folder / SECRET_NAME, _smoothing(header).get("seed_file")
    places = [own] if os.path.lexists(own) else []
    places += [Path(stated)] if isinstance(stated, str) and Path(stated).exists() else []
    for path in places:
        seed = read_secret(path, follow=path != own)
        if commitment.binds(seed):
            return seed.salted(commitment.salt)
    seen = f"{' and '.join(map(str, places))} hold another one" if places else ""
    raise RecordError(f"{folder} was begun with a secret seed, and {seen or _how_to_name(folder)}")


def _how_to_name(folder: Path) -> str:
    return (
        f"{folder / SECRET_NAME} is not there: name the file that holds it with --seed-file, or put"
        f" the seed into the variable {VARIABLE}"
    )


def _with_salt_of(header: RunHeader | None, seed: Seed) -> Seed:
    """A secret under the salt of the folder's commitment, if it is the one meant there."""
    commitment = None if header is None else header.seed_commitment
    if commitment is not None and isinstance(seed, SecretSeed) and commitment.binds(seed):
        return seed.salted(commitment.salt)
    return seed


def _public(config: RunConfig, seed: int) -> RunSeed:
    smoothing = config.smoothing.model_copy(update={"seed": seed})
    return RunSeed(config.model_copy(update={"smoothing": smoothing}), seed)


def _stated(header: RunHeader, folder: Path) -> int:
    seed = _smoothing(header).get("seed")
    if not isinstance(seed, int):
        raise RecordError(f"{folder}: run.json names neither a seed nor a commitment to one")
    return seed


def _smoothing(header: RunHeader) -> Mapping[str, object]:
    found = header.config.get("smoothing")
    return found if isinstance(found, Mapping) else {}
