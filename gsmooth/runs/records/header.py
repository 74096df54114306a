"""RunHeader: what a folder of records belongs to, in ``run.json``."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Final, final

import gsmooth
from gsmooth.certificate import decision_rule
from gsmooth.errors import RecordError
from gsmooth.runs.config.certify_section import CertifySection
from gsmooth.runs.config.identity import fingerprint_of, identity_of_tree
from gsmooth.runs.config.region_section import RegionSection
from gsmooth.runs.config.section import Section
from gsmooth.runs.config.smoothing_section import SmoothingSection
from gsmooth.runs.records import schema2
from gsmooth.runs.records.capabilities import Capabilities
from gsmooth.runs.records.codec import decode, encode, parse
from gsmooth.runs.records.planned_images import PlannedImages
from gsmooth.runs.records.row import SCHEMA_VERSION, require_schema
from gsmooth.sampling.noise import SAMPLER, SeedCommitment, sampler_of_kind
from gsmooth.transforms.base import Parameter

_PACKAGES: Final = ("torch", "kornia", "numpy", "scipy")
_JUDGING: Final[Mapping[str, type[Section]]] = {
    "smoothing": SmoothingSection,
    "region": RegionSection,
    "certify": CertifySection,
}
"""The sections that rows are judged by: none of their settings may be left out..."""
_WHILE_RUNNING: Final = frozenset({"within", "online_seconds", "seed_file"})
"""... but for those that only say when to stop, or where a seed is."""
_LATER: Final = frozenset({"n0_first"})
"""Settings that runs of earlier versions did not have: without them rows are judged as then."""
_OUTSIDE: Final = frozenset({"sampler", "decision_rule", "seed_commitment"})
"""Fields of a header that belong to its identity and are no part of the configuration."""


@final
@dataclass(frozen=True)
class RunHeader:
    """What produced the rows of one folder.

    fingerprint: hash of ``identity``, the part of the configuration (and the digests of weights
    and images) that counts and certificates depend on. config: all of it, resolved. parameters:
    those of the transformation, for labels and axes. sampler: how seeds become noise, the same for
    all rows; so is decision_rule: how votes become certificates. plan: the images that are to have
    a row. capabilities: what the transformation claimed. class_names: one an output of the model;
    None where they have no names. data_notices: what was passed over when the images were read, and
    what was done to them first. seed_commitment: to a secret seed; None where the seed is in
    ``config``. created: UTC, ISO 8601. Schema 2 has no plan and no capabilities: None.
    """

    schema_version: int
    fingerprint: str
    identity: Mapping[str, object]
    config: Mapping[str, object]
    parameters: tuple[Parameter, ...]
    sampler: str
    decision_rule: int
    plan: PlannedImages | None
    capabilities: Capabilities | None
    class_names: tuple[str, ...] | None
    data_notices: tuple[str, ...]
    seed_commitment: SeedCommitment | None
    versions: Mapping[str, str]
    machine: Mapping[str, str]
    created: str

    @staticmethod
    def create(
        fingerprint: str,
        identity: Mapping[str, object],
        config: Mapping[str, object],
        parameters: tuple[Parameter, ...] = (),
        sampler: str = SAMPLER,
        *,
        plan: PlannedImages,
        capabilities: Capabilities,
        class_names: tuple[str, ...] | None = None,
        data_notices: tuple[str, ...] = (),
        seed_commitment: SeedCommitment | None = None,
    ) -> RunHeader:
        """The header of a run that starts now on this machine, with these installed versions."""
        return RunHeader(
            schema_version=SCHEMA_VERSION,
            fingerprint=fingerprint,
            identity=_plain(identity),
            config=_plain(config),
            parameters=parameters,
            sampler=sampler,
            decision_rule=decision_rule(_section(config, "certify")),
            plan=plan,
            capabilities=capabilities,
            class_names=class_names,
            data_notices=data_notices,
            seed_commitment=seed_commitment,
            versions=installed_versions(),
            machine=this_machine(),
            created=datetime.now(UTC).isoformat(timespec="seconds"),
        )

    def to_json(self) -> str:
        """Indented for people; strict JSON."""
        return json.dumps(encode(self), indent=2, allow_nan=False) + "\n"

    @staticmethod
    def from_json(text: str | bytes, where: str = "run.json") -> RunHeader:
        """The header that was written; RecordError unless it fits exactly."""
        found = parse(text, where)
        if not isinstance(found, dict):
            raise RecordError(f"{where}: {found!r} found; expected an object")
        if require_schema(found.get("schema_version"), where) == schema2.VERSION:
            return decode(RunHeader, schema2.header_fields(found, where), where)
        header = decode(RunHeader, found, where)
        if header.plan is None or header.capabilities is None:
            raise RecordError(f"{where}: plan and capabilities may not be null")
        return header


def differences(old: Mapping[str, object], new: Mapping[str, object]) -> list[str]:
    """Dotted names of the fields in which two configurations differ, with both values."""
    return [f"{name}: {a} there, {b} here" for name, a, b in _differing(old, new)]


def header_faults(header: RunHeader) -> Iterator[tuple[str, str]]:
    """(field, message) wherever fingerprint, identity and configuration do not belong together.

    They do where the fingerprint is the hash of the identity, the identity follows from the
    configuration (and the digests, which only the run itself can check), and the configuration
    leaves out nothing that rows are judged by.
    """
    expected = fingerprint_of(header.identity)
    if header.fingerprint != expected:
        yield "fingerprint", f"{header.fingerprint}, but that of the identity is {expected}"
    kind = str(_section(header.config, "model").get("device", "cpu")).partition(",")[0]
    if header.sampler != (usual := sampler_of_kind(kind.partition(":")[0])):
        yield "sampler", f"{header.sampler!r}; on this device it is {usual!r}"
    rule = decision_rule(_section(header.config, "certify"))
    if header.decision_rule != rule:
        yield "decision_rule", f"{header.decision_rule}; this gsmooth has rule {rule} for such runs"
    for section, names in _judged(header).items():
        given = _section(header.config, section)
        for name in sorted(names):
            if name not in given:
                yield f"config.{section}.{name}", "not given; rows are judged by it"
    # Where f depends on the batch size, the run's configuration has the fixed one.
    fixed_batch = _section(header.config, "engine").get("batch_size")
    digests = _section(header.identity, "digests")
    batch_dependent = fixed_batch if "engine" in header.identity else None
    if header.schema_version == schema2.VERSION:
        implied = schema2.identity(header.config, digests, batch_dependent)
    else:
        implied = identity_of_tree(
            header.config,
            digests,
            batch_dependent,
            header.sampler,
            header.decision_rule,
            header.seed_commitment,
        )
    for name, kept, found in _differing(header.identity, implied):
        where = name if name.partition(".")[0] in _OUTSIDE else f"config.{name}"
        yield where, f"{found}, but the identity of the run has {kept}"


def _judged(header: RunHeader) -> Mapping[str, frozenset[str]]:
    """The settings that its rows are judged by, section by section."""
    if header.schema_version == schema2.VERSION:
        return schema2.JUDGED
    return {
        section: frozenset(kind.model_fields) - _WHILE_RUNNING - _LATER
        for section, kind in _JUDGING.items()
    }


def installed_versions() -> dict[str, str]:
    """Versions of gsmooth, Python and the packages that can change a count."""
    found = {"gsmooth": gsmooth.__version__, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def this_machine() -> dict[str, str]:
    """System, processor and number of CPUs; nothing that names the machine or its user."""
    return {
        "system": platform.platform(),
        "processor": platform.processor() or platform.machine(),
        "cpus": str(os.cpu_count() or "unknown"),
    }


def _plain(tree: Mapping[str, object]) -> Mapping[str, object]:
    """Plain JSON values, so that a header equals the one read back."""
    encoded = encode(tree)
    assert isinstance(encoded, dict)
    return encoded


def _section(tree: Mapping[str, object], name: str) -> Mapping[str, object]:
    found = tree.get(name)
    return found if isinstance(found, Mapping) else {}


def _differing(
    old: Mapping[str, object], new: Mapping[str, object]
) -> Iterator[tuple[str, str, str]]:
    """Dotted name, old and new value of every field in which two trees differ.

    0, 0.0 and False are three values here, as they are in the fingerprint.
    """
    before, after = dict(_flat(old)), dict(_flat(new))
    for name in dict.fromkeys([*before, *after]):
        kept, found = _show(before, name), _show(after, name)
        if kept != found or (name in before) != (name in after):
            yield name, kept, found


def _flat(tree: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    for key, value in tree.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _show(fields: Mapping[str, object], name: str) -> str:
    return repr(fields[name]) if name in fields else "not given"


def continued(old: RunHeader, new: RunHeader) -> RunHeader:
    """The header of a run that goes on: what may change is new, the plan is what either planned."""
    plan = old.plan.joined(new.plan) if old.plan and new.plan else new.plan
    return replace(
        new,
        plan=plan,
        capabilities=old.capabilities,
        seed_commitment=old.seed_commitment,
        created=old.created,
    )


def require_same_run(old: RunHeader, new: RunHeader, where: str) -> None:
    """RecordError naming the differing fields unless both headers are of one fingerprint."""
    if old.schema_version != SCHEMA_VERSION:
        raise RecordError(
            f"{where} holds records of schema {old.schema_version} (gsmooth"
            f" {old.versions.get('gsmooth', 'of before')}), which can be read, verified and"
            " reported but not continued; choose another folder"
        )
    _require_same_claims(old, new, where)
    if (old.fingerprint, old.sampler) == (new.fingerprint, new.sampler):
        return
    found = differences(
        {**old.identity, "sampler": old.sampler}, {**new.identity, "sampler": new.sampler}
    )
    what = "; ".join(found) or "the fingerprint alone; another version of gsmooth wrote it"
    raise RecordError(
        f"{where} holds records of another run. Different: {what}. Choose another folder, or"
        " the configuration that the folder was started with"
    )


def _require_same_claims(old: RunHeader, new: RunHeader, where: str) -> None:
    """RecordError where the transformation claims something else than it did before."""
    before, now = old.capabilities, new.capabilities
    if old.fingerprint != new.fingerprint or before is None or now is None:
        return
    if not before.same_claims(now):
        raise RecordError(
            f"{where} holds records of a transformation that claimed something else: {before}"
            f" there, {now} here. Another version of its plugin is installed: choose another folder"
        )
