"""The page says what the records say, in one file that obeys no name and asks no network."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gsmooth.certificate import Guarantee, Premise
from gsmooth.errors import InputError, PluginError
from gsmooth.report.explain.explanation import explain
from gsmooth.report.page.figure import curve_figures
from gsmooth.report.page.names import RunNames
from gsmooth.report.page.paths import with_slider
from gsmooth.report.page.settings import PAGE
from gsmooth.report.page.statement import (
    Subject,
    assumptions,
    at_the_centres,
    explanation,
    lead,
)
from gsmooth.report.page.why import why
from gsmooth.report.page.write import attacker_of, write_page
from gsmooth.report.summary import summarize
from gsmooth.report.totals import Totals
from gsmooth.runs.records.folder import Records
from gsmooth.transforms.region import Region
from tests.report.page.pages import CLASSES, HOSTILE, images_of, records_of
from tests.runs.samples import changed, make_abstention, make_radius_row, make_row
from tests.text.test_display import OBEYED

EMPTY = {"meta", "link", "img", "input", "br", "hr"}
DRAWN = {"line", "rect", "path", "circle"}


class Reader(HTMLParser):
    """Reads a page; every element has to be closed where it was opened."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.scripts: dict[str, str] = {}
        self.styles: list[str] = []
        self.text: list[str] = []
        self._script: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in EMPTY:
            self.open.append(tag)
        if tag == "script":
            self._script = dict(attrs).get("id") or "program"

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        self._script = None

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_data(self, text: str) -> None:
        if self._script is not None:
            self.scripts[self._script] = self.scripts.get(self._script, "") + text
        elif self.open and self.open[-1] == "style":
            self.styles.append(text)
        else:
            self.text.append(text)


def read(path: Path) -> Reader:
    reader = Reader()
    reader.feed(path.read_text("utf-8"))
    reader.close()
    assert not reader.open
    return reader


def subject(records: Records) -> Subject:
    totals = Totals.of(records)
    return Subject(totals, RunNames.of(records), summarize(totals))


def only(*rows: Any, **changes: Any) -> Records:
    records = records_of(1)
    return Records(replace(records.header, **changes), rows, records.path)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    return write_page([records_of(40)], path, [images_of(40)])


@pytest.fixture(scope="module")
def reader(page: Path) -> Reader:
    return read(page)


def test_the_page_is_whole_and_names_nothing_outside_of_itself(reader: Reader) -> None:
    places = {"src", "href", "action", "srcset", "poster", "data", "xlink:href", "background"}
    named = [value for _, name, value in reader.attributes if name in places]
    assert named
    assert all(value.startswith("#") for value in named)
    ids = {value for _, name, value in reader.attributes if name == "id"}
    assert {value[1:] for value in named} <= ids
    style = "".join(reader.styles)
    assert "url(" not in style
    assert "@import" not in style
    assert not re.search(r"\bon\w+$", " ".join(name for _, name, _ in reader.attributes))
    program = reader.scripts["program"]
    assert not re.search(
        r"fetch\(|XMLHttpRequest|WebSocket|import\(|innerHTML|eval\(|https?:", program
    )


def test_the_policy_allows_this_script_and_this_style_and_no_other(reader: Reader) -> None:
    (policy,) = [
        v for tag, name, v in reader.attributes if name == "content" and "default-src" in v
    ]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    assert rules["img-src"] == "data: blob:"
    for rule, text in (("script-src", reader.scripts["program"]), ("style-src", reader.styles[0])):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert rules[rule] == f"'sha256-{digest}'"


def test_names_that_want_to_be_obeyed_are_text(page: Path, reader: Reader) -> None:
    source = page.read_text("utf-8")
    assert not OBEYED.search(source.replace("\n", ""))
    assert "document.title='owned'" not in reader.scripts["program"]
    assert not any("owned" in text for text in reader.scripts if text != "data")
    assert "<img src=x" not in source
    assert (
        sum(tag == "script" for tag, name, _ in reader.attributes if name == "id")
        == 2 + len([name for name in reader.scripts if name.startswith(("sheet-", "path-"))]) - 1
    )
    data = json.loads(reader.scripts["data"])
    shown = {entry["answers"]["true"] for entry in data["runs"][0]["entries"]}
    assert any(name.startswith("</script><script>") for name in shown)
    assert not any(OBEYED.search(name) for name in shown)
    assert "{{ 7 * 7 }} {% raw %}" in "".join(reader.text)
    assert "49 {% raw" not in source


