"""Names that try to be obeyed are seen instead: on the terminal, in tables and in figures."""

from __future__ import annotations

import io
import re
import sys
import warnings
from collections import Counter
from pathlib import Path

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from gsmooth.cli import output
from gsmooth.cli.output import as_lines, console, guarded, say
from gsmooth.errors import RecordError
from gsmooth.report.tables import render, summarize
from gsmooth.runs.monitor.progress import BarProgress, LineProgress, RunProgress
from gsmooth.runs.records.folder import Records
from gsmooth.text.display import plain, plain_lines, shortened
from tests.runs.samples import make_header, make_row

HOSTILE = {
    "title": "\x1b]0;pwned\x07",
    "colour": "\x1b[31mred\x1b[0m",
    "c1": "\x9b31mred\x85",
    "markup": "[bold red]x[/]",
    "link": "[link=https://example.com]here[/link]",
    "unclosed": "[/nothing]",
    "emoji": ":smiley:",
    "mathtext": "$\\frac{",
    "newline": "one\nrun.json: fine\r\u2028two",
    "override": "abc\u202egnp.exe\u2066",
    "surrogate": "\udcff\ud800",
    "long": "x" * 10_000,
}
SHOWN = {
    "title": "\\x1b]0;pwned\\x07",
    "colour": "\\x1b[31mred\\x1b[0m",
    "c1": "\\x9b31mred\\x85",
    "newline": "one\\nrun.json: fine\\r\\u2028two",
    "override": "abc\\u202egnp.exe\\u2066",
    "surrogate": "\\udcff\\ud800",
}
OBEYED = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)

names = pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_would_be_obeyed_is_shown_as_an_escape(kind: str) -> None:
    assert plain(HOSTILE[kind]) == SHOWN.get(kind, HOSTILE[kind])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "rotation",
        "Ångström 30°",
        "日本語",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "👩\u200d🔬",
    ],
)
def test_ordinary_texts_in_any_language_stay_as_they_are(text: str) -> None:
    assert plain(text) == plain_lines(text) == text


@given(st.text(st.characters(exclude_categories=())))
def test_plain_text_can_be_printed_and_is_plain_already(text: str) -> None:
    shown = plain(text)
    assert not OBEYED.search(shown)
    assert len(shown.splitlines()) <= 1
    assert plain(shown) == shown
    assert not OBEYED.search(plain_lines(text))
    shown.encode()


def test_a_long_name_is_cut_where_it_cannot_end() -> None:
    assert shortened("x" * 60) == "x" * 60
    assert shortened("x" * 10_000) == "x" * 59 + "…"
    assert len(shortened("\x1b" * 10_000)) == 60


@names
def test_the_console_shows_names_in_lines_and_in_cells(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from rich.table import Table
    from rich.text import Text

    out = console()
    out.print(name, soft_wrap=True)
    out.print(Text(name), soft_wrap=True)
    table = Table("head", name, title=name, caption=name)
    table.add_row(name, Text(name))
    out.print(table)
    printed = capsys.readouterr().out
    assert not OBEYED.search(printed)
    first, second = plain_lines(name).splitlines()[0], printed.splitlines()[0]
    assert second == first  # Markup and emoji codes are there, letter by letter.
    assert not OBEYED.search("\n".join(as_lines(table)))


@names
def test_a_terminal_gets_colours_of_ours_alone(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from rich.text import Text

    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    stream = io.StringIO()
    out = console()
    out.file = stream
    out.print(Text(name, style="bold"), soft_wrap=True)
    assert "\x1b[1m" in stream.getvalue()
    assert not OBEYED.search(re.sub(r"\x1b\[[0-9;]*m", "", stream.getvalue()))


@names
def test_messages_errors_warnings_and_tracebacks_are_plain(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def failing() -> None:
        with guarded(as_json=True, debug=True):
            # As Python prints a warning; pytest would keep it.
            say_warning = warnings.formatwarning(f"model {name}", UserWarning, name, 1, name)
            sys.stderr.write(say_warning)
            raise RecordError(f"image 0: {name}")

    say(name)
    say(name, stderr=True)
    with pytest.raises(typer.Exit):
        failing()
    printed = capsys.readouterr()
    assert not OBEYED.search(printed.out)
    assert not OBEYED.search(printed.err)
    assert "Warning: model " in printed.err


def test_a_line_break_in_a_name_does_not_begin_a_message(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(typer.Exit), guarded(as_json=False, debug=False):
        raise RecordError("runs/x\ngsmooth: all rows checked: not there")
    assert capsys.readouterr().err.splitlines() == [
        "gsmooth: runs/x",
        "  gsmooth: all rows checked: not there",
    ]


@names
def test_progress_is_plain(name: str) -> None:
    stream = io.StringIO()
    LineProgress(stream).say(name)
    out = console()
    out.file = stream
    with BarProgress(out) as bar:
        bar.update(RunProgress(0, 2, 0, 0.0, 0, 0, name))
        bar.say(name)
    assert not OBEYED.search(stream.getvalue())


@names
def test_a_table_of_runs_shows_their_names(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    folder = name.replace("/", "|")[:5000]
    run = Records(make_header(), (make_row(0),), Path("runs", folder, "records.jsonl"))
    console().print(render(summarize(run)))
    printed = capsys.readouterr().out
    assert not OBEYED.search(printed)
    assert plain(folder)[:3] in printed


def test_nothing_is_printed_past_the_console_layer() -> None:
    """All prints are in these modules, so that every text that is printed is plain."""
    room = Path(output.__file__).parents[1]
    past = re.compile(
        r"typer\.(echo|secho)\(|(?<![\w.])print\(|\bConsole\(|sys\.std(out|err)\.write"
    )
    found = Counter(
        path.relative_to(room).as_posix()
        for path in room.rglob("*.py")
        for line in path.read_text().splitlines()
        if past.search(line) and not line.lstrip().startswith((">>>", "...", "def "))
    )
    assert found == {
        "cli/output.py": 3,  # say(), and emit() and emit_line(), whose JSON is ASCII.
        "report/printable.py": 1,  # Into a string, which say() prints.
        "cli/app.py": 1,  # Our own version.
        "runs/monitor/progress.py": 1,  # Plain, too.
        "api/progress.py": 1,  # Numbers only.
    }
