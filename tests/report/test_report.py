"""Reports say what the rows say: counts, shares, curves and pictures."""

from __future__ import annotations

from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from typing import ClassVar, final

import numpy as np
import pytest
import torch
from PIL import Image
from rich.console import Console
from torch import Tensor

from gsmooth.certificate import AbstainReason, Guarantee, Premise
from gsmooth.data.dataset import Dataset, dataset_from_arrays
from gsmooth.errors import (
    ConfigurationError,
    InputError,
    OutputError,
    PluginError,
    RecordError,
)
from gsmooth.report.adversary import searches
from gsmooth.report.contact_sheet import (
    contact_sheet,
    draw_contact_sheet,
    spread,
    views,
)
from gsmooth.report.curves import certified_curve, draw_curves
from gsmooth.report.reach import at, axis_of, describe, verdict_of
from gsmooth.report.tables import Share, render, summarize
from gsmooth.report.totals import Totals
from gsmooth.runs.records.folder import Records, Row
from gsmooth.runs.records.planned_images import PlannedImages
from gsmooth.transforms import registry
from gsmooth.transforms.base import Parameter, Transformation
from gsmooth.transforms.region import Region
from tests.runs.samples import changed, make_abstention, make_header, make_radius_row, make_row

ANGLE = (Parameter("angle", "deg"),)
SHIFTS = (Parameter("dx", "px"), Parameter("dy", "px"))


@final
@dataclass(frozen=True)
class Turn(Transformation):
    """Rotation through torch's grid_sample: a stand-in with the signature of a plugin."""

    name: ClassVar[str] = "turn"
    parameters: ClassVar[tuple[Parameter, ...]] = ANGLE

    def act(self, z: Tensor, *theta: Tensor) -> Tensor:
        raise NotImplementedError

    def attack(self, x: Tensor, *theta: Tensor) -> Tensor:
        turn = torch.deg2rad(theta[0][:, 0])
        cos, sin, zero = torch.cos(turn), torch.sin(turn), torch.zeros_like(turn)
        rows = [torch.stack([cos, -sin, zero], 1), torch.stack([sin, cos, zero], 1)]
        grid = torch.nn.functional.affine_grid(
            torch.stack(rows, 1), list(x.shape), align_corners=False
        )
        return torch.nn.functional.grid_sample(x, grid, align_corners=False)


def records(*rows: Row, name: str = "run", parameters: tuple[Parameter, ...] = ANGLE) -> Records:
    header = make_header(parameters=parameters)
    return Records(header, rows, Path("runs") / name / "records.jsonl")


def mixed() -> Records:
    """Four images: right, wrong, abstained, and certified as another class."""
    return records(
        make_row(0),
        make_row(1, label=3),
        make_abstention(2, clean_prediction=None, prediction=None),
        make_row(3, clean_prediction=2, attack=None, guarantee=Guarantee.HEURISTIC),
    )


def images(n: int = 20, channels: int = 1) -> Dataset:
    pixels = np.random.default_rng(0).integers(0, 256, (n, channels, 9, 9), dtype=np.uint8)
    return dataset_from_arrays("noise", pixels, np.arange(n) % 10)


def printed(text: object) -> str:
    page = StringIO()
    Console(width=100, file=page).print(text)
    return page.getvalue()


def test_abstentions_and_wrong_certificates_count_as_wrong() -> None:
    found = summarize(mixed())
    assert found.certified == Share(2, 4)
    assert found.standard == Share(2, 4)
    assert found.clean == Share(1, 3)
    assert found.attacked == Share(2, 3)
    assert found.abstentions == {"futile": 1}
    assert found.guarantees == {"heuristic": 1, "individual": 3}
    assert (found.votes, found.attack_forwards, found.seconds) == (320.0, 1500.0, 1.0)