def test_every_name_of_a_hostile_run_is_text(tmp_path: Path) -> None:
    records = records_of(10)
    evil = "".join(HOSTILE).replace("/", "|")
    header = replace(
        records.header,
        config={
            **records.header.config,
            evil: {evil: evil},
            "data": {"spec": evil, "split": "all"},
        },
        parameters=(replace(records.header.parameters[0], name=evil, unit=evil),),
        versions={evil: evil},
        data_notices=(evil,),
    )
    path = Path("runs", evil.replace("\x00", ""), "records.jsonl")
    written = write_page([Records(header, records.rows, path)] * 2, tmp_path / "report.html")
    reader = read(written)
    assert not OBEYED.search(written.read_text("utf-8").replace("\n", ""))
    assert not {tag for tag, _, _ in reader.attributes} & {"img", "b"}
    assert {name for name in reader.scripts} == {"data", "program"}


def test_the_page_holds_what_the_rows_hold(reader: Reader) -> None:
    run = json.loads(reader.scripts["data"])["runs"][0]
    rows = records_of(40).rows
    assert [entry["index"] for entry in run["entries"]] == [row.index for row in rows]
    assert [entry["votes"] for entry in run["entries"]] == [row.counts.votes for row in rows]
    kinds = {(row.is_certified, row.decision.certified_label == row.image.label) for row in rows}
    assert len(kinds) == 3
    expected = {(True, True): "certified", (True, False): "wrong", (False, False): "abstained"}
    for entry, row in zip(run["entries"], rows, strict=True):
        key = (row.is_certified, row.decision.certified_label == row.image.label)
        assert entry["kind"] == expected[key]
        assert entry["reason"] == (row.decision.reason or "")
        assert entry["answers"]["label"] == row.image.label


def test_thumbnails_show_the_pixels_of_their_image(reader: Reader) -> None:
    sizes = json.loads(reader.scripts["data"])["runs"][0]["thumbnails"]
    sheet = picture(reader.scripts["sheet-0-0"])
    for index in (0, 9, 10, 39):
        left = sizes["width"] * (index % sizes["columns"])
        top = sizes["height"] * (index // sizes["columns"])
        part = sheet[top : top + sizes["height"], left : left + sizes["width"], 0]
        assert (part == images_of(40).images[index, 0]).all()


def test_a_slider_shows_the_attack_of_the_plugin_and_what_is_certified(reader: Reader) -> None:
    records, data = records_of(40), images_of(40)
    attacker = attacker_of(records, data)
    paths = json.loads(reader.scripts["data"])["runs"][0]["paths"]
    row = records.rows[4]
    (path,) = paths[str(row.index)]
    assert path["name"] == "angle"
    told = [frame["at"] for frame in path["frames"]]
    assert "+12.5° (worst found)" in told
    assert (told[0], told[path["start"]], told[-1]) == ("−30°", "+0°", "+30°")
    assert len(told) == PAGE.sliders.frames + 1
    assert all(frame["inside"] for frame in path["frames"])
    from gsmooth.report.attacked_images import attacked_images

    strip = picture(reader.scripts[path["picture"]])[:, :, 0]
    assert strip.shape == (28, 28 * len(told))
    ends = attacked_images(attacker.transformation, data, row, [(-30.0,), (0.0,)], (0.0, 1.0))
    for place, pixels in ((0, ends[0]), (path["start"], ends[1])):
        shown = strip[:, 28 * place : 28 * (place + 1)]
        assert (shown == np.rint(255.0 * pixels[0])).all()
    abstained = paths["0"][0]
    assert not any(frame["inside"] for frame in abstained["frames"])


def picture(stored: str) -> np.ndarray[Any, Any]:
    kind, code = stored.split(",")
    assert kind in ("image/webp", "image/png")
    with Image.open(io.BytesIO(base64.b64decode(code))) as opened:
        return np.asarray(opened.convert("RGB"))


def test_sliders_are_for_at_most_so_many_images_and_for_every_failed_one_first() -> None:
    rows = records_of(600).rows
    chosen = with_slider(rows, 200)
    assert len(chosen) == len({row.index for row in chosen}) <= 200
    failed = sum(
        not row.is_certified or row.decision.certified_label != row.image.label for row in chosen
    )
    assert 0 < failed < len(chosen)
    assert with_slider(rows[:50], 200) == list(rows[:50])


def test_five_thousand_images_of_noise_take_less_than_thirty_megabytes(tmp_path: Path) -> None:
    data = images_of(5000, 20, 3)
    path = write_page([records_of(5000)], tmp_path / "report.html", [data])
    assert path.stat().st_size <= 30_000_000
    run = json.loads(read(path).scripts["data"])["runs"][0]
    assert run["thumbnails"]["shown"] == 5000
    assert 100 < len(run["paths"]) <= 200  # Noise is the worst case: others have them all.


def test_other_images_are_refused_and_a_module_is_not_imported() -> None:
    records, data = records_of(3), images_of(3)
    known = {**records.header.identity, "digests": {"images": "0" * 64}}
    with pytest.raises(InputError, match="not the images"):
        attacker_of(replace(records, header=replace(records.header, identity=known)), data)
    named = {**records.header.config, "transformation": {"name": "some_module:Trap"}}
    with pytest.raises(PluginError, match="installed transformations only"):
        attacker_of(replace(records, header=replace(records.header, config=named)), data)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({}, "it is proved that g gives the true class after every rotation within angle ±30°."),
        (
            {"guarantee": Guarantee.HEURISTIC},
            "the votes suggest, without a proof, that g gives the true class after every rotation",
        ),
        (
            {"guarantee": Guarantee.DISTRIBUTIONAL, "premise": Premise(0.5, 0.9, 0.95)},
            "it is proved, where the premise below holds, that g gives",
        ),
        (
            {"region": Region((-30.0,), (30.0,), l2=0.1)},
            "every rotation and every change of the pixels on top of it within angle ±30°, l2",
        ),
        (
            {"region": Region((0.0,), (0.0,), l2=0.25)},
            "after every change of the pixels that has an l2 norm below 0.25.",
        ),
    ],
)
def test_the_first_sentence_says_what_is_shown(changes: dict[str, Any], sentence: str) -> None:
    told = lead(subject(only(changed(make_row(0), **changes), make_abstention(1))))
    assert told.startswith("For 1 of 2 images (50.0%), ")
    assert sentence in told


