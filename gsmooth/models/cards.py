"""Cards of shipped models: network, noise and region of training, and measured accuracy."""

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
    """The network of a shipped model.

    Args:
        network: Factory ``module:name`` that builds the network.
        classes: Number of classes.
        shape: Input shape (C, H, W).
        input_range: Least and greatest value of a pixel.
        options: Keyword arguments of the factory.
    """

    network: str
    classes: int
    shape: tuple[int, int, int]
    input_range: tuple[float, float] = (0.0, 1.0)
    options: dict[str, Any] = {}


@final
class SmoothingSection(_Section):
    """The noise of training.

    Args:
        transformation: Name of the transformation.
        sigma: Standard deviation of the noise on z.
        scales: Scale of the noise on each parameter, in its unit; empty without such noise.
        law: Name of the law of the noise on parameters.
        grid: Step of the grid to which noisy inputs are rounded.
        options: Options of the transformation.
    """

    transformation: str
    sigma: float
    scales: tuple[float, ...] = ()
    law: str = "gaussian"
    grid: float = 2.0**-8
    options: dict[str, Any] = {}


@final
class RegionSection(_Section):
    """The region of attacks in training.

    Args:
        lower: Lower end of each parameter, in its unit.
        upper: Upper end of each parameter, in its unit.
        l2: Radius of the l2 ball of perturbations; 0 without any.
    """

    lower: tuple[float, ...] = ()
    upper: tuple[float, ...] = ()
    l2: float = 0.0


@final
class Card(_Section):
    """The content of a card, ``gsmooth/models/zoo/NAME.toml``.

    Args:
        name: Name of the model.
        model: The network.
        smoothing: The noise of training.
        region: The region of attacks in training.
        training: Notes on the training, in free form.
        accuracy: Measured accuracies, in free form.
    """

    name: str
    model: ModelSection
    smoothing: SmoothingSection
    region: RegionSection
    training: dict[str, Any] = {}
    accuracy: dict[str, Any] = {}


def shipped_models() -> tuple[str, ...]:
    """Return the names of the models in the package, sorted."""
    folder = files("gsmooth") / "models" / "zoo"
    if not folder.is_dir():
        return ()
    names = [entry.name for entry in folder.iterdir() if entry.name.endswith(".toml")]
    return tuple(sorted(name.removesuffix(".toml") for name in names))


def card(spec: str) -> Card | None:
    """Return the card of ``shipped:NAME``, without importing torch.

    Args:
        spec: Spec of a model.

    Returns:
        The card; None if the spec does not begin with ``shipped:``.

    Raises:
        ModelError: No shipped model has this name, or its card is not valid.
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
    """Read a card from ``text`` (TOML).

    Args:
        name: Name of the model, for the error.
        text: The card.

    Raises:
        ModelError: A field is not valid; the message names it.
    """
    try:
        return Card.model_validate({"name": name, **tomllib.loads(text)})
    except tomllib.TOMLDecodeError as error:
        raise ModelError(f"card of {name!r}: not TOML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ModelError(f"card of {name!r}: {where}: {first['msg']}") from error