def test_certified_accuracy_never_exceeds_the_share_of_right_certificates() -> None:
    rows = [make_radius_row(i, successes) for i, successes in enumerate([700, 900, 960, 1024])]
    found = summarize(records(*rows))
    accuracies = [required_p.count for _, required_p in found.certified_at]
    assert accuracies == sorted(accuracies, reverse=True)
    assert accuracies[-1] == found.certified.count == 1
    assert accuracies == [
        sum((row.claim.fraction or 0.0) >= fraction for row in rows)
        for fraction, _ in found.certified_at
    ]


def test_a_run_without_rows_is_explained() -> None:
    with pytest.raises(RecordError, match="no finished image"):
        summarize(records())


def test_the_table_prints_what_a_reader_must_know() -> None:
    text = printed(render(summarize(mixed())))
    for line in [
        "angle ±30°",
        "50.0% (2/4)",
        "33.3% (1/3)",
        "1 futile",
        "1 heuristic, 3 individual",
        "0.001",
        "an abstention counts as wrong",
        "accuracy under attack",
    ]:
        assert line in text


def test_the_table_explains_the_words_that_it_uses_and_no_others() -> None:
    text = " ".join(printed(render(summarize(mixed()))).split())
    assert "futile: votes showed that a centre will not reach the share it needs." in text
    assert "(gsmooth plugins NAME lists what is not claimed)" in text
    assert "budget: " not in text
    certified = " ".join(printed(render(summarize(records(make_row(0))))).split())
    assert "futile: " not in certified
    assert "heuristic: " not in certified
    short = make_abstention(0, reason=AbstainReason.BUDGET)
    told = " ".join(printed(render(summarize(records(short)))).split())
    assert "budget: a centre needs more votes than are allowed (certify.max_votes, or n)." in told


PLAN = {"attack": {"points": 31, "random": 32, "gradient_steps": 10}}


def attacked_run(*rows: Row) -> Records:
    found = records(*rows)
    return replace(found, header=replace(found.header, config=PLAN))


def test_accuracy_under_attack_stands_beside_certified_accuracy_with_how_it_was_found(
    tmp_path: Path,
) -> None:
    run = attacked_run(make_row(0), make_abstention(1))
    told = "certified 50.0%, under attack 50.0% (grid of 31, 32 random, 10 gradient steps"
    assert summarize(run).caption() == f"{told} where there is a gradient, float image)"
    lines = printed(render(summarize(run))).splitlines()
    place = next(i for i, line in enumerate(lines) if "certified accuracy" in line)
    assert "accuracy under attack" in lines[place + 1]
    assert any("grid of 31, 32 random, 10 gradient steps" in line for line in lines)
    _, svg = draw_curves([run], tmp_path / "curve")
    assert "certified 50.0%, under attack 50.0%" in svg.read_text()


def test_a_report_says_that_nothing_was_attacked() -> None:
    caption = summarize(attacked_run(make_row(0, attack=None))).caption()
    assert caption == "certified 100.0%, under attack not measured (float image)"


def test_gradient_steps_that_found_no_gradient_are_not_claimed() -> None:
    row = make_row(0)
    assert row.attack is not None
    blind = replace(row, attack=replace(row.attack, missing_gradient=True))
    told = summarize(attacked_run(blind)).searches
    assert told == "grid of 31, 32 random, no gradient to be had"


def test_searches_are_those_that_the_region_allows() -> None:
    identity_action = make_row(0, region=Region((), (), 0.5))
    assert searches(attacked_run(identity_action)) == "10 gradient steps"
    two = make_row(0, region=Region((-1.0, -1.0), (1.0, 1.0)))
    assert searches(attacked_run(two)).startswith("grid of 31 a parameter")


def test_every_kind_of_guarantee_is_named_and_explained() -> None:
    premise = Premise(0.31, 0.9, 0.999)
    rows = [make_row(i, guarantee=kind) for i, kind in enumerate(Guarantee)]
    rows[1] = changed(rows[1], premise=premise)
    found = summarize(records(*rows))
    assert set(found.guarantees) == {str(kind) for kind in Guarantee}
    assert found.premises == (premise.describe(),)
    text = " ".join(printed(render(found)).split())
    assert "1 distributional, 1 heuristic, 1 individual, 1 online" in text
    assert "online: proved of every original" in text
    assert "0.999" in text


