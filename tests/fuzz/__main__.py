"""``./scripts/fuzz``: search at random until the time is over, print what was found, and how to
repeat it. Exit code 1 if anything was found, 130 if it was interrupted first."""

from __future__ import annotations

import argparse
import os
import secrets
import signal
import sys
import traceback
from collections import Counter
from importlib.util import find_spec
from time import monotonic
from types import FrameType

from tests.fuzz.parts import PARTS
from tests.fuzz.pool import results
from tests.fuzz.trial import GIVEN_UP, Part, Result

MINUTES = 5.0


def main(arguments: list[str] | None = None) -> int:
    """Parse, search, print; the exit code."""
    given = _parser().parse_args(arguments)
    if given.trial:
        return _repeat(given.trial)
    names, minutes = _sorted_out(given.what)
    seed = secrets.randbits(31) if given.seed is None else given.seed
    signal.signal(signal.SIGINT, _interrupt)  # A shell's background job ignores it.
    signal.signal(signal.SIGTERM, _interrupt)
    return _search([PARTS[name] for name in names], 60.0 * minutes, given.jobs, seed)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./scripts/fuzz", description=__doc__)
    parser.add_argument(
        "what",
        nargs="*",
        metavar="[PART ...] [MINUTES]",
        help=f"parts ({', '.join(PARTS)}; by default all of them), and for how long (default"
        f" {MINUTES:g})",
    )
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    parser.add_argument("--jobs", type=int, default=cores, help="processes (default: all cores)")
    parser.add_argument("--seed", type=int, help="where to begin; by default drawn, and printed")
    parser.add_argument("--trial", metavar="PART:SEED", help="make this one trial, here")
    return parser


def _sorted_out(what: list[str]) -> tuple[list[str], float]:
    """Names of parts, and minutes."""
    names, minutes = [], MINUTES
    for word in what:
        if word in PARTS:
            names.append(word)
            continue
        try:
            minutes = float(word)
        except ValueError:
            sys.exit(f"fuzz: {word!r} is neither a number of minutes nor one of {', '.join(PARTS)}")
    usual = [name for name, part in PARTS.items() if not part.needs or find_spec(part.needs)]
    return names or usual, minutes


def _search(parts: list[Part], seconds: float, jobs: int, seed: int) -> int:
    began, words, kinds = monotonic(), Counter[tuple[str, str]](), Counter[str]()
    first: dict[str, Result] = {}
    interrupted = False
    search = results(parts, seconds, jobs, seed)
    try:
        names = ", ".join(part.name for part in parts)
        print(f"fuzz: {names}; {seconds / 60.0:g} min, {jobs} jobs, --seed {seed}", flush=True)
        for result in search:
            words[result.trial.part, result.word] += 1
            if result.word == GIVEN_UP:
                print(f"given up after {result.seconds:.0f} s: {result.trial.command}")
            if result.found:
                kinds[result.kind] += 1
                if first.setdefault(result.kind, result) is result:
                    _print_found(result)
    except KeyboardInterrupt:
        interrupted = True
    finally:
        search.close()
    _print_summary(parts, words, kinds, first, monotonic() - began, interrupted)
    return 1 if kinds else 130 if interrupted else 0


def _print_found(result: Result) -> None:
    print(f"\n== FOUND by {result.trial.command} ({result.seconds:.0f} s)\n{result.found}")
    print(f"{result.detail}\n", flush=True)


def _print_summary(
    parts: list[Part],
    words: Counter[tuple[str, str]],
    kinds: Counter[str],
    first: dict[str, Result],
    spent: float,
    interrupted: bool,
) -> None:
    print(f"\nfuzz: {spent / 60.0:.1f} min{', interrupted' if interrupted else ''}")
    for part in parts:
        counts = sorted((word, n) for (name, word), n in words.items() if name == part.name)
        told = ", ".join(f"{n} {word}" for word, n in counts) or "none over"
        print(f"  {part.name}: {sum(n for _, n in counts)} trials: {told}")
    print(f"  {sum(kinds.values())} findings, {len(kinds)} kinds")
    for kind, count in kinds.most_common():
        print(f"    {count} x {first[kind].trial.command}  # {first[kind].found[:160]}")


def _repeat(told: str) -> int:
    name, _, seed = told.partition(":")
    if name not in PARTS or not seed.isdigit():
        sys.exit(f"fuzz: --trial {told}: expected PART:SEED, PART one of {', '.join(PARTS)}")
    try:
        print(PARTS[name].body(int(seed)))
    except Exception:
        traceback.print_exc()
        return 1
    return 0


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
