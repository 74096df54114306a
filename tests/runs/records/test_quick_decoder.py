"""Quick decoding and careful decoding are one: what the one takes, the other takes, and equal."""

from __future__ import annotations

import copy
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsmooth.certificate import Verdict
from gsmooth.errors import RecordError
from gsmooth.runs.records import codec, quick_decoder
from gsmooth.runs.records.codec import decode, encode, parse
from gsmooth.runs.records.header import RunHeader
from gsmooth.runs.records.row import Row
from tests.runs.samples import make_abstention, make_centre, make_header, make_radius_row, make_row

KINDS: dict[str, tuple[type, Any]] = {
    "row": (Row, encode(make_row())),
    "abstention": (Row, encode(make_abstention())),
    "radius": (Row, encode(make_radius_row(5, attack=None))),
    "infinite": (
        Row,
        encode(make_row(evidence=(make_centre(margin=math.inf, verdict=Verdict.EXHAUSTED),))),
    ),
    "header": (RunHeader, encode(make_header())),
}
VALUES: st.SearchStrategy[Any] = st.sampled_from(
    [
        *(None, True, 0, -1, 1.5, 0.0, 10**400, math.inf, -math.inf, [], {}, [0.0], [[]], {"a": 1}),
        *("inf", "", "region", "certified", "accepted", "individual"),
    ]
)


def places(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path to everything in a tree of JSON."""
    found = [path] if path else []
    inner = (
        tree.items()
        if isinstance(tree, dict)
        else enumerate(tree)
        if isinstance(tree, list)
        else ()
    )
    return found + [place for key, value in inner for place in places(value, (*path, key))]


def changed(tree: Any, path: tuple[Any, ...], value: Any) -> Any:
    """A copy with another value at one place."""
    tree = copy.deepcopy(tree)
    at = tree
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return tree


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_written_is_read_quickly(kind: str) -> None:
    cls, document = KINDS[kind]
    found = codec._quick(cls)(json.loads(json.dumps(document)))
    assert found == codec._decoder(cls)(document)
    assert encode(found) == document


@given(st.sampled_from(sorted(KINDS)), st.data(), VALUES)
def test_what_does_not_fit_is_refused_by_both(kind: str, data: st.DataObject, value: Any) -> None:
    cls, document = KINDS[kind]
    spoilt = changed(document, data.draw(st.sampled_from(places(document))), value)
    try:
        fast: Any = codec._quick(cls)(spoilt)
    except quick_decoder.UnfitError:
        fast = None
    try:
        careful: Any = codec._decoder(cls)(spoilt)
    except codec._Misfit:
        careful = None
    assert repr(fast) == repr(careful)


@pytest.mark.parametrize("change", ["missing", "unknown"])
def test_other_fields_than_the_known_ones_are_refused(change: str) -> None:
    fields: dict[str, Any] = {**KINDS["row"][1]}
    if change == "missing":
        del fields["seed"]
    else:
        fields["sead"] = fields.pop("seed")
    with pytest.raises(RecordError, match=r"missing fields: seed; unknown fields: (none|sead)"):
        decode(Row, fields, "row")


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 50_000, "1" * 5000])
def test_what_json_itself_cannot_read_is_refused(text: str) -> None:
    with pytest.raises(RecordError, match="row: not valid JSON"):
        parse(text, "row")
