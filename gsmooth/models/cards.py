"""Card: what a shipped model is, how it was trained and how well it does."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import Any, final

from pydantic import BaseModel, ConfigDict, ValidationError

from gsmooth.errors import ModelError
from gsmooth.text.spelling import did_you_mean

_PREFIX = "shipped:"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


@final
class ModelSection(_Section):
    """The network: a factory ``module:name``, its classes, input (C, H, W) and input range."""

    network: str
    classes: int
    shape: tuple[int, int, int]
    input_range: tuple[float, float] = (0.0, 1.0)
    options: dict[str, Any] = {}


@final
class SmoothingSection(_Section):
    """The noise that the model was trained under."""

    transformation: str
    sigma: float
    scales: tuple[float, ...] = ()
    law: str = "gaussian"
    grid: float = 2.0**-8
    options: dict[str, Any] = {}


@final
class RegionSection(_Section):
    """The region that the model was trained to withstand."""

    lower: tuple[float, ...] = ()
    upper: tuple[float, ...] = ()
    l2: float = 0.0


@final
class Card(_Section):
    """``gsmooth/shipped/NAME.toml``. ``training`` and ``accuracy`` are free text for people."""

    name: str
    model: ModelSection
    smoothing: SmoothingSection
    region: RegionSection
    training: dict[str, Any] = {}
    accuracy: dict[str, Any] = {}


def shipped_models() -> tuple[str, ...]:
    """Names of the models in the package, sorted."""
    folder = files("gsmooth") / "models" / "zoo"
    if not folder.is_dir():
        return ()
    names = [entry.name for entry in folder.iterdir() if entry.name.endswith(".toml")]
    return tuple(sorted(name.removesuffix(".toml") for name in names))


def card(spec: str) -> Card | None:
    """The card of ``shipped:NAME``; None for any other spec. No torch is imported.

    Raises ModelError for a name that is not shipped (with the nearest), or a card that is unfit.
    """
    if not spec.startswith(_PREFIX):
        return None
    name = spec.removeprefix(_PREFIX)
    known = shipped_models()
    if name not in known:
        raise ModelError(
            f"model {spec!r}: not shipped{did_you_mean(name, known)}; shipped:"
            f" {', '.join(known) or 'none'}"
        )
    return read_card(
        name, (files("gsmooth") / "models" / "zoo" / f"{name}.toml").read_text("utf-8")
    )


def read_card(name: str, text: str) -> Card:
    """The card ``text`` (TOML); ModelError naming the field that does not fit."""
    try:
        return Card.model_validate({"name": name, **tomllib.loads(text)})
    except tomllib.TOMLDecodeError as error:
        raise ModelError(f"card of {name!r}: not TOML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ModelError(f"card of {name!r}: {where}: {first['msg']}") from error
