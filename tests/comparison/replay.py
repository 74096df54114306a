"""Runs ``python -m gsmooth`` for every line of arguments in a file, one after another.

    python replay.py TREE COMMANDS

One process for all of them: most of the time of a small run goes into imports. It stands alone,
because the tree that it runs may not have this package. TREE: from which gsmooth and its plugins
must come. COMMANDS: JSON, {name: arguments}. Writes NAME.log, and exit codes into codes.json.
"""

from __future__ import annotations

import contextlib
import json
import runpy
import sys
import traceback
from pathlib import Path


def code_of(arguments: list[str]) -> int:
    """The exit code of one command."""
    sys.argv = ["gsmooth", *arguments]
    try:
        runpy.run_module("gsmooth", run_name="__main__", alter_sys=True)
    except SystemExit as finished:
        return finished.code if isinstance(finished.code, int) else int(bool(finished.code))
    except Exception:
        traceback.print_exc()
        return -1
    return 0


def foreign(tree: Path) -> list[str]:
    """Modules of gsmooth that were loaded from elsewhere."""
    files = {
        name: getattr(module, "__file__", None)
        for name, module in sys.modules.items()
        if name.partition(".")[0].startswith("gsmooth")
    }
    return [f"{n}: {f}" for n, f in files.items() if f and not Path(f).is_relative_to(tree)]


def main(tree: Path, commands: Path) -> None:
    """Run all; an error where another tree's code was run."""
    sys.path.insert(0, str(Path.cwd()))
    codes: dict[str, int] = {}
    for name, arguments in json.loads(commands.read_text("utf-8")).items():
        with (
            Path(f"{name}.log").open("w", encoding="utf-8") as log,
            contextlib.redirect_stdout(log),
            contextlib.redirect_stderr(log),
        ):
            codes[name] = code_of(arguments)
    if found := foreign(tree):
        sys.exit(f"not from {tree}: {found[:3]}")
    Path("codes.json").write_text(json.dumps(codes), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]))
