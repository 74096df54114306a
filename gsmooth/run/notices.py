"""Notices: what a user should hear once, before the first vote."""

from __future__ import annotations

from collections.abc import Iterator

from gsmooth.run.assembly import Assembly
from gsmooth.run.inputs import data_notices
from gsmooth.run.models import model_notices


def input_notices(parts: Assembly) -> Iterator[str]:
    """How the images were read, and what is to be known of the model; a sentence each."""
    yield from data_notices(parts.config, parts.dataset)
    yield from model_notices(parts.smoothed.classifier, parts.config.model.weights)
