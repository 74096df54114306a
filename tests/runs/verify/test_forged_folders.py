"""verify finds forgeries in a real folder: every test changes one correct run."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gsmooth.errors import RecordError
from gsmooth.runs.config.identity import fingerprint_of
from gsmooth.runs.config.run_file import load_config
from gsmooth.runs.execute import run_certify
from gsmooth.runs.verify.verify import VerifyReport, verify_records
from gsmooth.theory.normal import required_p_of_margin
from tests.runs.tmp_project import Notebook, furnish

Tree = dict[str, Any]
Edit = Callable[[list[Tree]], object]

ROTATED = (
    "transformation.name=rotation",
    "smoothing.sigma=0.25",
    "smoothing.scales=[6.0]",
    "region.lower=[-10.0]",
    "region.upper=[10.0]",
    "region.l2=0.0",
    "certify.attempts=1",
    "certify.centres=4",
)
HALF_PROVED = ("transformation.name=tmp_project_net:Unproved", *ROTATED[1:])
UNPROVED = '''

@dataclass(frozen=True)
class Unproved(Transformation):
    """Adds light, and bounds nothing: neither its float errors nor what its attack leaves over."""

    name: ClassVar[str] = "unproved"
    parameters: ClassVar[tuple[Parameter, ...]] = (Parameter("light", "1"),)
    orthogonal: ClassVar[bool] = True

    def act(self, z, light):
        return z + 0.001 * light

    def attack(self, x, *theta):
        return x + 0.001 * theta[0].reshape(-1, 1, 1, 1)
'''
SETTINGS = (
    "model.spec=tmp_project_net:build",
    "model.shape=[1,4,4]",
    "data.spec=images.npz",
    "data.split=all",
    "smoothing.seed=3",
    "smoothing.law=gaussian",
    "attack.enabled=false",
    "engine.threads=1",
    "engine.batch_size=256",
)


def ran(place: Path, name: str, *overrides: str) -> Path:
    """The folder of a finished run."""
    folder = place / name
    run_certify(load_config(None, [*SETTINGS, *overrides, f"output.folder={folder}"]), Notebook())
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Correct runs of the tmp_project's images, made once."""
    place = tmp_path_factory.mktemp("runs")
    furnish(place)
    with (place / "tmp_project_net.py").open("a") as stream:
        stream.write(UNPROVED)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        patch.setattr(sys, "path", [*sys.path, str(place)])
        patch.delitem(sys.modules, "tmp_project_net", raising=False)
        return {
            "region": ran(place, "region", *ROTATED),
            "radius": ran(place, "radius", *ROTATED, "certify.mode=radius", "certify.n=300"),
            "heuristic": ran(place, "heuristic", *HALF_PROVED),
            "l2": ran(
                place, "l2", "transformation.name=gaussian", "smoothing.sigma=0.25", "region.l2=0.3"
            ),
        }


