"""Progress: lines for logs, a bar for terminals, the same numbers in both."""

from __future__ import annotations

import io

from rich.console import Console

from gsmooth.runs.monitor.progress import BarProgress, LineProgress, RunProgress

HALFWAY = RunProgress(
    done=60, total=100, votes=5000, seconds=20.0, hits=38, scored=40, merit="certified accuracy"
)


def test_a_line_says_images_votes_accuracy_of_this_process_and_time_left() -> None:
    stream = io.StringIO()
    with LineProgress(stream, pause_s=0.0) as progress:
        progress.update(HALFWAY)
    line = "60/100 images, 250 votes/s, certified accuracy 95.0% of the 40 new, about 20 s left\n"
    assert stream.getvalue() == line


def test_accuracy_is_of_all_images_where_all_are_of_this_process() -> None:
    stream = io.StringIO()
    with LineProgress(stream) as progress:
        progress.update(RunProgress(4, 4, 80, 1.0, 3, 4, "certified accuracy"))
    assert stream.getvalue() == "4/4 images, 80 votes/s, certified accuracy 75.0%, in 1 s\n"


def test_time_left_counts_only_what_this_process_did() -> None:
    stream = io.StringIO()
    with LineProgress(stream, pause_s=0.0) as progress:
        progress.update(RunProgress(90, 100, 10, 3600.0, 1, 1, "certified accuracy"))
    assert "about 10 h left" in stream.getvalue()


def test_lines_are_few_but_the_last_one_is_never_left_out() -> None:
    stream = io.StringIO()
    with LineProgress(stream, pause_s=3600.0) as progress:
        for done in range(101):
            progress.update(
                RunProgress(done, 100, done, float(done), 0, done, "certified accuracy")
            )
    lines = stream.getvalue().splitlines()
    assert [line.split()[0] for line in lines] == ["0/100", "100/100"]
    assert lines[0] == "0/100 images, time left not known yet"
    assert lines[1].endswith(", in 1.7 min")


def test_nothing_is_divided_by_zero_before_the_first_image() -> None:
    start = RunProgress(0, 100, 0, 0.0, 0, 0, "certified accuracy")
    assert (start.votes_per_second, start.share) == (0.0, 0.0)


def test_a_bar_shows_the_same_numbers() -> None:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=120, color_system=None)
    with BarProgress(console) as progress:
        progress.say("40 of 100 images are in [runs/x] already")
        progress.update(HALFWAY)
    shown = stream.getvalue()
    assert "[runs/x] already" in shown
    for part in ("60/100", "250 votes/s", "certified accuracy 95.0%", "about 20 s left"):
        assert part in shown
