"""Records as Parquet, for pandas, polars and DuckDB: an export, never the original."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from typing import Any, Final

from gsmooth.errors import ConfigurationError
from gsmooth.runs.records.codec import encode
from gsmooth.runs.records.files import drafted, make_folder
from gsmooth.runs.records.folder import Records
from gsmooth.runs.records.recorded_noise import SIZE_WORDS
from gsmooth.runs.settings import RUN

_WORDS: Final = tuple(dict.fromkeys((*SIZE_WORDS.values(), "size")))
"""What sizes of noise are called: a column each."""
_VOTES: Final = ("class", "votes")


def export_parquet(records: Records, path: Path) -> None:
    """Write one Parquet row an image, evidence as a list of structs, the header as metadata.

    In groups of ``RUN.files.group_rows`` rows, so that no more of them are in memory.

    Infinite margins are infinite there. Needs pyarrow (extra ``parquet``); raises
    ConfigurationError without it and OutputError when ``path`` cannot be written.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise ConfigurationError(
            f'Parquet needs pyarrow ({error}); run: pip install "gsmooth[parquet]"'
        ) from error
    schema = _schema(pyarrow).with_metadata({"gsmooth": json.dumps(encode(records.header))})
    make_folder(path.parent)
    rows = iter(records.rows)
    with drafted(path) as stream, pyarrow.parquet.ParquetWriter(stream, schema) as writer:
        while some := [_native(encode(row)) for row in islice(rows, RUN.files.group_rows)]:
            writer.write_table(pyarrow.Table.from_pylist(some, schema=schema))


def _native(tree: Any) -> Any:
    """The JSON values of a row with infinite margins and pairs as Arrow has them."""
    tree["versions"] = list(tree["versions"].items())
    for centre in tree["evidence"]:
        for part in (centre, centre["inner"] or {"margin": 0.0}):
            part["margin"] = float(part["margin"])
        if centre["class_votes"] is not None:
            votes = centre["class_votes"]
            centre["class_votes"] = [dict(zip(_VOTES, pair, strict=True)) for pair in votes]
    return tree


def _schema(pa: Any) -> Any:
    floats, whole = pa.list_(pa.float64()), pa.int64()
    step = pa.struct([("fraction", pa.float64()), ("required_p", pa.float64())])
    votes = pa.struct([(name, whole) for name in _VOTES])
    inner = pa.struct(
        [
            ("margin", pa.float64()),
            ("required_p", pa.float64()),
            ("votes", whole),
            ("successes", pa.list_(whole)),
        ]
    )
    evidence = pa.struct(
        [
            ("theta", floats),
            ("margin", pa.float64()),
            ("required_p", pa.float64()),
            ("successes", whole),
            ("trials", whole),
            ("verdict", pa.string()),
            ("profile", pa.list_(step)),
            ("inner", inner),
            ("class_votes", pa.list_(votes)),
            ("ties", whole),
        ]
    )
    region = pa.struct(
        [("lower", floats), ("upper", floats), ("l2", pa.float64()), ("bits", whole)]
    )
    premise = pa.struct(
        [("error", pa.float64()), ("share", pa.float64()), ("confidence", pa.float64())]
    )
    axis = pa.struct([("law", pa.string()), *((word, pa.float64()) for word in _WORDS)])
    noise = pa.struct(
        [("sigma", pa.float64()), ("orthogonal", pa.bool_()), ("axes", pa.list_(axis))]
    )
    attack = pa.struct(
        [
            ("theta", floats),
            ("label", whole),
            ("counts", pa.list_(whole)),
            ("robust", pa.bool_()),
            ("forwards", whole),
        ]
    )
    return pa.schema(
        [
            ("schema", whole),
            ("index", whole),
            ("image_digest", pa.string()),
            ("label", whole),
            ("clean_prediction", whole),
            ("prediction", whole),
            ("prediction_counts", pa.list_(whole)),
            ("outcome", pa.string()),
            ("selected_label", whole),
            ("certified_label", whole),
            ("reason", pa.string()),
            ("least_n", whole),
            ("region", region),
            ("fraction", pa.float64()),
            ("guarantee", pa.string()),
            ("premise", premise),
            ("alpha", pa.float64()),
            ("attempts", whole),
            ("mode", pa.string()),
            ("seed", pa.uint64()),
            ("noise", noise),
            ("sampler", pa.string()),
            ("evidence", pa.list_(evidence)),
            ("votes", whole),
            ("pilot_votes", whole),
            ("attack", attack),
            ("seconds", pa.float64()),
            ("fingerprint", pa.string()),
            ("versions", pa.map_(pa.string(), pa.string())),
        ]
    )