@pytest.fixture
def folder(folders: dict[str, Path], tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A copy of one of them, to be forged; ``indirect`` says which."""
    copied = tmp_path / "run"
    shutil.copytree(folders[getattr(request, "param", "region")], copied)
    return copied


def of(name: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("folder", [name], indirect=True)


def forged(folder: Path, edit: Edit) -> VerifyReport:
    """What verify says after ``edit`` changed the rows, which are in order of their images."""
    path = folder / "records.jsonl"
    rows = sorted(map(json.loads, path.read_text().splitlines()), key=lambda row: row["index"])
    edit(rows)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return verify_records(folder)


def rewritten(folder: Path, edit: Callable[[Tree], object]) -> None:
    """run.json changed, with a fingerprint that fits, in the rows too."""
    path = folder / "run.json"
    tree = json.loads(path.read_text())
    edit(tree)
    tree["fingerprint"] = fingerprint_of(tree["identity"])
    path.write_text(json.dumps(tree))
    lines = [json.loads(line) for line in (folder / "records.jsonl").read_text().splitlines()]
    for row in lines:
        row["fingerprint"] = tree["fingerprint"]
    (folder / "records.jsonl").write_text("".join(json.dumps(row) + "\n" for row in lines))


def faults(report: VerifyReport) -> set[str]:
    return {fault.field for fault in report.faults}


@pytest.mark.parametrize("name", ["region", "radius", "heuristic", "l2"])
def test_the_runs_themselves_are_sound_and_whole(folders: dict[str, Path], name: str) -> None:
    report = verify_records(folders[name])
    assert [str(fault) for fault in report.faults] == []
    assert report.complete
    assert report.presence == "12 of 12 images present"


@of("heuristic")
def test_a_heuristic_certificate_does_not_become_individual(folder: Path) -> None:
    report = forged(folder, lambda rows: [row.update(guarantee="individual") for row in rows])
    assert faults(report) == {"guarantee"}
    assert "did not claim action_error, derivative_bound" in report.faults[0].message


@of("heuristic")
def test_nor_by_a_stronger_word_in_the_claims(folder: Path) -> None:
    rewritten(folder, lambda tree: tree["capabilities"].update(guarantee="individual"))
    assert faults(verify_records(folder)) == {"capabilities.guarantee"}


def test_an_orthogonal_action_is_only_used_where_it_was_claimed(folder: Path) -> None:
    rewritten(folder, lambda tree: tree["capabilities"].update(orthogonal=False))
    assert faults(verify_records(folder)) == {"noise.orthogonal"}


def test_a_changed_sampler_is_named_in_header_and_rows(folder: Path) -> None:
    run = folder / "run.json"
    run.write_text(run.read_text().replace("blake2b-philox-sfc64-cells16-1", "mersenne"))
    report = forged(folder, lambda rows: [row.update(sampler="mersenne") for row in rows])
    # The fingerprint covers the sampler, too; even with the right one, the name is unknown.
    assert {"sampler", "fingerprint"} <= faults(report)
    rewritten(folder, lambda tree: None)
    assert faults(verify_records(folder)) == {"sampler"}


@pytest.mark.parametrize("margin", [-0.5, -1e-300])
def test_a_margin_below_zero_is_named(folder: Path, margin: float) -> None:
    def edit(rows: list[Tree]) -> None:
        rows[0]["evidence"][0].update(margin=margin, required_p=0.5)

    assert "evidence[0].margin" in faults(forged(folder, edit))


@pytest.mark.parametrize("index", [-5, 12, 10**9])
def test_a_row_of_no_planned_image_is_named(folder: Path, index: int) -> None:
    report = forged(folder, lambda rows: rows[3].update(index=index))
    assert faults(report) == {"index"}
    assert report.presence == "11 of 12 images present; missing: 3"


@pytest.mark.parametrize("theta", [[], [0.0, 0.0], [11.0], [-1e9]])
def test_a_centre_elsewhere_than_in_the_region_is_named(folder: Path, theta: list[float]) -> None:
    report = forged(folder, lambda rows: rows[0]["evidence"][0].update(theta=theta))
    assert faults(report) == {"evidence[0].theta"}


def test_the_row_of_one_image_does_not_become_that_of_another(folder: Path) -> None:
    def edit(rows: list[Tree]) -> None:
        rows[5] = {**rows[3], "index": 5}

    report = forged(folder, edit)
    assert [(fault.index, fault.field) for fault in report.faults] == [(5, "image_digest")]
    assert "that of image 3 too" in report.faults[0].message


def test_a_digest_that_is_none_is_named(folder: Path) -> None:
    report = forged(folder, lambda rows: rows[0].update(image_digest="not one"))
    assert faults(report) == {"image_digest"}


def test_dropped_abstentions_are_missing_images(folder: Path) -> None:
    def edit(rows: list[Tree]) -> None:
        rows[:] = [row for row in rows if row["index"] not in (2, 7)]

    report = forged(folder, edit)
    assert report.sound
    assert not report.complete
    assert report.presence == "10 of 12 images present; missing: 2, 7"


def test_a_folder_without_rows_is_not_complete(folder: Path) -> None:
    report = forged(folder, list.clear)
    assert (report.checked, report.complete) == (0, False)
    assert report.presence == "0 of 12 images present; missing: 0, 1, 2, 3, 4, ..."


def test_a_centre_that_is_left_out_leaves_a_part_of_the_region_uncovered(folder: Path) -> None:
    def edit(rows: list[Tree]) -> None:
        gone = rows[0]["evidence"].pop()
        rows[0]["votes"] -= gone["trials"]

    report = forged(folder, edit)
    assert faults(report) == {"evidence"}
    assert "no centre reaches the parameters" in report.faults[0].message


def test_margins_lowered_below_the_shift_that_they_are_for_are_named(folder: Path) -> None:
    def edit(rows: list[Tree]) -> None:
        for centre in rows[0]["evidence"]:
            centre.update(margin=0.1, required_p=float(required_p_of_margin(0.1)))

    assert "evidence" in faults(forged(folder, edit))


@of("l2")
def test_the_margin_of_an_l2_ball_is_at_least_its_radius(folder: Path) -> None:
    def edit(rows: list[Tree]) -> None:
        rows[0]["evidence"][0].update(margin=0.5, required_p=float(required_p_of_margin(0.5)))

    assert "evidence[0].margin" in faults(forged(folder, edit))


@of("radius")
def test_a_profile_that_asks_for_too_little_is_named(folder: Path) -> None:
    def edit(rows: list[Tree]) -> None:
        for centre in rows[0]["evidence"]:
            for step in centre["profile"][:-1]:
                step["required_p"] = min(step["required_p"], 0.5000001)
        rows[0]["fraction"] = min(c["profile"][-2]["fraction"] for c in rows[0]["evidence"])

    report = forged(folder, edit)
    assert "fraction" in faults(report)
    assert any("no centre answers for" in fault.message for fault in report.faults)


@pytest.mark.parametrize(
    ("votes", "message"),
    [
        ([[0, 1]], "1 votes in all"),
        ([], "0 votes in all"),
        ([[1, 5], [0, 5]], "ascending"),
        ([[0, 5], [9, 5]], "expected some of 0..1"),
        ([[0, 0]], "counts below 1"),
    ],
)
def test_votes_by_class_that_do_not_fit_the_counts_are_named(
    folder: Path, votes: list[list[int]], message: str
) -> None:
    report = forged(folder, lambda rows: rows[0]["evidence"][0].update(class_votes=votes))
    assert faults(report) == {"evidence[0].class_votes"}
    assert any(message in fault.message for fault in report.faults)


def test_votes_moved_to_the_selected_class_are_named(folder: Path) -> None:
    def edit(rows: list[Tree]) -> None:
        centre = rows[0]["evidence"][0]
        (label, count), *_ = centre["class_votes"]
        centre["class_votes"] = [[label, count - 1]]
        centre["ties"] += 1

    assert faults(forged(folder, edit)) == {"evidence[0].class_votes"}


@pytest.mark.parametrize(
    ("field", "value"),
    [("robust", False), ("label", 1), ("theta", [0.0, 0.0])],
)
def test_an_attack_that_does_not_fit_its_image_is_named(
    folder: Path, field: str, value: object
) -> None:
    found = {
        "theta": [1.0],
        "label": 0,
        "counts": [64, 0, 0],
        "robust": True,
        "forwards": 64,
        "missing_gradient": False,
    }
    assert forged(folder, lambda rows: rows[0].update(attack=dict(found))).sound
    report = forged(folder, lambda rows: rows[0]["attack"].update({field: value}))
    assert faults(report) == {"attack.robust" if field == "label" else f"attack.{field}"}


def test_a_label_that_is_no_class_is_named(folder: Path) -> None:
    assert faults(forged(folder, lambda rows: rows[0].update(label=2))) == {"label"}


@pytest.mark.parametrize("indices", [[[0, 13, 1]], [[-1, 3, 1]], [[3, 3, 1]], [[0, 12, 0]]])
def test_a_plan_that_leaves_the_data_set_is_refused(folder: Path, indices: object) -> None:
    rewritten(folder, lambda tree: tree["plan"].update(indices=indices))
    with pytest.raises(RecordError, match="leaves the data set"):
        verify_records(folder)


def test_a_row_of_an_older_schema_says_less_and_does_not_belong_to_a_run_of_today(
    folder: Path,
) -> None:
    def edit(rows: list[Tree]) -> None:
        row = rows[0]
        row["schema"], row["gauge"] = 2, row.pop("fraction")
        del row["image_digest"]
        noise = row.pop("noise")
        scales = [axis["std"] for axis in noise.pop("axes")]
        row["law"] = {"name": "gaussian", "scales": scales, **noise}
        for centre in row["evidence"]:
            centre["share"] = centre.pop("required_p")
            del centre["class_votes"], centre["ties"]

    with pytest.raises(RecordError, match=r"schema: 2, but run\.json beside it has 3"):
        forged(folder, edit)


def test_another_decision_rule_is_not_judged_by_this_one(folder: Path) -> None:
    rewritten(folder, lambda tree: tree.update(decision_rule=1))
    assert faults(verify_records(folder)) == {"decision_rule"}
    rewritten(folder, lambda tree: tree["identity"].update(decision_rule=1))
    messages = [str(fault) for fault in verify_records(folder).faults]
    assert messages == ["run.json: decision_rule: 1; this gsmooth has rule 2 for such runs"]


@pytest.mark.parametrize("std", [0.0, 1e-300])
def test_noise_that_no_law_can_have_is_named_and_ends_nothing(folder: Path, std: float) -> None:
    def edit(rows: list[Tree]) -> None:
        rows[0]["noise"] = {
            "sigma": 0.0,
            "orthogonal": True,
            "axes": [{"law": "laplace", "b": std}],
        }

    assert "noise.axes" in faults(forged(folder, edit))


@pytest.mark.parametrize("norm", ["inf", -1.0])
def test_a_norm_that_is_none_is_refused(folder: Path, norm: object) -> None:
    rewritten(folder, lambda tree: tree["capabilities"].update(lift_norm=norm))
    with pytest.raises(RecordError, match="lift_norm"):
        verify_records(folder)


def test_a_premise_with_a_negative_error_is_named_and_ends_nothing(folder: Path) -> None:
    premise = {"error": -1.0, "share": 0.9, "confidence": 0.9}
    report = forged(folder, lambda rows: rows[0].update(premise=premise))
    assert {"noise", "premise"} <= faults(report)
