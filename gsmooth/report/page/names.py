"""Names of a run as the page shows them: of classes, parameters, points and the attack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from gsmooth.data.class_names import class_label
from gsmooth.report.attacked_images import section
from gsmooth.report.page.settings import PAGE
from gsmooth.report.reach import about_preimages, at
from gsmooth.runs.records.folder import Records
from gsmooth.text.display import shortened
from gsmooth.transforms.base import Parameter


@final
@dataclass(frozen=True)
class RunNames:
    """What things are called in one run; every name is one printable line.

    Args:
        attack: Name of the transformation; "" where only pixels move.
        parameters: Parameters of the transformation.
        classes: Names of the classes; None if they have none.
        online: True for a run about originals.
    """

    attack: str
    parameters: tuple[Parameter, ...]
    classes: tuple[str, ...] | None
    online: bool

    @staticmethod
    def of(records: Records) -> RunNames:
        """The names that a run wrote down."""
        header = records.header
        attack = shortened(str(section(header.config, "transformation").get("name", "")))
        return RunNames(
            attack if header.parameters else "",
            header.parameters,
            header.class_names,
            about_preimages(records),
        )

    def class_(self, label: int | None) -> str:
        """Return the name of a class, or "abstains" for None."""
        if label is None:
            return "abstains"
        name = shortened(class_label(self.classes, label), PAGE.name_length)
        return name if self.classes else f"class {name}"

    def point(self, theta: tuple[float, ...]) -> str:
        """Return parameter values, such as ``−12.5°``; "no change" for no parameters."""
        return at(theta, self.parameters) if theta else "no change"
