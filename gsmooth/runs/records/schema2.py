"""Schema 2: the records of gsmooth 0.1.0, read for ever and never written.

Frozen: this module defines what folders of that version mean, and must not follow later changes.
Rows and headers become those of today; what they lack is None (``gsmooth.runs.records.row``,
``header``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gsmooth.errors import RecordError
from gsmooth.runs.records.recorded_noise import SIZE_WORDS
from gsmooth.theory.laws import GaussianLaw

VERSION: Final = 2
DECISION_RULE: Final = 1
"""The rule that all of these rows were decided by."""

JUDGED: Final[Mapping[str, frozenset[str]]] = {
    "smoothing": frozenset({"law", "sigma", "scales", "grid", "seed"}),
    "region": frozenset({"lower", "upper", "l2", "bits"}),
    "certify": frozenset(
        {
            "mode",
            "alpha",
            "n0",
            "max_votes",
            "futility",
            "order",
            "n",
            "bound",
            "n_outer",
            "n_inner",
            "alpha_inner",
            "rule",
            "attempts",
            "centres",
            "guarantee",
            "calibration",
        }
    ),
}
"""The settings that rows are judged by: a header has to give all of them."""

_FREE: Final[Mapping[str, frozenset[str] | None]] = {
    "data": frozenset({"start", "every", "limit"}),
    "predict": None,
    "train": None,
    "engine": None,
    "output": None,
}
_USUAL: Final[Mapping[str, object]] = {"autocast": None, "channels_last": False, "compile": False}

Fields = dict[str, object]


def identity(
    config: Mapping[str, object], digests: Mapping[str, object], fixed_batch: object = None
) -> Fields:
    """What the fingerprint is the hash of: the configuration without what counts are free of."""
    tree = dict(config)
    for section, free in _FREE.items():
        if free is None:
            tree.pop(section, None)
        else:
            tree[section] = {k: v for k, v in _table(tree, section).items() if k not in free}
    model, certify = _table(tree, "model"), _table(tree, "certify")
    if certify.get("guarantee") != "online":
        certify.pop("online_seconds", None)
    if certify.get("bound") != "sequence":
        certify.pop("within", None)
    for option, usual in _USUAL.items():
        if model.get(option, usual) == usual:
            model.pop(option, None)
    model["device"] = str(model.get("device")).partition(",")[0].partition(":")[0]
    tree |= {"model": model, "certify": certify}
    if fixed_batch is not None:
        tree["engine"] = {"batch_size": fixed_batch}
    return {**tree, "digests": dict(digests)} if digests else tree


def header_fields(found: Fields, where: str) -> Fields:
    """The fields of a header in today's names; RecordError for fields that schema 2 has not."""
    lacking: Fields = {
        "decision_rule": DECISION_RULE,
        "plan": None,
        "capabilities": None,
        "class_names": None,
        "data_notices": [],
        "seed_commitment": None,
    }
    parameters = found.get("parameters")
    if isinstance(parameters, list):
        parameters = [_with(p, {"step": 0.0}, where) for p in parameters]
    return _with({**found, "parameters": parameters}, lacking, where)


def row_fields(found: Fields, where: str) -> Fields:
    """The fields of a row in today's names; RecordError for fields that schema 2 has not."""
    if found.get("reason") == "unreachable":
        raise RecordError(f"{where}.reason: 'unreachable' found; schema 2 has no such reason")
    fields = _renamed(found, {"gauge": "fraction", "law": "noise"}, where)
    fields["noise"] = _noise(fields.get("noise"), f"{where}.noise")
    if isinstance(evidence := fields.get("evidence"), list):
        fields["evidence"] = [
            _centre(centre, f"{where}.evidence[{place}]") for place, centre in enumerate(evidence)
        ]
    if isinstance(attack := fields.get("attack"), dict):
        fields["attack"] = _with(attack, {"missing_gradient": None}, f"{where}.attack")
    return _with(fields, {"image_digest": None}, where)


def _centre(found: object, where: str) -> object:
    if not isinstance(found, dict):
        return found
    fields = _renamed(found, {"share": "required_p"}, where)
    if isinstance(inner := fields.get("inner"), dict):
        fields["inner"] = _renamed(inner, {"share": "required_p"}, f"{where}.inner")
    if isinstance(steps := fields.get("profile"), list):
        names = {"gauge": "fraction", "share": "required_p"}
        fields["profile"] = [
            _renamed(step, names, f"{where}.profile") if isinstance(step, dict) else step
            for step in steps
        ]
    return _with(fields, {"class_votes": None, "ties": None}, where)


def _noise(found: object, where: str) -> object:
    """``law`` as ``noise``; with several scales, the parameter of another law is not recorded."""
    names = {"name", "scales", "sigma", "orthogonal"}
    if not isinstance(found, dict) or found.keys() != names:
        raise RecordError(f"{where}: {found!r} found; expected {', '.join(sorted(names))}")
    name, scales = found["name"], found["scales"]
    if not isinstance(name, str) or not isinstance(scales, list):
        raise RecordError(f"{where}: {found!r} found; expected a name and a list of scales")
    stated = len(scales) == 1 or name == GaussianLaw.name
    law, word = name if stated else f"{name} or gaussian", SIZE_WORDS.get(name, "size")
    axes = [{"law": law, word if stated else "size": scale} for scale in scales]
    return {"sigma": found["sigma"], "orthogonal": found["orthogonal"], "axes": axes}


def _renamed(found: Mapping[str, object], names: Mapping[str, str], where: str) -> Fields:
    fields = dict(found)
    for old, new in names.items():
        if new in fields:
            raise RecordError(f"{where}: unknown fields: {new}")
        if old in fields:
            fields[new] = fields.pop(old)
    return fields


def _with(found: object, lacking: Mapping[str, object], where: str) -> Fields:
    if not isinstance(found, dict):
        raise RecordError(f"{where}: {found!r} found; expected an object")
    if unknown := [name for name in lacking if name in found]:
        raise RecordError(f"{where}: unknown fields: {', '.join(unknown)}")
    return {**found, **lacking}


def _table(tree: Mapping[str, object], section: str) -> Fields:
    found = tree.get(section)
    return dict(found) if isinstance(found, Mapping) else {}