def test_the_sentences_count_abstentions_wrong_classes_and_what_is_left() -> None:
    rows = [make_row(0), make_row(1, label=3), make_abstention(2), make_abstention(3)]
    told = " ".join(explanation(subject(only(*rows))))
    assert "2 images have no certificate" in told
    assert "1 image is certified for a class that is not the true one" in told
    assert "1,000,001 images were planned" in told
    assert "at most 0.001" in told


def test_the_assumptions_name_classifier_attack_error_seed_and_premise() -> None:
    row = changed(make_row(0), guarantee=Guarantee.DISTRIBUTIONAL, premise=Premise(0.5, 0.9, 0.95))
    told = {a.name: a.text for a in assumptions(subject(only(row)))}
    assert "gaussian noise (std 24) on angle" in told["The classifier"]
    assert "operator rotation" in told["The attack"]
    assert "at most 0.001 wrong certificates" in told["Error"]
    assert "public seed 0" in told["Randomness"]
    assert "at most 0.5" in told["Premise"]
    assert "gsmooth verify" in told["The records"]


def test_an_image_without_a_right_certificate_has_the_sentences_of_explain() -> None:
    rows = (make_abstention(0), make_row(1, label=8), make_row(2))
    records = only(*rows)
    for row in rows[:2]:
        found = explain(records, row.index)
        assert why(records, row) == (*found.why, *found.helps)
    assert any("60 of 128 votes" in sentence for sentence in why(records, rows[0]))
    assert why(records, rows[2]) == ()


def test_a_lead_is_named_where_the_rule_of_the_run_knows_it() -> None:
    old, new = only(make_row(0), decision_rule=1), only(make_row(0), decision_rule=2)
    assert at_the_centres(subject(old)) == ""
    assert "lead over every other class" in at_the_centres(subject(new))


def test_a_curve_is_drawn_where_its_numbers_are() -> None:
    rows = [make_radius_row(i, successes) for i, successes in enumerate([700, 900, 960, 1024])]
    totals = Totals.of(only(*rows))
    (figure,) = curve_figures([totals])
    (line,) = figure.lines
    heights = [float(y) for y in re.findall(r"[MV](?:[\d.]+ )?([\d.]+)", line.path)]
    shares = [(figure.bottom - y) / (figure.bottom - figure.top) for y in heights]
    assert shares == sorted(shares, reverse=True)
    last = totals.certified(max(totals.reached)) / 4
    assert shares[-1] == pytest.approx(last, abs=1e-3)
    assert line.points[0][0] == "0 deg"
    assert line.points[-1] == ("30 deg", f"{totals.certified(1.0) / 4:.1%}")


def test_runs_of_other_regions_have_a_figure_of_their_own() -> None:
    turned, noisy = records_of(3), only(changed(make_row(0), region=Region((0.0,), (0.0,), l2=0.5)))
    assert len(curve_figures([Totals.of(turned), Totals.of(noisy)])) == 2
    (figure,) = curve_figures([Totals.of(turned)] * 3)
    places = sorted(line.label_y for line in figure.lines)
    assert all(below - above >= 17.0 for above, below in pairwise(places))


def test_the_names_of_ten_classes_are_on_the_page(reader: Reader) -> None:
    assert {"seven", "eight", "nine"} <= set(CLASSES)
    text = "".join(reader.text)
    assert "seven" in text
    assert "gsmooth certify -c run.toml -o again" in text
    assert "gsmooth verify runs/run" in text
