"""Run folders with something wrong in them: verify, report, export and resuming say so."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any, Final

from tests.fuzz.desk import TMP_PROJECT, desk, gsmooth, spoilt
from tests.fuzz.trial import Found

COMMANDS: Final = (
    ("verify", "run"),
    ("report", "run"),
    ("certify", "--config=run/config.toml"),
    ("verify", "run", "--json"),
)
ODD: Final[tuple[object, ...]] = (
    None, True, -1, 0, 1.5, 2**70, "", "x", [], {}, [None], -0.0, "NaN", "\x1b[31m", 1e308,
)  # fmt: skip


def try_records(seed: int) -> str:
    """A run of four images, one file of which is spoilt, and every command that reads it."""
    rng = Random(seed)
    with desk() as folder:
        made = gsmooth("certify", *TMP_PROJECT)
        if made != 0:
            raise Found(f"a run of four images ends with exit code {made}")
        files = sorted(path for path in (folder / "run").rglob("*") if path.is_file())
        chosen = rng.choice([path for path in files if path.suffix in (".json", ".jsonl", ".toml")])
        print(chosen.name, flush=True)
        _spoil(rng, chosen)
        codes = [gsmooth(*command) for command in COMMANDS]
    return "seen" if codes[0] else "not seen"


def _spoil(rng: Random, path: Path) -> None:
    data = path.read_bytes()
    if path.suffix == ".toml" or rng.random() < 0.3:
        path.write_bytes(spoilt(rng, data))
        return
    lines = data.decode().splitlines() if path.suffix == ".jsonl" else [data.decode()]
    where = rng.randrange(len(lines))
    document = json.loads(lines[where])
    _change(rng, document)
    lines[where] = json.dumps(document)
    if len(lines) > 1 and rng.random() < 0.2:
        lines.insert(rng.randrange(len(lines)), rng.choice(lines))
    path.write_text("\n".join(lines) + "\n")


def _change(rng: Random, document: Any) -> None:
    """One value somewhere in it is another one, or is left out."""
    while isinstance(document, dict | list) and document:
        keys: list[Any] = list(document) if isinstance(document, dict) else [*range(len(document))]
        key = rng.choice(keys)
        value = document[key]
        if not (isinstance(value, dict | list) and value) or rng.random() < 0.2:
            if rng.random() < 0.2:
                del document[key]
            elif isinstance(value, int | float) and rng.random() < 0.5:
                document[key] = rng.choice(
                    [value + 1, -value, value * 2, value * 0.999, value + 0.0]
                )
            else:
                document[key] = rng.choice(ODD)
            return
        document = value