def test_several_runs_share_one_table() -> None:
    radius = summarize(records(make_radius_row(0), name="radius"))
    text = printed(render(summarize(records(make_row(0, attack=None), name="region")), radius))
    assert "region" in text
    assert "radius" in text
    assert "not measured" in text
    assert text.index("accuracy under attack") < text.index("on 75% of the region")


@pytest.mark.parametrize(
    ("region", "parameters", "text"),
    [
        (Region((-30.0,), (30.0,)), ANGLE, "angle ±30°, float image"),
        (Region((-30.0,), (30.0,), bits=8), ANGLE, "angle ±30°, rounded to 8 bits"),
        (Region((-10.0,), (30.0,)), ANGLE, "angle −10° to 30°, float image"),
        (Region((-2.999999,), (2.999999,)), ANGLE, "angle ±2.99°, float image"),
        (Region((-1.0, -2.0), (1.0, 2.0)), SHIFTS, "dx ±1 px, dy ±2 px, float image"),
        (Region((-1.0, 0.0), (1.0, 0.0), 0.25), SHIFTS, "dx ±1 px, l2 < 0.25, float image"),
        (Region((), (), 0.49999), (), "l2 < 0.499, float image"),
        (Region((-1.0,), (1.0,)), (), "theta0 ±1, float image"),
    ],
)
def test_regions_are_printed_rounded_towards_the_clean_image(
    region: Region, parameters: tuple[Parameter, ...], text: str
) -> None:
    assert describe(region, parameters) == text


def test_verdicts_say_how_far_or_why_not() -> None:
    assert verdict_of(make_row(fraction=0.99999), ANGLE) == "certified to ±29.99°, float image"
    eight = make_row(region=Region((-30.0,), (30.0,), bits=8))
    assert verdict_of(eight, ANGLE) == "certified to ±30°, rounded to 8 bits"
    assert verdict_of(make_abstention(), ANGLE) == "abstained: futile"
    assert at((-12.5,), ANGLE) == "−12.5°"


@pytest.mark.parametrize(
    ("region", "parameters", "label", "end"),
    [
        (Region((-30.0,), (30.0,)), ANGLE, "every angle within ± (deg)", 30.0),
        (Region((-2.0, -2.0), (2.0, 2.0)), SHIFTS, "every dx and dy within ± (px)", 2.0),
        (Region((-2.0, 0.0), (2.0, 0.0)), SHIFTS, "every dx within ± (px)", 2.0),
        (Region((-2.0, -1.0), (2.0, 1.0)), SHIFTS, "fraction of the region", 1.0),
        (Region((-1.0,), (2.0,)), ANGLE, "fraction of the region", 1.0),
        (Region((-1.0,), (1.0,), 0.5), ANGLE, "fraction of the region", 1.0),
        (Region((), (), 0.5), (), "every l2 perturbation below", 0.5),
    ],
)
def test_an_axis_has_units_where_one_number_describes_the_region(
    region: Region, parameters: tuple[Parameter, ...], label: str, end: float
) -> None:
    axis = axis_of(records(make_row(region=region), parameters=parameters))
    assert (axis.label, axis.end) == (label, end)


def test_the_curve_of_region_mode_is_one_step_at_the_end() -> None:
    curve = certified_curve(mixed())
    assert curve.reach == (0.0, 30.0)
    assert curve.accuracy == (0.5, 0.5)


def test_the_curve_of_radius_mode_counts_every_image_that_reaches_as_far() -> None:
    rows = [
        make_radius_row(i, fraction=fraction) for i, fraction in enumerate([0.5, 0.25, 0.5, 1.0])
    ]
    curve = certified_curve(records(*rows))
    assert curve.reach == (0.0, 7.5, 15.0, 30.0)
    assert curve.accuracy == (1.0, 1.0, 0.75, 0.25)


def test_a_run_that_certified_nothing_has_a_flat_curve() -> None:
    assert certified_curve(records(make_abstention(0))).accuracy == (0.0,)


