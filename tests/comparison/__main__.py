"""``python -m tests.comparison COMMIT [CASE ...]``: run both trees, and print what differs."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.comparison.cases import CALIBRATION, CASES, Settings, furnish
from tests.comparison.differences import folder_differences, tree_differences
from tests.comparison.renames import SETTINGS, renamed

ROOT = Path(__file__).parents[2]
PREMISE = "calibrate"


def main(arguments: list[str]) -> int:
    """The exit code: 0 if nothing differs, 1 if anything does, 2 if it could not be run."""
    unknown = [name for name in arguments[1:] if name not in CASES]
    if not arguments or unknown:
        print(f"usage: compare-records COMMIT [CASE ...]; cases: {', '.join(CASES)}")
        print(*(f"no such case: {name}" for name in unknown), sep="\n")
        return 2
    chosen = {name: CASES[name] for name in arguments[1:] or CASES}
    with tempfile.TemporaryDirectory() as scratch:
        old, new = Path(scratch, "before"), Path(scratch, "now")
        tree = Path(scratch, "tree")
        unpack(arguments[0], tree)
        if CALIBRATION in chosen and (status := share_calibration(tree, old, new)):
            return status
        sides = [begun(tree, old, chosen, {}), begun(ROOT, new, chosen, SETTINGS)]
        if any([side.wait() for side in sides]):
            return 2
        found = list(differences(old, new, list(chosen)))
    print(*found, sep="\n", end="\n" * bool(found))
    print(f"{len(chosen)} runs of {arguments[0]} and of this tree: {len(found)} differences")
    return int(bool(found))


def unpack(commit: str, folder: Path) -> None:
    """The files of a commit, without touching the repository."""
    git = ["git", "-C", str(ROOT), "archive", "--format=tar", commit]
    packed = subprocess.run(git, check=True, capture_output=True).stdout
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")


def share_calibration(tree: Path, *folders: Path) -> int:
    """Let the other commit calibrate once, for both: its digest is part of a run's fingerprint."""
    made = folders[0].with_name("calibration")
    if status := begun(tree, made, {}, {}, premise=True).wait():
        return status
    for folder in folders:
        folder.mkdir()
        shutil.copy(made / "calibrate.json", folder / "calibration.json")
    return 0


def begun(
    tree: Path,
    folder: Path,
    cases: Mapping[str, Settings],
    names: Mapping[str, str],
    premise: bool = False,
) -> subprocess.Popen[bytes]:
    """A process that runs all cases by the code of ``tree``, in ``folder``.

    premise: calibrate first; by default where a case rests on it.
    """
    folder.mkdir(exist_ok=True)
    furnish(folder)
    commands = {name: certify(name, settings, names) for name, settings in cases.items()}
    if premise or CALIBRATION in cases:
        commands = {PREMISE: calibrate(CASES[CALIBRATION], names), **commands}
    (folder / "commands.json").write_text(json.dumps(commands), encoding="utf-8")
    replay = Path(__file__).with_name("replay.py")
    environment = {**os.environ, "PYTHONPATH": f"{tree}{os.pathsep}{tree / 'plugins'}"}
    command = [sys.executable, str(replay), str(tree), "commands.json"]
    return subprocess.Popen(command, cwd=folder, env=environment)


def certify(name: str, settings: Settings, names: Mapping[str, str]) -> list[str]:
    """The arguments of one run, which goes into a folder of its name."""
    return ["certify", *flags({**settings, "output.folder": name}, names)]


def calibrate(settings: Settings, names: Mapping[str, str]) -> list[str]:
    """The calibration by the first images; the run that uses it takes later ones."""
    left_out = ("certify.guarantee", "certify.calibration", "data.start", "data.limit")
    own = {key: value for key, value in settings.items() if key not in left_out}
    numbers = ["--images", "16", "--share", "0.75", "--alpha", "0.25"]
    return ["calibrate", "--out", "calibrate.json", *numbers, *flags(own, names)]


def flags(settings: Settings, names: Mapping[str, str]) -> list[str]:
    """``--set path=value`` for every setting, in the names of its tree."""
    given = {renamed(path, names): value for path, value in settings.items()}
    return [part for path, value in given.items() for part in ("--set", f"{path}={_toml(value)}")]


def _toml(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def differences(old: Path, new: Path, cases: list[str]) -> Iterator[str]:
    """What differs in the records of each case; a case that both trees refuse is one too."""
    codes = [json.loads((side / "codes.json").read_text("utf-8")) for side in (old, new)]
    for name in [*([PREMISE] if CALIBRATION in cases else []), *cases]:
        before, after = (side[name] for side in codes)
        if before or after:
            last = [(side / f"{name}.log").read_text("utf-8").strip()[-300:] for side in (old, new)]
            yield f"{name}: exit code {before} before, {after} now: {last[0]!r}, {last[1]!r}"
        elif name == PREMISE:
            made, again = (json.loads((side / "calibrate.json").read_text()) for side in (old, new))
            yield from tree_differences(made, again, "calibrate.json")
        else:
            for line in folder_differences(old / name, new / name):
                yield f"{name}: {line}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
