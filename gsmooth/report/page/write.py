"""Writing the page: the document through its templates into one HTML file."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gsmooth.data.dataset import Dataset
from gsmooth.report.attacked_images import (
    input_range_of,
    installed_transformation,
    require_rows_in,
    require_same_images,
)
from gsmooth.report.page.document import Document, document_of
from gsmooth.report.page.names import RunNames
from gsmooth.report.page.paths import Attacker
from gsmooth.report.totals import Totals
from gsmooth.runs.records.files import make_folder, write_atomically
from gsmooth.runs.records.folder import Records
from gsmooth.text.display import plain_lines
from gsmooth.text.rounding import percent, text_up

if TYPE_CHECKING:
    from jinja2 import Environment

    from gsmooth.transforms.base import Transformation

TEMPLATES: Final = Path(__file__).parent / "templates"
SCRIPTS: Final = ("pictures.js", "details.js", "grid.js", "tables.js", "start.js")


def write_page(
    runs: Sequence[Records | Totals],
    path: Path,
    images: Sequence[Dataset | None] = (),
) -> Path:
    """Write a report on runs as one HTML file, which needs nothing else and asks no network.

    Pictures are made by installed transformations, of images that the caller gives: no data and no
    code are loaded from names in the records.

    Args:
        runs: Records of the runs, or their totals.
        path: The file.
        images: The images of each run, for pictures; by default none.

    Returns:
        The path.

    Raises:
        InputError: These are not the images of the run.
        RecordError: There is no finished image, or a row is about an image that is not in the data.
        PluginError: The transformation is not installed, and there are images.
        OutputError: The file cannot be written.
    """
    counted = [Totals.of(run) for run in runs]
    given = [*images, *[None] * len(counted)]
    pairs = [
        (totals, None if data is None else attacker_of(totals.run, data))
        for totals, data in zip(counted, given, strict=False)
    ]
    return write_document(document_of(pairs), path)


def write_document(document: Document, path: Path) -> Path:
    """Write a document as one HTML file; OutputError if it cannot be written."""
    make_folder(path.parent)
    write_atomically(path, page_of(document).encode())
    return path


def attacker_of(
    records: Records, dataset: Dataset, transformation: Transformation | None = None
) -> Attacker:
    """Prepare the pictures of a run, after a check that the images are those of the run.

    Args:
        records: Records of the run.
        dataset: Its images.
        transformation: The transformation, if the caller has it; by default the installed one.
    """
    found = transformation or installed_transformation(records, dataset.shape)
    require_same_images(records, dataset)
    require_rows_in(dataset, records, [row.index for row in records.rows])
    return Attacker(found, dataset, input_range_of(records), RunNames.of(records))


def page_of(document: Document) -> str:
    """Return the HTML of a document.

    The policy in its head allows this one script, this one style and pictures in the file itself,
    and nothing else: what a name might smuggle in is not run.
    """
    script = "\n".join((TEMPLATES / "script" / name).read_text("utf-8") for name in SCRIPTS)
    style = (TEMPLATES / "style.css").read_text("utf-8")
    return (
        _environment()
        .get_template("page.html")
        .render(
            document=document,
            data=_inert(document.data()),
            script=script,
            style=style,
            policy=_policy(script, style),
        )
    )


def _policy(script: str, style: str) -> str:
    return (
        f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}';"
        " img-src data: blob:; base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _inert(text: str) -> str:
    """JSON without any character that HTML gives a meaning to."""
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_printable,
    )
    made.filters |= {"percent": percent, "up": text_up}
    return made


def _printable(value: object) -> object:
    """Replace what would be obeyed, such as marks that turn the direction of writing."""
    return plain_lines(value) if type(value) is str else value
