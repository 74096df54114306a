"""Settings by which the rows of a table are told apart, as texts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePath

from gsmooth.errors import ConfigurationError
from gsmooth.report.reach import asked_for
from gsmooth.runs.records.folder import Records
from gsmooth.runs.verify.profiles import setting
from gsmooth.text.display import shortened
from gsmooth.text.spelling import did_you_mean

RUN = "run"
"""The name of the column with the name of a run."""

_PATHS = {
    "sigma": "smoothing.sigma",
    "std": "smoothing.scales",
    "law": "smoothing.law",
    "mode": "certify.mode",
    "alpha": "certify.alpha",
    "centres": "certify.centres",
    "guarantee": "certify.guarantee",
}

_SPEAKING = (RUN, "model", "data", "transformation", "region", "mode", "bound", "rule")
"""Settings whose values say what they are."""


def settings_of(records: Records) -> Mapping[str, str]:
    """Return the settings of a run that a row of a table may be named by, as texts.

    A setting that has no part in the run's rule is left out: ``n`` where votes are not fixed in
    advance, ``votes`` (the most for one image) where they are.
    """
    config = records.header.config
    found = {
        "model": _model(config),
        "data": _with(config, "data.spec", "data.split"),
        "transformation": _with(config, "transformation.name", "transformation.options"),
        "region": asked_for(records),
        **{name: _text(setting(config, path)) for name, path in _PATHS.items()},
        **dict(_rule(config)),
    }
    return {name: text for name, text in found.items() if text}


def setting_at(config: Mapping[str, object], path: str) -> str:
    """Return the text of a setting at a dotted path, such as ``certify.n0``; "" without it."""
    return _text(setting(config, path))


def naming_settings(
    runs: Sequence[Mapping[str, str]], asked: Sequence[str] | None = None
) -> tuple[str, ...]:
    """Choose the settings that name the rows of a table.

    Args:
        runs: The settings of each run.
        asked: Settings to use, or ``run`` for the names. None: those in which the runs differ, and
            the names of the runs where these tell them not apart.

    Raises:
        ConfigurationError: No run has a setting of a name in ``asked``.
    """
    if asked is not None:
        return tuple(_known(name, runs) for name in asked)
    every = dict.fromkeys(name for run in runs for name in run)
    differing = tuple(name for name in every if len({run[name] for run in runs if name in run}) > 1)
    told = [tuple(run.get(name, "") for name in differing) for run in runs]
    if differing and len(set(told)) == len(runs) and all(map(any, told)):
        return differing
    return (RUN, *differing)


def row_names(
    named_by: Sequence[str], name: str, settings: Mapping[str, str], config: Mapping[str, object]
) -> tuple[str, ...]:
    """Return the values of the settings that name the row of a run."""
    known = {**settings, RUN: name}
    return tuple(known[one] if one in known else setting_at(config, one) for one in named_by)


def spoken(named_by: Sequence[str], values: Sequence[str]) -> str:
    """Return the name of a row as a phrase, e.g. ``sigma 0.25, n 1000``."""
    parts = (
        value if one in _SPEAKING else f"{one} {value}"
        for one, value in zip(named_by, values, strict=True)
        if value
    )
    return ", ".join(parts)


def unique_names(paths: Sequence[Path]) -> tuple[str, ...]:
    """Name each path by its last part, or by as many parts as tell the paths apart."""
    most = max((len(path.parts) for path in paths), default=1)
    for count in range(1, most + 1):
        names = ["/".join(path.parts[-count:]) for path in paths]
        if len(set(names)) == len(set(paths)):
            break
    return tuple(names) if paths else ()


def _known(name: str, runs: Sequence[Mapping[str, str]]) -> str:
    every = sorted({key for run in runs for key in run} | {RUN})
    if name in every or "." in name:
        return name
    raise ConfigurationError(
        f"--rows {name}: no run has such a setting{did_you_mean(name, every)}; there are"
        f" {', '.join(every)}, and fields of a run file such as certify.n0"
    )


def _rule(config: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Yield the rule of decision, and its votes: fixed in advance (n) or the most for an image."""
    mode, rule = setting(config, "certify.mode"), setting(config, "certify.rule")
    if mode == "radius":
        yield "bound", _text(setting(config, "certify.bound"))
    if mode == "region":
        yield "rule", _text(rule)
    if mode == "radius" or (mode == "region" and rule == "fixed"):
        yield "n", _text(setting(config, "certify.n"))
    elif mode == "region":
        yield "votes", _text(setting(config, "certify.max_votes"))


def _model(config: Mapping[str, object]) -> str:
    weights = setting(config, "model.weights")
    file = PurePath(weights).name if isinstance(weights, str) else ""
    return _joined(_text(setting(config, "model.spec")), _text(file))


def _with(config: Mapping[str, object], path: str, more: str) -> str:
    return _joined(_text(setting(config, path)), _text(setting(config, more)))


def _joined(first: str, second: str) -> str:
    return f"{first} ({second})" if second else first


def _text(value: object) -> str:
    match value:
        case None | "" | {}:
            return ""
        case bool():
            return str(value).lower()
        case float():
            short = f"{value:g}"
            return short if float(short) == value else repr(value)
        case list() | tuple():
            return ", ".join(map(_text, value))
        case Mapping():
            return ", ".join(f"{key}={_text(part)}" for key, part in value.items())
        case _:
            return shortened(str(value))
