"""A case: what is certified, of which network, under which noise and on which images.

Cases are tables of ``benchmarks/settings/*.toml``, and have the sections of a run file.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Literal, Self, final

from pydantic import Field
from torch import nn

from gsmooth.runs.config.certify_section import CertifySection
from gsmooth.runs.config.data_section import DataSection
from gsmooth.runs.config.model_section import ModelSection
from gsmooth.runs.config.region_section import RegionSection, TransformationSection
from gsmooth.runs.config.resolution import resolved
from gsmooth.runs.config.run_config import AttackSection, EngineSection, OutputSection, RunConfig
from gsmooth.runs.config.section import Section
from gsmooth.runs.config.smoothing_section import SmoothingSection
from gsmooth.runs.config.train_section import TrainSection

FOLDER: Final = Path(__file__).parents[1] / "settings"
SECTIONS: Final = ("data", "transformation", "smoothing", "region", "certify", "attack")
"""What a case has as a run file has it."""
Split = Literal["training", "choosing", "heldout"]


@final
class Network(Section):
    """An architecture, its inputs, and how it is trained; ``train`` is None for a shipped model.

    spec: factory of the inference form; with ``_to_train`` behind it, of what is trained. images:
    data specs by split; none where the images come from files that the command line names.
    """

    spec: str
    shape: tuple[int, int, int] | None = None
    classes: int | None = None
    input_range: tuple[float, float] | None = None
    train: TrainSection | None = None
    images: Mapping[Split, str] = Field(default_factory=dict)

    def model(self, weights: Path | None = None) -> ModelSection:
        """[model] of a run; ``weights`` are not used where nothing is trained here."""
        return ModelSection(
            weights=None if self.train is None else weights,
            **self.model_dump(include={"spec", "shape", "classes", "input_range"}),
        )

    def to_train(self) -> nn.Sequential:
        """The network with its batch norms."""
        module, _, name = self.spec.partition(":")
        found: nn.Sequential = getattr(import_module(module), f"{name}_to_train")()
        return found


@final
class Memory(Section):
    """Batch size, numbers of votes, and the n that others certify with (0: they are not asked)."""

    batch: int
    few: int
    many: int
    others: int = 0


@final
class Published(Section):
    """Figures of others in percent, None where there are none, and what their case is."""

    case: str
    certified: float
    attacked: float | None = None
    clean: float | None = None


@final
class Case(Section):
    """One thing that is certified and measured; ``certify`` and ``attack`` as in a run file.

    name: of the folder of records, and for ``--only``. region_text: the region in everyday units.
    cover, test: the way of certifying, for tables. twin: the case whose records hold the attacks on
    the same g, if they are not made here. weights: cases that name the same share one trained
    network; trained_on: whether it sees the noise of this case. published: figures of others for
    the same region. votes: n of timed certificates in radius mode; sizes: batch sizes among which
    the best is sought; targets: wanted ratios by what is compared with.
    """

    name: str
    network: Network
    transformation: TransformationSection
    smoothing: SmoothingSection
    region: RegionSection
    data: DataSection = DataSection()
    certify: CertifySection = CertifySection()
    attack: AttackSection = AttackSection()
    region_text: str = ""
    cover: str = ""
    test: str = ""
    twin: str = ""
    weights: str = ""
    trained_on: bool = True
    published: Published | None = None
    votes: int = 0
    sizes: tuple[int, ...] = ()
    targets: Mapping[str, float] = Field(default_factory=dict)
    memory: Memory | None = None

    def config(
        self, folder: Path = Path("runs"), weights: Path | None = None, **engine: Any
    ) -> RunConfig:
        """The run of this case, resolved; ``engine``: what [engine] says, if anything."""
        same = {name: getattr(self, name) for name in SECTIONS}
        model, output = self.network.model(weights), OutputSection(folder=folder)
        return resolved(
            RunConfig(model=model, engine=EngineSection(**engine), output=output, **same)
        )

    def but(self, **sections: dict[str, Any]) -> Self:
        """The same with other values of some fields: ``case.but(data={"limit": 2})``."""
        tables = {
            name: getattr(self, name).model_copy(update=fields) for name, fields in sections.items()
        }
        return self.model_copy(update=tables)


def cases(name: str) -> list[Case]:
    """The cases of ``settings/NAME.toml``: every ``case``, certified in every ``way`` if there are.

    What neither says is taken from ``common``; networks and published figures are named.
    """
    tree = read(name)
    found = []
    for case in tree["case"]:
        for way in tree.get("way", [{}]):
            whole = _joined(_joined(tree.get("common", {}), case), way)
            whole["network"] = tree["network"][whole["network"]]
            if "published" in whole:
                whole["published"] = tree["published"][whole["published"]]
            found.append(Case.model_validate(whole))
    return found


def _joined(case: dict[str, Any], way: Mapping[str, Any]) -> dict[str, Any]:
    """A case certified in one way: tables are merged, names joined, other values replaced."""
    found = dict(case)
    for field, value in way.items():
        before = case.get(field)
        if isinstance(value, dict) and isinstance(before, dict):
            found[field] = {**before, **value}
        elif field == "name" and before:
            found["name"] = f"{before}-{value}"
        elif field == "twin":
            found["twin"] = f"{case['name']}-{value}"
        else:
            found[field] = value
    return found


def read(name: str) -> dict[str, Any]:
    """``benchmarks/settings/NAME.toml``."""
    return tomllib.loads((FOLDER / f"{name}.toml").read_text("utf-8"))