def test_curves_are_written_as_png_and_svg_and_alike_each_time(tmp_path: Path) -> None:
    paths = draw_curves([mixed()], tmp_path / "new" / "curve")
    assert [path.name for path in paths] == ["curve.png", "curve.svg"]
    first = [path.read_bytes() for path in paths]
    assert first[0].startswith(b"\x89PNG")
    assert b"<svg" in first[1]
    assert b"certified accuracy" in first[1]
    assert b"individual" in first[1]
    assert [
        path.read_bytes() for path in draw_curves([mixed()], tmp_path / "new" / "curve")
    ] == first


def test_runs_about_other_attacks_have_axes_of_their_own(tmp_path: Path) -> None:
    other = records(make_radius_row(0, fraction=0.5), name="radius")
    _, svg = draw_curves([mixed(), other], tmp_path / "both")
    assert svg.read_text().count("every angle within ± (deg)") == 1
    plain = records(make_row(region=Region((), (), 0.5)), name="plain", parameters=())
    _, svg = draw_curves([mixed(), plain], tmp_path / "both")
    assert svg.read_text().count("every angle within ± (deg)") == 1
    assert svg.read_text().count("every l2 perturbation below") == 1
    with pytest.raises(ConfigurationError, match="no run to draw"):
        draw_curves([], tmp_path / "none")


def test_a_picture_that_cannot_be_written_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="cannot be written"):
        draw_curves([mixed()], tmp_path / "file" / "curve")


def test_a_contact_sheet_takes_every_class_in_turn_and_an_abstention() -> None:
    rows = tuple(make_row(i, label=i % 10) for i in range(30))
    assert [row.index for row in Totals.of(records(*rows)).shown()] == [0, 1, 2, 3, 4, 5, 6, 7]
    rows = (*rows, make_abstention(30))
    assert [row.index for row in Totals.of(records(*rows)).shown()] == [0, 1, 2, 3, 4, 5, 6, 30]
    assert [row.index for row in Totals.of(records(*rows[:2])).shown()] == [0, 1]


def test_views_show_the_original_the_region_and_the_worst_found() -> None:
    line = views(Turn(), images(), make_row(0, fraction=0.5))
    captions = [view.caption for view in line]
    assert captions[:3] == ["original", "−30°", "−18°"]
    assert captions[-1] == "worst found\n+28°: 7"
    inside = [view.colour for view in line[1:7]]
    assert inside == ["#B0B0B0", "#B0B0B0", "#009E73", "#009E73", "#B0B0B0", "#B0B0B0"]
    assert np.array_equal(line[0].pixels, images().image(0).numpy())
    assert not np.allclose(line[1].pixels, line[0].pixels)


def test_a_view_that_fooled_the_model_stands_out() -> None:
    worst = views(Turn(), images(), make_abstention(0))[-1]
    assert worst.colour == "#D55E00"
    attack = make_abstention(0).attack
    assert attack is not None
    silent = replace(attack, label=None)
    assert "abstains" in views(Turn(), images(), make_abstention(0, attack=silent))[-1].caption


def test_views_are_rounded_where_attacks_are() -> None:
    row = make_row(0, region=Region((-30.0,), (30.0,), bits=2))
    for view in views(Turn(), images(), row)[1:]:
        assert np.allclose(3.0 * view.pixels, np.round(3.0 * view.pixels))
    for view in views(Turn(), images(), row, (-1.0, 1.0))[1:]:
        levels = 1.5 * (view.pixels + 1.0)
        assert np.allclose(levels, np.round(levels))


def test_views_of_an_l2_region_have_its_norm() -> None:
    row = make_row(0, region=Region((), (), 0.5), fraction=0.5, attack=None)
    line = views(Turn(), images(), row)
    norms = [float(np.linalg.norm(view.pixels - line[0].pixels)) for view in line[1:]]
    assert norms == pytest.approx([0.25] * 6)


def test_regions_of_two_parameters_are_shown_by_corners_and_ends() -> None:
    shown = spread(Region((-1.0, -2.0), (1.0, 2.0)))
    assert shown == [(-1, -2), (-1, 2), (1, -2), (1, 2), (-1, 0), (1, 0)]


