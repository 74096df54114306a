"""``python -m benchmarks NAME [ARGS...]``: one benchmark; without a name all, and their tables."""

from __future__ import annotations

import sys
from typing import Final

from benchmarks import summary
from benchmarks.suite import benchmark
from benchmarks.suite.case import FOLDER, read

REPLACED: Final = {"gpu": ["overhead", "--device", "cuda"]}
"""Names that are another benchmark by now, with the options that stand for them."""
NAMES: Final = sorted(path.stem for path in FOLDER.glob("*.toml") if "module" in read(path.stem))


def main(given: list[str]) -> None:
    """Run what the command line names."""
    if given:
        run(given)
        return
    for name in NAMES:
        run([name])
    # The tables of docs/performance.md, from what has just been measured.
    summary.main([])


def run(given: list[str]) -> None:
    """Run one benchmark by its name, which comes before its arguments."""
    name, *arguments = given
    if name in REPLACED:
        print(f"{name} is now: {' '.join(REPLACED[name])}", flush=True)
        run([*REPLACED[name], *arguments])
    elif name in NAMES:
        benchmark.run(name, arguments)
    else:
        raise SystemExit(f"no benchmark {name!r}; there are {', '.join([*NAMES, *REPLACED])}")


if __name__ == "__main__":
    main(sys.argv[1:])
