"""The text of the run file that ``gsmooth init`` writes: every line with the reason for it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

from gsmooth.data.look import FolderLook
from gsmooth.data.preparation import Preparation
from gsmooth.data.splits import ALL
from gsmooth.runs.settings import RUN
from gsmooth.text.display import plain
from gsmooth.transforms.region import Region


@final
@dataclass(frozen=True)
class Choice:
    """Transformation, region and noise of the run file.

    Args:
        transformation: Its name.
        names: Names of its parameters.
        region: What is to be certified.
        options: Options of the transformation.
        laws: The law of the noise on each parameter.
        scales: The size of each.
        sigma: Standard deviation of the noise on the image; None: the usual noise is taken.
    """

    transformation: str
    names: tuple[str, ...]
    region: Region
    options: Mapping[str, object] | None = None
    laws: tuple[str, ...] = ()
    scales: tuple[float, ...] = ()
    sigma: float | None = None


def run_file_lines(
    look: FolderLook, preparation: Preparation, choice: Choice, notices: Sequence[str]
) -> Iterator[str]:
    """The lines of a run file for these images."""
    counts = look.counts
    yield "# Written by gsmooth init. Every field: gsmooth certify --help, and the page"
    yield '# "run file" of the documentation. Lines that begin with # are comments.'
    yield "#"
    yield f"# {sum(counts.values())} images of {len(counts)} classes in {_comment(look.folder)}"
    if look.split != ALL:
        yield f"# (split {_comment(look.split)} of {_comment(', '.join(look.splits))})"
    yield from (f"# - {_comment(text)}" for text in notices)
    yield ""
    yield from _model()
    yield from _data(look, preparation)
    yield from _task(choice)
    yield from _decision()
    yield from _train(look)


def _model() -> Iterator[str]:
    yield "[model]"
    yield "# A small network for any images; or module:factory for yours, timm:NAME, hf:NAME."
    yield 'spec = "zoo:resnet-small"'
    yield ""


def _data(look: FolderLook, preparation: Preparation) -> Iterator[str]:
    yield "[data]"
    yield f"spec = {toml(str(Path(look.folder).absolute()))}"
    if look.split == ALL:
        yield "# There are no splits: a part is held out of the training (below), for certificates."
    elif not {"heldout", "test"} & set(look.splits):
        others = [name for name in look.splits if name != look.split]
        yield "# gsmooth certify takes split heldout or test; here it has to be named, e.g."
        yield f"# --set data.split={_comment((others or [look.split])[0])}"
    if preparation.resize is not None:
        yield "# Shortest side in pixels, then the centre that is cut out. Certificates are about"
        yield "# the images that result; larger ones cost more."
        yield f"resize = {toml(preparation.resize)}"
        yield f"crop = {toml(preparation.crop)}"
    if preparation.background is not None:
        yield "# The colour behind transparent pixels."
        yield f"background = {toml(list(preparation.background))}"
    yield "# Images that are certified, at most. Left out: all."
    yield f"# limit = {RUN.init.limit}"
    yield ""


def _task(choice: Choice) -> Iterator[str]:
    yield "[transformation]"
    yield "# gsmooth plugins lists them; several are joined with +."
    yield f"name = {toml(choice.transformation)}"
    if choice.options:
        yield "# The lift that keeps most of the images under the noise, by a heuristic."
        yield f"options = {toml(choice.options)}"
    yield ""
    yield "[region]"
    region = choice.region
    if region.lower:
        yield "# What is certified: every value of each parameter between these ends."
        yield f"lower = {toml(dict(zip(choice.names, region.lower, strict=True)))}"
        yield f"upper = {toml(dict(zip(choice.names, region.upper, strict=True)))}"
    yield "# An additive l2 ball on top, in units of the pixel range [0, 1]."
    yield f"l2 = {toml(region.l2)}"
    yield "# 8: the attacked image is saved as an image file. 0: it stays a float image."
    yield f"bits = {toml(region.bits)}"
    yield ""
    yield "[smoothing]"
    if choice.sigma is None:
        yield "# Left out: the usual noise for the region. gsmooth tune compares others."
    else:
        yield "# Chosen by the residuals of your images. More noise makes margins smaller, and"
        yield "# images harder to tell apart. Train again when you change it."
        yield f"sigma = {toml(choice.sigma)}"
        if choice.laws:
            yield f"law = {toml(dict(zip(choice.names, choice.laws, strict=False)))}"
            yield f"scales = {toml(dict(zip(choice.names, choice.scales, strict=False)))}"
    yield ""


def _decision() -> Iterator[str]:
    yield "[certify]"
    yield "# Probability, for each image, that its certificate is wrong."
    yield "alpha = 0.001"
    yield "# Votes for one image at most; --dry-run foretells the cost."
    yield "max_votes = 5000"
    yield "# inside-out: where the whole region fails, the part that was reached is certified."
    yield 'order = "worst-first"'
    yield ""


def _train(look: FolderLook) -> Iterator[str]:
    counts = [count for count in look.counts.values() if count]
    yield "[train]"
    yield "# Passes over the images; Ctrl-C keeps the best weights so far."
    yield "epochs = 40"
    yield "# noise, consistency (often better, twice the time), smoothadv or macer."
    yield 'method = "noise"'
    balanced = max(counts) < RUN.init.unbalanced * min(counts)
    yield "# Whether images of all classes are drawn equally often."
    yield f"balance = {toml(not balanced)}"
    if look.split == ALL:
        yield "# Part of the images that is not trained on, so that it can be certified."
        yield f"holdout = {toml(RUN.init.holdout)}"
    if look.groups is not None:
        yield f"# {look.tracks} tracks of near copies, which are never divided: a pattern for the"
        yield "# names of files, whose group in parentheses names the track."
        yield f"groups = {toml(look.groups)}"


def toml(value: object) -> str:
    """A value on one line, as TOML.

    Example:
        >>> toml({"angle": 4.0, "kind": "a"}), toml([True, None])
        ('{angle = 4.0, kind = "a"}', '[true]')
    """
    if isinstance(value, Mapping):
        pairs = (f"{_key(k)} = {toml(v)}" for k, v in value.items() if v is not None)
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(toml(one) for one in value if one is not None)}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    return json.dumps(str(value), ensure_ascii=True).replace("\x7f", "\\u007f")


def _key(name: object) -> str:
    text = str(name)
    bare = text.isascii() and text.replace("_", "").replace("-", "").isalnum()
    return text if bare else json.dumps(text)


def _comment(text: object) -> str:
    """One line without control characters, which no comment may hold."""
    return plain(str(text))
