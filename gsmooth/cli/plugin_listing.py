"""PluginListing: what ``gsmooth plugins`` shows of all; kept, because plugins import torch."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, final

from gsmooth.boundaries.cache_folder import cache_folder

if TYPE_CHECKING:
    from gsmooth.transforms.registry import Fault, TransformationInfo

COLUMNS = ("name", "parameters", "laws", "claims", "guarantee", "package", "summary")


@final
@dataclass(frozen=True)
class PluginListing:
    """All transformations, and what is wrong with plugins.

    rows: the cells of each, in the order of COLUMNS. documents: each for ``--json``. faults: one
    for each broken plugin.
    """

    rows: list[list[str]]
    documents: list[dict[str, Any]]
    faults: list[dict[str, str]]

    @classmethod
    def found(cls) -> Self:
        """From all plugins, which are imported."""
        from gsmooth.cli.transformation_info import as_document
        from gsmooth.transforms import registry

        infos = list(registry.transformations().values())
        faults = [_fault(fault) for fault in registry.faults()]
        return cls([_cells(info) for info in infos], [as_document(info) for info in infos], faults)

    @classmethod
    def kept_or_found(cls) -> Self:
        """The one of an earlier call, if the same plugins are installed; else as :meth:`found`.

        With a fault nothing is kept: what repairs it may lie outside the plugin.
        """
        from gsmooth.transforms.installed import installed_stamp

        stamp, folder = installed_stamp(), cache_folder("plugins")
        if stamp is None or folder is None:
            return cls.found()
        # One file for each environment: it is replaced, and does not pile up.
        path = folder / f"{hashlib.sha256(sys.prefix.encode()).hexdigest()[:16]}.json"
        if (kept := cls._read(path, stamp)) is not None:
            return kept
        found = cls.found()
        if not found.faults:
            found._write(path, stamp)
        return found

    @classmethod
    def _read(cls, path: Path, stamp: str) -> Self | None:
        try:
            stored = json.loads(path.read_text("utf-8"))
            if stored["stamp"] != stamp:
                return None
            rows = [[str(cell) for cell in row] for row in stored["rows"]]
            documents = [dict(document) for document in stored["documents"]]
        except Exception:  # A damaged file is made again.
            return None
        return cls(rows, documents, []) if all(len(row) == len(COLUMNS) for row in rows) else None

    def _write(self, path: Path, stamp: str) -> None:
        text = json.dumps({"stamp": stamp, "rows": self.rows, "documents": self.documents})
        draft = path.with_name(f".{secrets.token_hex(8)}.json")
        try:
            draft.write_text(text, "utf-8")
            os.replace(draft, path)
        except OSError:
            with suppress(OSError):
                draft.unlink()


def _cells(info: TransformationInfo) -> list[str]:
    from gsmooth.cli.capabilities import capabilities_shown, guarantee_of
    from gsmooth.cli.transformation_info import parameter_line
    from gsmooth.transforms.options import fitting_laws

    kept = [claim for claim, made in capabilities_shown(info.cls).items() if made]
    return [
        info.name,
        "\n".join(parameter_line(info.cls, p) for p in info.cls.parameters) or "-",
        ", ".join(fitting_laws(info.cls)),
        ", ".join(kept) or "-",
        guarantee_of(info.cls),
        f"{info.package} {info.version}",
        info.cls.summary,
    ]


def _fault(fault: Fault) -> dict[str, str]:
    return {"plugin": fault.plugin, "package": fault.package, "message": fault.message}
