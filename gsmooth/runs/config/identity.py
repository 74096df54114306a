"""The identity of a run: what its counts and certificates depend on, and the hash of that."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

from gsmooth.certificate import decision_rule
from gsmooth.runs.config.run_config import RunConfig

if TYPE_CHECKING:
    from gsmooth.sampling.noise import SeedCommitment

# What may differ between two runs that share one folder of records.
_FREE: dict[str, frozenset[str] | None] = {
    "data": frozenset({"start", "every", "limit", "shard"}),
    # Where a secret seed lies, not which it is: that is what the commitment says.
    "smoothing": frozenset({"seed_file"}),
    "predict": None,
    "train": None,
    "engine": None,
    "output": None,
}
# Options of f and of the data that are in the identity of a run only where they are in use.
_USUAL: dict[str, object] = {
    "autocast": None,
    "channels_last": False,
    "compile": False,
    "layout": None,
    "output": None,
    "providers": None,
    "options": {},
    "new_head": False,
    "denoiser": None,
}
_USUAL_DATA: dict[str, object] = {
    "resize": None,
    "crop": None,
    "background": None,
    "unseen": False,
}


def identity(
    config: RunConfig,
    digests: Mapping[str, str] = {},
    fixed_batch: int | None = None,
    sampler: str | None = None,
    commitment: SeedCommitment | None = None,
) -> dict[str, object]:
    """What the counts and certificates of a run depend on, as plain values.

    ``digests``: hashes of what the configuration only points to (weights, images). ``fixed_batch``:
    the batch size, where labels depend on it. ``sampler``: names how the seed becomes noise; by
    default that of the host. ``commitment``: stands for a seed that is secret.
    """
    tree = config.model_dump(mode="json")
    return identity_of_tree(tree, digests, fixed_batch, sampler, commitment=commitment)


def identity_of_tree(
    config: Mapping[str, object],
    digests: Mapping[str, object] = {},
    fixed_batch: object = None,
    sampler: str | None = None,
    rule: int | None = None,
    commitment: SeedCommitment | None = None,
) -> dict[str, object]:
    """:func:`identity` of a configuration that was written down; what it lacks stays absent."""
    tree = dict(config)
    for section, free in _FREE.items():
        if free is None:
            tree.pop(section, None)
        else:
            tree[section] = {k: v for k, v in _table(tree, section).items() if k not in free}
    model, certify, data = (_table(tree, section) for section in ("model", "certify", "data"))
    # Runs that these settings have no part in may share a folder whatever they are.
    if certify.get("guarantee") != "online":
        certify.pop("online_seconds", None)
    if certify.get("guarantee") != "population":
        tree.pop("population", None)
    if certify.get("bound") != "sequence":
        certify.pop("within", None)
    version = decision_rule(certify)
    if version == 1 or certify.get("mode") != "region" or certify.get("n0_first") is None:
        certify.pop("n0_first", None)
    if version == 1 and certify.get("rule") == "runner-up":
        certify["rule"] = "e-process"
    # An option of f or of the data that is not in use is not named.
    for table, options in ((model, _USUAL), (data, _USUAL_DATA)):
        for option, usual in options.items():
            if table.get(option, usual) == usual:
                table.pop(option, None)
    # Names change no label that is not in the digest of the images; what f saw before changes no f.
    model.pop("class_names", None)
    model.pop("trained_on", None)
    model.pop("trained_images", None)
    # Counts agree on all devices of one kind (docs/cli.md): neither which nor how many counts.
    model["device"] = str(model.get("device")).partition(",")[0].partition(":")[0]
    tree |= {"model": model, "certify": certify, "data": data}
    tree["decision_rule"] = version if rule is None else rule
    tree["sampler"] = _sampler_on_host() if sampler is None else sampler
    if fixed_batch is not None:
        tree["engine"] = {"batch_size": fixed_batch}
    if commitment is not None:
        tree["seed_commitment"] = asdict(commitment)
    return {**tree, "digests": dict(digests)} if digests else tree


def fingerprint(
    config: RunConfig,
    digests: Mapping[str, str] = {},
    fixed_batch: int | None = None,
    sampler: str | None = None,
    commitment: SeedCommitment | None = None,
) -> str:
    """sha256 (hex) of :func:`identity`: equal for runs whose records may share a folder."""
    return fingerprint_of(identity(config, digests, fixed_batch, sampler, commitment))


def fingerprint_of(identity: Mapping[str, object]) -> str:
    """sha256 (hex) of an identity as JSON: keys sorted, no spaces, shortest decimals."""
    canonical = json.dumps(identity, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _sampler_on_host() -> str:
    from gsmooth.sampling.noise import SAMPLER  # It needs torch, which a configuration does not.

    return SAMPLER


def _table(tree: Mapping[str, object], section: str) -> dict[str, object]:
    """A copy of a section; empty where there is none."""
    found = tree.get(section)
    return dict(found) if isinstance(found, Mapping) else {}