def test_regions_of_many_parameters_show_each_of_them_by_itself() -> None:
    shown = spread(Region((0.0, -2.0, -3.0, -4.0), (1.0, 2.0, 3.0, 4.0)))
    assert shown[:2] == [(0, -2, -3, -4), (1, 2, 3, 4)]
    assert shown[2:] == [(1, 0, 0, 0), (0, 2, 0, 0), (0, 0, 3, 0), (0, 0, 0, 4)]


def test_captions_of_compositions_fit_over_their_pictures() -> None:
    spec = "cyclic-blur+brightness+cyclic-translation"
    joint = registry.load_transformation(spec).for_shape((1, 9, 9))
    region = Region((0.0, -0.1, -1.0, -1.0), (1.0, 0.1, 1.0, 1.0))
    row = make_row(0, region=region, attack=None)
    for view in views(joint, images(), row):
        assert max(map(len, view.caption.split("\n"))) <= 18
    assert "+1\u00a0px^2" in views(joint, images(), row)[2].caption
    assert at((0.1,), registry.load_transformation("brightness").parameters) == "+0.1"


@pytest.mark.parametrize("channels", [1, 3])
def test_a_contact_sheet_is_a_picture_of_some_size(tmp_path: Path, channels: int) -> None:
    run = records(make_row(0, label=0), make_abstention(1, label=1))
    path = contact_sheet(Turn(), images(channels=channels), run, tmp_path / "sheet.png")
    with Image.open(path) as picture:
        assert picture.width > 1000
        assert len(np.unique(np.asarray(picture.convert("RGB")).reshape(-1, 3), axis=0)) > 50


def test_a_contact_sheet_is_drawn_of_the_images_of_the_run_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "_registered", {})
    registry.register(Turn)
    found = images()
    config = {"transformation": {"name": "turn", "options": {}}}
    run = records(
        make_row(0, label=0, reason=None), make_abstention(1, reason=AbstainReason.BUDGET)
    )
    header = replace(run.header, config=config, identity={"digests": {"images": found.digest()}})
    path = draw_contact_sheet(replace(run, header=header), tmp_path, found)
    assert path == tmp_path / "contact_sheet.png"
    other = replace(header, identity={"digests": {"images": "0"}})
    with pytest.raises(InputError, match="not the images"):
        draw_contact_sheet(replace(run, header=other), tmp_path, found)


def test_a_contact_sheet_imports_no_module_that_records_name(tmp_path: Path) -> None:
    for name in ("os:path", "rotation+os:path"):
        config: dict[str, object] = {"transformation": {"name": name, "options": {}}}
        run = records(make_row(0, label=0))
        run = replace(run, header=replace(run.header, config=config))
        with pytest.raises(PluginError, match="names a module, and a folder of records"):
            draw_contact_sheet(run, tmp_path, images())


def test_a_contact_sheet_has_no_picture_of_an_image_that_there_is_not(tmp_path: Path) -> None:
    for index in (-1, 10**9):
        run = records(make_row(index, label=0))
        with pytest.raises(RecordError, match=f"image {index} is none of the"):
            contact_sheet(Turn(), images(), run, tmp_path / "sheet.png")


def test_a_contact_sheet_needs_no_size_in_the_run_file(tmp_path: Path) -> None:
    found = images()
    region = Region((0.0, -0.1), (1.0, 0.1))
    config = {"transformation": {"name": "cyclic-blur+brightness", "options": {}}}
    run = records(make_row(0, label=0, region=region, attack=None))
    run = replace(run, header=replace(run.header, config=config))
    assert draw_contact_sheet(run, tmp_path, found).exists()


def test_a_report_of_an_unfinished_run_says_how_many_images_were_planned() -> None:
    found = mixed()
    assert "4 of 1000001" in printed(render(summarize(found)))
    whole = replace(found, header=replace(found.header, plan=PlannedImages(((0, 4, 1),), 4)))
    assert " of 4" not in printed(render(summarize(whole)))
